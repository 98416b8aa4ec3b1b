package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Drifted gives the serials of the meters that a run asks and whose clock was last seen at least this many seconds off.
func (s *Store) Drifted(ctx context.Context, esco string, seconds int) ([]string, error) {
	if err := s.known(ctx, Filter{ESCO: esco}); err != nil {
		return nil, err
	}
	rows, _ := s.pool.Query(ctx, `
		select r.serial from flows.meter_registry r
		join flows.meter_shadows s on s.id = r.id
		left join flows.escos e on e.id = r.esco
		where `+chosen+` and abs(s.clock_time_diff_seconds) >= $4 order by r.serial`, append(args(Filter{ESCO: esco, Due: true}), seconds)...)
	serials, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return serials, trouble("list drifted meters", err)
}

// SaveClock stores how far a meter's clock is off.
func (s *Store) SaveClock(ctx context.Context, meterID string, seconds int, at time.Time) error {
	_, err := s.pool.Exec(ctx, `
		update flows.meter_shadows set clock_time_diff_seconds = $2, clock_time_diff_synced_at = $3, read_at = $3 where id = $1::text::uuid`,
		meterID, seconds, at.UTC().Truncate(time.Microsecond))
	return trouble("save a clock difference", err)
}
