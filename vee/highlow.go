package vee

import "flows"

// highLow holds each day against the average of the days before it.
func highLow(j *judgement) string {
	first, last := j.shownDays()
	ran := false
	for day := first; day <= last; day++ {
		t := j.day(day)
		if t == nil || !t.complete() {
			continue
		}
		before, n := j.before(day, likeDays)
		if n < int64(j.limits.EarlierDays) {
			continue
		}
		ran = true
		scaled := int64(t.energy) * n * 100
		if before == 0 || scaled >= j.limits.LowPercent*int64(before) && scaled <= j.limits.HighPercent*int64(before) {
			continue
		}
		j.raise(flows.Exception{
			Key: dayName(day), Period: period(j.cal.midnight(day), j.cal.midnight(day+1)), Count: 1,
			Details: map[string]string{"kwh": t.energy.String(), "average_kwh": (before / flows.Energy(n)).String()},
		})
	}
	if !ran {
		return "no day with enough complete days before it"
	}
	return ""
}
