package vee

import (
	"slices"

	"flows"
)

// Types of the meter's events that explain half-hours of nothing.
const powerDown, powerDown2 = 34, 85

// zeroRun finds long runs of zero that nothing explains: the credit had not run out, the power was on, the load was not switched off.
func zeroRun(j *judgement) string {
	if len(j.in.Balances) == 0 {
		return "no balance is known"
	}
	why := ""
	for k := slotAt(j.from); k < slotAt(j.to); k++ {
		first, last := j.zeros(k)
		if first > last {
			continue
		}
		k = last
		from, to := first*slotMicros, (last+1)*slotMicros
		if from <= j.contextFrom && to-from < j.limits.ZeroRun.Microseconds() {
			j.zerosFrom = to - j.limits.ZeroRun.Microseconds() - slotMicros
		}
		if to-from < j.limits.ZeroRun.Microseconds() || j.zeroExplained(from, to) {
			continue
		}
		day, _ := j.cal.local(from)
		energy, n := j.before(day, likeDays)
		switch {
		case n == 0:
			why = "no complete day is known before a run of zeros"
		case energy > j.limits.ZeroRunUse*flows.Energy(n):
			j.raise(flows.Exception{
				Key: "zero", Period: period(from, to), Count: int(last - first + 1),
				Details: map[string]string{"average_kwh": (energy / flows.Energy(n)).String()},
			})
		}
	}
	return why
}

// zeros is the run of zeros that a half-hour is part of.
func (j *judgement) zeros(k int64) (first, last int64) {
	zero := func(k int64) bool {
		s := j.at(k)
		if s == nil {
			return false
		}
		v, known := s.energyOf()
		return known && v == 0
	}
	first, last = k, k-1
	for zero(last + 1) {
		last++
	}
	for last >= k && zero(first-1) {
		first--
	}
	return first, last
}

func (j *judgement) zeroExplained(from, to int64) bool {
	broke := func(b Balance) bool { return b.Amount <= 0 }
	during := slices.DeleteFunc(slices.Clone(j.in.Balances), func(b Balance) bool { return micros(b.Time) < from || micros(b.Time) > to })
	if len(during) == 0 {
		during = j.lastBalance(from)
	}
	down := func(e flows.Event) bool {
		return (e.Type == powerDown || e.Type == powerDown2) && micros(e.Time) >= from-slotMicros && micros(e.Time) <= to
	}
	return len(during) == 0 || slices.ContainsFunc(during, broke) || slices.ContainsFunc(j.in.Events, down) || touches(j.in.Register.LoadOff, from, to)
}

// lastBalance is the last one before a time.
func (j *judgement) lastBalance(t int64) []Balance {
	var last []Balance
	for _, b := range j.in.Balances {
		if micros(b.Time) <= t && (last == nil || b.Time.After(last[0].Time)) {
			last = []Balance{b}
		}
	}
	return last
}
