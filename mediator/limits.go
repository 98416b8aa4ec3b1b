package mediator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"golang.org/x/time/rate"
)

// Limits keep a mediator, and the gateway it dials through, from being flooded. Zero is no limit.
type Limits struct {
	Connections int     // open at a time
	PerSecond   float64 // new ones
}

// errLimit says that a connection was not even tried.
var errLimit = errors.New("the mediator's limit of connections is reached")

// Dial limits a dial function. A call waits for its turn as long as its context lasts.
func (l Limits) Dial(dial DialFunc) DialFunc {
	every, slots := rate.NewLimiter(rate.Inf, 0), chan struct{}(nil)
	if l.PerSecond > 0 {
		every = rate.NewLimiter(rate.Limit(l.PerSecond), max(1, int(l.PerSecond/10)))
	}
	if l.Connections > 0 {
		slots = make(chan struct{}, l.Connections)
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if slots != nil {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return nil, fmt.Errorf("%w: %d are open", errLimit, l.Connections)
			}
		}
		release := sync.OnceFunc(func() {
			if slots != nil {
				<-slots
			}
		})
		if err := every.Wait(ctx); err != nil {
			release()
			return nil, fmt.Errorf("%w: %g a second", errLimit, l.PerSecond)
		}
		conn, err := dial(ctx, network, address)
		if err != nil {
			release()
			return nil, err
		}
		return &limited{conn, release}, nil
	}
}

// limited gives its slot back when it is closed.
type limited struct {
	net.Conn
	release func()
}

func (l *limited) Close() error {
	defer l.release()
	return l.Conn.Close()
}
