package web

import (
	"context"
	"time"

	"flows"
)

// kept is a status that is made anew at most once in 15 seconds, and less often when that takes long, however many ask.
type kept struct {
	make func(context.Context) (flows.Status, error)

	turn  chan struct{} // holds one while a status is made: others wait for it
	until time.Time
	last  flows.Status
	err   error
}

func newKept(status func(context.Context) (flows.Status, error)) *kept {
	return &kept{make: status, turn: make(chan struct{}, 1)}
}

const (
	keptFor = 15 * time.Second
	// A status of a million meters takes seconds: a twentieth of one connection's time is enough for it.
	keptTimes    = 20
	statusWithin = 30 * time.Second
)

// latest waits for its turn as long as the context lasts. A status that is being made is made: who asks next has it.
func (k *kept) latest(ctx context.Context) (flows.Status, error) {
	select {
	case k.turn <- struct{}{}:
	case <-ctx.Done():
		return flows.Status{}, ctx.Err()
	}
	defer func() { <-k.turn }()
	began := time.Now()
	if began.Before(k.until) {
		return k.last, k.err
	}
	making, cancel := context.WithTimeout(context.WithoutCancel(ctx), statusWithin)
	defer cancel()
	k.last, k.err = k.make(making)
	now := time.Now()
	k.until = now.Add(keptFor)
	if k.err == nil {
		k.until = now.Add(max(keptFor, keptTimes*now.Sub(began)))
	}
	return k.last, k.err
}
