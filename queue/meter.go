package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/riverqueue/river"

	"flows"
	"flows/syncer"
)

// meterWorker reads one meter and is done when the result is committed.
type meterWorker struct {
	river.WorkerDefaults[MeterSync]
	queue  *Queue
	client syncer.Client
}

// Work is River's.
//
//	stopped meanwhile               -> handed back
//	the way to the meters is barred -> a little later, no try is counted
//	a passing reason, twice         -> another try, a little later
//	otherwise                       -> stored, and done with the commit
func (w *meterWorker) Work(ctx context.Context, job *river.Job[MeterSync]) error {
	q := w.queue
	m, due, err := q.store.DueMeter(ctx, job.Args.Meter)
	if err != nil {
		return err
	}
	r := flows.Result{Meter: m, Details: "no longer active, or without an address", ReadAt: time.Now()}
	if due {
		if r, err = w.read(ctx, m, job.Args.Frequency, triesOf(job.Metadata) > 0); err != nil {
			return err
		}
		switch {
		case errors.Is(ctx.Err(), context.Canceled) && r.Health == flows.NeverRun:
			return river.JobSnooze(0)
		case ctx.Err() != nil && r.Health == flows.NeverRun:
			return ctx.Err()
		case r.Code == flows.Cancelled: // not by us: its mediator is being stopped
			r.Code = flows.Mediator
		}
		tries := triesOf(job.Metadata) + 1
		if pause, again := syncer.Again(r, tries, q.options.Retry); again {
			return errors.Join(river.MetadataSet(ctx, triesKey, tries), river.JobSnooze(pause))
		}
	}
	r.Meter.ID, r.Frequency, r.Run, r.Scheduled = job.Args.Meter, job.Args.Frequency, job.Args.Run, job.Args.Scheduled
	return w.save(ctx, r)
}

// read asks the meter, in its turn. Another try that fails says nothing of the way to all meters: it is for those that failed.
func (w *meterWorker) read(ctx context.Context, m flows.Meter, f flows.Frequency, again bool) (r flows.Result, err error) {
	q := w.queue
	names, err := q.metrics.names(ctx, f)
	if err != nil {
		return r, err
	}
	turn, cancel := context.WithTimeout(ctx, q.options.JobTimeout/6)
	err = q.throttle.Acquire(turn)
	cancel()
	if err != nil {
		return r, river.JobSnooze(q.options.Retry/2 + rand.N(q.options.Retry+1))
	}
	defer func() {
		if again && r.Health != flows.Healthy {
			q.throttle.Release(flows.Result{})
			return
		}
		q.throttle.Release(r)
	}()
	// What is left of the job's time is for the save.
	ctx, cancel = context.WithTimeout(ctx, q.options.JobTimeout*4/5)
	defer cancel()
	return syncer.Run(ctx, m, f, names, w.client), nil
}

// lastSave is how long after the stop of this process what has been read may still be saved.
const lastSave = 5 * time.Second

// save is done when the result is committed. A result that the database refuses is not stored, and that is.
func (w *meterWorker) save(job context.Context, r flows.Result) error {
	deadline, _ := job.Deadline()
	ctx, cancel := context.WithDeadline(context.WithoutCancel(job), deadline)
	defer cancel()
	defer context.AfterFunc(job, func() { time.AfterFunc(lastSave, cancel) })()
	err := w.queue.group.Save(ctx, r)
	if flows.Refused(err) {
		r = flows.Result{Meter: r.Meter, Frequency: r.Frequency, Run: r.Run, Scheduled: r.Scheduled, ReadAt: r.ReadAt, Duration: r.Duration,
			Code: flows.Database, Details: err.Error()}
		err = w.queue.group.Save(ctx, r)
	}
	if err == nil && w.queue.options.Done != nil {
		w.queue.options.Done(r)
	}
	return err
}

// triesKey is where a job's metadata counts the tries of its meter.
const triesKey = "tries"

func triesOf(metadata []byte) int {
	var m struct{ Tries int }
	_ = json.Unmarshal(metadata, &m) // what River wrote
	return m.Tries
}

// enabled remembers for a moment which metrics are on, for the jobs of one process.
type enabled struct {
	store interface {
		EnabledMetrics(ctx context.Context, f flows.Frequency) ([]string, error)
	}
	mu    sync.Mutex
	known map[flows.Frequency]known
}

type known struct {
	names []string
	until time.Time
}

func (e *enabled) names(ctx context.Context, f flows.Frequency) ([]string, error) {
	const fresh = 5 * time.Second
	e.mu.Lock()
	defer e.mu.Unlock()
	if k := e.known[f]; time.Now().Before(k.until) {
		return k.names, nil
	}
	names, err := e.store.EnabledMetrics(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f, err)
	}
	if e.known == nil {
		e.known = map[flows.Frequency]known{}
	}
	e.known[f] = known{names, time.Now().Add(fresh)}
	return names, nil
}
