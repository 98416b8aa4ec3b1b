package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// What is judged in one transaction: enough to write set-wise, few enough that savers wait for none of the registers for long.
const (
	settleBatch = 64   // registers
	settleDays  = 1500 // local days of a register and direction; one register may have more
)

// Settle judges registers, in both directions, of which raw data have come or which are due, and writes what shall stand: at most one batch,
// of these meters or, with none named, of those that have waited longest. It tells how many it took; none means that nothing is left, but
// for what another process is at.
//
// The registers' rows are held from reading to writing. So nothing raw comes meanwhile, and what is written is what the raw data say. A
// register that cannot be judged costs no other one: it is put off, and the error tells of it.
func (s *Store) Settle(ctx context.Context, meters []string, judge flows.Judge) (registers int, err error) {
	ids, err := s.settle(ctx, func(tx pgx.Tx) ([]string, error) { return claim(ctx, tx, meters) }, judge)
	if err == nil || len(ids) == 0 || s.Ping(ctx) != nil {
		return len(ids), trouble("judge half-hours", err)
	}
	err = nil
	for _, id := range ids {
		_, failed := s.settle(ctx, func(tx pgx.Tx) ([]string, error) { return hold(ctx, tx, id) }, judge)
		if failed != nil && ctx.Err() == nil {
			err = fmt.Errorf("register %s, put off for an hour: %w", id, failed)
			if _, failed := s.pool.Exec(ctx, `
				update flows.vee_work set due_at = now() + interval '1 hour', not_run = jsonb_build_object('all rules', $2::text) where register_id = $1::text::uuid`,
				id, flat{err}.Error()); failed != nil {
				return len(ids), trouble("put a register off", failed)
			}
		}
	}
	return len(ids), trouble("judge half-hours", cmp.Or(err, ctx.Err()))
}

// settle judges the registers that pick locks, as many as fit into a transaction, and gives those.
func (s *Store) settle(ctx context.Context, pick func(pgx.Tx) ([]string, error), judge flows.Judge) (ids []string, err error) {
	for range 3 {
		err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			// Whatever the statistics say of a table that has just been filled: it is not to be read from end to end for a few registers.
			if _, err := tx.Exec(ctx, `set local enable_seqscan = off; set local jit = off`); err != nil {
				return err
			}
			if ids, err = pick(tx); err != nil || len(ids) == 0 {
				return err
			}
			cases, err := openCases(ctx, tx, ids)
			if err != nil {
				return err
			}
			return decide(ctx, tx, cases, judge)
		})
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != deadlockDetected { // a saver was in the way
			break
		}
	}
	return ids, err
}

const deadlockDetected = "40P01"

// decide hears and rules one wave after the other: what stands after the first is what the second looks back on.
func decide(ctx context.Context, tx pgx.Tx, all []*matter, judge flows.Judge) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("validation panicked: %v", p)
		}
	}()
	for wave := 0; ; wave++ {
		var now []*matter
		for _, m := range all {
			if m.wave == wave && !m.silent {
				now = append(now, m)
			}
		}
		if len(now) == 0 {
			return settled(ctx, tx, all)
		}
		if err := hear(ctx, tx, now, judge); err != nil {
			return err
		}
		if err := rule(ctx, tx, now, judge); err != nil {
			return err
		}
	}
}

// claim locks registers. Those that another process holds are left to it, or waited for when they were named.
func claim(ctx context.Context, tx pgx.Tx, meters []string) ([]string, error) {
	query, args := `
		select g.register_id::text from flows.vee_work w join flows.meter_registers g using (register_id)
		where w.due_at <= now() order by w.due_at, g.register_id limit $1 for no key update of g skip locked`, []any{2 * settleBatch} // a row a direction
	if meters != nil {
		query, args = `
			select g.register_id::text from flows.meter_registers g
			where g.meter_id = any($2::text[]::uuid[]) and exists (select from flows.vee_work w where w.register_id = g.register_id
				and (w.due_at <= now() or w.changed_from is not null))
			order by g.register_id limit $1 for no key update of g`, []any{settleBatch, meters}
	}
	rows, _ := tx.Query(ctx, query, args...)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	slices.Sort(ids)
	return slices.Compact(ids), err
}

// hold locks one register.
func hold(ctx context.Context, tx pgx.Tx, id string) ([]string, error) {
	rows, _ := tx.Query(ctx, `select register_id::text from flows.meter_registers where register_id = $1::text::uuid for no key update`, id)
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// matter is one register and direction to be judged in one span.
type matter struct {
	flows.Evidence
	wave     int  // the how-manieth of its register and direction
	current  bool // it comes up to today
	forMeter bool // it brings the judgement of the meter as a whole
	enabled  bool // it will be asked again
	silent   bool // the meter knows no such direction: nothing is judged
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

// openCases makes what is to be judged of these registers, or of the first of them when that is too much for one transaction.
func openCases(ctx context.Context, tx pgx.Tx, ids []string) (all []*matter, err error) {
	rows, err := tx.Query(ctx, casesQuery, ids)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	days, last := 0, ""
	for rows.Next() {
		var c openCase
		if err := c.scan(rows); err != nil {
			return nil, err
		}
		if days > settleDays && c.Register != last {
			break
		}
		last = c.Register
		for _, m := range c.matters() {
			days += int(m.Span.To.Sub(m.Span.From).Hours() / 24)
			all = append(all, m)
		}
	}
	rows.Close()
	return all, rows.Err()
}

// openCase is a row of vee_work with what is known of its register.
type openCase struct {
	matter
	changedFrom, changedTo, nextFrom *time.Time // infinite ones are cut to what a Time can hold
	likeUntil                        *time.Time // the last estimate that may have looked at what has changed
	rawFrom                          time.Time  // since when there is everything to judge by, and a month before
	firstRow                         *time.Time // the first half-hour that stands
	follows                          bool       // another register was here before
	status, mode                     string
}

// casesQuery reads them. The register's life reaches back to its first record, unless another register or a reading begins it: logs are
// older than registrations. Readings of an exchange count when both sides have theirs, and are of imports.
const casesQuery = `
	select w.register_id::text, g.meter_id::text, w.direction, coalesce(g.hardware, r.hardware, ''), r.fuse_rating, r.phases,
		coalesce(e.timezone, 'Europe/London'), e.vee_thresholds, g.status, r.mode, g.element <> 'B' and w.direction = 'import' and g.status = 'enabled',
		case when w.changed_from is not null then greatest(w.changed_from, '0001-01-01Z') end,
		case when w.changed_to is not null then least(w.changed_to, '9999-01-01Z') end, w.next_from, now(),
		greatest(flows.raw_since() + interval '32 days', '0001-01-01Z'),
		g.start_time, g.end_time,
		case when w.direction = 'import' and before.final_read is not null then (g.initial_read * 10000)::bigint end,
		case when w.direction = 'import' and behind.initial_read is not null then (g.final_read * 10000)::bigint end,
		before.start_time is not null or g.initial_read is not null,
		(select h."timestamp" from flows.register_profile_hh h where h.register_id = w.register_id and h.direction = w.direction
			and h."timestamp" >= g.start_time - interval '400 days'
			and flows.profile_usable(h."timestamp", h.status, h.received_at) order by h."timestamp" limit 1),
		w.direction = 'export' and not exists (select from flows.register_export t where t.register_id = w.register_id)
			and not exists (select from flows.register_profile_hh h where h.register_id = w.register_id and h.direction = 'export'),
		case when w.changed_from is not null then
			(select i."timestamp" from flows.register_interval_hh i where i.register_id = w.register_id order by i."timestamp" limit 1) end,
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
		&c.changedFrom, &c.changedTo, &c.nextFrom, &c.AsOf, &c.rawFrom, &c.Start, &end, &c.Initial, &c.Final, &c.follows, &c.firstRecord, &c.silent, &c.firstRow, &logEvery, &c.likeUntil)
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
// are one. What lies more than a day ahead is looked at when its time has come.
func (c *openCase) matters() (all []*matter) {
	days := calendarOf(c.Zone)
	tomorrow := days.after(c.AsOf)
	current := flows.Period{From: days.of(c.Start), To: tomorrow}
	if c.nextFrom != nil {
		current.From = later(current.From, days.of(*c.nextFrom))
	}
	raw := days.after(c.rawFrom)
	current.From = later(current.From, raw)
	add := func(p flows.Period, current bool) {
		m := c.matter
		m.Span, m.current, m.wave = p, current, len(all)
		m.Context.From = days.of(p.From.Add(-time.Hour)) // the day before
		all = append(all, &m)
	}
	if c.changedFrom != nil {
		// A change reaches the reads next to it, and what stands before the register's life has to go.
		first := c.Start
		if c.firstRow != nil {
			first = earlier(first, *c.firstRow)
		}
		changed := flows.Period{From: later(days.of(c.changedFrom.Add(-reach)), days.of(first)), To: days.after(c.changedTo.Add(reach))}
		if c.likeUntil != nil {
			changed.To = later(changed.To, days.after(*c.likeUntil))
		}
		if changed.To.After(tomorrow) {
			changed.To = tomorrow
		}
		changed.From = later(changed.From, raw)
		switch {
		case !changed.From.Before(changed.To): // all of it older, or of the future
		case changed.To.Before(current.From):
			add(changed, false)
		case changed.From.Before(current.From):
			current.From = changed.From
		}
	}
	add(current, true)
	if c.silent {
		all = all[len(all)-1:]
		all[0].verdict.Next = current.From
	}
	return all
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// reach is how far a new record changes what is beside it: six accepted reads to each side.
const reach = 6 * flows.SlotLength

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
