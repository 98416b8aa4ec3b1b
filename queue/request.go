package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"flows"
)

// Requests is how a person has something done by whichever process works.
type Requests struct {
	client *river.Client[pgx.Tx]
	store  requestStore
}

// requestStore is what a request needs of the store.
type requestStore interface {
	// HasWorker tells whether a process works the jobs of a queue.
	HasWorker(ctx context.Context, queue string) (bool, error)
	// Hurry puts a waiting job before all others.
	Hurry(ctx context.Context, job int64) error
}

// NewRequests makes requests on the pool's database, of a process that need not work itself.
func NewRequests(pool *pgxpool.Pool, store requestStore) (*Requests, error) {
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Schema: Schema, ReindexerIndexNames: []string{}})
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	return &Requests{client, store}, nil
}

// Read has one meter read now, before all that the schedule wants. A job that waits already is put in front; one that runs is what was
// asked for. Where nobody would ever do it, it is *flows.Refusal.
func (r *Requests) Read(ctx context.Context, meter string, f flows.Frequency) error {
	return r.insert(ctx, meterQueue, MeterSync{Meter: meter, Frequency: f})
}

// Backfill has the half-hours fetched that are missing of a meter since a time; zero = as far as its log reaches back. Where nobody would
// ever do it, it is *flows.Refusal.
func (r *Requests) Backfill(ctx context.Context, meter string, from time.Time) error {
	return r.insert(ctx, backfillQueue, MeterBackfill{Meter: meter, From: from})
}

func (r *Requests) insert(ctx context.Context, queue string, args river.JobArgs) error {
	switch worked, err := r.store.HasWorker(ctx, queue); {
	case err != nil:
		return err
	case !worked:
		return &flows.Refusal{Reason: "no worker runs that could ask the meter: start flows serve"}
	}
	res, err := r.client.Insert(ctx, args, nil)
	if err != nil {
		return flows.Errorf(flows.Database, "queue: cannot ask for the meter: %w", err)
	}
	if res.UniqueSkippedAsDuplicate {
		return r.store.Hurry(ctx, res.Job.ID)
	}
	return nil
}
