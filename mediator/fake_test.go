package mediator

import (
	"context"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"flows"
	"flows/emop"
)

// fake is a meter that does what a test tells it.
type fake struct {
	// do answers the request with that number, counted from 1; false closes the connection. Nil answers every request well.
	do func(n int, request emop.Frame, conn net.Conn) bool
	// refuse says whether the dial with that number, counted from 1, fails.
	refuse func(n int) bool

	mu    sync.Mutex
	dials int
	open  int
	seen  []sighting
}

// sighting is a request as the meter saw it.
type sighting struct {
	at    time.Time
	frame emop.Frame
	dial  int
}

// fakeAddress is the frame address of every fake.
const fakeAddress emop.Address = 0x18b0

// good is the answer to a request: for a read the object's id as a payload.
func good(request emop.Frame) emop.Frame {
	data := append([]byte(nil), request.Data[:5]...)
	if data[0] == emop.FormatDefault && data[4] == 0 {
		data = append(data, data[1:4]...)
	}
	return emop.Frame{To: request.From, From: fakeAddress, Sequence: request.Sequence, Data: data}
}

func encode(f emop.Frame) []byte {
	b, err := emop.AppendFrame(nil, f)
	if err != nil {
		panic(err)
	}
	return b
}

func answerWell(_ int, request emop.Frame, conn net.Conn) bool {
	conn.Write(encode(good(request)))
	return true
}

func silence(int, emop.Frame, net.Conn) bool { return true }

func hangUp(int, emop.Frame, net.Conn) bool { return false }

// dial is an Options.Dial that connects to the meter through a pipe.
func (m *fake) dial(context.Context, string, string) (net.Conn, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dials++
	if m.refuse != nil && m.refuse(m.dials) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errRefused}
	}
	ours, theirs := net.Pipe()
	m.open++
	go m.talk(ours, m.dials)
	return theirs, nil
}

type refused struct{}

func (refused) Error() string { return "connection refused" }

var errRefused = refused{}

func (m *fake) talk(conn net.Conn, dial int) {
	defer func() {
		conn.Close()
		m.mu.Lock()
		m.open--
		m.mu.Unlock()
	}()
	var buf []byte
	for {
		piece := make([]byte, emop.MaxFrame)
		n, err := conn.Read(piece)
		if err != nil {
			return
		}
		buf = append(buf, piece[:n]...)
		f, used, err := emop.Parse(buf)
		if err != nil {
			continue
		}
		buf = buf[used:]
		m.mu.Lock()
		m.seen = append(m.seen, sighting{time.Now(), f, dial})
		number, do := len(m.seen), m.do
		m.mu.Unlock()
		if do == nil {
			do = answerWell
		}
		if !do(number, f, conn) {
			return
		}
	}
}

// requests gives what the meter has seen.
func (m *fake) requests() []sighting {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]sighting(nil), m.seen...)
}

// sockets counts the open connections.
func (m *fake) sockets() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.open
}

// book is a registry in memory.
type book map[string]netip.AddrPort

func (b book) Addresses(_ context.Context, serials []string, each func(string, netip.AddrPort)) error {
	if len(serials) == 0 {
		serials = slices.Collect(maps.Keys(b))
	}
	for _, serial := range serials {
		if a, ok := b[serial]; ok {
			each(serial, a)
		}
	}
	return nil
}

func (b book) Changes(ctx context.Context, each func([]string) error) error {
	if err := each(nil); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

func (b book) Info(_ context.Context, serial string) ([]byte, error) {
	if _, ok := b[serial]; !ok {
		return nil, flows.Errorf(flows.UnknownSerial, "no row")
	}
	return []byte(`{"registry":{},"shadow":{}}`), nil
}

func (b book) Meters(context.Context, string) ([]byte, error) { return []byte(`[]`), nil }
