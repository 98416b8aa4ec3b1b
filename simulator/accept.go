package simulator

import (
	"errors"
	"net"
	"time"
)

// accept takes connections until the listener closes; s is nil on a shared one.
func (f *Fleet) accept(l net.Listener, s *slot) {
	for {
		c, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			f.log.Warn("simulated meters: accept", "error", err)
			if !f.wait(100 * time.Millisecond) {
				return
			}
			continue
		}
		f.connections.Add(1)
		to := s
		if to == nil {
			to = f.slotAt(c.LocalAddr())
		}
		if to == nil || to.refuses(f.clock(), f.o.Spacing) || !f.admit(c) {
			reset(c)
			continue
		}
		f.wg.Go(func() {
			defer f.leave(c)
			f.serve(c, to)
		})
	}
}

// admit keeps a connection, to close it at the end.
func (f *Fleet) admit(c net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state != running {
		return false
	}
	f.conns[c] = struct{}{}
	return true
}

func (f *Fleet) leave(c net.Conn) {
	c.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.conns, c)
}

// reset ends a connection with RST: what a caller of a meter that refuses sees.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	c.Close()
}

// wait lets d pass; false when the fleet stops first.
func (f *Fleet) wait(d time.Duration) bool {
	if d <= 0 {
		return f.ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-f.ctx.Done():
		return false
	}
}
