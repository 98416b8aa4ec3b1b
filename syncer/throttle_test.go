package syncer

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"flows"
)

var (
	good = flows.Result{Health: flows.Healthy}
	dead = flows.Result{Meter: flows.Meter{LastHealthy: time.Now()}, Health: flows.Unhealthy, NoCSQ: true, Code: flows.Unreachable}
	away = flows.Result{Code: flows.Mediator}
)

func TestWhenAllFailTheLimitFallsToOneAndEachSuccessRaisesIt(t *testing.T) {
	for _, c := range []struct{ max, within int }{{1, 0}, {4, 60}, {15, 90}, {100, 450}, {1000, 4200}} {
		th := NewThrottle(c.max)
		for range c.within {
			th.learn(dead)
		}
		if th.Limit() != 1 {
			t.Errorf("limit %d after %d failures, %d at first", th.Limit(), c.within, c.max)
		}
		for range 10_000 {
			th.learn(dead)
		}
		if th.Limit() != 1 {
			t.Errorf("limit %d when all fail", th.Limit())
		}
		for i := range c.max - 1 {
			th.learn(good)
			if got, want := th.Limit(), i+2; got != want {
				t.Fatalf("limit %d after %d successes", got, i+1)
			}
		}
		th.learn(good)
		if th.Limit() != c.max {
			t.Errorf("limit %d, want %d again", th.Limit(), c.max)
		}
	}
}

func TestDeadMetersInRandomOrderDoNotSlow(t *testing.T) {
	for _, share := range []float64{1. / 10, 1. / 3, 1. / 2} {
		for seed := range uint64(100) {
			th, r := NewThrottle(15), rand.New(rand.NewPCG(seed, 3))
			for range 10_000 {
				result := good
				if r.Float64() < share {
					result = dead
				}
				if th.learn(result); th.Limit() != 15 {
					t.Fatalf("seed %d: limit %d with a share of %.2f dead", seed, th.Limit(), share)
				}
			}
		}
	}
}

// TestDeadMetersDoNotSlow lets a run begin: all places are taken at once, so that dead meters end together, and who fails at once leaves the
// places to those who answer late.
func TestDeadMetersDoNotSlow(t *testing.T) {
	for _, c := range []struct {
		name  string
		share float64
		bad   flows.Result
		takes time.Duration
	}{
		{"every tenth meter dead", 1. / 10, dead, 30 * time.Second},
		{"every third meter dead", 1. / 3, dead, 30 * time.Second},
		{"every third meter dead, found out late", 1. / 3, dead, 78 * time.Second},
		{"every other meter dead", 1. / 2, dead, 30 * time.Second},
		{"one of two mediators refuses at once", 1. / 2, away, time.Millisecond},
	} {
		for _, limit := range []int{15, 300} {
			t.Run(fmt.Sprint(c.name, ", ", limit, " places"), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					th, r := NewThrottle(limit), rand.New(rand.NewPCG(1, 4))
					for range 3000 {
						result, takes := good, time.Second+time.Duration(r.ExpFloat64()*float64(4*time.Second))
						if r.Float64() < c.share {
							result, takes = c.bad, c.takes
						}
						if err := th.Acquire(t.Context()); err != nil {
							t.Fatal(err)
						}
						time.AfterFunc(takes, func() {
							if th.Release(result); th.Limit() != limit {
								t.Errorf("limit %d", th.Limit())
							}
						})
					}
					for range limit {
						th.Acquire(t.Context()) // all have ended
					}
				})
			})
		}
	}
}

func TestAMediatorThatRefusesAllAtOnceDoesNotBurnTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := NewThrottle(15)
		hour, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		burnt := 0
		for ; th.Acquire(hour) == nil; burnt++ {
			th.Release(away)
		}
		if burnt > 3700 {
			t.Errorf("%d meters failed within an hour", burnt)
		}
	})
}

func TestWhatSaysNothingOfTheWayChangesNothing(t *testing.T) {
	partly := dead
	partly.NoCSQ = false
	for _, c := range []struct {
		name    string
		result  flows.Result
		slows   bool
		quicken bool
	}{
		{"healthy", good, false, true},
		{"one object failed", partly, false, true},
		{"nonsense", failed(flows.BadAnswer), false, true},
		{"another meter", flows.Result{Health: flows.Unhealthy, Code: flows.ForeignMeter}, false, true},
		{"unreachable", failed(flows.Unreachable), true, false},
		{"closed", failed(flows.Closed), true, false},
		{"dead for long", flows.Result{Health: flows.Unhealthy, NoCSQ: true, Code: flows.Unreachable}, false, false},
		{"certificate expired", failed(flows.Unauthenticated), true, false},
		{"silent", failed(flows.Timeout), true, false},
		{"gateway", failed(flows.Gateway), true, false},
		{"mediator", failed(flows.Mediator), true, false},
		{"database", failed(flows.Database), false, false},
		{"busy", failed(flows.Busy), false, false},
		{"cancelled", failed(flows.Cancelled), false, false},
		{"not registered", failed(flows.UnknownSerial), false, false},
		{"nothing to read", flows.Result{}, false, false},
	} {
		th := NewThrottle(100)
		th.limit = 50
		for range 100 {
			th.learn(c.result)
		}
		if th.Limit() < 50 != c.slows || th.Limit() > 50 != c.quicken {
			t.Errorf("%s: limit %d after 100 of them, 50 before", c.name, th.Limit())
		}
	}
}

func TestAtMostTheLimitAtATimeFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := NewThrottle(2)
		var mu sync.Mutex
		var order []int
		for i := range 20 {
			go func() {
				if th.Acquire(t.Context()) == nil {
					mu.Lock()
					defer mu.Unlock()
					order = append(order, i)
				}
			}()
			synctest.Wait()
		}
		for n := 2; n <= 20; n++ {
			if len(order) != n {
				t.Fatalf("%d were let in, want %d", len(order), n)
			}
			th.Release(good)
			synctest.Wait()
		}
		if !slices.IsSorted(order) {
			t.Errorf("order %v", order)
		}
	})
}

func TestWhoNoLongerWaitsForAPlaceTakesNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := NewThrottle(1)
		if err := th.Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := th.Acquire(ctx); flows.CodeOf(err, "") != flows.Cancelled {
			t.Errorf("a place that is taken: %v", err)
		}
		th.Release(good)
		if err := th.Acquire(t.Context()); err != nil {
			t.Error(err)
		}
		th.Release(flows.Result{})
		if len(th.waiting) != 0 || th.used != 0 {
			t.Errorf("%d wait, %d places taken", len(th.waiting), th.used)
		}
	})
}
