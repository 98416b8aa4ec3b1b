package web

import (
	"context"
	"sync"
	"time"
)

// kept is a value that is made anew at most once in 15 seconds, and less often when that takes long, however many ask.
//
//	fresh                 -> the last one
//	a little older        -> the last one, and a new one is made meanwhile
//	older, or none at all -> the new one, which is waited for
type kept[T any] struct {
	make func(context.Context) (T, error)
	wait bool // for the new one, however old the last one is

	mu     sync.Mutex
	making chan struct{} // closed when the new one is there; nil: none is being made
	until  time.Time     // the last one is fresh
	last   T
	err    error
}

func newKept[T any](make func(context.Context) (T, error)) *kept[T] { return &kept[T]{make: make} }

const (
	keptFor = 15 * time.Second
	// A value about a million meters takes seconds: a twentieth of one connection's time is enough for it.
	keptTimes    = 20
	statusWithin = 30 * time.Second
	// How much older than fresh a value may be that is shown while a new one is made.
	keptWhile = time.Minute
)

// latest waits as long as the context lasts. A value that is being made is made: who asks next has it.
func (k *kept[T]) latest(ctx context.Context) (T, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	if now.Before(k.until) {
		return k.last, k.err
	}
	shown := !k.wait && k.err == nil && now.Before(k.until.Add(keptWhile))
	making := k.making
	if making == nil {
		making = make(chan struct{})
		k.making = making
		go k.renew(context.WithoutCancel(ctx))
	}
	if shown {
		return k.last, nil
	}
	k.mu.Unlock()
	select {
	case <-making:
		k.mu.Lock()
		return k.last, k.err
	case <-ctx.Done():
		k.mu.Lock()
		var none T
		return none, ctx.Err()
	}
}

// renew makes a new one.
func (k *kept[T]) renew(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, statusWithin)
	defer cancel()
	began := time.Now()
	value, err := k.make(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	k.last, k.err, k.until = value, err, now.Add(keptFor)
	if err == nil {
		k.until = now.Add(max(keptFor, keptTimes*now.Sub(began)))
	}
	close(k.making)
	k.making = nil
}
