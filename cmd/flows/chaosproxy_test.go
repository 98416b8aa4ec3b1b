package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"flows/internal/pgtest"
)

// commitProxy stands between Flows and PostgreSQL and, when asked to, loses the answer to a COMMIT and the connection with it: the
// transaction is done, and its client does not know.
type commitProxy struct {
	lis   net.Listener
	url   string // the way through the proxy
	links sync.WaitGroup

	mu     sync.Mutex
	server string                // where PostgreSQL is, as a URL
	armed  []chan struct{}       // each is closed when a COMMIT was cut for it
	open   map[net.Conn]struct{} // of both sides
}

func startProxy(t *testing.T, server string) *commitProxy {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	through, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	through.Host, through.RawQuery = lis.Addr().String(), "sslmode=disable"
	p := &commitProxy{lis: lis, url: through.String(), server: server, open: map[net.Conn]struct{}{}}
	p.links.Go(func() {
		for {
			c, err := lis.Accept()
			if err != nil {
				return
			}
			p.links.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() {
		lis.Close()
		p.mu.Lock()
		for c := range p.open {
			c.Close()
		}
		p.open = nil
		p.mu.Unlock()
		p.links.Wait()
	})
	return p
}

func (p *commitProxy) target() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.server
}

// pointTo is for a server that has been started again.
func (p *commitProxy) pointTo(server string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.server = server
}

// cutCommit has the answer to the next COMMIT of a transaction that touched a shadow cut; the channel is closed when that has happened.
func (p *commitProxy) cutCommit() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	done := make(chan struct{})
	p.armed = append(p.armed, done)
	return done
}

// take gives a cut that is still to be made, nil for none.
func (p *commitProxy) take() (done chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.armed) > 0 {
		done, p.armed = p.armed[0], p.armed[1:]
	}
	return done
}

func (p *commitProxy) putBack(done chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed = append(p.armed, done)
}

// keep remembers a connection; false when the proxy has ended.
func (p *commitProxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		return false
	}
	p.open[c] = struct{}{}
	return true
}

func (p *commitProxy) drop(c net.Conn) {
	c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, c)
}

func (p *commitProxy) serve(client net.Conn) {
	defer p.drop(client)
	config, err := pgx.ParseConfig(p.target())
	if err != nil || !p.keep(client) {
		return
	}
	network, address := pgconn.NetworkAddress(config.Host, config.Port)
	server, err := net.Dial(network, address)
	if err != nil {
		return
	}
	defer p.drop(server)
	if !p.keep(server) {
		return
	}
	l := &link{proxy: p, client: client, server: server, shadowed: map[string]bool{}}
	var down sync.WaitGroup
	down.Go(l.down)
	l.up()
	server.Close()
	down.Wait()
}

// link is one client's connection.
type link struct {
	proxy          *commitProxy
	client, server net.Conn
	shadowed       map[string]bool // prepared statements that touch a shadow
	touched        bool            // the transaction at hand did

	mu  sync.Mutex
	cut chan struct{} // what the COMMIT under way is cut for
}

// up passes on what the client says.
func (l *link) up() {
	in, out := bufio.NewReader(l.client), bufio.NewWriter(l.server)
	for started := false; ; started = true {
		kind, message, err := readMessage(in, started)
		if err != nil {
			return
		}
		l.watch(kind, message)
		if _, err = out.Write(message); err == nil && in.Buffered() == 0 {
			err = out.Flush()
		}
		if err != nil {
			return
		}
	}
}

// readMessage gives one message whole: its kind, length (which counts itself), and body. The first of a connection has no kind.
func readMessage(in *bufio.Reader, hasKind bool) (kind byte, message []byte, err error) {
	n := 4
	if hasKind {
		n++
	}
	head, err := in.Peek(n)
	if err != nil {
		return 0, nil, err
	}
	if hasKind {
		kind = head[0]
	}
	message = make([]byte, n-4+int(binary.BigEndian.Uint32(head[n-4:])))
	_, err = io.ReadFull(in, message)
	return kind, message, err
}

// watch notes what the transaction does, and arms the link when it is about to commit.
func (l *link) watch(kind byte, message []byte) {
	const shadows = "meter_shadows"
	switch kind {
	case 'P': // Parse: name, statement
		words := bytes.SplitN(message[5:], []byte{0}, 3)
		l.shadowed[string(words[0])] = bytes.Contains(words[1], []byte(shadows))
	case 'B': // Bind: portal, name
		words := bytes.SplitN(message[5:], []byte{0}, 3)
		l.touched = l.touched || l.shadowed[string(words[1])]
	case 'Q':
		switch text := strings.ToLower(strings.TrimRight(string(message[5:]), "\x00; ")); {
		case strings.HasPrefix(text, "begin"):
			l.touched = false
		case text == "commit" && l.touched:
			l.arm(l.proxy.take())
		default:
			l.touched = l.touched || strings.Contains(text, shadows)
		}
	}
}

func (l *link) arm(done chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = done
}

func (l *link) cutting() chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cut
}

// down passes on what the server answers, but for the answer to a COMMIT that is to be cut.
func (l *link) down() {
	defer l.client.Close()
	in, out := bufio.NewReader(l.server), bufio.NewWriter(l.client)
	var withheld []byte
	committed := false
	for {
		kind, message, err := readMessage(in, true)
		done := l.cutting()
		switch {
		case err != nil && done != nil && !committed:
			l.proxy.putBack(done)
			return
		case err != nil:
			return
		case done != nil:
			withheld = append(withheld, message...)
			committed = committed || kind == 'C' && bytes.HasPrefix(message[5:], []byte("COMMIT\x00"))
			switch {
			case committed:
				close(done)
				return
			case kind != 'Z':
				continue
			}
			l.proxy.putBack(done)
			l.arm(nil)
			message, withheld = withheld, nil
		}
		if _, err = out.Write(message); err == nil && in.Buffered() == 0 {
			err = out.Flush()
		}
		if err != nil {
			return
		}
	}
}

func TestProxyCutsACommitBeforeItsAnswer(t *testing.T) {
	ctx := t.Context()
	proxy := startProxy(t, pgtest.New(t))
	c := dialThrough(t, proxy)
	mustExec(t, c, "create table public.meter_shadows_copy (n int unique deferrable initially deferred)")
	mustExec(t, c, "create table public.others (n int)")

	commit := func(table string, n int) error {
		return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, "insert into public."+table+" values ($1)", n)
			return err
		})
	}
	if err := commit("meter_shadows_copy", 1); err != nil {
		t.Fatal(err)
	}
	cut := proxy.cutCommit()
	if err := commit("others", 1); err != nil {
		t.Errorf("a transaction that touched no shadow: %v", err)
	}
	if err := commit("meter_shadows_copy", 1); err == nil || c.IsClosed() {
		t.Errorf("a COMMIT that was refused must be answered: %v", err)
	}
	select {
	case <-cut:
		t.Error("something else than a COMMIT was cut")
	default:
	}
	if err := commit("meter_shadows_copy", 2); err == nil || !c.IsClosed() {
		t.Errorf("the COMMIT is not cut: %v", err)
	}
	<-cut

	c = dialThrough(t, proxy)
	if err := commit("meter_shadows_copy", 3); err != nil {
		t.Errorf("a COMMIT after the cut: %v", err)
	}
	rows, _ := c.Query(ctx, "select n from public.meter_shadows_copy order by n")
	if got, err := pgx.CollectRows(rows, pgx.RowTo[int]); err != nil || !slices.Equal(got, []int{1, 2, 3}) {
		t.Errorf("rows %v, %v; want 1 2 3", got, err)
	}
}

func dialThrough(t *testing.T, p *commitProxy) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), p.url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func mustExec(t *testing.T, c *pgx.Conn, sql string) {
	t.Helper()
	if _, err := c.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}
