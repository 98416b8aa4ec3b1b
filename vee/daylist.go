package vee

import (
	"slices"
	"time"

	"flows"
)

// listDays tells what each local day of the span came to, those to come left out.
func (j *judgement) listDays() {
	from, to := bounds(j.in.Span)
	first, last := j.shownDays()
	for day := first; day <= last; day++ {
		begins, ends := j.cal.midnight(day), j.cal.midnight(day+1)
		if begins < from || ends > to || !j.in.AsOf.IsZero() && begins > micros(j.in.AsOf) {
			continue
		}
		t := j.count(ceilSlot(begins), ceilSlot(ends))
		d := Day{
			Date: time.Unix(day*86400, 0).UTC(), Energy: t.energy, Bill: t.bill, Expected: t.expected,
			Actual: t.actual, Derived: t.derived, Estimated: t.estimated, Edited: t.edited, Billable: t.billable,
		}
		for k := ceilSlot(begins); k < ceilSlot(ends); k++ {
			switch j.lacks(k) {
			case unreached:
				d.NeverReached++
			case unlogged:
				d.NotLogged++
			case unusable:
				d.Invalid++
			}
		}
		j.result.Days = append(j.result.Days, d)
	}
}

// lack is why the log does not give a half-hour.
type lack int

const (
	nothing   lack = iota
	unreached      // it was not fetched yet
	unlogged       // the meter has shown that it has no record
	unusable       // there is a record, but not a usable one
)

// lacks looks for the log's records at both ends of a half-hour that should be there by now. A read that was judged wrong is there: asking
// for it again brings the same. Where there is no log, it looks for a value.
func (j *judgement) lacks(k int64) lack {
	begins, ends := k*slotMicros, (k+1)*slotMicros
	if begins < j.start || ends > j.end || ends > j.due() || touches(j.in.Register.Passive, begins, ends) {
		return nothing
	}
	if j.in.Register.NoLog {
		if s := j.at(k); s == nil || s.standing() == flows.NoQuality {
			return unreached
		}
		return nothing
	}
	worst := nothing
	for _, t := range []int64{begins, ends} {
		if hasPoint(j.log, t) {
			continue
		}
		why := unreached
		if _, excluded := j.why[t]; excluded {
			why = unusable
		} else if slices.ContainsFunc(j.in.Register.Lost, func(p flows.Period) bool { return !p.From.IsZero() && touches([]flows.Period{p}, t, t+1) }) {
			why = unlogged // a time without a beginning is from before anybody asked
		}
		if worst == nothing || why < worst {
			worst = why // as long as something can be fetched, it is worth asking
		}
	}
	return worst
}

// due is when everything older should have been fetched.
func (j *judgement) due() int64 {
	if j.in.AsOf.IsZero() {
		return distantFuture
	}
	return micros(j.in.AsOf.Add(-j.logEvery() - j.limits.MissingAfter))
}

func (j *judgement) logEvery() time.Duration {
	if j.in.Register.LogEvery > 0 {
		return j.in.Register.LogEvery
	}
	return 12 * time.Hour
}

// settledBy gives the local midnight before which nothing can be expected to change: of the first of the last days that is not complete, and
// yesterday's at the latest, since some rules look at the hours around.
func (j *judgement) settledBy() int64 {
	const back = 4 // days; what is missing for longer has been reported as overdue
	today, _ := j.cal.local(micros(j.in.AsOf))
	open := func(d Day) bool { return d.Actual+d.Derived+d.Edited < d.Expected }
	if i := slices.IndexFunc(j.result.Days, open); i >= 0 {
		day := floorDiv(j.result.Days[i].Date.Unix(), 86400)
		return j.cal.midnight(min(max(day, today-back), today-1))
	}
	return j.cal.midnight(today - 1)
}
