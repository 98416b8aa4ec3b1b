package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
)

// meterPage has the shadow's values with their units and the times of the rows that they made in the history, in the order one asks for them.
const meterPage = `
	select r.feeder, r.firmware_version, r.fuse_rating, r.phases, r.prepay_enabled,
		(select g.error_code from flows.meter_sync_log g where g.meter_id = r.id and g.verdict <> 'healthy' order by g."timestamp" desc limit 1),
		(select json_agg(json_build_object('Name', v.name, 'Unit', v.unit, 'Text', coalesce(v.text, ''), 'At', coalesce(v.at, '0001-01-01Z')) order by v.n) from (values
			(1, 'Import A', 'kWh', round(s.import_a, greatest(3, min_scale(s.import_a)))::text, (select max("timestamp") from flows.register_import where register_id = a.register_id)),
			(2, 'Import B', 'kWh', round(s.import_b, greatest(3, min_scale(s.import_b)))::text, (select max("timestamp") from flows.register_import where register_id = b.register_id)),
			(3, 'Export A', 'kWh', round(s.export_a, greatest(3, min_scale(s.export_a)))::text, (select max("timestamp") from flows.register_export where register_id = a.register_id)),
			(4, 'Export B', 'kWh', round(s.export_b, greatest(3, min_scale(s.export_b)))::text, (select max("timestamp") from flows.register_export where register_id = b.register_id)),
			(5, 'Balance', '£', round(s.balance, greatest(2, min_scale(s.balance)))::text, (select max("timestamp") from flows.meter_prepay_balance where meter_id = r.id)),
			(6, 'Signal', 'csq', s.csq::text, (select max("timestamp") from flows.meter_csq where meter_id = r.id)),
			(7, 'Voltage', 'V', s.voltage::text, (select max("timestamp") from flows.meter_voltage where meter_id = r.id)),
			(8, 'Voltage L1', 'V', s."3p_voltage_l1"::text, p.at),
			(9, 'Voltage L2', 'V', s."3p_voltage_l2"::text, p.at),
			(10, 'Voltage L3', 'V', s."3p_voltage_l3"::text, p.at),
			(11, 'Clock ahead', 's', s.clock_time_diff_seconds::text, s.clock_time_diff_synced_at),
			(12, 'Load switch', '', s.load_switch, null)
		) v (n, name, unit, text, at)),` + meterLine + `
	from flows.meter_registry r
	left join flows.escos e on e.id = r.esco
	left join flows.meter_shadows s on s.id = r.id
	left join flows.meter_registers a on a.meter_id = r.id and a.status = 'enabled' and a.element <> 'B'
	left join flows.meter_registers b on b.meter_id = r.id and b.status = 'enabled' and b.element = 'B'
	left join lateral (select max("timestamp") from flows.meter_3p_voltage where meter_id = r.id) p (at) on true
	where r.serial = $1`

// MeterPage tells what one wants to know of a meter at a glance. Errors: *flows.NoMeter, or *flows.Error with Database.
func (s *Store) MeterPage(ctx context.Context, serial string) (m flows.MeterPage, err error) {
	if !storable(serial) {
		return m, &flows.NoMeter{Serial: serial}
	}
	var feeder, firmware, code *string
	var values []byte
	err = scanLine(s.pool.QueryRow(ctx, meterPage, serial), &m.MeterLine, &feeder, &firmware, &m.FuseRating, &m.Phases, &m.Prepay, &code, &values)
	if errors.Is(err, pgx.ErrNoRows) {
		gone := &flows.NoMeter{Serial: serial}
		gone.By, gone.At, err = successor(ctx, s.pool, serial)
		if err != nil {
			return m, trouble("look for a meter", err)
		}
		return m, gone
	}
	if err == nil {
		err = json.Unmarshal(values, &m.Values)
	}
	for text, to := range map[*string]*string{feeder: &m.Feeder, firmware: &m.Firmware} {
		if text != nil {
			*to = *text
		}
	}
	if code != nil {
		m.Code = flows.Code(*code)
	}
	return m, trouble("look at a meter", err)
}

// livedRegisters are a meter's registers that live in a period. A life reaches back to the first record, unless another register or a reading begins it.
const livedRegisters = `
	join flows.meter_registers g on g.meter_id = r.id and coalesce(g.end_time, 'infinity') > $2
	join lateral (
		select coalesce((
			select h."timestamp" from flows.register_profile_hh h
			where g.initial_read is null
				and not exists (select from flows.meter_registers p where p.meter_id = g.meter_id and (p.element = 'B') = (g.element = 'B') and p.start_time < g.start_time)
				and h.register_id = g.register_id and h.direction = 'import' and h."timestamp" < g.start_time and h."timestamp" >= g.start_time - interval '400 days'
				and flows.profile_usable(h."timestamp", h.status, h.received_at)
			order by h."timestamp" limit 1
		), g.start_time) begins
	) life on life.begins < $3`

// Lanes gives the half-hours of a period of the registers that the meter had in it, also of those that it took over, element by element.
func (s *Store) Lanes(ctx context.Context, serial string, p flows.Period) (lanes []flows.Lane, err error) {
	rows, _ := s.pool.Query(ctx, `
		select g.register_id::text, coalesce(g.serial, r.serial), g.element, life.begins, coalesce(g.end_time, '0001-01-01Z'), x.exports, t.at,
			round(i.import_interval, 4)::text, coalesce(i.import_quality, ''), coalesce(i.import_method, ''), coalesce(i.import_reason, ''), coalesce(i.import_billable, false),
			round(i.export_interval, 4)::text, coalesce(i.export_quality, ''), coalesce(i.export_method, ''), coalesce(i.export_reason, ''), coalesce(i.export_billable, false)
		from flows.meter_registry r`+livedRegisters+`
		cross join lateral (select exists (select from flows.register_day where register_id = g.register_id and direction = 'export')) x (exports)
		cross join generate_series($2::timestamptz, $3::timestamptz - interval '30 minutes', interval '30 minutes') t (at)
		left join flows.register_interval_hh i on i.register_id = g.register_id and i."timestamp" = t.at and i."timestamp" >= $2 and i."timestamp" < $3
		where r.serial = $1 order by g.element, g.start_time, g.register_id, t.at`, serial, p.From, p.To)
	var before, register string
	var l flows.Lane
	var slot flows.LaneSlot
	var in, out *string
	_, err = pgx.ForEachRow(rows, []any{&register, &l.Serial, &l.Element, &l.Life.From, &l.Life.To, &l.Exports, &slot.Start,
		&in, &slot.Import.Quality, &slot.Import.Method, &slot.Import.Reason, &slot.Import.Billable,
		&out, &slot.Export.Quality, &slot.Export.Method, &slot.Export.Reason, &slot.Export.Billable}, func() (err error) {
		if register != before {
			lanes, before = append(lanes, l), register
		}
		slot.Import.Start, slot.Export.Start = slot.Start, slot.Start
		if slot.Import.Value, err = parsed(in, flows.ParseEnergy); err != nil {
			return err
		}
		if slot.Export.Value, err = parsed(out, flows.ParseEnergy); err != nil {
			return err
		}
		last := &lanes[len(lanes)-1]
		last.Slots, last.Exports = append(last.Slots, slot), last.Exports || slot.Export.Value != nil
		return nil
	})
	return lanes, trouble("look at half-hours", err)
}

// mostOpen is how many exceptions and gaps of a meter a page has.
const mostOpen = 50

// MeterExceptions gives a meter's open exceptions, the worst first.
func (s *Store) MeterExceptions(ctx context.Context, serial string) ([]flows.MeterException, error) {
	rows, _ := s.pool.Query(ctx, `
		select x.id, x.rule, x.severity, x.key, x.period_from, x.period_to, x.count, x.details, coalesce(x.element, ''), coalesce(x.direction, ''), x.last_seen
		from flows.meter_registry r cross join lateral (
			select x.*, null element from flows.vee_exceptions x where coalesce(x.register_id, x.meter_id) = r.id and x.status = 'open'
			union all
			select x.*, g.element from flows.meter_registers g join flows.vee_exceptions x on coalesce(x.register_id, x.meter_id) = g.register_id
			where g.meter_id = r.id and x.status = 'open'
		) x
		where r.serial = $1
		order by array_position(array['critical', 'error', 'warning', 'info'], x.severity), x.last_seen desc, x.id desc limit $2`, serial, mostOpen)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (x flows.MeterException, err error) {
		var from, to *time.Time
		var details []byte
		if err := row.Scan(&x.ID, &x.Rule, &x.Severity, &x.Key, &from, &to, &x.Count, &details, &x.Element, &x.Direction, &x.LastSeen); err != nil {
			return x, err
		}
		if from != nil {
			x.Period.From = *from
		}
		if to != nil {
			x.Period.To = *to
		}
		return x, json.Unmarshal(details, &x.Details)
	})
	return list, trouble("list a meter's exceptions", err)
}

// MeterGaps gives a meter's days with something missing, the newest first.
func (s *Store) MeterGaps(ctx context.Context, serial string) ([]flows.MeterGap, error) {
	rows, _ := s.pool.Query(ctx, `
		select element, direction, day::text, never_reached, not_logged, invalid, asked_again
		from flows.register_gaps where serial = $1 order by day desc, element, direction desc limit $2`, serial, mostOpen)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[flows.MeterGap])
	return list, trouble("list a meter's gaps", err)
}
