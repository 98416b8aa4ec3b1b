package vee

import (
	"slices"
	"strconv"
	"time"

	"flows"
)

// clockTrouble is a time in which the meter's clock may have been too wrong for billing.
type clockTrouble struct {
	from, to int64
	known    int64 // when it was first measured
}

// clockTroubles finds them: from the last measurement that was good to the next one that is. Nobody knows when in between the clock went
// wrong or was set, so the half-hours that touch those times are not billed either.
func (j *judgement) clockTroubles() {
	good := int64(distantPast)
	for _, d := range sortedDrifts(j.in.Drifts) {
		t, n := micros(d.Time), len(j.clock)
		open := n > 0 && j.clock[n-1].to == distantFuture
		switch wrong := d.Diff.Abs() > j.limits.ClockUnbillable; {
		case wrong && !open:
			j.clock = append(j.clock, clockTrouble{good, distantFuture, t})
		case !wrong && open:
			j.clock[n-1].to = t
		}
		if d.Diff.Abs() <= j.limits.ClockUnbillable {
			good = t
		}
	}
}

func sortedDrifts(drifts []Drift) []Drift {
	drifts = slices.Clone(drifts)
	slices.SortFunc(drifts, func(a, b Drift) int {
		if c := a.Time.Compare(b.Time); c != 0 {
			return c
		}
		return int(min(max(a.Diff-b.Diff, -1), 1))
	})
	return drifts
}

// clockOfRegister says only whether anybody has looked: the exception is the meter's.
func clockOfRegister(j *judgement) string {
	if len(j.in.Drifts) == 0 {
		return "the meter's clock was never measured"
	}
	return ""
}

// clockOfMeter reports a clock that is wrong, as long as it is, by the worst difference.
func clockOfMeter(m *meterJudgement) string {
	if len(m.in.Drifts) == 0 {
		return "the meter's clock was not measured"
	}
	var worst Drift
	var first time.Time
	wrong := 0
	for _, d := range sortedDrifts(m.in.Drifts) {
		if d.Diff.Abs() <= m.limits.ClockWarning { // right again
			wrong, worst = 0, Drift{}
			continue
		}
		if wrong++; wrong == 1 {
			first = d.Time
		}
		if d.Diff.Abs() > worst.Diff.Abs() {
			worst = d
		}
	}
	if wrong == 0 {
		return ""
	}
	e := flows.Exception{
		Severity: flows.SeverityWarning, Period: flows.Period{From: first}, Count: wrong,
		Details: map[string]string{"worst_seconds": strconv.FormatInt(int64(worst.Diff/time.Second), 10), "billable": strconv.FormatBool(worst.Diff.Abs() <= m.limits.ClockUnbillable)},
	}
	if worst.Diff.Abs() > m.limits.ClockError {
		e.Severity = flows.SeverityError
	}
	m.raise(e)
	return ""
}
