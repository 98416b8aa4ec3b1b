package postgres

import (
	"context"
	"slices"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
)

// runs finds the runs of the last 24 hours, the last finished of each frequency and ESCO, and all that have not finished.
func (l *look) runs(ctx context.Context) error {
	rows, _ := l.tx.Query(ctx, `
		select `+runColumns+` from flows.sync_runs r left join flows.escos e on e.id = r.esco
		where not r.missed and ($1::text is null or r.esco is null or r.esco = $1::text::uuid)
			and (r.finished_at is null or r.scheduled_for > now() - interval '24 hours' or r.id in (
				select distinct on (frequency, esco) id from flows.sync_runs where not missed and finished_at is not null
				order by frequency, esco, scheduled_for desc, id desc))
		order by r.scheduled_for desc, r.id desc`, l.esco)
	list, err := pgx.CollectRows(rows, scanRun)
	if err != nil || len(list) == 0 {
		return err
	}
	counts, err := l.counts(ctx, list)
	if err != nil {
		return err
	}
	for _, r := range list {
		r = l.ours(r, counts)
		rate := flows.RateOf(r)
		if r.Scheduled.After(l.Time.Add(-24 * time.Hour)) {
			l.Success.Healthy += rate.Healthy
			l.Success.Of += rate.Of
		}
		report := flows.RunReport{Run: r, Success: rate, Reasons: []flows.Reason{}}
		switch {
		case r.Finished.IsZero():
			l.Unfinished = append(l.Unfinished, report)
		case !superseded(r, l.Status.Runs):
			l.Status.Runs = append(l.Status.Runs, report)
		}
	}
	slices.Reverse(l.Unfinished)
	slices.SortStableFunc(l.Status.Runs, func(a, b flows.RunReport) int {
		return slices.Index(flows.Frequencies, a.Frequency) - slices.Index(flows.Frequencies, b.Frequency)
	})
	return l.reasons(ctx)
}

// superseded tells that a newer run asked the same meters.
func superseded(r flows.Run, newer []flows.RunReport) bool {
	return slices.ContainsFunc(newer, func(n flows.RunReport) bool {
		return n.Frequency == r.Frequency && (n.ESCO == "" || n.ESCO == r.ESCO)
	})
}

// tally is what the log says of some meters of a run.
type tally struct {
	run      int64
	inRepair bool
	verdict  flows.Verdict
}

// counts are of the meters under maintenance, which a run counts and a status does not, and of the ESCO's meters in runs of all. They go
// through the log meter by meter: it has no index by run of what went well.
func (l *look) counts(ctx context.Context, list []flows.Run) (map[tally]int, error) {
	counts := map[tally]int{}
	narrow := slices.ContainsFunc(list, l.ofMore)
	if len(l.inRepair) == 0 && !narrow {
		return counts, nil
	}
	since, ids := l.Time, make([]int64, len(list))
	for i, r := range list {
		ids[i] = r.ID
		if r.Scheduled.Before(since) {
			since = r.Scheduled
		}
	}
	rows, _ := l.tx.Query(ctx, `
		select g.run_id, r.maintenance, g.verdict, count(*)
		from flows.meter_registry r cross join lateral (
			select run_id, verdict from flows.meter_sync_log where meter_id = r.id and "timestamp" >= $1 and run_id = any($2) offset 0) g
		where r.id = any($3::text[]::uuid[]) or $4 and r.esco = $5::text::uuid
		group by 1, 2, 3`, since, ids, l.inRepair, narrow, l.esco)
	var t tally
	var n int
	_, err := pgx.ForEachRow(rows, []any{&t.run, &t.inRepair, &t.verdict, &n}, func() error {
		counts[t] = n
		return nil
	})
	return counts, err
}

// ofMore tells that the run had meters of other ESCOs too.
func (l *look) ofMore(r flows.Run) bool { return l.esco != nil && r.ESCO == "" }

// ours leaves in the run's numbers only the meters that the status is about.
func (l *look) ours(r flows.Run, counts map[tally]int) flows.Run {
	of := func(inRepair bool, v flows.Verdict) int { return counts[tally{r.ID, inRepair, v}] }
	if l.ofMore(r) {
		r.Healthy, r.Unhealthy = of(false, flows.VerdictHealthy), of(false, flows.VerdictUnhealthy)
		r.Skipped, r.NotDone = of(false, flows.VerdictSkipped), of(false, flows.VerdictNotDone)
		r.Meters, r.SkipReasons = r.Counted(), nil
		return r
	}
	before := r.Counted()
	r.Healthy -= of(true, flows.VerdictHealthy)
	r.Unhealthy -= of(true, flows.VerdictUnhealthy)
	r.Skipped -= of(true, flows.VerdictSkipped)
	r.NotDone -= of(true, flows.VerdictNotDone)
	r.Meters -= before - r.Counted()
	return r
}

// reasons takes any ten meters of each, so that a run in which a million failed alike needs no memory.
func (l *look) reasons(ctx context.Context) error {
	var ids []int64
	reports := map[int64]*flows.RunReport{}
	for _, list := range [][]flows.RunReport{l.Status.Runs, l.Unfinished} {
		for i := range list {
			ids = append(ids, list[i].ID)
			reports[list[i].ID] = &list[i]
		}
	}
	const trouble = `from flows.meter_sync_log g where g.verdict <> 'healthy' and g.meter_id <> all($3::text[]::uuid[])
		and ($2::text is null or exists (select from flows.meter_registry r where r.id = g.meter_id and r.esco = $2::text::uuid))`
	rows, _ := l.tx.Query(ctx, `
		with kinds as (select g.run_id, g.error_code, count(*) n `+trouble+` and g.run_id = any($1) group by 1, 2)
		select k.run_id, coalesce(k.error_code, ''), x.details, k.n, x.serials
		from kinds k cross join lateral (
			select (array_agg(details order by serial))[1] details, array_agg(serial order by serial) serials
			from (select g.details, coalesce((select serial from flows.meter_registry where id = g.meter_id), g.meter_id::text) serial `+trouble+`
				and g.run_id = k.run_id and g.error_code is not distinct from k.error_code limit 10) m
		) x
		order by k.run_id, k.n desc, 2`, ids, l.esco, append([]string{}, l.inRepair...))
	var id int64
	var r flows.Reason
	_, err := pgx.ForEachRow(rows, []any{&id, &r.Code, &r.Text, &r.Count, &r.Serials}, func() error {
		report := reports[id]
		report.Reasons = append(report.Reasons, r)
		r = flows.Reason{}
		return nil
	})
	return err
}

func (l *look) ticks(ctx context.Context) error {
	rows, _ := l.tx.Query(ctx, `
		select r.frequency, coalesce(e.code, ''), max(r.scheduled_for), count(*) filter (where of_today), max(r.scheduled_for) filter (where of_today)
		from (select *, missed and scheduled_for > now() - interval '24 hours' of_today from flows.sync_runs where origin = 'schedule' and scheduled_for <= now()) r
		left join flows.escos e on e.id = r.esco
		where $1::text is null or r.esco is null or r.esco = $1::text::uuid
		group by 1, 2 order by array_position(array['hourly', '12hourly', 'daily'], r.frequency), 2`, l.esco)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t flows.Tick, err error) {
		var missed *time.Time
		err = row.Scan(&t.Frequency, &t.ESCO, &t.Last, &t.Missed, &missed)
		if missed != nil {
			t.LastMissed = *missed
		}
		return t, err
	})
	l.Status.Ticks = append(l.Status.Ticks, list...)
	return err
}
