package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
)

// LastHalfHour gives the start of the newest half-hour of a meter that has a value; zero when there is none.
func (s *Store) LastHalfHour(ctx context.Context, serial string) (at time.Time, err error) {
	var last *time.Time
	err = s.pool.QueryRow(ctx, `
		select max(i.at) from flows.meter_registry r join flows.meter_registers g on g.meter_id = r.id cross join lateral (
			select "timestamp" at from flows.register_interval_hh where register_id = g.register_id and num_nonnulls(import_interval, export_interval) > 0 order by "timestamp" desc limit 1) i
		where r.serial = $1`, serial).Scan(&last)
	if last != nil {
		at = *last
	}
	return at, trouble("look for the last half-hour", err)
}

// thinFrom is how long a period is of which no picture can show every reading.
const thinFrom = 8 * 24 * time.Hour

// Traces gives what the meter's registers stood at in a period, those included that it took over, element by element; of more than eight
// days the readings of every third hour, one record of the log in it.
func (s *Store) Traces(ctx context.Context, serial string, p flows.Period) (list []flows.Trace, err error) {
	read, record := "", ""
	if p.To.Sub(p.From) > thinFrom {
		read = ` and extract(hour from "timestamp" at time zone 'UTC')::int % 3 = 0`
		record = read + ` and extract(minute from "timestamp") < 30`
	}
	rows, _ := s.pool.Query(ctx, `
		select g.register_id::text, coalesce(g.serial, r.serial), g.element, x.direction, x.logged, x.at, round(x.read, 4)::text
		from flows.meter_registry r`+livedRegisters+`
		cross join lateral (
			select direction, true logged, "timestamp" at, read from flows.register_profile_hh where register_id = g.register_id and "timestamp" >= $2 and "timestamp" <= $3 and status & 128 <> 0`+record+`
			union all
			select 'import', false, "timestamp", read from flows.register_import where register_id = g.register_id and "timestamp" >= $2 and "timestamp" <= $3`+read+`
			union all
			select 'export', false, "timestamp", read from flows.register_export where register_id = g.register_id and "timestamp" >= $2 and "timestamp" <= $3`+read+`
		) x
		where r.serial = $1 order by g.element collate "C", g.start_time, g.register_id, x.direction collate "C" desc, x.at`, serial, p.From, p.To)
	var register, before, value string
	var t flows.Trace
	var logged bool
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&register, &t.Serial, &t.Element, &t.Direction, &logged, &at, &value}, func() error {
		if key := register + string(t.Direction); key != before {
			list, before = append(list, t), key
		}
		e, err := flows.ParseEnergy(value)
		if err != nil {
			return err
		}
		last := &list[len(list)-1]
		if logged {
			last.Log = append(last.Log, flows.TracePoint{At: at, Value: e})
		} else {
			last.Reads = append(last.Reads, flows.TracePoint{At: at, Value: e})
		}
		return nil
	})
	return list, trouble("look at registers", err)
}

// MeterSeries gives what a meter's values were in a period: balance, signal, voltages, how far its clock was ahead.
func (s *Store) MeterSeries(ctx context.Context, serial string, p flows.Period) (list []flows.Series, err error) {
	rows, _ := s.pool.Query(ctx, `
		select x.n, x.name, x.unit, x.at, coalesce(x.value, '')
		from flows.meter_registry r cross join lateral (
			select 1 n, 'Balance' name, '£' unit, "timestamp" at, round(balance, 5)::text value from flows.meter_prepay_balance where meter_id = r.id and "timestamp" >= $2 and "timestamp" < $3
			union all
			select 2, 'Signal', 'csq', "timestamp", csq::text from flows.meter_csq where meter_id = r.id and "timestamp" >= $2 and "timestamp" < $3
			union all
			select 3, 'Voltage', 'V', "timestamp", voltage::text from flows.meter_voltage where meter_id = r.id and "timestamp" >= $2 and "timestamp" < $3
			union all
			select 3 + v.n, 'Voltage L' || v.n, 'V', h."timestamp", v.value::text from flows.meter_3p_voltage h, lateral (values (1, voltage_l1), (2, voltage_l2), (3, voltage_l3)) v (n, value)
			where h.meter_id = r.id and h."timestamp" >= $2 and h."timestamp" < $3
			union all
			select 7, 'Clock ahead', 's', "timestamp", seconds::text from flows.meter_clock_diff where meter_id = r.id and "timestamp" >= $2 and "timestamp" < $3
		) x
		where r.serial = $1 order by x.n, x.at`, serial, p.From, p.To)
	var n, before int
	var one flows.Series
	var point flows.Point
	_, err = pgx.ForEachRow(rows, []any{&n, &one.Name, &one.Unit, &point.At, &point.Value}, func() error {
		if n != before {
			list, before = append(list, one), n
		}
		last := &list[len(list)-1]
		last.Points = append(last.Points, point)
		return nil
	})
	return list, trouble("look at a meter's history", err)
}

// healthBefore is how far before a period a verdict is looked for that the first one in it may have changed.
const healthBefore = 7 * 24 * time.Hour

// HealthChanges gives the newest changes of a meter's health in a period, the newest first. The first verdict of all is one.
func (s *Store) HealthChanges(ctx context.Context, serial string, p flows.Period, limit int) ([]flows.HealthChange, error) {
	rows, _ := s.pool.Query(ctx, `
		select "timestamp", health from (
			select h."timestamp", h.health, lag(h.health) over (order by h."timestamp") before
			from flows.meter_health_history h where h.meter_id = (select id from flows.meter_registry where serial = $1) and h."timestamp" >= $5 and h."timestamp" < $3
		) c where health is distinct from before and "timestamp" >= $2 order by "timestamp" desc limit $4`, serial, p.From, p.To, limit, p.From.Add(-healthBefore))
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[flows.HealthChange])
	return list, trouble("look at a meter's health", err)
}

// MeterTariffs gives the documents of the shadow; nil when they were never read.
func (s *Store) MeterTariffs(ctx context.Context, serial string) (active, future json.RawMessage, err error) {
	err = s.pool.QueryRow(ctx, `select s.tariffs_active, s.tariffs_future from flows.meter_registry r left join flows.meter_shadows s on s.id = r.id where r.serial = $1`, serial).
		Scan((*[]byte)(&active), (*[]byte)(&future))
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return active, future, trouble("look at a meter's tariffs", err)
}
