package syncer

import (
	"testing"
	"testing/synctest"
	"time"

	"flows"
)

// failed is the result of a meter that was healthy an hour ago and of which nothing came this time.
func failed(code flows.Code) flows.Result {
	r := flows.Result{Meter: flows.Meter{LastHealthy: time.Now().Add(-time.Hour)}, Code: code}
	if code.Owner() == flows.TheMeters {
		r.Health, r.NoCSQ = flows.Unhealthy, true
	}
	return r
}

func healthySince(r flows.Result, t time.Time) flows.Result {
	r.Meter.LastHealthy = t
	return r
}

func TestAgainIsForReasonsThatPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		answered := failed(flows.Closed)
		answered.NoCSQ = false
		for _, c := range []struct {
			name   string
			result flows.Result
			tries  int
			want   bool
		}{
			{"busy", failed(flows.Busy), 1, true},
			{"unreachable", failed(flows.Unreachable), 1, true},
			{"closed", failed(flows.Closed), 1, true},
			{"gateway", failed(flows.Gateway), 1, true},
			{"mediator", failed(flows.Mediator), 1, true},
			{"a second time", failed(flows.Mediator), 2, true},
			{"not a third time", failed(flows.Mediator), 3, false},
			{"silent", failed(flows.Timeout), 1, false},
			{"nonsense", failed(flows.BadAnswer), 1, false},
			{"refused by the meter", failed(flows.NAK), 1, false},
			{"another meter", failed(flows.ForeignMeter), 1, false},
			{"not allowed", failed(flows.Permission), 1, false},
			{"no certificate", failed(flows.Unauthenticated), 1, false},
			{"not registered", failed(flows.UnknownSerial), 1, false},
			{"database", failed(flows.Database), 1, false},
			{"cancelled", failed(flows.Cancelled), 1, false},
			{"nothing to read", failed(""), 1, false},
			{"healthy", flows.Result{Health: flows.Healthy}, 1, false},
			{"one object failed", answered, 1, false},
			{"healthy a day ago", healthySince(failed(flows.Unreachable), now.Add(-24*time.Hour)), 1, true},
			{"dead for longer", healthySince(failed(flows.Unreachable), now.Add(-24*time.Hour-1)), 1, false},
			{"dead for longer and hangs up", healthySince(failed(flows.Closed), now.Add(-48*time.Hour)), 1, false},
			{"never healthy", healthySince(failed(flows.Unreachable), time.Time{}), 1, false},
			{"never healthy, but the gateway is away", healthySince(failed(flows.Gateway), time.Time{}), 1, true},
		} {
			if after, got := Again(c.result, c.tries, time.Minute); got != c.want || !got && after != 0 {
				t.Errorf("%s: again %t after %s", c.name, got, after)
			}
		}
	})
}

func TestTriesAreSpread(t *testing.T) {
	const spread = time.Minute
	for tries, factor := range map[int]time.Duration{1: 1, 2: 3} {
		shortest, longest := time.Hour, time.Duration(0)
		for range 1000 {
			after, _ := Again(failed(flows.Busy), tries, spread)
			shortest, longest = min(shortest, after), max(longest, after)
		}
		from, to := factor*spread/2, factor*spread*3/2
		if shortest < from || longest > to || longest-shortest < (to-from)*9/10 {
			t.Errorf("after %d tries between %s and %s, want between %s and %s", tries, shortest, longest, from, to)
		}
	}
	if after, again := Again(failed(flows.Busy), 1, 0); after != 0 || !again {
		t.Errorf("without a spread: again %t after %s", again, after)
	}
}
