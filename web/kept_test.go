package web

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// slow makes 1, 2, 3, … in a second each.
type slow struct {
	made int
	err  error
}

func (s *slow) make(ctx context.Context) (int, error) {
	time.Sleep(time.Second)
	s.made++
	return s.made, s.err
}

func TestAValueIsShownWhileANewOneIsMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slow{}
		k := newKept(s.make)
		mustGive := func(when string, want int, waits time.Duration) {
			t.Helper()
			began := time.Now()
			got, err := k.latest(t.Context())
			if took := time.Since(began); got != want || err != nil || took != waits {
				t.Errorf("%s: %d after %s, %v; want %d after %s", when, got, took, err, want, waits)
			}
		}
		const rest = keptTimes * time.Second // after one that takes a second
		mustGive("first", 1, time.Second)
		time.Sleep(rest - time.Millisecond)
		mustGive("fresh", 1, 0)
		time.Sleep(time.Millisecond)
		mustGive("a little older", 1, 0)
		mustGive("while the new one is made", 1, 0)
		time.Sleep(time.Second)
		synctest.Wait()
		mustGive("when it is made", 2, 0)
		time.Sleep(rest + keptWhile - time.Millisecond)
		mustGive("a minute older", 2, 0)
		time.Sleep(time.Second + rest + keptWhile)
		mustGive("more than a minute older", 4, time.Second)
		if s.made != 4 {
			t.Errorf("%d were made", s.made)
		}
	})
}

func TestAFailureIsNotShownForLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slow{err: errors.New("away")}
		k := newKept(s.make)
		if _, err := k.latest(t.Context()); !errors.Is(err, s.err) {
			t.Error(err)
		}
		s.err = nil
		if _, err := k.latest(t.Context()); err == nil {
			t.Error("a failure is not kept: everybody asks a database that is away")
		}
		time.Sleep(keptFor)
		if got, err := k.latest(t.Context()); got != 2 || err != nil {
			t.Errorf("the failure is shown although it is over: %d, %v", got, err)
		}
		s.err = errors.New("away again")
		time.Sleep(keptTimes * time.Second)
		if got, err := k.latest(t.Context()); got != 2 || err != nil {
			t.Errorf("%d, %v", got, err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if _, err := k.latest(t.Context()); !errors.Is(err, s.err) {
			t.Errorf("an old value hides a failure: %v", err)
		}
	})
}

func TestWhoGivesUpWaitingLeavesTheValueToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slow{}
		k := newKept(s.make)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := k.latest(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if got, err := k.latest(t.Context()); got != 1 || err != nil || s.made != 1 {
			t.Errorf("%d, %v, %d were made", got, err, s.made)
		}
	})
}
