package syncer

import (
	"context"
	"sync"
	"time"

	"flows"
)

// Saver keeps results. It is given many at once and stores all of them or none.
type Saver interface {
	Save(ctx context.Context, results []flows.Result) error
}

// group is how many results are saved in one commit at the most.
const group = 200

// saveTimeout is for one commit: a database that does not answer must not hold a run for ever.
const saveTimeout = time.Minute

// Fleet runs all meters, parallel of them at a time, and saves every result once. Whatever has come in while one group was being
// saved makes the next group. done is told of each result after it was saved, one at a time.
func Fleet(ctx context.Context, meters []flows.Meter, parallel int, run func(context.Context, flows.Meter) flows.Result, s Saver, done func(flows.Result)) {
	todo := make(chan flows.Meter)
	ran := make(chan flows.Result, group)
	var workers sync.WaitGroup
	for range min(parallel, len(meters)) {
		workers.Go(func() {
			for m := range todo {
				ran <- run(ctx, m)
			}
		})
	}
	go func() {
		defer close(ran)
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
	for r := range ran {
		results := []flows.Result{r}
		for len(results) < group && len(ran) > 0 {
			results = append(results, <-ran)
		}
		for _, r := range save(ctx, s, results) {
			done(r)
		}
	}
}

// save stores the results, one by one when together they are refused, so that one bad row costs one meter. What was read is saved although the
// run has been interrupted, within a time of its own. A result that could not be stored says so.
func save(ctx context.Context, s Saver, results []flows.Result) []flows.Result {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	err := s.Save(limited, results)
	late := limited.Err() != nil
	cancel()
	if err == nil {
		return results
	}
	var all []flows.Result
	if late || len(results) == 1 {
		for _, r := range results {
			r.Health, r.Code, r.Details = flows.NeverRun, flows.CodeOf(err, flows.Database), err.Error()
			all = append(all, r)
		}
		return all
	}
	for i := range results {
		all = append(all, save(ctx, s, results[i:i+1])...)
	}
	return all
}
