package queue

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"flows"
	"flows/syncer"
)

// MeterBackfill fetches the half-hours that are missing of one meter, as far as its log reaches back. There is one of a meter at a time,
// waiting or running.
type MeterBackfill struct {
	Meter string    `json:"meter" river:"unique"` // id
	From  time.Time `json:"from,omitzero"`        // zero = as far as its log reaches back
}

// Kind is River's.
func (MeterBackfill) Kind() string { return "meter_backfill" }

// InsertOpts is River's.
func (MeterBackfill) InsertOpts() river.InsertOpts {
	return river.InsertOpts{
		Queue: backfillQueue, Priority: 4, MaxAttempts: 10,
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
			rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateScheduled, rivertype.JobStateRunning, rivertype.JobStateRetryable,
		}},
	}
}

// backfillQueue is apart from the schedule's: however much there is to fetch, meters are read on time.
const backfillQueue = "backfill"

// backfillStore is what a backfill needs of the store.
type backfillStore interface {
	// MissingHalfHours gives the half-hourly times, both ends included, of which nothing is known.
	MissingHalfHours(ctx context.Context, m flows.Meter, from, to time.Time) ([]flows.ProfileHole, error)
	// SaveProfile stores half-hours and holes, and nothing else of the results.
	SaveProfile(ctx context.Context, results []flows.Result) error
}

// backfillWorker reads what is missing of one meter. What it has read is saved as it goes.
type backfillWorker struct {
	river.WorkerDefaults[MeterBackfill]
	queue *Queue
}

// backfillPause is before what failed for a reason that passes is asked for again.
const backfillPause = 5 * time.Second

// Work is River's.
//
//	half of the job's time is over, and something has come -> goes on in its next turn
//	the way to the meters is barred, or the meter is busy  -> a little later
//	otherwise                                              -> done: what is missing still, a run fetches, or the next who asks
func (w *backfillWorker) Work(ctx context.Context, job *river.Job[MeterBackfill]) error {
	q := w.queue
	m, due, err := q.store.DueMeter(ctx, job.Args.Meter)
	if err != nil || !due {
		return err
	}
	now := time.Now()
	from := job.Args.From
	if from.IsZero() {
		from = now.Add(-flows.LogReach)
	}
	missing, err := q.store.MissingHalfHours(ctx, m, from, now.Add(-time.Minute))
	if err != nil || len(missing) == 0 {
		return err
	}
	turn, cancel := context.WithTimeout(ctx, q.options.JobTimeout/2)
	defer cancel()
	b := syncer.Backfill{Client: q.options.Backfill, Pause: min(backfillPause, q.options.Retry), Save: func(ctx context.Context, r flows.Result) error {
		return q.store.SaveProfile(ctx, []flows.Result{r})
	}}
	filled, err := b.Meter(turn, m, missing)
	code := flows.CodeOf(err, flows.Mediator)
	switch {
	case err == nil || flows.Refused(err):
		return nil
	case errors.Is(ctx.Err(), context.Canceled):
		return river.JobSnooze(0)
	case turn.Err() != nil && filled.Records+filled.Holes > 0:
		return river.JobSnooze(0)
	case code == flows.Database:
		return err
	case code == flows.Busy, code.Owner() == flows.Ours && code != flows.UnknownSerial && turn.Err() == nil:
		return river.JobSnooze(q.options.Retry + rand.N(q.options.Retry+1))
	}
	q.options.Log.Info("half-hours are still missing", "meter", m.Serial, "stored", filled.Records, "missing", filled.Missing, "error", err)
	return nil
}
