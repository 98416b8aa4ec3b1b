package vee

import (
	"time"

	"flows"
)

// Gap is a stretch of half-hours at an end of which, or inside, the log has no record that could be used. A read that was judged wrong
// makes no gap: asking for it again brings the same.
type Gap struct {
	Period   flows.Period
	Slots    int
	Closed   bool // both ends are there, so that the total is known unless a verdict lies between
	Excluded int  // records inside that could not be used: the meter has them so
}

// listGaps names what the log does not give, up to the time the world is known.
func (j *judgement) listGaps() {
	if j.in.Register.NoLog {
		return
	}
	to := j.to
	if !j.in.AsOf.IsZero() {
		to = min(to, floorDiv(micros(j.in.AsOf), slotMicros)*slotMicros)
	}
	var open *Gap
	before := hasPoint(j.log, j.from)
	for t := j.from; t < to; t += slotMicros {
		after := hasPoint(j.log, t+slotMicros)
		if before && after || touches(j.in.Register.Passive, t, t+slotMicros) {
			open, before = nil, after
			continue
		}
		if open == nil {
			j.result.Gaps = append(j.result.Gaps, Gap{Period: period(t, t), Closed: before})
			open = &j.result.Gaps[len(j.result.Gaps)-1]
		}
		if _, excluded := j.why[t+slotMicros]; excluded && !after {
			open.Excluded++
		}
		open.Slots++
		open.Period.To = timeOf(t + slotMicros)
		before = after
		if last := t+slotMicros >= to; last || after {
			open.Closed = open.Closed && after
			open = nil
		}
	}
}

func (j *judgement) logEvery() time.Duration {
	if j.in.Register.LogEvery > 0 {
		return j.in.Register.LogEvery
	}
	return 12 * time.Hour
}
