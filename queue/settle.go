package queue

import (
	"context"
	"time"

	"flows/vee"
)

// judges is how many batches a worker judges at a time: while one waits for the database another one counts.
const judges = 2

// How often a worker looks for half-hours to judge, and how long it leaves the database alone after trouble.
const (
	settleEvery   = 2 * time.Second
	settleTrouble = 15 * time.Second
)

// settle judges half-hours whose raw data have come or which are due. What is to be judged stands in rows that are written with the raw
// data and cleared with the judgement, and a worker takes rows that no other one holds: jobs beside them could only disagree with them.
func (q *Queue) settle(ctx context.Context) {
	failing := false
	for {
		n, err := q.store.Settle(ctx, nil, vee.Rules)
		pause := settleEvery
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			if pause = settleTrouble; !failing {
				q.options.Log.Warn("half-hours are not judged; tried again until they are", "error", err)
			}
		case n > 0:
			pause = 0
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}
