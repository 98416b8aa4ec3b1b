package postgres

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
)

// rule writes what the matters' verdicts say.
func rule(ctx context.Context, tx pgx.Tx, all []*matter, judge flows.Judge) error {
	batch := &pgx.Batch{}
	var deletes []string
	for _, d := range []flows.Direction{flows.Import, flows.Export} {
		queueIntervals(batch, all, d, &deletes)
	}
	queueDays(batch, all)
	if err := queueExceptions(ctx, tx, batch, all, judge); err != nil {
		return err
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil || len(deletes) == 0 {
		return err
	}
	_, err := tx.Exec(ctx, strings.Join(deletes, ";"), pgx.QueryExecModeSimpleProtocol)
	return err
}

// intervalsUpdate replaces what stands in the spans by what shall stand, but an actual value only by what is no less, unless a verdict on a
// read withdraws it. (All below follow from the raw data alone, and edits are among those.) What had another value is kept in the history. A half-hour of which nobody knows anything, and nobody has anything to say, has no columns; with none in the other
// direction either it has no row. ~ is the direction.
//
// It gives the statements that delete such rows, by constants: for any other delete TimescaleDB unpacks everything that it has packed.
const intervalsUpdate = `
	with new as (
		select * from unnest($1::text[]::uuid[], $2::timestamptz[], $3::text[]::numeric[], $4::text[], $5::text[], $6::text[], $7::boolean[], $8::boolean[])
			v (register_id, at, value, quality, method, reason, billable, withdraws)
	), old as (
		select i.register_id, i."timestamp" at, i.~_interval, i.~_quality, i.~_method, i.~_reason, i.~_billable,
			num_nonnulls(i.import_reason, i.export_reason) = 1 alone
		from unnest($9::text[]::uuid[], $10::timestamptz[], $11::timestamptz[]) s (register_id, start, stop)
		join flows.register_interval_hh i on i.register_id = s.register_id and i."timestamp" >= s.start and i."timestamp" < s.stop
		where i.~_reason is not null and i."timestamp" >= $12 and i."timestamp" < $13
	), changes as materialized (
		select coalesce(n.register_id, o.register_id) register_id, coalesce(n.at, o.at) at, n.value, n.quality, n.method, n.reason, n.billable,
			o.~_interval, o.~_quality, o.~_method, o.~_reason, o.~_billable, coalesce(o.alone, false) alone, n.register_id is null outside
		from new n full join old o on o.register_id = n.register_id and o.at = n.at
		where (n.value, n.quality, n.method, n.reason, n.billable) is distinct from (o.~_interval, o.~_quality, o.~_method, o.~_reason, o.~_billable)
			and (n.register_id is null or n.withdraws or o.~_quality is distinct from 'actual' or n.quality in ('edited', 'actual'))
	), kept as (
		insert into flows.register_interval_history (register_id, direction, "timestamp", "interval", quality, method, reason, billable, replaced_by)
		select register_id, '~', at, ~_interval, ~_quality, ~_method, ~_reason, ~_billable,
			case when outside then 'outside' else coalesce(quality, reason, 'MISSING') end
		from changes where ~_interval is not null and (~_interval, ~_quality) is distinct from (value, quality)
	), stored as (
		insert into flows.register_interval_hh as i (register_id, "timestamp", ~_interval, ~_quality, ~_method, ~_reason, ~_billable)
		select register_id, at, value, quality, method, reason, billable from changes where reason is not null or not alone
		on conflict (register_id, "timestamp") do update set ~_interval = excluded.~_interval, ~_quality = excluded.~_quality,
			~_method = excluded.~_method, ~_reason = excluded.~_reason, ~_billable = excluded.~_billable
	)
	select format('delete from flows.register_interval_hh where register_id = %L and "timestamp" = any (%L)', register_id, array_agg(at))
	from changes where reason is null and alone group by register_id`

var intervalsUpdates = map[flows.Direction]string{
	flows.Import: strings.ReplaceAll(intervalsUpdate, "~", "import"),
	flows.Export: strings.ReplaceAll(intervalsUpdate, "~", "export"),
}

func queueIntervals(batch *pgx.Batch, all []*matter, d flows.Direction, deletes *[]string) {
	var registers, spans []string
	var at, from, to []time.Time
	var values, qualities, methods, reasons []*string
	var billable []*bool
	var withdraws []bool
	for _, m := range all {
		if m.Direction != d {
			continue
		}
		spans = append(spans, m.Register)
		from, to = append(from, earlier(m.Span.From, m.verdict.Span.From)), append(to, later(m.Span.To, m.verdict.Span.To))
		for i := range m.verdict.Intervals {
			v := &m.verdict.Intervals[i]
			registers, at, withdraws = append(registers, m.Register), append(at, v.Start), append(withdraws, v.Withdraws)
			var value, quality, method, reason *string
			var bill *bool
			if v.Value != nil {
				s := v.Value.String()
				value, quality, method = &s, (*string)(&v.Quality), (*string)(&v.Method)
			}
			// That a record is missing needs no row: register_day says so.
			if v.Value != nil || v.Reason != string(flows.RuleMissing) {
				reason, bill = &v.Reason, &v.Billable
			}
			values, qualities, methods = append(values, value), append(qualities, quality), append(methods, method)
			reasons, billable = append(reasons, reason), append(billable, bill)
		}
	}
	if len(spans) > 0 {
		first, last := slices.MinFunc(from, time.Time.Compare), slices.MaxFunc(to, time.Time.Compare)
		batch.Queue(intervalsUpdates[d], registers, at, values, qualities, methods, reasons, billable, withdraws, spans, from, to, first, last).
			Query(func(rows pgx.Rows) (err error) {
				*deletes, err = pgx.AppendRows(*deletes, rows, pgx.RowTo[string])
				return err
			})
	}
}

// queueDays writes what the local days came to. Days of the span that are not among them are out of the register's life.
func queueDays(batch *pgx.Batch, all []*matter) {
	var n []int
	var registers, directions, energies, bills []string
	var from, to, days []time.Time
	var counts [9][]int
	for i, m := range all {
		registers, directions = append(registers, m.Register), append(directions, string(m.Direction))
		zone := calendarOf(m.Zone).zone
		from, to = append(from, dateOf(m.Span.From, zone)), append(to, dateOf(m.Span.To, zone))
		for _, d := range m.verdict.Days {
			if d.Expected == 0 {
				continue
			}
			n, days, energies, bills = append(n, i+1), append(days, d.Date), append(energies, d.Energy.String()), append(bills, d.Bill.String())
			for c, v := range []int{d.Expected, d.Actual, d.Derived, d.Estimated, d.Edited, d.Billable, d.NeverReached, d.NotLogged, d.Invalid} {
				counts[c] = append(counts[c], v)
			}
		}
	}
	batch.Queue(`
		delete from flows.register_day d using unnest($1::text[]::uuid[], $2::text[], $3::date[], $4::date[]) with ordinality s (register_id, direction, start, stop, n)
		where d.register_id = s.register_id and d.direction = s.direction and d.day >= s.start and d.day < s.stop
			and not exists (select from unnest($5::int[], $6::date[]) v (n, day) where v.n = s.n and v.day = d.day)`,
		registers, directions, from, to, n, days)
	batch.Queue(`
		insert into flows.register_day as d (register_id, direction, day, energy, expected, actual, derived, estimated, edited, billable, never_reached, not_logged, invalid, billable_energy)
		select ($1::text[]::uuid[])[v.n], ($2::text[])[v.n], v.day, v.energy, v.a, v.b, v.c, v.d, v.e, v.f, v.g, v.h, v.i, v.bill
		from unnest($3::int[], $4::date[], $5::text[]::numeric[], $6::int[], $7::int[], $8::int[], $9::int[], $10::int[], $11::int[], $12::int[], $13::int[], $14::int[], $15::text[]::numeric[])
			v (n, day, energy, a, b, c, d, e, f, g, h, i, bill)
		on conflict (register_id, direction, day) do update set energy = excluded.energy, expected = excluded.expected, actual = excluded.actual,
			derived = excluded.derived, estimated = excluded.estimated, edited = excluded.edited, billable = excluded.billable,
			never_reached = excluded.never_reached, not_logged = excluded.not_logged, invalid = excluded.invalid, billable_energy = excluded.billable_energy
		where (d.energy, d.expected, d.actual, d.derived, d.estimated, d.edited, d.billable, d.never_reached, d.not_logged, d.invalid, d.billable_energy)
			<> (excluded.energy, excluded.expected, excluded.actual, excluded.derived, excluded.estimated, excluded.edited, excluded.billable,
				excluded.never_reached, excluded.not_logged, excluded.invalid, excluded.billable_energy)`,
		registers, directions, n, days, energies, counts[0], counts[1], counts[2], counts[3], counts[4], counts[5], counts[6], counts[7], counts[8], bills)
}

// dateOf is the local date of a time, as midnight UTC.
func dateOf(t time.Time, zone *time.Location) time.Time {
	y, m, d := t.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// settled says what has been judged, and when to look again if nothing comes: half-hours that do not come have to be missed.
func settled(ctx context.Context, tx pgx.Tx, all []*matter) error {
	var registers, directions, notRun []string
	var next []time.Time
	var every []float64
	for _, m := range all {
		if !m.current {
			continue
		}
		why := []byte("{}")
		if m.verdict.NotRun != nil {
			why, _ = json.Marshal(m.verdict.NotRun) // strings
		}
		registers, directions, notRun = append(registers, m.Register), append(directions, string(m.Direction)), append(notRun, string(why))
		next, every = append(next, m.verdict.Next), append(every, -1)
		if m.enabled {
			every[len(every)-1] = max(m.LogEvery, time.Hour).Seconds()
		}
	}
	_, err := tx.Exec(ctx, `
		update flows.vee_work w set changed_from = null, changed_to = null, judged_at = now(), next_from = v.next, not_run = v.not_run,
			due_at = case when v.every > 0 then now() + v.every * interval '1 second' else 'infinity' end
		from unnest($1::text[]::uuid[], $2::text[], $3::timestamptz[], $4::text[]::jsonb[], $5::float8[]) v (register_id, direction, next, not_run, every)
		where w.register_id = v.register_id and w.direction = v.direction`, registers, directions, next, notRun, every)
	return err
}
