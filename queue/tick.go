package queue

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"flows"
)

// runStore is what the schedule needs of the store.
type runStore interface {
	Tx(ctx context.Context, f func(pgx.Tx) error) error
	// LastTicks gives the database's time, which all schedulers share, and the last tick of each frequency that has a run.
	LastTicks(ctx context.Context, tx pgx.Tx, esco string) (now time.Time, last map[flows.Frequency]time.Time, err error)
	// AddRun makes a run exist; false when it does already.
	AddRun(ctx context.Context, tx pgx.Tx, r flows.Run) (id int64, added bool, err error)
	listStore
	CloseRuns(ctx context.Context, idle time.Duration) (int64, error)
	Prune(ctx context.Context, keep time.Duration, limit int) (int64, error)
}

// longestNap is how long a scheduler trusts its own timer and clock.
const longestNap = 15 * time.Second

// tick makes the runs that are due, again and again.
func (q *Queue) tick(ctx context.Context) {
	failing := false
	for ctx.Err() == nil {
		nap, err := q.makeRuns(ctx)
		if err != nil {
			nap = time.Second
			if !failing && ctx.Err() == nil {
				q.options.Log.Error("the schedule is at a standstill, and will make up for it", "error", err)
			}
		} else if failing {
			q.options.Log.Info("the schedule goes on")
		}
		failing = err != nil
		pause(ctx, min(nap, longestNap))
	}
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// makeRuns makes a run of each tick that is due and has none, and gives the time until the next tick. Of several ticks that nobody was
// there for only the newest is run: it reads what the others would have read.
func (q *Queue) makeRuns(ctx context.Context) (next time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	next = longestNap
	err = q.store.Tx(ctx, func(tx pgx.Tx) error {
		now, last, err := q.store.LastTicks(ctx, tx, q.options.ESCO)
		if err != nil {
			return err
		}
		for _, f := range flows.Frequencies {
			s, ok := q.options.Schedules[f]
			if !ok {
				continue
			}
			ticks := due(s, last[f], now)
			for i, t := range ticks {
				r := flows.Run{Frequency: f, ESCO: q.options.ESCO, Origin: flows.Schedule, Scheduled: t, Missed: i < len(ticks)-1}
				if err := q.makeRun(ctx, tx, r); err != nil {
					return err
				}
			}
			if t := s.Next(now); !t.IsZero() {
				next = min(next, t.Sub(now))
			}
		}
		return nil
	})
	return max(next, 10*time.Millisecond), err
}

// makeRun commits the run and the job that begins it together.
func (q *Queue) makeRun(ctx context.Context, tx pgx.Tx, r flows.Run) error {
	id, added, err := q.store.AddRun(ctx, tx, r)
	if err != nil || !added {
		return err
	}
	if r.Missed {
		q.options.Log.Warn("a tick was missed: no scheduler was running", "frequency", r.Frequency, "scheduled", r.Scheduled)
		return nil
	}
	_, err = q.client.InsertTx(ctx, tx, MeterSyncAll{Run: id}, nil)
	return err
}

// keepHouse closes runs whose jobs were lost, deletes what is too old, and looks at the clock.
func (q *Queue) keepHouse(ctx context.Context) {
	for minute := 0; ; minute++ {
		pause(ctx, time.Minute)
		if ctx.Err() != nil {
			return
		}
		q.closeRuns(ctx)
		if minute%60 == 0 {
			q.prune(ctx)
		}
		if skew, err := q.skew(ctx); err == nil && skew.Abs() > worthTelling {
			q.options.Log.Warn("this machine's clock and the database's differ: set them by NTP", "ahead", skew)
		}
	}
}

func (q *Queue) closeRuns(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	// No job of a run is at work for so long without a sign.
	if n, err := q.store.CloseRuns(ctx, 2*q.options.RescueAfter+2*time.Minute); err != nil {
		q.options.Log.Warn("runs without jobs cannot be closed", "error", err)
	} else if n > 0 {
		q.options.Log.Warn("runs have lost jobs: what they missed is counted as not done", "runs", n)
	}
}

func (q *Queue) prune(ctx context.Context) {
	const atOnce = 10_000
	for n := int64(atOnce); n == atOnce && ctx.Err() == nil; {
		limited, cancel := context.WithTimeout(ctx, time.Minute)
		var err error
		if n, err = q.store.Prune(limited, q.options.Keep, atOnce); err != nil {
			q.options.Log.Warn("the log cannot be pruned", "error", err)
		}
		cancel()
	}
}

// Differences of clocks. River takes a job for lost by the leader's clock, and its start is by the database's.
const (
	worthTelling = 5 * time.Second
	mostSkew     = 25 * time.Second // less than the time between a job's time-out and its rescue
)

// skew is how far this machine's clock is ahead of the database's.
func (q *Queue) skew(ctx context.Context) (ahead time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	sent := time.Now()
	err = q.store.Tx(ctx, func(tx pgx.Tx) error {
		now, _, err := q.store.LastTicks(ctx, tx, q.options.ESCO)
		answered := time.Now()
		ahead = sent.Add(answered.Sub(sent) / 2).Sub(now)
		return err
	})
	return ahead, err
}
