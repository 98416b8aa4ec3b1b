package syncer

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"flows"
)

// desk saves results as its answer says, each in the time it takes, and writes down what it was given. Whoever sees it used twice at
// a time is told so.
type desk struct {
	takes  time.Duration
	answer func(try int, serials []string) error // nil: everything is committed

	mu     sync.Mutex
	busy   bool
	twice  bool
	groups []string // serials of each try, joined by spaces
}

func (d *desk) Save(ctx context.Context, results []flows.Result) error {
	var serials []string
	for _, r := range results {
		serials = append(serials, r.Meter.Serial)
	}
	slices.Sort(serials)
	d.mu.Lock()
	d.twice = d.twice || d.busy
	d.busy = true
	d.groups = append(d.groups, strings.Join(serials, " "))
	try := len(d.groups)
	d.mu.Unlock()
	var err error
	select {
	case <-time.After(d.takes):
		if d.answer != nil {
			err = d.answer(try, serials)
		}
	case <-ctx.Done():
		err = ctx.Err()
	}
	d.mu.Lock()
	d.busy = false
	d.mu.Unlock()
	return err
}

func refusal(why string) error {
	return &flows.Error{Code: flows.Database, Refused: true, Err: fmt.Errorf("refused: %s", why)}
}

var errLost = flows.Errorf(flows.Database, "connection lost")

// errs is what Save came to, by serial.
type errs struct {
	sync.WaitGroup
	mu sync.Mutex
	of map[string]error
}

// save lets one goroutine each save one result.
func (e *errs) save(ctx context.Context, g *Group, serials ...string) {
	for _, serial := range serials {
		e.Go(func() {
			err := g.Save(ctx, flows.Result{Meter: flows.Meter{Serial: serial}})
			e.mu.Lock()
			defer e.mu.Unlock()
			if e.of == nil {
				e.of = map[string]error{}
			}
			e.of[serial] = err
		})
	}
}

func numbers(n int) (serials []string) {
	for i := range n {
		serials = append(serials, fmt.Sprintf("M%03d", i))
	}
	return serials
}

// inGroup runs f with a group in a bubble, and stops the group.
func inGroup(t *testing.T, d *desk, wait time.Duration, f func(*testing.T, *Group, *errs)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := NewGroup(d, wait)
		defer g.Stop()
		f(t, g, &errs{})
		if d.twice {
			t.Error("two commits at a time")
		}
	})
}

func (d *desk) want(t *testing.T, groups ...string) {
	t.Helper()
	if !slices.Equal(d.groups, groups) {
		t.Errorf("tries:\n%s\nwant:\n%s", strings.Join(d.groups, "\n"), strings.Join(groups, "\n"))
	}
}

func TestWhatComesWithinTheWaitIsOneCommit(t *testing.T) {
	d := &desk{}
	inGroup(t, d, 200*time.Millisecond, func(t *testing.T, g *Group, e *errs) {
		begun := time.Now()
		e.save(t.Context(), g, "a")
		<-time.After(199 * time.Millisecond)
		e.save(t.Context(), g, "b")
		e.Wait()
		if took := time.Since(begun); took != 200*time.Millisecond {
			t.Errorf("saved after %s", took)
		}
		e.save(t.Context(), g, "c")
		e.Wait()
		d.want(t, "a b", "c")
	})
}

func TestWhatComesDuringACommitIsTheNext(t *testing.T) {
	d := &desk{takes: time.Second}
	inGroup(t, d, 100*time.Millisecond, func(t *testing.T, g *Group, e *errs) {
		begun := time.Now()
		e.save(t.Context(), g, "a")
		<-time.After(500 * time.Millisecond)
		e.save(t.Context(), g, "b")
		<-time.After(500 * time.Millisecond)
		e.save(t.Context(), g, "c")
		e.Wait()
		d.want(t, "a", "b c")
		if took := time.Since(begun); took != 2100*time.Millisecond {
			t.Errorf("saved after %s: the second commit waited although its time was over", took)
		}
	})
}

func TestAFullGroupDoesNotWait(t *testing.T) {
	d := &desk{takes: time.Millisecond}
	inGroup(t, d, time.Hour, func(t *testing.T, g *Group, e *errs) {
		var told []int
		g.Saved = func(n int, took time.Duration) {
			told = append(told, n)
			if took != time.Millisecond {
				t.Errorf("a commit of 1ms took %s", took)
			}
		}
		begun := time.Now()
		e.save(t.Context(), g, numbers(2*mostInGroup)...)
		e.Wait()
		if took := time.Since(begun); took != 2*time.Millisecond || !slices.Equal(told, []int{mostInGroup, mostInGroup}) {
			t.Errorf("saved %v after %s", told, took)
		}
	})
}

func TestARefusedMeterAloneFails(t *testing.T) {
	d := &desk{answer: func(_ int, serials []string) error {
		if slices.Contains(serials, "M150") {
			return refusal("M150")
		}
		return nil
	}}
	inGroup(t, d, 100*time.Millisecond, func(t *testing.T, g *Group, e *errs) {
		begun := time.Now()
		e.save(t.Context(), g, numbers(mostInGroup)...)
		e.Wait()
		for serial, err := range e.of {
			if bad := serial == "M150"; bad != (err != nil) || bad && !flows.Refused(err) {
				t.Errorf("%s: %v", serial, err)
			}
		}
		if took := time.Since(begun); took > 100*time.Millisecond || len(d.groups) > 30 {
			t.Errorf("%d tries in %s: a refusal needs few tries and no pause but the wait", len(d.groups), took)
		}
	})
}

func TestAllRefusedAreAskedOnceAlone(t *testing.T) {
	d := &desk{answer: func(int, []string) error { return refusal("no such table") }}
	inGroup(t, d, 0, func(t *testing.T, g *Group, e *errs) {
		e.save(t.Context(), g, numbers(mostInGroup)...)
		e.Wait()
		alone := 0
		for _, err := range e.of {
			if flows.Refused(err) {
				alone++
			}
		}
		if alone != mostInGroup || len(d.groups) > mostInGroup+8 {
			t.Errorf("%d refused in %d tries", alone, len(d.groups))
		}
	})
}

func TestALostAnswerToCommitIsAskedAgain(t *testing.T) {
	d := &desk{answer: func(try int, _ []string) error {
		if try <= 2 {
			return errLost
		}
		return nil
	}}
	inGroup(t, d, time.Millisecond, func(t *testing.T, g *Group, e *errs) {
		e.save(t.Context(), g, "a", "b", "c")
		e.Wait()
		for serial, err := range e.of {
			if err != nil {
				t.Errorf("%s: %v", serial, err)
			}
		}
		again := map[string]bool{}
		for _, group := range d.groups[2:] {
			for serial := range strings.FieldsSeq(group) {
				again[serial] = true
			}
		}
		if len(again) != 3 {
			t.Errorf("tries %q", d.groups)
		}
	})
}

func TestADatabaseThatIsAwayIsAskedSeldomAndThenAllIsSaved(t *testing.T) {
	var back time.Time
	d := &desk{answer: func(int, []string) error {
		if time.Now().Before(back) {
			return errLost
		}
		return nil
	}}
	inGroup(t, d, 0, func(t *testing.T, g *Group, e *errs) {
		back = time.Now().Add(10 * time.Minute)
		e.save(t.Context(), g, numbers(500)...)
		e.Wait()
		for serial, err := range e.of {
			if err != nil {
				t.Errorf("%s: %v", serial, err)
			}
		}
		if late := time.Since(back); late > lastPause || len(d.groups) < 300 || len(d.groups) > 630 {
			t.Errorf("all saved %s after it was back, in %d tries", late, len(d.groups))
		}
	})
}

func TestTroubleOfOneMeterAloneDoesNotStopTheOthers(t *testing.T) {
	d := &desk{answer: func(_ int, serials []string) error {
		if slices.Contains(serials, "M000") {
			return errLost
		}
		return nil
	}}
	inGroup(t, d, 0, func(t *testing.T, g *Group, e *errs) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		e.save(ctx, g, numbers(mostInGroup)...)
		<-time.After(20 * time.Second)
		e.mu.Lock()
		if len(e.of) != mostInGroup-1 {
			t.Errorf("%d saved", len(e.of))
		}
		e.mu.Unlock()
		e.Wait()
		if err := e.of["M000"]; flows.CodeOf(err, "") != flows.Database || !strings.Contains(err.Error(), "connection lost") {
			t.Errorf("M000: %v", err)
		}
	})
}

func TestALockedMeterTakesLittleOfTheOthersTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &lockedDesk{}
		g := NewGroup(d, 150*time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() { _ = g.Save(ctx, flows.Result{Meter: flows.Meter{Serial: "LOCKED"}}) })
		for range 15 {
			all.Go(func() {
				for ctx.Err() == nil {
					time.Sleep(3 * time.Second) // fake time: a conversation
					if err := g.Save(ctx, flows.Result{Meter: flows.Meter{Serial: "M"}}); err != nil && ctx.Err() == nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		g.Stop()
		// Without the locked one it is 15 every 3.16 s, some 2840.
		if d.saved < 2300 {
			t.Errorf("%d saved in 10 minutes beside a locked meter", d.saved)
		}
	})
}

// lockedDesk cannot save one meter, and takes 2 s to find out.
type lockedDesk struct{ saved int }

func (d *lockedDesk) Save(_ context.Context, results []flows.Result) error {
	for _, r := range results {
		if r.Meter.Serial == "LOCKED" {
			time.Sleep(2 * time.Second)
			return errLost
		}
	}
	time.Sleep(5 * time.Millisecond)
	d.saved += len(results)
	return nil
}

func TestWhoGivesUpLeavesTheOthers(t *testing.T) {
	d := &desk{takes: 10 * time.Second, answer: func(try int, _ []string) error {
		if try <= 2 {
			return errLost
		}
		return nil
	}}
	inGroup(t, d, 100*time.Millisecond, func(t *testing.T, g *Group, e *errs) {
		waits, giveUp := context.WithCancel(t.Context())
		e.save(t.Context(), g, "a")
		e.save(waits, g, "b")
		<-time.After(5 * time.Second)
		giveUp() // in the middle of the first try, which goes on
		<-time.After(time.Second)
		if e.mu.Lock(); len(e.of) != 0 {
			t.Errorf("answered while it may still be committed: %v", e.of)
		}
		e.mu.Unlock()
		e.Wait()
		if err := e.of["b"]; flows.CodeOf(err, "") != flows.Cancelled || e.of["a"] != nil {
			t.Errorf("a: %v; b: %v", e.of["a"], err)
		}
		d.want(t, "a b", "a", "a")
	})
}

func TestWhoGivesUpBeforeHisTurnIsNotSaved(t *testing.T) {
	d := &desk{}
	inGroup(t, d, time.Second, func(t *testing.T, g *Group, e *errs) {
		waits, giveUp := context.WithCancel(t.Context())
		e.save(waits, g, "a")
		e.save(t.Context(), g, "b")
		synctest.Wait()
		giveUp()
		e.Wait()
		d.want(t, "b")
		if e.of["a"] == nil || e.of["b"] != nil {
			t.Errorf("%v", e.of)
		}
	})
}

func TestACommitNobodyWaitsForIsEnded(t *testing.T) {
	d := &desk{takes: time.Hour}
	inGroup(t, d, 0, func(t *testing.T, g *Group, e *errs) {
		begun := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		e.save(ctx, g, "a", "b")
		e.Wait()
		if took := time.Since(begun); took != 3*time.Second {
			t.Errorf("answered after %s", took)
		}
	})
}

func TestACommitWithoutAnswerIsTriedAgain(t *testing.T) {
	d := &desk{takes: time.Hour}
	inGroup(t, d, 0, func(t *testing.T, g *Group, e *errs) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		e.save(ctx, g, "a")
		e.Wait()
		d.want(t, "a", "a", "a", "a")
		if flows.CodeOf(e.of["a"], "") != flows.Database {
			t.Errorf("%v", e.of["a"])
		}
	})
}

func TestStopWaitsForWhatIsUnderWay(t *testing.T) {
	d := &desk{takes: time.Second}
	inGroup(t, d, time.Hour, func(t *testing.T, g *Group, e *errs) {
		begun := time.Now()
		e.save(t.Context(), g, "a", "b")
		synctest.Wait()
		g.Stop()
		if took := time.Since(begun); took != time.Second {
			t.Errorf("stopped after %s", took)
		}
		e.Wait()
		if e.of["a"] != nil || e.of["b"] != nil {
			t.Errorf("%v", e.of)
		}
		if err := g.Save(t.Context(), flows.Result{}); err == nil {
			t.Error("saved after Stop")
		}
		g.Stop()
		d.want(t, "a b")
	})
}

func TestStopDuringAPauseEndsWithTheLastCaller(t *testing.T) {
	d := &desk{answer: func(int, []string) error { return errLost }}
	inGroup(t, d, 0, func(t *testing.T, g *Group, e *errs) {
		begun := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		e.save(ctx, g, "a")
		synctest.Wait()
		g.Stop()
		if took := time.Since(begun); took != 10*time.Second {
			t.Errorf("stopped after %s", took)
		}
		e.Wait()
	})
}
