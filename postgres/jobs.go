package postgres

import (
	"context"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Pool is for the queue, which keeps its jobs in the same database.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// waitingStates are those of a job that has not come to its end.
const waitingStates = `('available', 'pending', 'running', 'retryable', 'scheduled')`

// Waiting gives the meters that have a job of this frequency already, each with the time its run was due, zero when a person asked.
func (s *Store) Waiting(ctx context.Context, f flows.Frequency) (map[string]time.Time, error) {
	rows, _ := s.pool.Query(ctx, `
		select args->>'meter', case when (args->>'run')::bigint > 0 then (args->>'scheduled')::timestamptz end
		from river.river_job where kind = 'meter_sync' and state in `+waitingStates+` and args->>'frequency' = $1`, f)
	waiting := map[string]time.Time{}
	var meter string
	var at *time.Time
	_, err := pgx.ForEachRow(rows, []any{&meter, &at}, func() error {
		waiting[meter] = time.Time{}
		if at != nil {
			waiting[meter] = *at
		}
		return nil
	})
	return waiting, trouble("list waiting meters", err)
}

// workerSilence is how long a worker that lives may give no sign. River's give one when they start and every ten minutes.
const workerSilence = 25 * time.Minute

// HasWorker tells whether a process works the jobs of a queue. That the last one has ended shows a while later.
func (s *Store) HasWorker(ctx context.Context, queue string) (has bool, err error) {
	err = s.pool.QueryRow(ctx, `
		select exists (select from river.river_queue where name = $1 and updated_at > now() - $2::interval)`, queue, workerSilence).Scan(&has)
	return has, trouble("look for a worker", err)
}

// Hurry puts a waiting job before all others. What runs already runs on.
func (s *Store) Hurry(ctx context.Context, job int64) error {
	_, err := s.pool.Exec(ctx, `
		update river.river_job set priority = 1, scheduled_at = least(scheduled_at, now()), state = 'available'
		where id = $1 and state in ('available', 'scheduled', 'retryable')`, job)
	return trouble("hurry a job", err)
}

// DueMeter gives a meter as a run needs it; false when it is not to be asked (any more).
func (s *Store) DueMeter(ctx context.Context, id string) (m flows.Meter, due bool, err error) {
	rows, _ := s.pool.Query(ctx, meters+` where r.id = $1::uuid and r.mode = 'active' and r.ip_address is not null`, id)
	list, err := pgx.CollectRows(rows, scanMeter)
	if err != nil || len(list) == 0 {
		return m, false, trouble("look for a meter", err)
	}
	return list[0], true, nil
}
