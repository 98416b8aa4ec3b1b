package syncer

import (
	"context"
	"sync"
	"time"

	"flows"
)

// saveTimeout is how long a result waits for a database that is away: it must not hold a run for ever.
const saveTimeout = time.Minute

// Fleet runs all meters, parallel of them at a time, and saves every result once, in groups. What was read is saved although the run has
// been interrupted. done is told of each result after it was saved, one at a time; a result that could not be stored says so.
func Fleet(ctx context.Context, meters []flows.Meter, parallel int, run func(context.Context, flows.Meter) flows.Result, s Saver, done func(flows.Result)) {
	g := NewGroup(s, 0)
	defer g.Stop()
	todo := make(chan flows.Meter)
	unsaved := make(chan struct{}, mostInGroup) // more than that are not read ahead of the database
	ended := make(chan flows.Result)
	var workers, saves sync.WaitGroup
	for range min(parallel, len(meters)) {
		workers.Go(func() {
			for m := range todo {
				r := run(ctx, m)
				unsaved <- struct{}{}
				saves.Go(func() {
					ended <- saved(ctx, g, r)
					<-unsaved
				})
			}
		})
	}
	go func() {
		defer close(ended)
		defer saves.Wait()
		defer workers.Wait()
		defer close(todo)
		for _, m := range meters {
			select {
			case todo <- m:
			case <-ctx.Done():
				return
			}
		}
	}()
	for r := range ended {
		done(r)
	}
}

// saved is the result once it is stored, or what became of it instead.
func saved(ctx context.Context, g *Group, r flows.Result) flows.Result {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	if err := g.Save(limited, r); err != nil {
		r.Health, r.Code, r.Details = flows.NeverRun, flows.CodeOf(err, flows.Database), err.Error()
	}
	return r
}
