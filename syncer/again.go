package syncer

import (
	"math/rand/v2"
	"time"

	"flows"
)

// mostTries is how often one run asks one meter.
const mostTries = 3

// deadAfter is how long no run has found a meter healthy before it counts as dead.
const deadAfter = 24 * time.Hour

// Again says whether a meter's result is worth another try in the same run, and after what pause; tries is how many there have been. Worth
// it are reasons that pass, when nothing was answered at all: what a meter has given once is not read again for the sake of one object.
//
// Meters that count as dead are not tried again, since thousands of them must not cost three connection budgets in every run. One that has
// never been healthy counts as dead too: most of these have been registered before they were installed, and the next run comes soon enough.
//
// The pauses differ by chance, so that meters that failed together do not come back together: spread on average before the second try,
// three times that before the third. A cancelled run is no try, and no reason for one.
func Again(r flows.Result, tries int, spread time.Duration) (after time.Duration, again bool) {
	if tries >= mostTries || !silent(r) {
		return 0, false
	}
	switch r.Code {
	case flows.Busy, flows.Gateway, flows.Mediator:
	case flows.Unreachable, flows.Closed:
		if longDead(r.Meter) {
			return 0, false
		}
	default:
		return 0, false
	}
	after = spread/2 + rand.N(max(spread, 0)+1)
	if tries > 1 {
		after *= 3
	}
	return after, true
}

// longDead says that no run has found the meter healthy for long, or ever.
func longDead(m flows.Meter) bool { return time.Since(m.LastHealthy) > deadAfter }

// silent says that no valid answer came at all, for whatever reason.
func silent(r flows.Result) bool { return r.Health == flows.NeverRun || r.NoCSQ }
