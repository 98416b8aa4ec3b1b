package syncer

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"flows"
)

// The rule by which a Throttle slows down. Bad outcomes are counted, and each good one takes goodIsWorth off, down to none: so the count
// climbs only while more than four in five are bad. A fleet with every third meter dead, or with one of two mediators away, never gets
// anywhere. At twice the limit, and badAtLeast, the limit is halved and the count begins anew.
//
// Why twice the limit: conversations that begin together fail together. Dead meters of a run's first moment all end when their connection
// budget is over; and when one of two mediators refuses at once, all places are soon taken by the other's meters, after about as many
// failures as there are places and before the first meter has answered. Neither is to be taken for the end of the world.
const (
	goodIsWorth = 4
	badAtLeast  = 30
)

// badHold is how long a place stays taken after a bad outcome while the limit is lowered: a mediator that refuses at once would burn
// through a fleet even one meter at a time.
const badHold = time.Second

// Throttle bounds the conversations of a process, and lowers the bound when nearly everybody fails: then it is the way to the meters that
// is broken, a gateway or a mediator, and asking on at full speed only makes a run of failures. Each good outcome raises the bound by one, so
// that it is back, doubling with every round of conversations, soon after the way is.
type Throttle struct {
	mu      sync.Mutex
	max     int
	limit   int
	used    int
	bad     int // see goodIsWorth
	waiting []chan struct{}
}

// NewThrottle makes one that allows max conversations at a time.
func NewThrottle(max int) *Throttle {
	if max < 1 {
		max = 1
	}
	return &Throttle{max: max, limit: max}
}

// Acquire waits until a conversation may begin: first come, first served. Who got nil must call Release.
func (t *Throttle) Acquire(ctx context.Context) error {
	t.mu.Lock()
	turn := make(chan struct{})
	t.waiting = append(t.waiting, turn)
	t.admit()
	t.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.Index(t.waiting, turn)
	if i < 0 {
		return nil // the turn came at the same moment
	}
	t.waiting = slices.Delete(t.waiting, i, i+1)
	return &flows.Error{Code: flows.Cancelled, Err: fmt.Errorf("called off while waiting to talk to the meter: %w", ctx.Err())}
}

// Release ends a conversation and learns from what came of it. A second try of a meter that failed teaches nothing new, and at the end of a
// run there is little else: it is released with an empty result when it fails too.
func (t *Throttle) Release(r flows.Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.learn(r) && t.limit < t.max {
		time.AfterFunc(badHold, t.free)
		return
	}
	t.used--
	t.admit()
}

// Limit is how many conversations are allowed now.
func (t *Throttle) Limit() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.limit
}

func (t *Throttle) free() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.used--
	t.admit()
}

// admit lets in whose turn it is.
func (t *Throttle) admit() {
	for t.used < t.limit && len(t.waiting) > 0 {
		close(t.waiting[0])
		t.waiting = slices.Delete(t.waiting, 0, 1)
		t.used++
	}
}

// learn adjusts the limit and says whether the outcome was bad. What says nothing of the way to the meters, such as a busy meter, one that
// has been dead for long, or a database that is away, changes nothing.
func (t *Throttle) learn(r flows.Result) (bad bool) {
	if silent(r) {
		switch r.Code {
		case flows.Unreachable, flows.Closed, flows.Timeout:
			if longDead(r.Meter) {
				return false
			}
			fallthrough
		case flows.Gateway, flows.Mediator, flows.Unauthenticated, flows.Permission:
			if t.bad++; t.bad >= max(2*t.limit, badAtLeast) {
				t.limit, t.bad = max(t.limit/2, 1), 0
			}
			return true
		}
	}
	if r.Health != flows.NeverRun {
		t.limit, t.bad = min(t.limit+1, t.max), max(t.bad-goodIsWorth, 0)
	}
	return false
}
