package postgres

import (
	"context"
	"slices"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
)

// halfHours is nil as long as nothing was judged.
func (l *look) halfHours(ctx context.Context) error {
	var judged bool
	if err := l.tx.QueryRow(ctx, `select exists (select from flows.register_day)`).Scan(&judged); err != nil || !judged {
		return err
	}
	h := &flows.HalfHours{Days: []string{}, Exceptions: []flows.OpenExceptions{}}
	l.Status.HalfHours = h
	for _, part := range []func(context.Context, *flows.HalfHours) error{l.yesterday, l.exceptions, l.gaps} {
		if err := part(ctx, h); err != nil {
			return err
		}
	}
	return nil
}

// noESCO is the id by which meters without one find their day.
const noESCO = "00000000-0000-0000-0000-000000000000"

// yesterday goes by registers, so that those without a row of the day count too: all their half-hours are unknown. Every register has a row
// of vee_work for each direction. The days are asked for first, and one that is not there is no reason to leave a meter out, since the planner
// else takes a few meters for granted and looks a million up one by one.
func (l *look) yesterday(ctx context.Context, h *flows.HalfHours) error {
	var escos []string
	var days, begins, ends []time.Time
	err := l.tx.QueryRow(ctx, `
		select array_agg(e.id), array_agg(d.day), array_agg(d.day::timestamp at time zone e.timezone), array_agg((d.day + 1)::timestamp at time zone e.timezone)
		from (select $2, $3 union all select id::text, timezone from flows.escos where $1::text is null or id = $1::text::uuid) e (id, timezone),
			lateral (select (now() at time zone e.timezone)::date - 1) d (day)`, l.esco, noESCO, defaultTimezone).
		Scan(&escos, &days, &begins, &ends)
	if err != nil {
		return err
	}
	return l.tx.QueryRow(ctx, `
		select coalesce(array_agg(distinct day::text), '{}'), count(*), count(*) filter (where judged), count(*) filter (where complete),
			coalesce(sum(expected), 0), coalesce(sum(estimated), 0), coalesce(sum(expected - estimated - known), 0)
		from (
			select y.day, bool_and(coalesce(w.judged_at >= y.ends, false)) judged, bool_and(coalesce(d.actual + d.derived + d.edited = d.expected, false)) complete,
				sum(coalesce(d.expected, floor(extract(epoch from y.ends - greatest(y.begins, g.start_time)) / 1800)))::bigint expected,
				coalesce(sum(d.estimated), 0) estimated, coalesce(sum(d.actual + d.derived + d.edited), 0) known
			from flows.meter_registry r
			left join unnest($3::text[]::uuid[], $4::date[], $5::timestamptz[], $6::timestamptz[]) y (esco, day, begins, ends)
				on y.esco = coalesce(r.esco, $2::text::uuid)
			join flows.meter_registers g on g.meter_id = r.id and g.status = 'enabled' and (g.start_time > y.ends - interval '30 minutes') is not true
			join flows.vee_work w using (register_id)
			left join flows.register_day d on d.register_id = w.register_id and d.direction = w.direction and d.day = y.day and d.day = any($7::date[])
			where r.mode = 'active' and not r.maintenance and ($1::text is null or r.esco = $1::text::uuid)
			group by r.id, y.day
		) m`, l.esco, noESCO, escos, days, begins, ends, slices.Compact(slices.SortedFunc(slices.Values(days), time.Time.Compare))).
		Scan(&h.Days, &h.Meters, &h.Judged, &h.Complete, &h.Expected, &h.Estimated, &h.Unknown)
}

func (l *look) exceptions(ctx context.Context, h *flows.HalfHours) error {
	rows, _ := l.tx.Query(ctx, `
		select x.rule, x.severity, count(*), count(*) filter (where m.id = any($3::text[]::uuid[]))
		from flows.vee_exceptions x left join flows.meter_registers g using (register_id), lateral (select coalesce(x.meter_id, g.meter_id) id) m
		where x.status = 'open' and (m.id = any($2::text[]::uuid[])) is not true
			and ($1::text is null or m.id in (select id from flows.meter_registry where esco = $1::text::uuid))
		group by 1, 2 order by array_position(array['critical', 'error', 'warning', 'info'], x.severity), 3 desc, 1`, l.esco, l.inRepair, l.sick)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[flows.OpenExceptions])
	h.Exceptions = append(h.Exceptions, list...)
	return err
}

// gapsOfOurs are those of the meters that the status is about, from a day on.
const gapsOfOurs = ` from flows.register_gaps p where p.day >= $3 and (p.meter_id = any($2::text[]::uuid[])) is not true
	and ($1::text is null or p.meter_id in (select id from flows.meter_registry where esco = $1::text::uuid))`

func (l *look) gaps(ctx context.Context, h *flows.HalfHours) error {
	rows, _ := l.tx.Query(ctx, `
		select day, count(*) filter (where never_reached > 0), count(*) filter (where never_reached = 0 and not_logged > 0),
			count(*) filter (where never_reached = 0 and not_logged = 0), count(*) filter (where asked_again)`+gapsOfOurs+`
		group by day order by day desc`, l.esco, l.inRepair, l.Time.UTC().Add(-flows.LogReach))
	var day, oldest time.Time
	var n flows.Gaps
	var again int
	_, err := pgx.ForEachRow(rows, []any{&day, &n.NeverReached, &n.NotLogged, &n.Invalid, &again}, func() error {
		h.Gaps.NeverReached += n.NeverReached
		h.Gaps.NotLogged += n.NotLogged
		h.Gaps.Invalid += n.Invalid
		if again > 0 {
			oldest = day
		}
		return nil
	})
	if err != nil || oldest.IsZero() {
		return err
	}
	var g flows.Gap
	err = l.tx.QueryRow(ctx, `
		select p.serial, p.element, p.direction, p.day::text, p.age_days, p.never_reached, p.day::timestamp at time zone coalesce((
			select e.timezone from flows.meter_registry r join flows.escos e on e.id = r.esco where r.id = p.meter_id), $4)`+gapsOfOurs+`
			and p.day = $3 and p.asked_again order by p.serial, p.element, p.direction desc limit 1`, l.esco, l.inRepair, oldest, defaultTimezone).
		Scan(&g.Serial, &g.Element, &g.Direction, &g.Day, &g.Age, &g.HalfHours, &g.Since)
	g.Since = g.Since.UTC()
	h.OldestGap = &g
	return err
}
