package ledger

import (
	"slices"
	"time"
)

// visit is one run's call on one meter, and the rows it must have left.
type visit struct {
	run      *Run
	from, to time.Time        // within which the one time of all its rows lies
	rows     map[string]*want // by history column
	whole    map[question][]Answer
	asked    map[question]bool
	gaveUp   bool // the run had a reason to leave the rest unasked
}

// question is what a meter can be asked: an object, or a block of the event log.
type question struct {
	object uint32
	block  int
}

func about(object uint32) question { return question{object, -1} }

// expect works out what a run must have stored of the meter.
func (b *book) expect(run *Run, items []item, heard []Answer) {
	v := &visit{run: run, from: run.Started, to: run.Ended, rows: map[string]*want{}, whole: map[question][]Answer{}, asked: map[question]bool{}}
	b.visits, b.last = append(b.visits, v), run.Ended
	items = of(kindOf(b.kindName()), items)
	valid := v.listen(heard)
	switch {
	case !b.Active:
		if len(heard) > 0 {
			b.report.add(b.Serial, "meter_registry.mode", heard[0].Arrived, "not asked", "asked", "the meter is passive")
		}
	case len(items) == 0 && !valid: // nothing to read, so nothing to judge
		b.idle(v)
	case !valid:
		b.silent(v, len(heard) > 0)
	case b.Foreign:
		b.health(v, "unhealthy")
	default:
		b.read(v, items, heard)
	}
	b.report.expect(v.rows)
}

// kindName is the hardware that a run goes by: the registry's, which a first contact fills in.
func (b *book) kindName() string {
	if b.Registered != "" {
		return b.Registered
	}
	return b.Hardware
}

// of leaves the items that the hardware must or may have.
func of(k kind, items []item) []item {
	var its []item
	for _, it := range items {
		if (it.on|it.maybe)&k != 0 {
			it.on &= k
			its = append(its, it)
		}
	}
	return its
}

// listen sorts the answers; true when any of them was valid, a NAK too.
func (v *visit) listen(heard []Answer) (valid bool) {
	var last Answer
	for i, a := range heard {
		q := question{a.Object, a.Block}
		v.asked[q] = true
		if a.Whole && a.NAK == 0 {
			v.whole[q] = append(v.whole[q], a)
		}
		valid = valid || a.Whole
		if i == 0 || !a.Arrived.Before(last.Arrived) {
			last = a
		}
	}
	identity := last.Object == hardwareID || last.Object == hardware3ID || last.Object == serialID || last.Object == serial3ID
	v.gaveUp = !last.Whole || last.NAK != 0 && identity
	if valid {
		v.from, v.to = stamped(heard)
	}
	return valid
}

// stamped is within which the rows' time must lie: with a register answered, from the first request of a register to the departure of the
// first register's answer; else from the first request to the last answer.
func stamped(heard []Answer) (from, to time.Time) {
	for _, register := range registers {
		for _, a := range heard {
			if a.Object == register && a.Whole && a.NAK == 0 {
				to = later(to, a.Departed)
			}
		}
		if !to.IsZero() {
			break
		}
	}
	anything := to.IsZero()
	for _, a := range heard {
		if (anything || slices.Contains(registers, a.Object)) && (from.IsZero() || a.Arrived.Before(from)) {
			from = a.Arrived
		}
		if anything {
			to = later(to, later(a.Arrived, a.Departed))
		}
	}
	return from, to
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
