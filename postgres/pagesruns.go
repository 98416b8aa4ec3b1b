package postgres

import (
	"context"
	"fmt"
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
	from, err := strconv.ParseInt(q.From.Key, 10, 64)
	if err != nil {
		q.From = flows.Cursor{} // what is no id is before all of them
	}
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
	err = s.looking(ctx, func(tx pgx.Tx) error {
		list, err := reports(ctx, tx, 1, `r.id = $2`, id)
		if err != nil || len(list) == 0 {
			return err
		}
		l := look{tx: tx, Status: flows.Status{Runs: list}}
		err = l.reasons(ctx)
		r = l.Status.Runs[0]
		return err
	})
	if err == nil && r.ID == 0 {
		return r, &flows.NoRun{ID: id}
	}
	return r, trouble("look at a run", err)
}

// RunBars gives the newest runs since a time, oldest first, limit of them at the most, each with how many meters had which trouble.
func (s *Store) RunBars(ctx context.Context, esco string, since time.Time, limit int) (list []flows.RunReport, err error) {
	err = s.looking(ctx, func(tx pgx.Tx) (err error) {
		list, err = reports(ctx, tx, limit, `r.scheduled_for >= $2 and ($3 = '' or e.code is null or lower(e.code) = lower($3))`, since, esco)
		if err != nil || len(list) == 0 {
			return err
		}
		return countTroubles(ctx, tx, list)
	})
	slices.Reverse(list)
	return list, trouble("look at the last runs", err)
}

// looking sees one moment.
func (s *Store) looking(ctx context.Context, f func(pgx.Tx) error) error {
	return pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, f)
}

// reports gives the newest runs, the newest first, with no reasons yet.
func reports(ctx context.Context, tx pgx.Tx, limit int, where string, args ...any) ([]flows.RunReport, error) {
	rows, _ := tx.Query(ctx, `
		select `+runColumns+` from flows.sync_runs r left join flows.escos e on e.id = r.esco where `+where+`
		order by r.scheduled_for desc, r.id desc limit $1`, append([]any{limit}, args...)...)
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (flows.RunReport, error) {
		r, err := scanRun(row)
		return flows.RunReport{Run: r, Success: flows.RateOf(r), Reasons: []flows.Reason{}}, err
	})
}

// countTroubles fills in the reasons, without their words: a bar has no room for them.
func countTroubles(ctx context.Context, tx pgx.Tx, list []flows.RunReport) error {
	var ids []int64
	at := map[int64]int{}
	for i, r := range list {
		ids = append(ids, r.ID)
		at[r.ID] = i
	}
	rows, _ := tx.Query(ctx, `
		select run_id, coalesce(error_code, ''), count(*) from flows.meter_sync_log where verdict <> 'healthy' and run_id = any($1)
		group by run_id, error_code order by run_id, 3 desc, 2`, ids)
	var id int64
	var r flows.Reason
	_, err := pgx.ForEachRow(rows, []any{&id, &r.Code, &r.Count}, func() error {
		list[at[id]].Reasons = append(list[at[id]].Reasons, r)
		return nil
	})
	return err
}

// RunMeters gives the meters of a run that did not come out healthy. One that is in the registry no more is called by its id. The conditions
// are put together, since one plan for all of them is a bad one for a run in which most failed.
func (s *Store) RunMeters(ctx context.Context, q flows.RunMeterQuery) ([]flows.RunMeter, error) {
	if !storable(string(q.Code) + q.From.Key) {
		return nil, nil
	}
	const serial = `coalesce(m.serial, g.meter_id::text)`
	where, args := "", []any{q.Run, q.Limit}
	switch q.Code {
	case "":
	case "-":
		where = ` and g.error_code is null`
	default:
		args = append(args, q.Code)
		where = fmt.Sprintf(` and g.error_code = $%d`, len(args))
	}
	way, than := "asc", ">"
	if q.From.Back {
		way, than = "desc", "<"
	}
	if q.From.Key != "" {
		args = append(args, q.From.Key)
		where += fmt.Sprintf(` and %s %s $%d`, serial, than, len(args))
	}
	rows, _ := s.pool.Query(ctx, `
		select `+serial+`, coalesce(m.name, ''), g.verdict, coalesce(g.error_code, ''), coalesce(g.error_object, ''), g.details, coalesce(g.read_at, '0001-01-01Z'),
			g.duration_ms / 1000.0::float8
		from flows.meter_sync_log g left join flows.meter_registry m on m.id = g.meter_id
		where g.run_id = $1 and g.verdict <> 'healthy'`+where+`
		order by 1 `+way+` limit nullif($2, 0)`, args...)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[flows.RunMeter])
	for i := range list {
		list[i].ReadAt = list[i].ReadAt.UTC()
	}
	if q.From.Back {
		slices.Reverse(list)
	}
	return list, trouble("list the meters of a run", err)
}

// RunSerials gives, by code, which meters of a run did not come out healthy, at most so many in all.
func (s *Store) RunSerials(ctx context.Context, run int64, limit int) (map[flows.Code][]string, error) {
	rows, _ := s.pool.Query(ctx, `
		select coalesce(g.error_code, ''), coalesce(m.serial, g.meter_id::text)
		from (select error_code, meter_id from flows.meter_sync_log where run_id = $1 and verdict <> 'healthy' limit $2) g
		left join flows.meter_registry m on m.id = g.meter_id`, run, limit)
	serials := map[flows.Code][]string{}
	var code flows.Code
	var serial string
	_, err := pgx.ForEachRow(rows, []any{&code, &serial}, func() error {
		serials[code] = append(serials[code], serial)
		return nil
	})
	return serials, trouble("look for the meters of a run", err)
}
