package simulator

import (
	"fmt"
	"net"
	"slices"
)

// SetBehaviours changes how a running meter behaves from its next connection or request on. Connections it has are not closed. Foreign
// is chosen when the fleet is built and cannot be changed; ClockOff, Rollover, Zeroed and SetBack too, which stay, named here or not. A log's fault
// that is no longer named is undone: the records come back as they should have been.
func (f *Fleet) SetBehaviours(serial string, all ...Behaviour) error {
	s, err := f.slotOf(serial)
	if err != nil {
		return err
	}
	return f.change(s, all)
}

func (f *Fleet) change(s *slot, all []Behaviour) error {
	for _, b := range all {
		if !Known(b.Kind) {
			return fmt.Errorf("simulated meter %s: no behaviour %q", s.serial, b.Kind)
		}
	}
	s.mu.Lock()
	was := s.behaviours
	foreign := has(was, Foreign) != has(all, Foreign)
	late := slices.ContainsFunc(all, func(b Behaviour) bool { return b.Kind.built() && !has(was, b.Kind) })
	if !foreign && !late {
		for _, b := range was {
			if b.Kind.built() && !has(all, b.Kind) {
				all = append(slices.Clip(all), b)
			}
		}
		s.behaviours = all
		s.m.faults = logFaults(all)
	}
	s.mu.Unlock()
	switch {
	case foreign:
		return fmt.Errorf("simulated meter %s: which meter stands there is chosen when the fleet is built", s.serial)
	case late:
		return fmt.Errorf("simulated meter %s: where its clock and registers stand is chosen when the fleet is built", s.serial)
	case has(was, Dead) == has(all, Dead):
		return nil
	}
	return f.relisten(s, has(all, Dead))
}

// relisten closes the port of a meter that dies and opens that of one that comes back, where meters have a listener each.
func (f *Fleet) relisten(s *slot, dead bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state != running || f.shared || f.o.PortPerMeter {
		return nil
	}
	if dead {
		for l, owner := range f.listeners {
			if owner == s {
				delete(f.listeners, l)
				return l.Close()
			}
		}
		return nil
	}
	l, err := net.Listen("tcp4", f.at(s).String())
	if err != nil {
		return fmt.Errorf("simulated meter %s: %w", s.serial, err)
	}
	f.listeners[l] = s
	f.wg.Go(func() { f.accept(l, s) })
	return nil
}
