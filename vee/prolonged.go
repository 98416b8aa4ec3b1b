package vee

import (
	"strconv"
	"time"

	"flows"
)

// prolonged finds months of which too much is estimated, and registers that have given nothing of their own for long.
func prolonged(j *judgement) string {
	first, last := j.shownDays()
	why := ""
	for from := month(first); from <= last; from = month(from + 31) {
		if w := j.prolongedMonth(from); w != "" {
			why = w
		}
	}
	if w := j.noActual(); w != "" {
		why = w
	}
	return why
}

// prolongedMonth counts what is known of the month; what comes later can only add to it.
func (j *judgement) prolongedMonth(from int64) string {
	_, shown := j.shownDays()
	next := month(from + 31)
	estimated, slots, unknown := 0, 0, false
	for day := from; day < next; day++ {
		slots += int(ceilSlot(j.cal.midnight(day+1)) - ceilSlot(j.cal.midnight(day)))
		if t := j.day(day); t != nil {
			estimated += t.estimated
		} else if day <= shown && j.cal.midnight(day+1) > j.start {
			unknown = true
		}
	}
	if int64(estimated)*100 > j.limits.ProlongedPercent*int64(slots) {
		j.raise(flows.Exception{
			Key: dayName(from)[:len("2006-01")], Period: period(j.cal.midnight(from), j.cal.midnight(next)), Count: estimated,
			Details: map[string]string{"estimated": strconv.Itoa(estimated), "half_hours": strconv.Itoa(slots)},
		})
		return ""
	}
	if unknown {
		return "not all earlier days of the month are known"
	}
	return ""
}

// noActual looks for the last half-hour that the meter gave itself; without a log, for the last derived one.
func (j *judgement) noActual() string {
	if j.in.AsOf.IsZero() {
		return "nobody said what time it is"
	}
	asOf := min(micros(j.in.AsOf), j.end)
	since := asOf - j.limits.ProlongedGap.Microseconds()
	if touches(j.in.Register.Passive, since, asOf) || since < j.start || j.to < asOf-j.logEvery().Microseconds()-int64(24*time.Hour/time.Microsecond) {
		return "" // not expected to have given any, or not what this judgement is about
	}
	for i := len(j.slots) - 1; i >= 0; i-- {
		t := (j.first + int64(i)) * slotMicros
		if q := j.slots[i].standing(); t >= since && (q == flows.Actual || j.in.Register.NoLog && q == flows.Derived) {
			return ""
		}
	}
	day, _ := j.cal.local(since)
	today, _ := j.cal.local(asOf)
	for ; day <= today; day++ {
		switch t := j.day(day); {
		case t == nil:
			return "not all of the last days are known"
		case t.actual > 0 || j.in.Register.NoLog && t.derived > 0:
			return ""
		}
	}
	j.raise(flows.Exception{Key: "no actual", Period: period(since, asOf), Count: 1})
	return ""
}
