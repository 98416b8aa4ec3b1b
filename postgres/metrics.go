package postgres

import (
	"context"

	"flows"

	"github.com/jackc/pgx/v5"
)

// Metrics lists meter_metrics as it is, disabled rows too.
func (s *Store) Metrics(ctx context.Context) ([]flows.Metric, error) {
	rows, _ := s.pool.Query(ctx, `
		select name, enabled, run_frequency from flows.meter_metrics
		order by array_position(array['hourly', '12hourly', 'daily'], run_frequency), lower(name), enabled desc`)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m flows.Metric, err error) {
		err = row.Scan(&m.Name, &m.Enabled, &m.Frequency)
		return m, err
	})
	return list, trouble("list metrics", err)
}

// EnabledMetrics gives the names to read at a frequency, each once: SyncerCSQ and SyncerCsq are one.
func (s *Store) EnabledMetrics(ctx context.Context, f flows.Frequency) ([]string, error) {
	rows, _ := s.pool.Query(ctx, `
		select min(name collate "C") from flows.meter_metrics
		where enabled and run_frequency = $1 group by lower(name) order by lower(name)`, f)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return list, trouble("list enabled metrics", err)
}

// SetMetric has a metric read at a frequency from now on, or not any more; changed is false when it was so already. Of several rows that
// say the same all are changed, and a row is added only where there is none.
func (s *Store) SetMetric(ctx context.Context, m flows.Metric) (changed bool, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		// The table has no key that could keep two at a time from adding the same row.
		if _, err := tx.Exec(ctx, `lock table flows.meter_metrics in share row exclusive mode`); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `
			with there as (select enabled from flows.meter_metrics where lower(name) = lower($1) and run_frequency = $2),
			changed as (update flows.meter_metrics set enabled = $3
				where lower(name) = lower($1) and run_frequency = $2 and enabled <> $3 and $3 <> (select bool_or(enabled) from there) returning 1),
			added as (insert into flows.meter_metrics (name, enabled, run_frequency)
				select $1, true, $2 where $3 and not exists (select from there) returning 1)
			select exists (select from changed) or exists (select from added)`, m.Name, m.Frequency, m.Enabled).Scan(&changed)
	})
	return changed, trouble("set a metric", err)
}
