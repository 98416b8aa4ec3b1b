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
	store  hurrier
}

// hurrier puts a waiting job before all others.
type hurrier interface {
	Hurry(ctx context.Context, job int64) error
}

// NewRequests makes requests on the pool's database, of a process that need not work itself.
func NewRequests(pool *pgxpool.Pool, store hurrier) (*Requests, error) {
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Schema: Schema, ReindexerIndexNames: []string{}})
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	return &Requests{client, store}, nil
}

// Read has one meter read now, before all that the schedule wants. A job that waits already is put in front; one that runs is what was
// asked for.
func (r *Requests) Read(ctx context.Context, meter string, f flows.Frequency) error {
	return r.insert(ctx, MeterSync{Meter: meter, Frequency: f})
}

// Backfill has the half-hours fetched that are missing of a meter since a time; zero = as far as its log reaches back.
func (r *Requests) Backfill(ctx context.Context, meter string, from time.Time) error {
	return r.insert(ctx, MeterBackfill{Meter: meter, From: from})
}

func (r *Requests) insert(ctx context.Context, args river.JobArgs) error {
	res, err := r.client.Insert(ctx, args, nil)
	if err != nil {
		return flows.Errorf(flows.Database, "queue: cannot ask for the meter: %w", err)
	}
	if res.UniqueSkippedAsDuplicate {
		return r.store.Hurry(ctx, res.Job.ID)
	}
	return nil
}
