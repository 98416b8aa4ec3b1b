package simulator

// stands is what a register stands at, in mWh: what has gone through it since it began, or began anew, less what it was set back by. Both
// are whole counts, so that differences of what is shown stay what they would have been.
func (m *meter) stands(l load, ms int64) int64 {
	whole := func(ms int64) int64 { return l.at(ms, m.installed) / m.unit() * m.unit() }
	n := l.at(ms, m.installed)
	zero, ok := m.zeroed(ms)
	if ok {
		n -= whole(zero)
	}
	m.turns(SetBack, ms, func(at int64) {
		if at > zero {
			n -= whole(at) - whole(max(at-25*hour, zero))
		}
	})
	return n
}

// zeroed is when the registers last began anew, up to a time.
func (m *meter) zeroed(ms int64) (last int64, ok bool) {
	m.turns(Zeroed, ms, func(at int64) {
		if !ok || at > last {
			last, ok = at, true
		}
	})
	return last, ok
}

// setBack tells whether the registers are set back behind the one time and up to the other.
func (m *meter) setBack(from, to int64) (did bool) {
	m.turns(SetBack, to, func(at int64) { did = did || at > from })
	return did
}

// turns visits the times up to ms at which such a thing befell the registers: without At there is one in each stretch of days.
func (m *meter) turns(kind Kind, ms int64, visit func(at int64)) {
	for i := range m.faults {
		f := &m.faults[i]
		switch {
		case f.Kind != kind:
		case !f.At.IsZero():
			if at := millis(f.At); at > m.installed && at <= ms {
				visit(at)
			}
		default:
			stretch := logKinds[kind].days * day
			if f.Every > 0 {
				stretch = int64(f.Every) * day
			}
			for n := floor(m.installed, stretch); n*stretch <= ms; n++ {
				if at := n*stretch + within(m.seed^noiseOf(kind), uint64(n), 0, stretch-1); at > m.installed && at <= ms {
					visit(at)
				}
			}
		}
	}
}

// tellsOfZero says whether the record of a half-hour is the first since the registers began anew.
func (h halfHours) tellsOfZero(label int64) bool {
	if !has(h.m.faults, Zeroed) {
		return false
	}
	last, ok := h.moment(label)
	before, known := h.moment(label - 1)
	zero, did := h.m.zeroed(last)
	return ok && known && did && zero > before
}
