//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"
)

// Kinds of failure.
const (
	killWorker   = "kill -9 a worker"
	killMediator = "kill -9 a mediator"
	killLeader   = "kill -9 the leader"
	killDatabase = "kill PostgreSQL"
	cutCommit    = "cut a COMMIT from its answer"
	freezeWorker = "freeze a worker"
)

// failure is one planned trouble.
type failure struct {
	after time.Duration // since the plan began
	kind  string
	which int            // of several processes
	pause time.Duration  // until what was killed is started again
	how   syscall.Signal // for PostgreSQL: SIGQUIT stops its backends amid their statements, SIGKILL does not
}

func (f failure) String() string {
	s := fmt.Sprintf("%5.2fs %s", f.after.Seconds(), f.kind)
	switch f.kind {
	case killWorker, killMediator:
		s += fmt.Sprintf(" (%d), again after %.2fs", f.which, f.pause.Seconds())
	case freezeWorker:
		s += fmt.Sprintf(" (%d) for %.2fs", f.which, f.freeze().Seconds())
	case killLeader:
		s += fmt.Sprintf(", again after %.2fs", f.pause.Seconds())
	case killDatabase:
		s += fmt.Sprintf(" (%v), again after %.2fs", f.how, f.pause.Seconds())
	}
	return s
}

// freeze is longer than a pause: mostly until after its jobs have been given to another.
func (f failure) freeze() time.Duration { return 10*time.Second + 4*f.pause }

// planOf is made from the seed alone: every kind once and some again, at random moments. What takes long is once and not late: until a
// leader has a successor, up to 15 s, none can be killed, and the frozen must wake before the end. Each mediator is killed once at most:
// a meter is given up in its run when its mediator is away three times.
func planOf(seed uint64, span time.Duration) []failure {
	r := rand.New(rand.NewPCG(seed, 0))
	kinds := []string{killWorker, killMediator, killDatabase, cutCommit, killLeader, freezeWorker}
	for range 5 {
		kinds = append(kinds, kinds[r.IntN(4)])
	}
	mediator, mediators := r.IntN(2), 0
	var plan []failure
	for _, kind := range kinds {
		f := failure{
			kind: kind, which: r.IntN(2), pause: time.Duration(100+r.IntN(2900)) * time.Millisecond,
			how: []syscall.Signal{syscall.SIGQUIT, syscall.SIGKILL}[r.IntN(2)],
		}
		within := span
		switch {
		case kind == killLeader || kind == freezeWorker:
			within = span * 2 / 3
		case kind == killMediator && mediators == 2:
			f.kind = killWorker
		case kind == killMediator:
			f.which = (mediator + mediators) % 2
			mediators++
		}
		f.after = time.Duration(r.Int64N(int64(within))).Round(10 * time.Millisecond)
		plan = append(plan, f)
	}
	slices.SortStableFunc(plan, func(a, b failure) int { return int(a.after - b.after) })
	return plan
}

func TestASeedPlansEveryKindAndAlwaysTheSame(t *testing.T) {
	const span = 45 * time.Second
	different := map[string]bool{}
	for seed := range uint64(100) {
		plan := planOf(seed, span)
		if again := planOf(seed, span); !slices.Equal(plan, again) {
			t.Errorf("seed %d: %v, then %v", seed, plan, again)
		}
		kinds := map[string]int{}
		for _, f := range plan {
			kinds[f.kind]++
			if f.after < 0 || f.after > span || f.pause <= 0 {
				t.Errorf("seed %d: %v", seed, f)
			}
		}
		if len(kinds) != 6 {
			t.Errorf("seed %d has only %v", seed, kinds)
		}
		different[fmt.Sprint(plan)] = true
	}
	if len(different) != 100 {
		t.Errorf("100 seeds make %d plans", len(different))
	}
}
