package postgres

import (
	"context"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
)

// HalfHours is all that is stored of the half-hours of one register in one direction, each list in order of time.
type HalfHours struct {
	Serial         string // of the meter that had the register
	Element        string // A or B; SINGLE counts as A
	Direction      flows.Direction
	Follows        bool // another register was here before
	Start, End     time.Time
	Initial, Final *flows.Energy

	Records    []flows.ProfileRecord
	Intervals  []flows.Interval
	Unjudged   []time.Time       // intervals whose billable is null although something is known or said of them
	Exceptions []flows.Exception // not resolved ones
	Gaps       []flows.Period    // local days of which half-hours are missing
}

// HalfHours gives them of every register, with one moment's view; ofMeters are the exceptions of meters as a whole, by serial.
func (s *Store) HalfHours(ctx context.Context) (registers []HalfHours, ofMeters map[string][]flows.Exception, err error) {
	ofMeters = map[string][]flows.Exception{}
	err = pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		h := halfHours{place: map[halfHoursKey]int{}}
		for _, read := range []func(context.Context, pgx.Tx) error{h.lives, h.records, h.intervals, h.gaps} {
			if err := read(ctx, tx); err != nil {
				return err
			}
		}
		registers = h.all
		return h.exceptions(ctx, tx, ofMeters)
	})
	return registers, ofMeters, trouble("list half-hours", err)
}

// BeginRegisters sets the enabled registers of these meters (ids) back to the time since when they were there, if it is earlier than the one
// they have.
func (s *Store) BeginRegisters(ctx context.Context, meters []string, at time.Time) error {
	_, err := s.pool.Exec(ctx, `update flows.meter_registers set start_time = $2 where meter_id = any($1::text[]::uuid[]) and status = 'enabled' and start_time > $2`,
		meters, at)
	return trouble("set registers back", err)
}

// halfHours gathers rows by register and direction.
type halfHours struct {
	all   []HalfHours
	place map[halfHoursKey]int
}

type halfHoursKey struct {
	register  string
	direction flows.Direction
}

func (h *halfHours) of(register string, d flows.Direction) *HalfHours {
	if i, ok := h.place[halfHoursKey{register, d}]; ok {
		return &h.all[i]
	}
	return &HalfHours{} // the register is gone
}

// lives reads the registers. A reading of an exchange is one of both.
func (h *halfHours) lives(ctx context.Context, tx pgx.Tx) error {
	rows, _ := tx.Query(ctx, `
		select g.register_id::text, d.direction, coalesce(g.serial, r.serial), replace(g.element, 'SINGLE', 'A'), g.start_time, coalesce(g.end_time, '0001-01-01Z'),
			case d.direction when 'import' then g.initial_read::text end, case d.direction when 'import' then g.final_read::text end,
			exists (select from flows.meter_registers p where p.meter_id = g.meter_id and (p.element = 'B') = (g.element = 'B') and p.start_time < g.start_time)
		from flows.meter_registers g join flows.meter_registry r on r.id = g.meter_id cross join (values ('import'), ('export')) d (direction)
		order by 3, 4, g.start_time, 2 desc`)
	var id string
	var x HalfHours
	var initial, final *string
	_, err := pgx.ForEachRow(rows, []any{&id, &x.Direction, &x.Serial, &x.Element, &x.Start, &x.End, &initial, &final, &x.Follows}, func() (err error) {
		if x.Initial, err = energy(initial); err != nil {
			return err
		}
		if x.Final, err = energy(final); err != nil {
			return err
		}
		h.place[halfHoursKey{id, x.Direction}] = len(h.all)
		h.all = append(h.all, x)
		return nil
	})
	return err
}

// energy is exact or an error.
func energy(kWh *string) (*flows.Energy, error) {
	if kWh == nil {
		return nil, nil
	}
	e, err := flows.ParseEnergy(*kWh)
	return &e, err
}

func (h *halfHours) records(ctx context.Context, tx pgx.Tx) error {
	rows, _ := tx.Query(ctx, `select register_id::text, direction, "timestamp", read::text, status, received_at from flows.register_profile_hh order by 1, 2, 3`)
	var id, read string
	var d flows.Direction
	var status int32
	var rec flows.ProfileRecord
	_, err := pgx.ForEachRow(rows, []any{&id, &d, &rec.Time, &read, &status, &rec.Received}, func() (err error) {
		rec.Status = uint16(status)
		rec.Value, err = flows.ParseEnergy(read)
		x := h.of(id, d)
		x.Records = append(x.Records, rec)
		return err
	})
	return err
}

func (h *halfHours) intervals(ctx context.Context, tx pgx.Tx) error {
	rows, _ := tx.Query(ctx, `
		select i.register_id::text, d.direction, i."timestamp", d.value::text, coalesce(d.quality, ''), coalesce(d.method, ''), d.reason, d.billable
		from flows.register_interval_hh i, lateral (values
			('import', import_interval, import_quality, import_method, import_reason, import_billable),
			('export', export_interval, export_quality, export_method, export_reason, export_billable)) d (direction, value, quality, method, reason, billable)
		where d.reason is not null or d.value is not null order by 1, 2, 3`)
	var id string
	var d flows.Direction
	var i flows.Interval
	var value, reason *string
	var billable *bool
	_, err := pgx.ForEachRow(rows, []any{&id, &d, &i.Start, &value, &i.Quality, &i.Method, &reason, &billable}, func() (err error) {
		x := h.of(id, d)
		if i.Reason, i.Billable = "", false; reason != nil {
			i.Reason = *reason
		}
		if billable == nil {
			x.Unjudged = append(x.Unjudged, i.Start)
		} else {
			i.Billable = *billable
		}
		i.Value, err = energy(value)
		x.Intervals = append(x.Intervals, i)
		return err
	})
	return err
}

func (h *halfHours) gaps(ctx context.Context, tx pgx.Tx) error {
	rows, _ := tx.Query(ctx, `
		select d.register_id::text, d.direction, d.day::timestamp at time zone e.zone, (d.day + 1)::timestamp at time zone e.zone
		from flows.register_gaps d join flows.meter_registry r on r.id = d.meter_id,
			lateral (select coalesce((select timezone from flows.escos where id = r.esco), 'Europe/London') zone) e order by 1, 2, 3`)
	var id string
	var d flows.Direction
	var p flows.Period
	_, err := pgx.ForEachRow(rows, []any{&id, &d, &p.From, &p.To}, func() error {
		x := h.of(id, d)
		x.Gaps = append(x.Gaps, p)
		return nil
	})
	return err
}

func (h *halfHours) exceptions(ctx context.Context, tx pgx.Tx, ofMeters map[string][]flows.Exception) error {
	rows, _ := tx.Query(ctx, `
		select coalesce(x.register_id::text, ''), coalesce(x.direction, ''), coalesce(r.serial, ''), x.rule, x.severity, x.key,
			coalesce(x.period_from, '0001-01-01Z'), coalesce(x.period_to, '9999-01-01Z'), x.details, x.count
		from flows.vee_exceptions x left join flows.meter_registry r on r.id = x.meter_id
		where x.status <> 'resolved' order by 1, 2, 3, x.period_from, x.id`)
	var id, serial string
	var d flows.Direction
	var e flows.Exception
	_, err := pgx.ForEachRow(rows, []any{&id, &d, &serial, &e.Rule, &e.Severity, &e.Key, &e.Period.From, &e.Period.To, &e.Details, &e.Count}, func() error {
		if id == "" {
			ofMeters[serial] = append(ofMeters[serial], e)
		} else {
			x := h.of(id, d)
			x.Exceptions = append(x.Exceptions, e)
		}
		e.Details = nil
		return nil
	})
	return err
}
