package vee

import (
	"flows"
)

// tally is what a local day came to.
type tally struct {
	energy, bill                       flows.Energy // known, and the part of it that may be billed
	slots                              int          // of the local day: 46, 48 or 50
	expected                           int          // of those, in the register's life
	actual, derived, estimated, edited int
	billable                           int
}

func (t *tally) known() int { return t.actual + t.derived + t.estimated + t.edited }

// complete says whether the whole day is known.
func (t *tally) complete() bool {
	return t.expected > 0 && t.expected == t.slots && t.known() == t.expected
}

// shownDays are the local days of what is given out, first and last.
func (j *judgement) shownDays() (first, last int64) {
	if j.from >= j.to {
		return 0, -1
	}
	first, _ = j.cal.local(j.from)
	last, _ = j.cal.local(j.to - 1)
	return first, last
}

func (j *judgement) onShownDay(t int64) bool {
	first, last := j.shownDays()
	day, _ := j.cal.local(t)
	return day >= first && day <= last
}

// day tallies a local day from the slots, or from what the caller says of the past; nil when nobody knows.
func (j *judgement) day(n int64) *tally {
	if t, ok := j.tallies[n]; ok {
		return t
	}
	if j.tallies == nil {
		j.tallies = map[int64]*tally{}
		for _, d := range j.in.Past {
			day := floorDiv(d.Date.Unix(), 86400)
			first, last := j.cal.midnight(day), j.cal.midnight(day+1)
			if first < j.contextFrom {
				j.tallies[day] = &tally{
					energy: d.Energy, slots: int(ceilSlot(last) - ceilSlot(first)), expected: d.Expected,
					actual: d.Actual, derived: d.Derived, estimated: d.Estimated, edited: d.Edited,
				}
			}
		}
		return j.day(n)
	}
	var t *tally
	if from := j.cal.midnight(n); from >= j.contextFrom || j.start >= j.contextFrom {
		t = j.count(ceilSlot(from), ceilSlot(j.cal.midnight(n+1)))
	}
	j.tallies[n] = t
	return t
}

func (j *judgement) count(first, last int64) *tally {
	t := &tally{slots: int(last - first)}
	for k := first; k < last; k++ {
		if k*slotMicros < j.start || (k+1)*slotMicros > j.end {
			continue
		}
		t.expected++
		s := j.at(k)
		if s == nil {
			continue
		}
		if v, known := s.energyOf(); known {
			t.energy += v
			if s.edit != nil || s.blocked == "" {
				t.billable++
				t.bill += v
			}
		}
		switch s.standing() {
		case flows.Actual:
			t.actual++
		case flows.Derived:
			t.derived++
		case flows.Estimated:
			t.estimated++
		case flows.Edited:
			t.edited++
		}
	}
	return t
}

// before gives the complete days before a day, at most so many back, and their energy.
func (j *judgement) before(day, back int64) (energy flows.Energy, n int64) {
	for d := day - back; d < day; d++ {
		if t := j.day(d); t != nil && t.complete() {
			energy, n = energy+t.energy, n+1
		}
	}
	return energy, n
}
