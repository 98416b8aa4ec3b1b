package postgres

import (
	"context"
	"slices"
	"strconv"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
)

// RunLines gives runs, newest first. Errors: *flows.UnknownESCO, or *flows.Error with Database.
func (s *Store) RunLines(ctx context.Context, q flows.RunQuery) ([]flows.Run, error) {
	if err := s.known(ctx, Filter{ESCO: q.ESCO}); err != nil {
		return nil, err
	}
	from, _ := strconv.ParseInt(q.From.Key, 10, 64) // what is no id is before all of them
	way, than := "desc", "<"
	if q.From.Back {
		way, than = "asc", ">"
	}
	rows, _ := s.pool.Query(ctx, `
		select `+runColumns+` from flows.sync_runs r left join flows.escos e on e.id = r.esco
		where ($1 = '' or e.code is null or lower(e.code) = lower($1)) and ($2 = '' or r.frequency = $2) and ($3::timestamptz is null or r.scheduled_for >= $3)
			and ($4::bigint = 0 or r.id `+than+` $4)
		order by r.id `+way+` limit nullif($5, 0)`, q.ESCO, q.Frequency, when(q.Since), from, q.Limit)
	list, err := pgx.CollectRows(rows, scanRun)
	if q.From.Back {
		slices.Reverse(list)
	}
	return list, trouble("list runs", err)
}

// when is null for the zero time.
func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// RunPage gives a run with its troubles, the most frequent first. Errors: *flows.NoRun, or *flows.Error with Database.
func (s *Store) RunPage(ctx context.Context, id int64) (r flows.RunReport, err error) {
	list, err := s.reports(ctx, `r.id = $1`, id)
	switch {
	case err != nil:
		return r, trouble("look at a run", err)
	case len(list) == 0:
		return r, &flows.NoRun{ID: id}
	}
	return list[0], nil
}

// RunBars gives the newest runs since a time, oldest first, limit of them at the most, each with its troubles.
func (s *Store) RunBars(ctx context.Context, esco string, since time.Time, limit int) ([]flows.RunReport, error) {
	list, err := s.reports(ctx, `r.id in (
		select r.id from flows.sync_runs r left join flows.escos e on e.id = r.esco
		where r.scheduled_for >= $1 and ($2 = '' or e.code is null or lower(e.code) = lower($2)) order by r.scheduled_for desc, r.id desc limit $3)`, since, esco, limit)
	slices.Reverse(list)
	return list, trouble("look at the last runs", err)
}

// reports gives runs, newest first, with their troubles.
func (s *Store) reports(ctx context.Context, where string, args ...any) (list []flows.RunReport, err error) {
	err = pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `
			select `+runColumns+` from flows.sync_runs r left join flows.escos e on e.id = r.esco where `+where+` order by r.scheduled_for desc, r.id desc`, args...)
		runs, err := pgx.CollectRows(rows, scanRun)
		if err != nil || len(runs) == 0 {
			return err
		}
		l := look{tx: tx}
		for _, r := range runs {
			l.Status.Runs = append(l.Status.Runs, flows.RunReport{Run: r, Success: flows.RateOf(r), Reasons: []flows.Reason{}})
		}
		err = l.reasons(ctx)
		list = l.Status.Runs
		return err
	})
	return list, err
}

// RunMeters gives the meters of a run that did not come out healthy.
func (s *Store) RunMeters(ctx context.Context, q flows.RunMeterQuery) ([]flows.RunMeter, error) {
	if !storable(q.From.Key) {
		return nil, nil
	}
	way, than := "asc", ">"
	if q.From.Back {
		way, than = "desc", "<"
	}
	rows, _ := s.pool.Query(ctx, `
		select m.serial, coalesce(m.name, ''), g.verdict, coalesce(g.error_code, ''), coalesce(g.error_object, ''), g.details, coalesce(g.read_at, '0001-01-01Z'), g.duration_ms / 1000.0::float8
		from flows.meter_sync_log g join flows.meter_registry m on m.id = g.meter_id
		where g.run_id = $1 and g.verdict <> 'healthy' and ($2 = '' or coalesce(g.error_code, '-') = $2) and ($3 = '' or m.serial `+than+` $3)
		order by m.serial `+way+` limit nullif($4, 0)`, q.Run, q.Code, q.From.Key, q.Limit)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[flows.RunMeter])
	for i := range list {
		list[i].ReadAt = list[i].ReadAt.UTC()
	}
	if q.From.Back {
		slices.Reverse(list)
	}
	return list, trouble("list the meters of a run", err)
}
