// Package queue runs the schedule: it makes a run of every tick once, a job of every due meter, and works the jobs, in any number of
// processes on any number of machines.
//
//	schedule --tick--> sync_runs + meter_sync_all --list--> meter_sync, one a meter --work--> syncer.Run --> group --> one commit
//
// It uses River, a queue in PostgreSQL: a job and the rows it is about are committed together, a killed worker's jobs are rescued, and
// there is nothing else to install and to watch. River's own periodic jobs live in the memory of its leader and can be lost; the ticks
// here are rows with a unique key, so that any number of schedulers make each of them exactly once.
package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"flows"
	"flows/syncer"
)

// Schema is where River's tables are.
const Schema = "river"

// Options say what this process does.
type Options struct {
	Schedules map[flows.Frequency]Schedule // nil: this process is no scheduler
	ESCO      string                       // code; "" = all meters
	Workers   int                          // jobs at a time; 0: this process is no worker
	Backfill  syncer.Client                // asks behind everybody else; nil: this process does no backfills
	Backfills int                          // at a time

	JobTimeout  time.Duration // of one job, above the longest batch
	RescueAfter time.Duration // when the job of a worker that was killed is given to another; more than JobTimeout
	Retry       time.Duration // about how long until a meter is tried again within its run
	StopWithin  time.Duration // how long running jobs may take when the process is to stop, before they are handed back
	Keep        time.Duration // of runs and of the log of meters

	ID   string // of this process, as River's tables name it; "" = made of host and time
	Log  *slog.Logger
	Done func(flows.Result) // is told of each result that is stored; may be nil
}

// Defaults are those of a real installation.
func Defaults() Options {
	return Options{
		JobTimeout: 180 * time.Second, RescueAfter: 210 * time.Second, Retry: 20 * time.Second, StopWithin: 20 * time.Second,
		Keep: 30 * 24 * time.Hour, Log: slog.New(slog.DiscardHandler),
	}
}

// Store is where runs and results are kept.
type Store interface {
	syncer.Saver
	runStore
	backfillStore
	requestStore

	// DueMeter gives a meter as a run needs it; false when it is not to be asked (any more).
	DueMeter(ctx context.Context, id string) (flows.Meter, bool, error)
	EnabledMetrics(ctx context.Context, f flows.Frequency) ([]string, error)
	// Settle judges a batch of registers with new half-hours, of these meters or of all, and tells how many.
	Settle(ctx context.Context, meters []string, judge flows.Judge) (int, error)
}

// Queue is one process's part in the work.
type Queue struct {
	*Requests
	options  Options
	store    Store
	client   *river.Client[pgx.Tx]
	group    *syncer.Group
	throttle *syncer.Throttle
	metrics  enabled

	cancel context.CancelFunc
	loops  sync.WaitGroup
	up     atomic.Bool
}

// New makes a queue on the pool's database. It does nothing before Start.
func New(pool *pgxpool.Pool, store Store, client syncer.Client, o Options) (*Queue, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	q := &Queue{options: o, store: store, metrics: enabled{store: store}}
	q.throttle = syncer.NewThrottle(max(1, o.Workers))
	workers := river.NewWorkers()
	river.AddWorker(workers, &listWorker{queue: q})
	river.AddWorker(workers, &meterWorker{queue: q, client: client})
	river.AddWorker(workers, &backfillWorker{queue: q})
	config := &river.Config{
		ID: o.ID, Schema: Schema, Workers: workers, Logger: quieter(o.Log),
		JobTimeout: o.JobTimeout, RescueStuckJobsAfter: o.RescueAfter, SoftStopTimeout: o.StopWithin,
		RetryPolicy: retryPolicy{}, FetchCooldown: 20 * time.Millisecond, CompletedJobRetentionPeriod: 15 * time.Minute,
		Queues:              map[string]river.QueueConfig{},
		ReindexerIndexNames: []string{}, // only the tables' owner may
	}
	if o.Schedules != nil {
		config.Queues[listQueue] = river.QueueConfig{MaxWorkers: 2}
	}
	if o.Workers > 0 {
		config.Queues[meterQueue] = river.QueueConfig{MaxWorkers: o.Workers}
	}
	if o.Workers > 0 && o.Backfill != nil {
		config.Queues[backfillQueue] = river.QueueConfig{MaxWorkers: max(1, o.Backfills)}
	}
	var err error
	if q.client, err = river.NewClient(riverpgxv5.New(pool), config); err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	q.Requests = &Requests{q.client, store}
	return q, nil
}

// maxWorkers is River's.
const maxWorkers = 10_000

func (o Options) validate() error {
	switch {
	case o.Schedules == nil && o.Workers == 0:
		return errors.New("queue: neither scheduler nor worker")
	case o.Workers < 0 || o.Workers > maxWorkers:
		return fmt.Errorf("queue: %d workers; at most %d", o.Workers, maxWorkers)
	case o.JobTimeout < time.Second:
		return fmt.Errorf("queue: a job's time-out of %s is too short for any meter", o.JobTimeout)
	case o.RescueAfter <= o.JobTimeout:
		return fmt.Errorf("queue: jobs may run for %s, so they cannot be taken for lost after %s: it must be more", o.JobTimeout, o.RescueAfter)
	}
	return nil
}

// Start begins to work and returns when the database has answered. Stop ends it.
func (q *Queue) Start(ctx context.Context) error {
	switch ahead, err := q.skew(ctx); {
	case err != nil:
		return err
	case ahead.Abs() > mostSkew:
		return fmt.Errorf("queue: this machine's clock and the database's differ by %s: jobs would be taken for lost while they run; set both by NTP", ahead.Round(time.Second))
	}
	ctx = context.WithoutCancel(ctx)
	q.group = syncer.NewGroup(q.store, gather)
	if err := q.client.Start(ctx); err != nil {
		q.group.Stop()
		return flows.Errorf(flows.Database, "queue: cannot start: %w", err)
	}
	ctx, q.cancel = context.WithCancel(ctx)
	if q.options.Schedules != nil {
		q.loops.Go(func() { q.tick(ctx) })
		q.loops.Go(func() { q.keepHouse(ctx) })
	}
	if q.options.Workers > 0 {
		for range judges {
			q.loops.Go(func() { q.settle(ctx) })
		}
	}
	q.up.Store(true)
	return nil
}

// gather is how long results are gathered for one commit.
const gather = 150 * time.Millisecond

// Stop takes no more jobs, lets those that run come to their end, hands back those that would take too long, and returns when all is
// stored. Stopping twice is fine.
func (q *Queue) Stop(ctx context.Context) error {
	if !q.up.Swap(false) {
		return nil
	}
	q.cancel()
	err := q.client.Stop(ctx)
	q.group.Stop()
	q.loops.Wait()
	return err
}

// Up tells whether the queue works.
func (q *Queue) Up() bool { return q.up.Load() }

// ID of this process in River's tables.
func (q *Queue) ID() string { return q.client.ID() }

// Limit is how many meters this process asks at a time, at this moment.
func (q *Queue) Limit() int { return q.throttle.Limit() }
