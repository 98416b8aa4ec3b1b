package simulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
)

const (
	defaultListen = "127.20.0.1:0"
	sharedFrom    = 1025 // meters
	portTries     = 20   // to find a port that is free at every address
)

// Start opens the meters' ports. The fleet stops when ctx ends or Stop is called.
func (f *Fleet) Start(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state != fresh {
		return errors.New("a simulated fleet starts once; make a new one")
	}
	if f.o.Listen == "" {
		f.o.Listen = defaultListen
	}
	first, err := netip.ParseAddrPort(f.o.Listen)
	if err != nil || !first.Addr().Is4() || !first.Addr().IsLoopback() {
		return fmt.Errorf("simulated meters cannot listen at %q: give a loopback address and port such as %s", f.o.Listen, defaultListen)
	}
	if last := uint64(number(first.Addr())) + uint64(len(f.slots)); !f.o.PortPerMeter && last > 0x7fffffff {
		return fmt.Errorf("%d simulated meters do not fit above %s: start at a lower loopback address", len(f.slots), first.Addr())
	}
	f.first = first
	f.listeners = make(map[net.Listener]*slot)
	f.conns = make(map[net.Conn]struct{})
	f.ctx, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := f.listen(); err != nil {
		f.closeListeners()
		f.cancel()
		return err
	}
	f.state = running
	for l, s := range f.listeners {
		f.wg.Go(func() { f.accept(l, s) })
	}
	f.detach = context.AfterFunc(ctx, f.Stop)
	return nil
}

// Stop closes everything and waits until it is closed. Twice is fine.
func (f *Fleet) Stop() {
	f.mu.Lock()
	if f.state == running {
		f.detach()
		f.cancel()
		f.closeListeners()
		for c := range f.conns {
			c.Close()
		}
	}
	f.state = stopped
	f.mu.Unlock()
	f.wg.Wait()
}

func (f *Fleet) closeListeners() {
	for l := range f.listeners {
		l.Close()
	}
	clear(f.listeners)
}

// listen opens what the fleet needs: one listener for all, or one a meter.
func (f *Fleet) listen() error {
	switch {
	case len(f.slots) == 0:
		return nil
	case f.o.PortPerMeter:
		return f.listenPorts()
	case len(f.slots) >= sharedFrom && runtime.GOOS == "linux":
		l, err := listenLoopback(f.first.Port())
		if err == nil {
			f.shared = true
			f.first = netip.AddrPortFrom(f.first.Addr(), l.Addr().(*net.TCPAddr).AddrPort().Port())
			f.listeners[l] = nil
			return nil
		}
		f.log.Warn("no shared listener on the loopback interface, opening one a meter", "meters", len(f.slots), "error", err)
	}
	var err error
	for range portTries {
		if err = f.listenEach(); err == nil || f.first.Port() != 0 {
			break
		}
		f.closeListeners()
	}
	return err
}

// listenEach opens the port at the address of each meter but the dead. Port 0 is what the first address gives.
func (f *Fleet) listenEach() error {
	first := f.first
	for i := range f.slots {
		s := &f.slots[i]
		at := netip.AddrPortFrom(offset(first.Addr(), i), first.Port())
		l, err := net.Listen("tcp4", at.String())
		if err != nil {
			return fmt.Errorf("simulated meter %s: %w", s.serial, err)
		}
		if first.Port() == 0 {
			first = netip.AddrPortFrom(first.Addr(), l.Addr().(*net.TCPAddr).AddrPort().Port())
		}
		if has(s.behaviours, Dead) {
			l.Close() // it was opened to know that the port is free
			continue
		}
		f.listeners[l] = s
	}
	f.first = first
	return nil
}

// listenPorts opens a port for each meter, the dead too: a port that is given up may be somebody else's a moment later.
func (f *Fleet) listenPorts() error {
	for i := range f.slots {
		s := &f.slots[i]
		port := f.first.Port()
		if port != 0 {
			port += uint16(i)
		}
		l, err := net.Listen("tcp4", netip.AddrPortFrom(f.first.Addr(), port).String())
		if err != nil {
			return fmt.Errorf("simulated meter %s: %w", s.serial, err)
		}
		s.port = l.Addr().(*net.TCPAddr).AddrPort().Port()
		f.listeners[l] = s
	}
	return nil
}
