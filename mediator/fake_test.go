package mediator

import (
	"context"
	"io"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"flows"
	"flows/emop"
)

// fake is a meter that does what a test tells it.
type fake struct {
	// do answers the request with that number, counted from 1; false closes the connection. Nil answers every request well.
	do func(n int, request emop.Frame, conn net.Conn) bool
	// refuse says whether the dial with that number, counted from 1, fails; hang, whether it takes for ever.
	refuse, hang func(n int) bool
	// greet, when set, comes before the first request of a connection; false closes it.
	greet func(dial int, conn net.Conn) bool

	mu     sync.Mutex
	dials  int
	dialed []time.Time
	open   int
	seen   []sighting
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
func (m *fake) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	n := m.dialing()
	switch {
	case m.refuse != nil && m.refuse(n):
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errRefused}
	case m.hang != nil && m.hang(n):
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
	}
	ours, theirs := pipe()
	m.serve(ours, n)
	return theirs, nil
}

// overTCP gives an Options.Dial that connects to the meter through loopback.
func (m *fake) overTCP(t *testing.T) func(ctx context.Context, network, address string) (net.Conn, error) {
	t.Helper()
	var at [2]net.Listener
	for i := range at {
		lis, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { lis.Close() })
		at[i] = lis
	}
	at[1].Close() // refuses
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		n, lis := m.dialing(), at[0]
		if m.refuse != nil && m.refuse(n) {
			lis = at[1]
		}
		theirs, err := new(net.Dialer).DialContext(ctx, network, lis.Addr().String())
		if err != nil {
			return nil, err
		}
		ours, err := lis.Accept()
		if err == nil {
			m.serve(ours, n)
		}
		return theirs, err
	}
}

// dialing counts a dial.
func (m *fake) dialing() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dials++
	m.dialed = append(m.dialed, time.Now())
	return m.dials
}

func (m *fake) serve(conn net.Conn, dial int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open++
	go m.talk(conn, dial)
}

// pipeEnd is an end of a pipe that can be reset, as a TCP connection can.
type pipeEnd struct {
	net.Conn
	reset *atomic.Bool
}

func pipe() (ours, theirs net.Conn) {
	a, b := net.Pipe()
	reset := new(atomic.Bool)
	return pipeEnd{a, reset}, pipeEnd{b, reset}
}

// SetLinger makes the other end read ECONNRESET instead of EOF.
func (p pipeEnd) SetLinger(int) error { p.reset.Store(true); return nil }

func (p pipeEnd) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	if err == io.EOF && p.reset.Load() {
		err = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	return n, err
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
	if m.greet != nil && !m.greet(dial, conn) {
		return
	}
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

// tries counts the requests that the meter has seen and the dials that brought none.
func (m *fake) tries() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	fruitful := map[int]bool{}
	for _, s := range m.seen {
		fruitful[s.dial] = true
	}
	return m.dials - len(fruitful) + len(m.seen)
}

// dialsSpaced checks that no connection was tried before the gap after the one before was over.
func (m *fake) dialsSpaced(t *testing.T, gap time.Duration) {
	t.Helper()
	for i := 1; i < len(m.dialed); i++ {
		if got := m.dialed[i].Sub(m.dialed[i-1]); got < gap {
			t.Errorf("dial %d came %s after the one before, want %s or more", i+1, got, gap)
		}
	}
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
