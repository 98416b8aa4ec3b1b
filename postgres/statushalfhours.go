package postgres

import (
	"context"
	"errors"
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

// localDay is the one before today in a time zone.
type localDay struct {
	date, begins, ends time.Time
	escos              []string // ids
	noESCO             bool     // meters without an ESCO have it too
}

func (l *look) yesterday(ctx context.Context, h *flows.HalfHours) error {
	rows, _ := l.tx.Query(ctx, `
		select d.day, b.begins, b.ends, coalesce(array_agg(e.id::text) filter (where e.id is not null), '{}'), bool_or(e.id is null)
		from (select null::uuid, $2 where $1::text is null union all select id, timezone from flows.escos where $1::text is null or id = $1::text::uuid) e (id, timezone),
			lateral (select (now() at time zone e.timezone)::date - 1) d (day),
			lateral (select d.day::timestamp at time zone e.timezone, (d.day + 1)::timestamp at time zone e.timezone) b (begins, ends)
		group by 1, 2, 3 order by 1`, l.esco, defaultTimezone)
	days, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (d localDay, err error) {
		err = row.Scan(&d.date, &d.begins, &d.ends, &d.escos, &d.noESCO)
		return d, err
	})
	for _, d := range days {
		if err == nil {
			err = l.day(ctx, h, d)
		}
	}
	h.Days = slices.Compact(h.Days)
	return err
}

// day counts meters of which something is not known, or was not judged, and takes them from all that had a register: they are few, at least
// by noon. Whoever judges writes a row of every day that has begun. So what has no row and was judged since is the export of a meter that
// has none, and of what was not judged since all is unknown. (Both halves have the same types, or they are not read in parallel.)
func (l *look) day(ctx context.Context, h *flows.HalfHours, d localDay) error {
	const (
		meters    = `r.mode = 'active' and not r.maintenance and (r.esco = any($1::text[]::uuid[]) or $2 and r.esco is null)`
		registers = `g.meter_id = r.id and g.status = 'enabled' and g.start_time <= $5::timestamptz - interval '30 minutes'`
	)
	var all, late, lacking, expected, estimated, known int
	err := l.tx.QueryRow(ctx, `
		select (select count(*) from flows.meter_registry r where `+meters+` and exists (select from flows.meter_registers g where `+registers+`)),
			count(*) filter (where late), count(*) filter (where lacking), coalesce(sum(expected), 0), coalesce(sum(estimated), 0), coalesce(sum(known), 0)
		from (
			select bool_or(late) late, bool_or(lacking) lacking, sum(expected) expected, sum(estimated) estimated, sum(known) known
			from (
				select r.id, false late, k.known < d.expected lacking, d.expected, d.estimated, k.known
				from flows.meter_registry r, flows.meter_registers g, flows.register_day d, lateral (select d.actual + d.derived + d.edited known) k
				where `+meters+` and `+registers+` and d.register_id = g.register_id and d.day = $3
				union all
				select r.id, true, k.lacking,
					case when k.lacking then floor(extract(epoch from $5 - greatest($4::timestamptz, g.start_time)) / 1800) else 0 end::smallint, 0::smallint, 0::smallint
				from flows.meter_registry r, flows.meter_registers g, flows.vee_work w, lateral (select coalesce(w.judged_at < $4, true) lacking) k
				where `+meters+` and `+registers+` and w.register_id = g.register_id and (w.judged_at is null or w.judged_at < $5)
			) x group by case when late or lacking then id end
		) m`, d.escos, d.noESCO, d.date, d.begins, d.ends).
		Scan(&all, &late, &lacking, &expected, &estimated, &known)
	if all > 0 {
		h.Days = append(h.Days, d.date.Format(time.DateOnly))
	}
	h.Meters, h.Judged, h.Complete = h.Meters+all, h.Judged+all-late, h.Complete+all-lacking
	h.Expected, h.Estimated, h.Unknown = h.Expected+expected, h.Estimated+estimated, h.Unknown+expected-estimated-known
	return err
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

// gaps counts those of some days only, since they are strewn over all rows of a day; the index gives the oldest day.
func (l *look) gaps(ctx context.Context, h *flows.HalfHours) error {
	since := func(d time.Duration) time.Time { return l.Time.UTC().Add(-d) }
	err := l.tx.QueryRow(ctx, `
		select count(*) filter (where never_reached > 0), count(*) filter (where never_reached = 0 and not_logged > 0),
			count(*) filter (where never_reached = 0 and not_logged = 0)`+gapsOfOurs, l.esco, l.inRepair, since(flows.GapsWithin)).
		Scan(&h.Gaps.NeverReached, &h.Gaps.NotLogged, &h.Gaps.Invalid)
	if err != nil {
		return err
	}
	var g flows.Gap
	err = l.tx.QueryRow(ctx, `
		select p.serial, p.element, p.direction, p.day::text, p.age_days, p.never_reached, p.day::timestamp at time zone coalesce((
			select e.timezone from flows.meter_registry r join flows.escos e on e.id = r.esco where r.id = p.meter_id), $4)`+gapsOfOurs+`
			and p.asked_again and p.day = (select p.day`+gapsOfOurs+` and p.asked_again order by p.day limit 1)
		order by p.serial, p.element, p.direction desc limit 1`, l.esco, l.inRepair, since(flows.LogReach), defaultTimezone).
		Scan(&g.Serial, &g.Element, &g.Direction, &g.Day, &g.Age, &g.HalfHours, &g.Since)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	g.Since = g.Since.UTC()
	h.OldestGap = &g
	return err
}
