package mediator

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// gatewayServer is a real SOCKS5 server that wants a user and a password.
type gatewayServer struct {
	address string
	cmd     *exec.Cmd
}

func startGateway(t *testing.T, address string) *gatewayServer {
	t.Helper()
	path, err := exec.LookPath("microsocks")
	if err != nil {
		t.Skip("SKIPPED: microsocks is not installed: apt-get install microsocks")
	}
	if address == "" {
		address = closedAddress(t)
	}
	host, port, _ := net.SplitHostPort(address)
	g := &gatewayServer{address, exec.Command(path, "-i", host, "-p", port, "-u", "flows", "-P", "secret")}
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.kill)
	for retry := time.NewTicker(5 * time.Millisecond); ; <-retry.C {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return g
		}
		if t.Context().Err() != nil {
			t.Fatal("the gateway does not listen")
		}
	}
}

func (g *gatewayServer) kill() {
	if g.cmd.ProcessState == nil {
		_ = g.cmd.Process.Kill()
		_ = g.cmd.Wait()
	}
}

// closedAddress is one where nobody listens.
func closedAddress(t *testing.T) string {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer lis.Close()
	return lis.Addr().String()
}

func mustDialer(t *testing.T, s SOCKS) DialFunc {
	t.Helper()
	dial, err := s.Dial()
	if err != nil {
		t.Fatal(err)
	}
	return dial
}

func TestGatewayTroubleIsToldFromTheMeters(t *testing.T) {
	g := startGateway(t, "")
	meter, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer meter.Close()
	log := slog.New(slog.DiscardHandler)
	right := mustDialer(t, SOCKS{Address: g.address, User: "flows", Password: "secret", Log: log})
	wrong := mustDialer(t, SOCKS{Address: g.address, User: "flows", Password: "guess", Log: log})
	away := mustDialer(t, SOCKS{Address: closedAddress(t), Log: log})
	for _, c := range []struct {
		name      string
		dial      DialFunc
		to        string
		ok, ofOwn bool
	}{
		{"a meter that listens", right, meter.Addr().String(), true, false},
		{"a meter that refuses", right, closedAddress(t), false, false},
		{"a wrong password", wrong, meter.Addr().String(), false, true},
		{"no gateway", away, meter.Addr().String(), false, true},
	} {
		conn, err := c.dial(t.Context(), "tcp", c.to)
		if (err == nil) != c.ok || errors.As(err, new(*gatewayError)) != c.ofOwn {
			t.Errorf("%s: %v", c.name, err)
		}
		if err == nil {
			conn.Close()
		}
	}
}

func TestGatewayThatRestartsIsLoggedOnce(t *testing.T) {
	var text bytes.Buffer
	g := startGateway(t, "")
	dial := mustDialer(t, SOCKS{Address: g.address, User: "flows", Password: "secret", Log: slog.New(slog.NewTextHandler(&text, nil))})
	to := closedAddress(t)
	try := func() error { _, err := dial(t.Context(), "tcp", to); return err }
	g.kill()
	for range 5 {
		if err := try(); !errors.As(err, new(*gatewayError)) {
			t.Errorf("gateway killed: %v", err)
		}
	}
	startGateway(t, g.address)
	for range 5 {
		if err := try(); err == nil || errors.As(err, new(*gatewayError)) {
			t.Errorf("gateway back: %v", err)
		}
	}
	if s := text.String(); strings.Count(s, "level=WARN") != 1 || strings.Count(s, "answers again") != 1 || strings.Contains(s, "secret") {
		t.Errorf("logged:\n%s", s)
	}
}

func TestLimitsOfConnections(t *testing.T) {
	var mu sync.Mutex
	open, most := 0, 0
	count := func(n int) {
		mu.Lock()
		defer mu.Unlock()
		open += n
		most = max(most, open)
	}
	dial := Limits{Connections: 3}.Dial(func(context.Context, string, string) (net.Conn, error) {
		count(1)
		near, _ := net.Pipe()
		return counted{near, func() { count(-1) }}, nil
	})
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			conn, err := dial(t.Context(), "tcp", "")
			if err != nil {
				t.Error(err)
				return
			}
			conn.Close()
			conn.Close() // gives its place back once
		})
	}
	all.Wait()
	if most > 3 {
		t.Errorf("%d connections at a time, 3 are allowed", most)
	}
	ctx, cancel := context.WithCancel(t.Context())
	for range 3 {
		if _, err := dial(ctx, "tcp", ""); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if _, err := dial(ctx, "tcp", ""); !errors.Is(err, errLimit) {
		t.Errorf("a fourth connection: %v", err)
	}
}

type counted struct {
	net.Conn
	closed func()
}

func (c counted) Close() error { c.closed(); return c.Conn.Close() }

func TestNewConnectionsASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial := Limits{PerSecond: 10}.Dial(func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("refused") })
		begun := time.Now()
		for range 31 {
			if _, err := dial(t.Context(), "tcp", ""); errors.Is(err, errLimit) {
				t.Fatal(err)
			}
		}
		if took := time.Since(begun); took != 3*time.Second {
			t.Errorf("31 connections at 10 a second took %s, want 3 s", took)
		}
	})
}
