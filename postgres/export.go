package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
)

// ExportQuery chooses what leaves the house.
type ExportQuery struct {
	ESCO     string   // code, without regard to case; "" = all meters
	Serials  []string // of meters, those that were exchanged too; none = all
	From, To Bound    // To does not belong to it
	Record   bool     // remember what has left, so that a change of it is reported
}

// Bound is a time or, with Local, the midnight that this date (of the time as UTC) begins with at each meter's ESCO.
type Bound struct {
	Time  time.Time
	Local bool
}

// IntervalLine is one half-hour of one register.
type IntervalLine struct {
	Serial, Element string
	Zone            string // the ESCO's, an IANA name
	Start           time.Time
	Import, Export  IntervalValue
}

// IntervalValue is one direction of a half-hour.
type IntervalValue struct {
	KWh                     string // exact, with at least three decimals; "" = nobody knows
	Quality, Method, Reason string
	Billable                *bool // nil: not judged yet
}

// ReadLine is what a register stood at, both ways, when it was read outside its log; "" = not read.
type ReadLine struct {
	Serial, Element, Zone string
	Time                  time.Time
	Import, Export        string // kWh, exact, with at least three decimals
}

// exportedRegisters are the registers of an ExportQuery, its arguments $1 to $6, each with the period that is meant for it.
const exportedRegisters = `
	with chosen as (
		select g.register_id, coalesce(g.serial, r.serial) collate "C" serial, g.element, coalesce(e.timezone, 'Europe/London') zone,
			g.start_time, coalesce(g.end_time, 'infinity') end_time,
			case when $3 then $4::timestamptz at time zone 'UTC' at time zone coalesce(e.timezone, 'Europe/London') else $4 end start,
			case when $5 then $6::timestamptz at time zone 'UTC' at time zone coalesce(e.timezone, 'Europe/London') else $6 end stop
		from flows.meter_registers g join flows.meter_registry r on r.id = g.meter_id left join flows.escos e on e.id = r.esco
		where ($1 = '' or lower(e.code) = lower($1)) and ($2::text[] is null or g.register_id = any($2::text[]::uuid[]))
	)`

// exportedIntervals are the rows there are. Those of a register that has none are one with a null time; first and behind are the half-hours that
// should be there: in the register's life, and over. The period comes a second time, a day wider, as constants, by which chunks of other times
// are left out.
const exportedIntervals = exportedRegisters + `
	select c.register_id::text, c.serial, c.element, c.zone,
		date_bin('30 minutes', greatest(c.start, c.start_time) + interval '1799.999999 s', '2000-01-01Z'),
		least(c.stop, date_bin('30 minutes', least(c.end_time, now()), '2000-01-01Z')),
		i."timestamp",
		coalesce(round(i.import_interval, greatest(3, min_scale(i.import_interval)))::text, ''), coalesce(i.import_quality, ''), coalesce(i.import_method, ''),
		coalesce(i.import_reason, 'MISSING'), case when i.import_reason is null then false else i.import_billable end,
		coalesce(round(i.export_interval, greatest(3, min_scale(i.export_interval)))::text, ''), coalesce(i.export_quality, ''), coalesce(i.export_method, ''),
		coalesce(i.export_reason, 'MISSING'), case when i.export_reason is null then false else i.export_billable end
	from chosen c left join flows.register_interval_hh i on i.register_id = c.register_id and i."timestamp" >= c.start and i."timestamp" < c.stop
		and i."timestamp" >= $4 - interval '1 day' and i."timestamp" < $6 + interval '1 day'
	order by c.serial, c.element, c.start_time, c.register_id, i."timestamp"`

const exportedReads = exportedRegisters + `
	select c.serial, c.element, c.zone, t.at, coalesce(round(t.import, greatest(3, min_scale(t.import)))::text, ''),
		coalesce(round(t.export, greatest(3, min_scale(t.export)))::text, '')
	from chosen c cross join lateral (
		select coalesce(i."timestamp", e."timestamp") at, i.read import, e.read export
		from (select "timestamp", read from flows.register_import where register_id = c.register_id and "timestamp" >= c.start and "timestamp" < c.stop
			and "timestamp" >= $4 - interval '1 day' and "timestamp" < $6 + interval '1 day') i
		full join (select "timestamp", read from flows.register_export where register_id = c.register_id and "timestamp" >= c.start and "timestamp" < c.stop
			and "timestamp" >= $4 - interval '1 day' and "timestamp" < $6 + interval '1 day') e
			on e."timestamp" = i."timestamp"
	) t
	order by c.serial, c.element, c.start_time, c.register_id, t.at`

// recordExported remembers, as of the same moment, what is not the meter's own value.
const recordExported = exportedRegisters + `
	insert into flows.register_exported as x (register_id, direction, "timestamp", "interval", exported_at)
	select c.register_id, d.direction, t.at, case d.direction when 'import' then i.import_interval else i.export_interval end, now()
	from chosen c
	cross join lateral generate_series(date_bin('30 minutes', c.start + interval '1799.999999 s', '2000-01-01Z'),
		least(c.stop, c.end_time, now()) - interval '30 minutes', interval '30 minutes') t (at)
	cross join (values ('import'), ('export')) d (direction)
	left join flows.register_interval_hh i on i.register_id = c.register_id and i."timestamp" = t.at
		and i."timestamp" >= $4 - interval '1 day' and i."timestamp" < $6 + interval '1 day'
	where case d.direction when 'import' then i.import_quality else i.export_quality end is distinct from 'actual'
		and (t.at >= c.start_time or i.register_id is not null)
	order by 1, 2, 3
	on conflict (register_id, direction, "timestamp") do update set "interval" = excluded."interval", exported_at = excluded.exported_at`

// ExportIntervals gives every half-hour of the chosen registers in the order of serials, elements and time, those without a value too, as
// they stood at one moment. The line is each's until it returns; its error ends the export and is returned as it is. Other errors:
// *UnknownESCO, *UnknownSerials, or *flows.Error with Database. Recorded is how many half-hours of a direction were
// remembered, since they were not the meter's own value.
func (s *Store) ExportIntervals(ctx context.Context, q ExportQuery, each func(*IntervalLine) error) (recorded int64, err error) {
	err = s.export(ctx, q, func(tx pgx.Tx, args []any) error {
		rows, err := tx.Query(ctx, exportedIntervals, args...)
		if err != nil {
			return err
		}
		if err := fillIntervals(rows, each); err != nil || !q.Record {
			return err
		}
		tag, err := tx.Exec(ctx, recordExported, args...)
		recorded = tag.RowsAffected()
		return err
	})
	return recorded, err
}

// ExportReads gives the register reads in the same way. Record does not matter: reads never change.
func (s *Store) ExportReads(ctx context.Context, q ExportQuery, each func(*ReadLine) error) error {
	return s.export(ctx, q, func(tx pgx.Tx, args []any) error {
		rows, err := tx.Query(ctx, exportedReads, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		var l ReadLine
		for rows.Next() {
			if err := rows.Scan(&l.Serial, &l.Element, &l.Zone, &l.Time, &l.Import, &l.Export); err != nil {
				return err
			}
			if err := each(&l); err != nil {
				return unstored{err}
			}
		}
		return rows.Err()
	})
}

// unstored is an error that is not the database's.
type unstored struct{ error }

// export reads in one snapshot. Rows come one by one, at the pace of whoever takes them: a reader that pauses is no connection that is lost.
func (s *Store) export(ctx context.Context, q ExportQuery, read func(tx pgx.Tx, args []any) error) error {
	registers, _, err := s.everKnown(ctx, q.ESCO, q.Serials)
	if err != nil {
		return err
	}
	args := []any{q.ESCO, registers, q.From.Local, q.From.Time.UTC(), q.To.Local, q.To.Time.UTC()}
	err = pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `set local tcp_user_timeout = 0`); err != nil {
			return err
		}
		return read(tx, args)
	})
	if other := (unstored{}); errors.As(err, &other) {
		return other.error
	}
	return trouble("export", err)
}

// fillIntervals gives the rows, and between them the half-hours that have none.
func fillIntervals(rows pgx.Rows, each func(*IntervalLine) error) error {
	defer rows.Close()
	g := grid{each: each}
	for rows.Next() {
		var register string
		var first, behind time.Time
		var at *time.Time
		l := &g.line
		if err := rows.Scan(&register, &l.Serial, &l.Element, &l.Zone, &first, &behind, &at, &l.Import.KWh, &l.Import.Quality, &l.Import.Method, &l.Import.Reason,
			&l.Import.Billable, &l.Export.KWh, &l.Export.Quality, &l.Export.Method, &l.Export.Reason, &l.Export.Billable); err != nil {
			return err
		}
		if err := g.row(register, first, behind, at); err != nil {
			return unstored{err}
		}
	}
	if err := g.fill(g.behind); err != nil {
		return unstored{err}
	}
	return rows.Err()
}

// grid is where in a register's half-hours an export stands.
type grid struct {
	each         func(*IntervalLine) error
	line         IntervalLine
	register     string
	empty        IntervalLine
	next, behind time.Time // what is to come; before behind it must
}

// row takes the line that has just been read.
func (g *grid) row(register string, first, behind time.Time, at *time.Time) error {
	if register != g.register {
		if err := g.fill(g.behind); err != nil {
			return err
		}
		missing := IntervalValue{Reason: string(flows.RuleMissing), Billable: new(false)}
		g.empty = IntervalLine{Serial: g.line.Serial, Element: g.line.Element, Zone: g.line.Zone, Import: missing, Export: missing}
		g.register, g.next, g.behind = register, first, behind
	}
	if at == nil {
		return nil
	}
	if err := g.fill(*at); err != nil {
		return err
	}
	g.line.Start, g.next = *at, at.Add(flows.SlotLength) // back, when a log is older than its register
	return g.each(&g.line)
}

// fill gives the half-hours before a time.
func (g *grid) fill(to time.Time) error {
	for ; g.next.Before(to) && g.next.Before(g.behind); g.next = g.next.Add(flows.SlotLength) {
		l := g.empty
		l.Start = g.next
		if err := g.each(&l); err != nil {
			return err
		}
	}
	return nil
}

// everKnown finds what meters have or had: their registers and, of those that are in the registry, their ids; nil without serials. It refuses
// what is not there.
func (s *Store) everKnown(ctx context.Context, esco string, serials []string) (registers, meters []string, err error) {
	if err := s.known(ctx, Filter{ESCO: esco}); err != nil || len(serials) == 0 {
		return nil, nil, err
	}
	rows, _ := s.pool.Query(ctx, `
		select w.serial, m.known is not null, m.meter_id::text, m.register_id::text
		from (select distinct serial from unnest($2::text[]) v (serial)) w left join lateral (
			select r.id known, r.id meter_id, g.register_id from flows.meter_registry r
			left join flows.escos e on e.id = r.esco left join flows.meter_registers g on g.meter_id = r.id and g.serial is null
			where r.serial = w.serial and ($1 = '' or lower(e.code) = lower($1))
			union all
			select r.id, null, g.register_id from flows.meter_registers g join flows.meter_registry r on r.id = g.meter_id
			left join flows.escos e on e.id = r.esco
			where g.serial = w.serial and ($1 = '' or lower(e.code) = lower($1))
		) m on true order by w.serial`, esco, serials)
	registers, meters = []string{}, []string{}
	var unknown []string
	var serial string
	var known bool
	var meter, register *string
	_, err = pgx.ForEachRow(rows, []any{&serial, &known, &meter, &register}, func() error {
		if !known {
			unknown = append(unknown, serial)
		}
		if register != nil {
			registers = append(registers, *register)
		}
		if meter != nil && !slices.Contains(meters, *meter) {
			meters = append(meters, *meter)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, nil, trouble("look for meters", err)
	case len(unknown) > 0:
		return nil, nil, &UnknownSerials{Serials: unknown, ESCO: esco}
	}
	return registers, meters, nil
}
