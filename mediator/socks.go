package mediator

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"

	"golang.org/x/net/proxy"
)

// DialFunc opens a connection, as net.Dialer.DialContext does.
type DialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// SOCKS is the gateway towards the meters' SIMs.
type SOCKS struct {
	Address        string // host:port
	User, Password string // both or none
	Log            *slog.Logger
}

// Dial gives a function that opens connections to meters through the gateway.
func (s SOCKS) Dial() (DialFunc, error) {
	if (s.User == "") != (s.Password == "") {
		return nil, errors.New("SOCKS_USERNAME and SOCKS_PASSWORD belong together: set both or none")
	}
	var auth *proxy.Auth
	if s.User != "" {
		auth = &proxy.Auth{User: s.User, Password: s.Password}
	}
	d, err := proxy.SOCKS5("tcp", s.Address, auth, toGateway{})
	if err != nil {
		return nil, err
	}
	g := &gateway{address: s.Address, socks: d.(proxy.ContextDialer), log: s.Log}
	return g.dial, nil
}

// gatewayError is trouble of the gateway's own, not of the meter behind it.
type gatewayError struct{ err error }

func (e *gatewayError) Error() string { return "SOCKS gateway: " + e.err.Error() }
func (e *gatewayError) Unwrap() error { return e.err }

// toGateway marks what fails before the gateway is reached.
type toGateway struct{ net.Dialer }

// Dial is what the library asks for and does not use.
func (t toGateway) Dial(network, address string) (net.Conn, error) {
	return t.DialContext(context.Background(), network, address)
}

func (t toGateway) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := t.Dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, &gatewayError{err}
	}
	return conn, nil
}

// gateway dials meters through a SOCKS5 server. Such servers restart several times a day: that is logged once, not once a meter.
type gateway struct {
	address string
	socks   proxy.ContextDialer
	log     *slog.Logger
	down    atomic.Bool
}

func (g *gateway) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := g.socks.DialContext(ctx, network, address)
	failed := g.own(ctx, err)
	switch {
	case failed == nil && g.down.Swap(false):
		g.log.Info("SOCKS gateway answers again", "gateway", g.address)
	case failed != nil && ctx.Err() == nil && !g.down.Swap(true):
		g.log.Warn("SOCKS gateway fails", "gateway", g.address, "error", failed)
	}
	if failed != nil {
		return nil, failed
	}
	return conn, err
}

// own gives the trouble of the gateway's own in err, nil when there is none. What the gateway says of a meter comes from the library as
// text only: "unknown error connection refused". Time that runs out once the gateway was reached was spent on the meter.
func (g *gateway) own(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if before := (*gatewayError)(nil); errors.As(err, &before) {
		return before
	}
	if _, reply, ok := strings.Cut(err.Error(), "unknown error "); ok && !strings.Contains(reply, "not allowed") || ctx.Err() != nil {
		return nil
	}
	return &gatewayError{err}
}
