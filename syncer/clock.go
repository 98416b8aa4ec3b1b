package syncer

import (
	"time"

	"flows/emop"
)

// clockDiff takes how far the meter's clock is ahead of ours (behind: negative).
func clockDiff(r *run) {
	get(r, emop.Time, func(v time.Time) {
		middle := r.answers[key(emop.Item{Object: emop.Time.ID})].Middle()
		r.result.Shadow.ClockDiff, r.result.Shadow.ClockDiffAt = ptr(drift(v, middle)), &middle
	})
}

// drift is the meter's clock minus ours, in seconds, latency taken out: the meter's answer is compared with the middle of the exchange.
// The meter shows whole seconds, so its true time lies half a second later on average.
func drift(meter, middle time.Time) int {
	return int(meter.Add(time.Second/2).Sub(middle).Round(time.Second) / time.Second)
}
