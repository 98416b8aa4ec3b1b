package postgres

import (
	"context"
	"fmt"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
)

// settleBatch is how many registers are judged in one transaction: enough to write set-wise, few enough that savers wait for none of
// them for long.
const settleBatch = 64

// Settle judges registers, in both directions, of which raw data have come or which are due, and writes what shall stand: at most one batch,
// of these meters or, with none named, of those that have waited longest. It tells how many it took; none means that nothing is left, but
// for what another process is at.
//
// The registers' rows are held from reading to writing. So nothing raw comes meanwhile, and what is written is what the raw data say.
func (s *Store) Settle(ctx context.Context, meters []string, judge flows.Judge) (registers int, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		// Whatever the statistics say of a table that has just been filled: it is not to be read from end to end for a few registers.
		if _, err := tx.Exec(ctx, `set local enable_seqscan = off; set local jit = off`); err != nil {
			return err
		}
		ids, err := claim(ctx, tx, meters)
		if err != nil || len(ids) == 0 {
			return err
		}
		registers = len(ids)
		cases, err := openCases(ctx, tx, ids)
		if err != nil {
			return err
		}
		if err := hear(ctx, tx, cases, judge); err != nil {
			return err
		}
		return rule(ctx, tx, cases, judge)
	})
	return registers, trouble("judge half-hours", err)
}

// claim locks registers. Those that another process holds are left to it, or waited for when they were named.
func claim(ctx context.Context, tx pgx.Tx, meters []string) ([]string, error) {
	query, args := `
		select g.register_id::text from flows.vee_work w join flows.meter_registers g using (register_id)
		where w.due_at <= now() order by w.due_at limit $1 for no key update of g skip locked`, []any{settleBatch}
	if meters != nil {
		query, args = `
			select g.register_id::text from flows.meter_registers g
			where g.meter_id = any($2::text[]::uuid[]) and exists (select from flows.vee_work w where w.register_id = g.register_id
				and (w.due_at <= now() or w.changed_from is not null))
			order by g.register_id limit $1 for no key update of g`, []any{settleBatch, meters}
	}
	rows, _ := tx.Query(ctx, query, args...)
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// matter is one register and direction to be judged in one span.
type matter struct {
	flows.Evidence
	wave     int  // the how-manieth of its register and direction
	current  bool // it comes up to today
	forMeter bool // it brings the judgement of the meter as a whole
	enabled  bool // it will be asked again
	verdict  flows.Judgement

	firstRecord *time.Time // of its log
}

// hear gathers evidence and judges, until every judgement has seen as much as it wants.
func hear(ctx context.Context, tx pgx.Tx, all []*matter, judge flows.Judge) error {
	const patience = 40 // each time it sees more; in all histories tried a handful is enough
	open := all
	for range patience {
		if err := gatherEvidence(ctx, tx, open); err != nil {
			return err
		}
		var unheard []*matter
		for _, m := range open {
			if m.verdict = judge.Register(m.Evidence); m.verdict.Wanted != nil {
				m.Span, m.Context = m.verdict.Wanted.Span, m.verdict.Wanted.Context
				unheard = append(unheard, m)
			}
		}
		if open = unheard; len(open) == 0 {
			return nil
		}
	}
	return fmt.Errorf("register %s %s cannot be judged: it wants ever more of its past", open[0].Register, open[0].Direction)
}

// openCases makes what is to be judged of these registers.
func openCases(ctx context.Context, tx pgx.Tx, ids []string) (all []*matter, err error) {
	rows, err := tx.Query(ctx, casesQuery, ids)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var c openCase
		if err := c.scan(rows); err != nil {
			return nil, err
		}
		all = append(all, c.matters()...)
	}
	return all, rows.Err()
}

// openCase is a row of vee_work with what is known of its register.
type openCase struct {
	matter
	changedFrom, changedTo, nextFrom *time.Time // infinite ones are cut to what a Time can hold
	likeUntil                        *time.Time // the last estimate that may have looked at what has changed
	follows                          bool       // another register was here before
	status, mode                     string
}

// casesQuery reads them. The register's life reaches back to its first record, unless another register or a reading begins it: logs are
// older than registrations. Readings of an exchange count when both sides have theirs, and are of imports.
const casesQuery = `
	select w.register_id::text, g.meter_id::text, w.direction, coalesce(g.hardware, r.hardware, ''), r.fuse_rating, r.phases,
		coalesce(e.timezone, 'Europe/London'), e.vee_thresholds, g.status, r.mode, g.element <> 'B' and w.direction = 'import' and g.status = 'enabled',
		greatest(w.changed_from, '0001-01-01Z'), least(w.changed_to, '9999-01-01Z'), greatest(w.next_from, '0001-01-01Z'), now(),
		g.start_time, g.end_time,
		case when w.direction = 'import' and before.final_read is not null then (g.initial_read * 10000)::bigint end,
		case when w.direction = 'import' and behind.initial_read is not null then (g.final_read * 10000)::bigint end,
		before.start_time is not null or g.initial_read is not null,
		(select h."timestamp" from flows.register_profile_hh h where h.register_id = w.register_id and h.direction = w.direction
			and flows.profile_usable(h."timestamp", h.status, h.received_at) order by h."timestamp" limit 1),
		(select extract(epoch from min(case m.run_frequency when 'hourly' then interval '1 hour' when '12hourly' then interval '12 hours' else interval '24 hours' end))::bigint
			from flows.meter_metrics m where m.enabled and lower(m.name) = 'syncerprofilelog'),
		case when w.changed_to < w.next_from then (
			select max(i."timestamp") from flows.register_interval_hh i
			where i.register_id = w.register_id and i."timestamp" > w.changed_to and i."timestamp" <= w.changed_to + interval '28 days'
				and case w.direction when 'import' then i.import_method else i.export_method end in ('like_day', 'flat')
		) end
	from flows.vee_work w
	join flows.meter_registers g using (register_id)
	join flows.meter_registry r on r.id = g.meter_id
	left join flows.escos e on e.id = r.esco
	left join lateral (
		select p.start_time, p.final_read from flows.meter_registers p
		where p.meter_id = g.meter_id and (p.element = 'B') = (g.element = 'B') and p.register_id <> g.register_id and p.start_time < g.start_time
		order by p.start_time desc limit 1
	) before on true
	left join lateral (
		select p.initial_read from flows.meter_registers p
		where p.meter_id = g.meter_id and (p.element = 'B') = (g.element = 'B') and p.register_id <> g.register_id and p.start_time > g.start_time
		order by p.start_time limit 1
	) behind on true
	where w.register_id = any($1::text[]::uuid[])
	order by w.register_id, w.direction`

func (c *openCase) scan(rows pgx.Rows) error {
	var end *time.Time
	var logEvery *int64
	err := rows.Scan(&c.Register, &c.Meter, &c.Direction, &c.Hardware, &c.Fuse, &c.Phases, &c.Zone, &c.Thresholds, &c.status, &c.mode, &c.forMeter,
		&c.changedFrom, &c.changedTo, &c.nextFrom, &c.AsOf, &c.Start, &end, &c.Initial, &c.Final, &c.follows, &c.firstRecord, &logEvery, &c.likeUntil)
	if end != nil {
		c.End = *end
	}
	if logEvery != nil {
		c.LogEvery = time.Duration(*logEvery) * time.Second
	}
	c.enabled = c.status == "enabled" && c.mode == string(flows.Active)
	if c.firstRecord != nil && !c.follows && c.firstRecord.Before(c.Start) {
		c.Start = *c.firstRecord
	}
	c.NoLog = c.firstRecord == nil
	return err
}

// matters cuts a case into spans of whole local days: what has changed, and the days that are not settled up to today. Most often they
// are one. A record of a far future has its own day.
func (c *openCase) matters() (all []*matter) {
	days := calendarOf(c.Zone)
	tomorrow := days.after(c.AsOf)
	current := flows.Period{From: days.of(c.Start), To: tomorrow}
	if c.nextFrom != nil {
		current.From = later(current.From, days.of(*c.nextFrom))
	}
	add := func(p flows.Period, current bool) {
		m := c.matter
		m.Span, m.current, m.wave = p, current, len(all)
		m.forMeter = m.forMeter && current
		m.Context.From = days.of(p.From.Add(-time.Hour)) // the day before
		all = append(all, &m)
	}
	if c.changedFrom != nil {
		changed := flows.Period{From: later(days.of(*c.changedFrom), days.of(c.Start)), To: days.after(*c.changedTo)}
		if c.likeUntil != nil {
			changed.To = later(changed.To, days.after(*c.likeUntil))
		}
		if changed.To.After(tomorrow) {
			if c.changedTo.Year() < 9000 {
				add(flows.Period{From: days.of(*c.changedTo), To: days.after(*c.changedTo)}, false)
			}
			changed.To = tomorrow
		}
		switch {
		case changed.From.After(changed.To): // all of it lies in the future
		case changed.To.Before(current.From):
			add(changed, false)
		case changed.From.Before(current.From):
			current.From = changed.From
		}
	}
	add(current, true)
	return all
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// calendar knows local midnights.
type calendar struct{ zone *time.Location }

func calendarOf(zone string) calendar {
	l, err := time.LoadLocation(zone)
	if err != nil {
		l = time.UTC
	}
	return calendar{l}
}

// of is the midnight that the day of a time begins with; after is the one that it ends with.
func (c calendar) of(t time.Time) time.Time {
	y, m, d := t.In(c.zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, c.zone).UTC()
}

func (c calendar) after(t time.Time) time.Time {
	y, m, d := t.In(c.zone).Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, c.zone).UTC()
}
