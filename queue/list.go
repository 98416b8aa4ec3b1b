package queue

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/riverqueue/river"

	"flows"
)

// listStore is what listing the meters of a run needs of the store.
type listStore interface {
	// StartRun notes that work on the run has begun, and gives it.
	StartRun(ctx context.Context, id int64) (flows.Run, error)
	// Waiting gives the meters that have a job of this frequency, each with the time its run was due, zero when a person asked.
	Waiting(ctx context.Context, f flows.Frequency) (map[string]time.Time, error)
	// NextMeters locks the run and gives due meters that are not listed yet, by serial, with id and serial; done: there are no more.
	NextMeters(ctx context.Context, tx pgx.Tx, run int64, limit int) (list []flows.Meter, done bool, err error)
	// Listed notes that these meters have their jobs, but for those skipped for the reasons given.
	Listed(ctx context.Context, tx pgx.Tx, run int64, list []flows.Meter, done bool, skipped map[string]int) error
}

// listWorker makes a job of every due meter of a run.
type listWorker struct {
	river.WorkerDefaults[MeterSyncAll]
	queue *Queue
}

// chunk is how many jobs are made in one transaction. How far the listing has come is committed with them, so a listing that was cut
// short goes on where it was.
const chunk = 5000

// Work is River's.
func (w *listWorker) Work(ctx context.Context, job *river.Job[MeterSyncAll]) error {
	run, err := w.queue.store.StartRun(ctx, job.Args.Run)
	if err != nil || !run.Listed.IsZero() {
		return err
	}
	waiting, err := w.queue.store.Waiting(ctx, run.Frequency)
	if err != nil {
		return err
	}
	begun := time.Now()
	for duplicates := 0; ; {
		done, err := w.list(ctx, run, waiting)
		switch {
		case isDuplicate(err) && duplicates < 5: // somebody asked for one of these meters since: look again
			duplicates++
			if waiting, err = w.queue.store.Waiting(ctx, run.Frequency); err != nil {
				return err
			}
		case err != nil || done:
			return err
		case time.Since(begun) > w.queue.options.JobTimeout/2:
			return river.JobSnooze(0)
		}
	}
}

// list makes the jobs of one chunk. A meter that has a job of this frequency already is skipped, so that runs never pile up.
func (w *listWorker) list(ctx context.Context, run flows.Run, waiting map[string]time.Time) (done bool, err error) {
	store := w.queue.store
	err = store.Tx(ctx, func(tx pgx.Tx) error {
		var meters []flows.Meter
		if meters, done, err = store.NextMeters(ctx, tx, run.ID, chunk); err != nil {
			return err
		}
		skipped := map[string]int{}
		jobs := make([]river.InsertManyParams, 0, len(meters))
		for _, m := range meters {
			if since, ok := waiting[m.ID]; ok {
				skipped[reason(since)]++
				continue
			}
			jobs = append(jobs, river.InsertManyParams{Args: MeterSync{Meter: m.ID, Frequency: run.Frequency, Run: run.ID, Scheduled: run.Scheduled}})
		}
		// Neighbours fail together; in a row they would look like a gateway that fails everybody.
		rand.Shuffle(len(jobs), func(i, k int) { jobs[i], jobs[k] = jobs[k], jobs[i] })
		if len(jobs) > 0 {
			if _, err := w.queue.client.InsertManyFastTx(ctx, tx, jobs); err != nil {
				return err
			}
		}
		return store.Listed(ctx, tx, run.ID, meters, done, skipped)
	})
	return done, err
}

// reason why a meter gets no job.
func reason(since time.Time) string {
	if since.IsZero() {
		return "a person has asked for it already"
	}
	return "still waiting or running from the run of " + since.UTC().Format(time.RFC3339)
}

// isDuplicate tells that a job of this meter and frequency is there already.
func isDuplicate(err error) bool {
	const uniqueViolation = "23505"
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == uniqueViolation
}
