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
