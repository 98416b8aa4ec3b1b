package vee

import (
	"strconv"

	"flows"
)

// missing reports, a local day, half-hours that should be there by now and are not, and apart from them records that should not be there.
// A half-hour that is null because the register cannot be followed across it is not missing: it has an exception of its own.
func missing(j *judgement) string {
	if j.in.AsOf.IsZero() {
		return "nobody said what time it is"
	}
	surplus := map[int64]int{}
	for _, p := range j.outside {
		if from, to := bounds(j.in.Span); p.t >= from && p.t < to {
			day, _ := j.cal.local(p.t)
			surplus[day]++
		}
	}
	first, last := j.shownDays()
	for day := first; day <= last; day++ {
		if j.cal.midnight(day+1) > j.contextTo {
			continue // a later judgement sees all of it
		}
		j.missingOf(day, surplus[day])
		delete(surplus, day)
	}
	for day, n := range surplus {
		j.missingOf(day, n)
	}
	return ""
}

func (j *judgement) missingOf(day int64, surplus int) {
	from, to := j.cal.midnight(day), j.cal.midnight(day+1)
	due := j.due()
	overdue := due - j.limits.MissingError.Microseconds()
	e := flows.Exception{Key: dayName(day), Period: period(from, to)}
	expected, missing, estimated := 0, 0, 0
	for k := ceilSlot(from); k < ceilSlot(to); k++ {
		end := (k + 1) * slotMicros
		if k*slotMicros < j.start || end > j.end || end > due || touches(j.in.Register.Passive, k*slotMicros, end) {
			continue
		}
		expected++
		s := j.at(k)
		if s != nil && s.standing() == flows.Estimated {
			estimated++
		}
		if s != nil && (s.standing() != flows.NoQuality || s.reason != flows.RuleMissing) {
			continue
		}
		if missing++; end <= overdue {
			e.Severity = flows.SeverityError
		}
	}
	if missing+surplus == 0 {
		return
	}
	e.Count = missing
	if missing == 0 {
		e.Count = surplus
	}
	e.Details = map[string]string{
		"expected": strconv.Itoa(expected), "missing": strconv.Itoa(missing), "surplus": strconv.Itoa(surplus), "estimated": strconv.Itoa(estimated),
	}
	j.raise(e)
}
