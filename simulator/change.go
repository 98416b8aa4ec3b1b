package simulator

import (
	"fmt"
	"net"
	"slices"
)

// SetBehaviours changes how a running meter behaves from its next connection or request on. Connections it has are not closed. Foreign
// is chosen when the fleet is built and cannot be changed; ClockOff and Rollover too, which stay, named here or not. A log's fault that
// is no longer named is undone: the records come back as they should have been.
func (f *Fleet) SetBehaviours(serial string, all ...Behaviour) error {
	for i := range f.slots {
		if s := &f.slots[i]; s.serial == serial {
			return f.change(s, all)
		}
	}
	return fmt.Errorf("no simulated meter %s", serial)
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
	late := has(all, ClockOff) && !has(was, ClockOff) || has(all, Rollover) && !has(was, Rollover)
	if !foreign && !late {
		for _, b := range was {
			if (b.Kind == ClockOff || b.Kind == Rollover) && !has(all, b.Kind) {
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
