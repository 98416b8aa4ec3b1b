package vee

import (
	"flows"
)

// slot is a half-hour on its way to becoming an interval.
type slot struct {
	value     flows.Energy // when quality is set
	quality   flows.Quality
	method    flows.Method
	reason    flows.Rule
	blocked   flows.Rule // why it may not be billed although it has a value
	withdraws bool       // a verdict stands behind it
	judged    int64      // when the youngest verdict on a read at one of its ends was known; distantPast = none
	edit      *Edit      // a standing one
}

func (s *slot) actual() bool { return s.quality == flows.Actual && s.edit == nil }

// at gives the slot of that number, nil outside what is judged.
func (j *judgement) at(k int64) *slot {
	if i := k - j.first; i >= 0 && i < int64(len(j.slots)) {
		return &j.slots[i]
	}
	return nil
}

// each visits the slots that lie between two times, wholly or in part.
func (j *judgement) each(from, to int64, visit func(k int64, s *slot)) {
	last := ceilSlot(to)
	for k := max(slotAt(from), j.first); k < last && k-j.first < int64(len(j.slots)); k++ {
		visit(k, &j.slots[k-j.first])
	}
}

// fill makes the slots and writes what the log's differences say: actual values, and null where a link is broken.
func (j *judgement) fill() {
	from, to := j.from, j.to
	for _, points := range [][]point{j.main.points, j.side.points} {
		if n := len(points); n > 0 {
			from, to = min(from, points[0].t), max(to, points[n-1].t)
		}
	}
	j.first = slotAt(max(from, j.start))
	last := ceilSlot(min(to, j.end))
	j.slots = make([]slot, max(last-j.first, 0))
	for i := range j.slots {
		j.slots[i] = slot{reason: flows.RuleMissing, judged: distantPast}
	}
	for _, l := range j.main.links {
		x, y := j.main.points[l.from], j.main.points[l.to]
		switch {
		case !l.known():
			j.each(x.t, y.t, func(_ int64, s *slot) { s.reason, s.withdraws = l.rule, true })
		case x.log && y.log && y.t-x.t == slotMicros:
			s := j.at(slotAt(x.t))
			s.value, s.quality, s.method, s.reason = j.energy(l.total), flows.Actual, flows.Difference, l.rule
		}
	}
}

func (j *judgement) energy(c Count) flows.Energy { return flows.Energy(c) * j.unit }

// boundary marks the half-hours that end or begin at a time: a verdict on the read of that time withdraws what they held.
func (j *judgement) boundary(t, known int64, mark func(s *slot)) {
	j.each(t-1, t+1, func(_ int64, s *slot) {
		s.withdraws, s.judged = true, max(s.judged, known)
		if mark != nil {
			mark(s)
		}
	})
}

// block takes the slots of the links that begin or end in points like these out of billing: their value hangs on that read.
func (j *judgement) block(rule flows.Rule, is func(point) bool) {
	for _, l := range j.main.links {
		x, y := j.main.points[l.from], j.main.points[l.to]
		if l.known() && (is(x) || is(y)) {
			j.each(x.t, y.t, func(_ int64, s *slot) { s.blocked = rule })
		}
	}
}

// flag says which slots a verdict has touched, and which may not be billed. The last to speak gives the reason.
func (j *judgement) flag() {
	for _, t := range []int64{j.start, j.end} {
		if t > distantPast && t < distantFuture && t%slotMicros != 0 { // what was measured beyond the register's life is not its
			j.each(t, t+1, func(_ int64, s *slot) { s.withdraws = true })
		}
	}
	j.clockTroubles()
	for _, c := range j.clock {
		j.each(c.from, c.to, func(_ int64, s *slot) { s.blocked, s.judged = flows.RuleClock, max(s.judged, c.known) })
	}
	j.why = map[int64]flows.Rule{}
	j.excluded(func(t, known int64, rule flows.Rule) {
		if t%slotMicros == 0 {
			j.why[t] = rule
			j.boundary(t, known, nil)
		}
	})
	j.block(flows.RuleStatus, func(p point) bool { return p.status.Has(MajorTimeError) })
	j.block(flows.RuleConflict, func(p point) bool { return p.conflict })
	for _, c := range j.conflicts {
		j.each(c.t-1, c.t+1, func(_ int64, s *slot) { s.withdraws = true })
	}
	for _, l := range j.main.links {
		j.breaks(l)
	}
	for _, b := range j.main.bad {
		known := int64(distantPast)
		for _, p := range j.main.points[b.from : b.to+1] {
			known = max(known, p.received)
		}
		t := j.main.points[b.at].t
		j.why[t] = flows.RuleBadRead
		j.boundary(t, known, nil)
	}
}

// breaks marks the reads at a RESET and at a REVERSAL. Behind a reset a new segment begins and is as good as any. At a reversal one of
// the two reads is wrong and nobody can say which, so nothing that hangs on either is billed.
func (j *judgement) breaks(l link) {
	x, y := j.main.points[l.from], j.main.points[l.to]
	known := max(x.received, y.received)
	switch l.rule {
	case flows.RuleReset:
		j.boundary(y.t, known, nil)
	case flows.RuleReversal:
		unbilled := func(s *slot) { s.blocked = flows.RuleReversal }
		j.boundary(x.t, known, unbilled)
		j.boundary(y.t, known, unbilled)
	}
}
