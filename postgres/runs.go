package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
)

// Tx runs f in one transaction.
func (s *Store) Tx(ctx context.Context, f func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, s.pool, f)
}

// LastTicks gives the database's time, which all schedulers share, and the last tick of each frequency that has a run. A tick that lies in
// the future, made when the database's clock was ahead, must not keep others from being made.
func (s *Store) LastTicks(ctx context.Context, tx pgx.Tx, esco string) (now time.Time, last map[flows.Frequency]time.Time, err error) {
	last = map[flows.Frequency]time.Time{}
	rows, _ := tx.Query(ctx, `
		select now(), f.frequency, (
			select max(r.scheduled_for) from flows.sync_runs r left join flows.escos e on e.id = r.esco
			where r.frequency = f.frequency and r.origin = 'schedule' and r.scheduled_for <= now() and coalesce(lower(e.code), '') = lower($1))
		from unnest(array['hourly', '12hourly', 'daily']) f (frequency)`, esco)
	var f flows.Frequency
	var at *time.Time
	_, err = pgx.ForEachRow(rows, []any{&now, &f, &at}, func() error {
		if at != nil {
			last[f] = *at
		}
		return nil
	})
	return now, last, trouble("look for the last runs", err)
}

// AddRun makes a run exist. False: it does already, and whoever made it has its job. A missed run is over from the start.
func (s *Store) AddRun(ctx context.Context, tx pgx.Tx, r flows.Run) (id int64, added bool, err error) {
	var esco *string // a code that is no longer known must not become a run of all meters
	if r.ESCO != "" {
		err := tx.QueryRow(ctx, `select id::text from flows.escos where lower(code) = lower($1)`, r.ESCO).Scan(&esco)
		if errors.Is(err, pgx.ErrNoRows) {
			return 0, false, &UnknownESCO{Code: r.ESCO}
		}
		if err != nil {
			return 0, false, trouble("look for an ESCO", err)
		}
	}
	err = tx.QueryRow(ctx, `
		insert into flows.sync_runs (frequency, esco, origin, scheduled_for, missed, finished_at)
		values ($1, $2::text::uuid, $3, $4, $5, case when $5 then now() end)
		on conflict do nothing returning id`, r.Frequency, esco, r.Origin, r.Scheduled, r.Missed).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, false, nil
	}
	return id, err == nil, trouble("add a run", err)
}

// BeginRun makes the run of somebody's command, which has all its meters already.
func (s *Store) BeginRun(ctx context.Context, r flows.Run) (id int64, err error) {
	err = s.pool.QueryRow(ctx, `
		insert into flows.sync_runs (frequency, esco, origin, scheduled_for, started_at, listed_at, finished_at, meters)
		values ($1, (select id from flows.escos where lower(code) = lower($2)), $3, $4::timestamptz, $4, $4, case when $5 = 0 then $4 end, $5::integer)
		returning id`, r.Frequency, r.ESCO, r.Origin, r.Scheduled, r.Meters).Scan(&id)
	return id, trouble("begin a run", err)
}

const runColumns = `r.id, r.frequency, coalesce(e.code, ''), r.origin, r.scheduled_for, r.missed, r.started_at, r.listed_at, r.finished_at,
	r.meters, r.healthy, r.unhealthy, r.skipped, r.not_done, r.skip_reasons`

func scanRun(row pgx.CollectableRow) (r flows.Run, err error) {
	var started, listed, finished *time.Time
	var reasons []byte
	err = row.Scan(&r.ID, &r.Frequency, &r.ESCO, &r.Origin, &r.Scheduled, &r.Missed, &started, &listed, &finished,
		&r.Meters, &r.Healthy, &r.Unhealthy, &r.Skipped, &r.NotDone, &reasons)
	for to, from := range map[*time.Time]*time.Time{&r.Started: started, &r.Listed: listed, &r.Finished: finished} {
		if from != nil {
			*to = *from
		}
	}
	if err == nil {
		err = json.Unmarshal(reasons, &r.SkipReasons)
	}
	return r, err
}

// StartRun notes that work on the run has begun, and gives it.
func (s *Store) StartRun(ctx context.Context, id int64) (flows.Run, error) {
	rows, _ := s.pool.Query(ctx, `
		with r as (update flows.sync_runs set started_at = coalesce(started_at, now()) where id = $1 returning *)
		select `+runColumns+` from r left join flows.escos e on e.id = r.esco`, id)
	r, err := pgx.CollectExactlyOneRow(rows, scanRun)
	return r, trouble("start a run", err)
}

// Runs gives the newest runs, newest first, missed ones too.
func (s *Store) Runs(ctx context.Context, limit int) ([]flows.Run, error) {
	rows, _ := s.pool.Query(ctx, `
		select `+runColumns+` from flows.sync_runs r left join flows.escos e on e.id = r.esco order by r.scheduled_for desc, r.id desc limit $1`, limit)
	list, err := pgx.CollectRows(rows, scanRun)
	return list, trouble("list runs", err)
}

// NextMeters gives the run's due meters that are not listed yet, id and serial, limit of them at the most; done: there are none behind them.
// It locks the run until the transaction ends: whoever else lists it waits, and goes on behind.
func (s *Store) NextMeters(ctx context.Context, tx pgx.Tx, run int64, limit int) (list []flows.Meter, done bool, err error) {
	var through string
	var esco *string
	// Two runs of one frequency, of an ESCO and of all, say, would insert jobs of the same meters and wait for each other in a circle.
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtext('flows.sync_runs ' || frequency)) from flows.sync_runs where id = $1`, run); err != nil {
		return nil, false, trouble("lock a frequency", err)
	}
	err = tx.QueryRow(ctx, `select listed_through, esco::text, listed_at is not null from flows.sync_runs where id = $1 for update`, run).
		Scan(&through, &esco, &done)
	if err != nil || done {
		return nil, done, trouble("lock a run", err)
	}
	rows, _ := tx.Query(ctx, `
		select r.id::text, r.serial from flows.meter_registry r
		where r.mode = 'active' and r.ip_address is not null and r.serial > $1 and ($2::uuid is null or r.esco = $2::uuid)
		order by r.serial limit $3`, through, esco, limit)
	list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (m flows.Meter, err error) {
		err = row.Scan(&m.ID, &m.Serial)
		return m, err
	})
	return list, len(list) < limit, trouble("list the meters of a run", err)
}

// Listed notes that these meters have their jobs, but for those skipped for the reasons given.
func (s *Store) Listed(ctx context.Context, tx pgx.Tx, run int64, list []flows.Meter, done bool, skipped map[string]int) error {
	n := 0
	for _, count := range skipped {
		n += count
	}
	reasons, err := json.Marshal(skipped)
	if err != nil {
		return err
	}
	var last *string
	if len(list) > 0 {
		last = &list[len(list)-1].Serial
	}
	_, err = tx.Exec(ctx, `
		update flows.sync_runs set meters = meters + $2, skipped = skipped + $3, listed_through = coalesce($4, listed_through),
			listed_at = case when $5 then now() end,
			skip_reasons = (select coalesce(jsonb_object_agg(key, n), '{}') from (
				select key, sum(value::int) n from (select * from jsonb_each_text(skip_reasons) union all select * from jsonb_each_text($6::jsonb)) b group by key) c)
		where id = $1`, run, len(list), n, last, done, string(reasons))
	return trouble("note the meters of a run", err)
}

// EndRun accounts for the meters of a run that have not come to an end and will not: notDone is how many were not done in all, those with no
// row in the log too; the others are skipped for that reason.
func (s *Store) EndRun(ctx context.Context, id int64, notDone int, why string) error {
	_, err := s.pool.Exec(ctx, `
		update flows.sync_runs set not_done = not_done + lost, skipped = skipped + rest - lost,
			skip_reasons = skip_reasons || case when rest > lost then jsonb_build_object($3::text, rest - lost) else '{}' end
		from (
			select rest, least(rest, greatest(0, $2::integer - not_done)) lost
			from (select meters - healthy - unhealthy - skipped - not_done rest, not_done from flows.sync_runs where id = $1) c
		) c
		where id = $1 and finished_at is null and rest > 0`, id, notDone, why)
	return trouble("end a run", err)
}

// CloseRuns ends the runs that have no job left and heard of none for the idle time: what is not counted was lost with its job, and is
// counted as not done. A run whose meters never were listed is taken for a missed one. A command has no jobs: it may have been stopped for a
// while, and gets an hour at least. It gives how many runs that were.
func (s *Store) CloseRuns(ctx context.Context, idle time.Duration) (int64, error) {
	tag, err := s.pool.Exec(ctx, `
		update flows.sync_runs r set listed_at = coalesce(listed_at, now()), missed = listed_at is null,
			not_done = not_done + greatest(0, meters - healthy - unhealthy - skipped - not_done)
		where finished_at is null and greatest(scheduled_for, started_at, listed_at, saved_at) < now() - case origin when 'command' then greatest($1::interval, interval '1 hour') else $1::interval end
			and not exists (select from river.river_job j
				where j.kind in ('meter_sync', 'meter_sync_all') and j.state in `+waitingStates+`
				and (j.args->>'run')::bigint = r.id)`, idle)
	return tag.RowsAffected(), trouble("close runs", err)
}

// Prune deletes what the log has that is older, at most limit rows of it, and the runs, but for the newest of each schedule, by which it
// is known what is due. It gives the number of rows. Exceptions that nobody has to answer any more are resolved: old news, and half-hours
// that no meter has any more (register_day keeps count of them).
func (s *Store) Prune(ctx context.Context, keep time.Duration, limit int) (int64, error) {
	tag, err := s.pool.Exec(ctx, `
		delete from flows.meter_sync_log where ctid = any(array(select ctid from flows.meter_sync_log where "timestamp" < now() - $1::interval limit $2))`, keep, limit)
	if err == nil && tag.RowsAffected() < int64(limit) {
		_, err = s.pool.Exec(ctx, `
			delete from flows.sync_runs r where scheduled_for < now() - $1::interval and finished_at is not null and (origin <> 'schedule' or exists (
				select from flows.sync_runs n where n.frequency = r.frequency and n.esco is not distinct from r.esco and n.origin = 'schedule'
					and n.scheduled_for > r.scheduled_for and n.scheduled_for <= now()))`, keep)
	}
	if err == nil {
		_, err = s.pool.Exec(ctx, `
			update flows.vee_exceptions set status = 'resolved', who = 'flows', why = 'nobody had to answer it' where id = any(array(
				select id from flows.vee_exceptions where status = 'open' and (severity = 'info' and last_seen < now() - $1::interval
					or rule = 'MISSING' and period_to < now() - interval '100 days') limit $2))`, keep, limit)
	}
	return tag.RowsAffected(), trouble("prune the log", err)
}
