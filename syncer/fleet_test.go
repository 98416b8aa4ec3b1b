package syncer

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"flows"
)

// shelf saves results in memory and refuses those of the serials in bad.
type shelf struct {
	mu    sync.Mutex
	bad   map[string]bool
	saved []string
	calls int
}

func (s *shelf) Save(_ context.Context, results []flows.Result) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	for _, r := range results {
		if s.bad[r.Meter.Serial] {
			return &flows.Error{Code: flows.Database, Refused: true, Err: fmt.Errorf("row of %s refused", r.Meter.Serial)}
		}
	}
	for _, r := range results {
		s.saved = append(s.saved, r.Meter.Serial)
	}
	return nil
}

func fleetOf(n int) []flows.Meter {
	var all []flows.Meter
	for i := range n {
		all = append(all, flows.Meter{Serial: fmt.Sprintf("M%03d", i)})
	}
	return all
}

func TestFleetRunsAllAtMostParallelAndSavesEachOnce(t *testing.T) {
	const meters, parallel = 500, 7
	var running, most atomic.Int32
	s := &shelf{}
	var sum Summary
	Fleet(t.Context(), fleetOf(meters), parallel, func(_ context.Context, m flows.Meter) flows.Result {
		n := running.Add(1)
		defer running.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		return flows.Result{Meter: m, Health: flows.Healthy}
	}, s, sum.Add)
	once := map[string]int{}
	for _, serial := range s.saved {
		once[serial]++
	}
	if len(once) != meters || len(s.saved) != meters || sum.Healthy != meters {
		t.Errorf("%d meters saved in %d rows, %d healthy, want %d", len(once), len(s.saved), sum.Healthy, meters)
	}
	if most.Load() > parallel {
		t.Errorf("%d meters at a time, at most %d are allowed", most.Load(), parallel)
	}
}

func TestOneBadRowCostsOneMeter(t *testing.T) {
	s := &shelf{bad: map[string]bool{"M003": true}}
	var sum Summary
	Fleet(t.Context(), fleetOf(20), 20, func(_ context.Context, m flows.Meter) flows.Result {
		return flows.Result{Meter: m, Health: flows.Healthy}
	}, s, sum.Add)
	if len(s.saved) != 19 || sum.Healthy != 19 || sum.NotDone != 1 || sum.Exit() != 3 {
		t.Errorf("%d saved, summary %+v", len(s.saved), sum)
	}
	if r := sum.Reasons[0]; r.Code != flows.Database || r.Serials[0] != "M003" {
		t.Errorf("reason %+v", r)
	}
}

func TestInterruptedFleetSavesWhatWasRead(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := &shelf{}
	var sum Summary
	Fleet(ctx, fleetOf(50), 1, func(ctx context.Context, m flows.Meter) flows.Result {
		if m.Serial == "M004" {
			cancel()
		}
		return flows.Result{Meter: m, Health: flows.Healthy}
	}, s, sum.Add)
	if n := sum.Counted(); n < 5 || n > 6 || len(s.saved) != n {
		t.Errorf("%d meters done, %d saved after an interruption at the fifth", n, len(s.saved))
	}
}

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		name string
		code flows.Code
		h    flows.Health
		want int
	}{
		{"all healthy", "", flows.Healthy, 0},
		{"a meter failed", flows.Unreachable, flows.Unhealthy, 1},
		{"mediator away", flows.Mediator, flows.NeverRun, 3},
		{"a busy meter", flows.Busy, flows.NeverRun, 3},
		{"nothing to read", "", flows.NeverRun, 0},
	} {
		var sum Summary
		sum.Add(flows.Result{Health: flows.Healthy})
		sum.Add(flows.Result{Health: c.h, Code: c.code, Details: "x"})
		if got := sum.Exit(); got != c.want {
			t.Errorf("%s: exit %d, want %d", c.name, got, c.want)
		}
	}
	both := Summary{Unhealthy: 1, NotDone: 1}
	if both.Exit() != 3 {
		t.Error("3 must win over 1")
	}
}

// stuck is a database that does not answer.
type stuck struct{ calls int }

func (s *stuck) Save(ctx context.Context, _ []flows.Result) error {
	s.calls++
	<-ctx.Done()
	return flows.Errorf(flows.Database, "no answer: %w", ctx.Err())
}

func TestADatabaseThatDoesNotAnswerEndsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stuck{}
		var sum Summary
		begun := time.Now()
		Fleet(t.Context(), fleetOf(20), 20, func(_ context.Context, m flows.Meter) flows.Result {
			return flows.Result{Meter: m, Health: flows.Healthy}
		}, s, sum.Add)
		if took := time.Since(begun); took != saveTimeout || s.calls > 5 || sum.NotDone != 20 {
			t.Errorf("%d saves in %s, %+v", s.calls, took, sum)
		}
	})
}
