package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
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

// Traces gives what the meter's registers stood at in a period, those included that it took over, element by element.
func (s *Store) Traces(ctx context.Context, serial string, p flows.Period) (list []flows.Trace, err error) {
	rows, _ := s.pool.Query(ctx, `
		select g.register_id::text, coalesce(g.serial, r.serial), g.element, x.direction, x.logged, x.at, round(x.read, 4)::text
		from flows.meter_registry r
		join flows.meter_registers g on g.meter_id = r.id and g.start_time < $3 and coalesce(g.end_time, 'infinity') > $2
		cross join lateral (
			select direction, true logged, "timestamp" at, read from flows.register_profile_hh where register_id = g.register_id and "timestamp" >= $2 and "timestamp" <= $3 and status & 128 <> 0
			union all
			select 'import', false, "timestamp", read from flows.register_import where register_id = g.register_id and "timestamp" >= $2 and "timestamp" <= $3
			union all
			select 'export', false, "timestamp", read from flows.register_export where register_id = g.register_id and "timestamp" >= $2 and "timestamp" <= $3
		) x
		where r.serial = $1 order by g.element, g.start_time, g.register_id, x.direction desc, x.at`, serial, p.From, p.To)
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

// HealthChanges gives the newest changes of a meter's health, the newest first.
func (s *Store) HealthChanges(ctx context.Context, serial string, p flows.Period, limit int) ([]flows.HealthChange, error) {
	rows, _ := s.pool.Query(ctx, `
		select "timestamp", health from (
			select h."timestamp", h.health, lag(h.health) over (order by h."timestamp") before
			from flows.meter_health_history h where h.meter_id = (select id from flows.meter_registry where serial = $1) and h."timestamp" >= $2 and h."timestamp" < $3
		) c where health is distinct from before order by "timestamp" desc limit $4`, serial, p.From, p.To, limit)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[flows.HealthChange])
	return list, trouble("look at a meter's health", err)
}

// way is the order and the comparison of a list that has the newest first.
func way(c flows.Cursor) (order, than string) {
	if c.Back {
		return "", ">"
	}
	return " desc", "<"
}

// MeterEvents gives a page of a meter's events, the newest first. The cursor's key is the time and the type.
func (s *Store) MeterEvents(ctx context.Context, serial string, from flows.Cursor, limit int) ([]flows.EventLine, error) {
	order, than := way(from)
	when, kind, _ := strings.Cut(from.Key, "|")
	at, err := time.Parse(time.RFC3339Nano, when)
	n := 0
	_, e := fmt.Sscanf(kind, "%d", &n)
	rows, _ := s.pool.Query(ctx, `
		select h."timestamp", h.event_type, coalesce(t.name, ''), h.event_set
		from flows.meter_event_log h left join flows.meter_event_log_type t on t.id = h.event_type
		where h.meter_id = (select id from flows.meter_registry where serial = $1) and (not $2 or (h."timestamp", h.event_type) `+than+` ($3, $4))
		order by h."timestamp"`+order+`, h.event_type`+order+` limit nullif($5, 0)`, serial, err == nil && e == nil, at, n, limit)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[flows.EventLine])
	if from.Back {
		slices.Reverse(list)
	}
	return list, trouble("list a meter's events", err)
}

// MeterTariffs gives the documents of the shadow; nil when they were never read.
func (s *Store) MeterTariffs(ctx context.Context, serial string) (active, future json.RawMessage, err error) {
	err = s.pool.QueryRow(ctx, `select s.tariffs_active, s.tariffs_future from flows.meter_registry r left join flows.meter_shadows s on s.id = r.id where r.serial = $1`, serial).
		Scan((*[]byte)(&active), (*[]byte)(&future))
	return active, future, trouble("look at a meter's tariffs", err)
}

// RawReads gives a page of a meter's raw reads from one source, the newest first, those of registers included that it took over.
func (s *Store) RawReads(ctx context.Context, serial string, of flows.RawSource, from flows.Cursor, limit int) ([]flows.RawRead, error) {
	order, than := way(from)
	part := strings.Split(from.Key, "|")
	at, err := time.Parse(time.RFC3339Nano, part[0])
	placed := err == nil && len(part) == 3 && isUUID(part[1]) && storable(part[2])
	if !placed {
		part = []string{"", "00000000-0000-0000-0000-000000000000", ""}
	}
	behind := func(direction string) string {
		return `(not $2 or ("timestamp", register_id, ` + direction + `) ` + than + ` ($3, $4::text::uuid, $5))`
	}
	// A register's own newest are found by its key; of these the newest are taken.
	source := `
		select "timestamp" at, direction, read, status, received_at, register_id from flows.register_profile_hh where register_id = g.register_id and direction = d.direction and ` + behind("direction") + `
		order by "timestamp"` + order + ` limit nullif($6, 0)`
	if of == flows.FromRuns {
		one := func(direction string) string {
			return `(select "timestamp" at, '` + direction + `' direction, read, null::integer status, null::timestamptz received_at, register_id from flows.register_` + direction +
				` where d.direction = '` + direction + `' and register_id = g.register_id and ` + behind(`'`+direction+`'`) + ` order by "timestamp"` + order + ` limit nullif($6, 0))`
		}
		source = one("import") + ` union all ` + one("export")
	}
	rows, _ := s.pool.Query(ctx, `
		select x.at, g.element, x.direction, round(x.read, 4)::text, x.status, coalesce(x.received_at, '0001-01-01Z'), x.register_id::text
		from flows.meter_registry r join flows.meter_registers g on g.meter_id = r.id cross join (values ('import'), ('export')) d (direction) cross join lateral (`+source+`) x
		where r.serial = $1 order by x.at`+order+`, x.register_id`+order+`, x.direction`+order+` limit nullif($6, 0)`, serial, placed, at, part[1], part[2], limit)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r flows.RawRead, err error) {
		var read string
		if err := row.Scan(&r.At, &r.Element, &r.Direction, &read, &r.Status, &r.Received, &r.Register); err != nil {
			return r, err
		}
		r.Received = r.Received.UTC()
		r.Value, err = flows.ParseEnergy(read)
		return r, err
	})
	if from.Back {
		slices.Reverse(list)
	}
	return list, trouble("list raw reads", err)
}

// SyncLog gives a page of what runs came to for a meter, the newest first. The cursor's key is the time and the run.
func (s *Store) SyncLog(ctx context.Context, serial string, from flows.Cursor, limit int) ([]flows.SyncLine, error) {
	order, than := way(from)
	when, id, _ := strings.Cut(from.Key, "|")
	at, err := time.Parse(time.RFC3339Nano, when)
	var run int64
	_, e := fmt.Sscanf(id, "%d", &run)
	rows, _ := s.pool.Query(ctx, `
		select "timestamp", run_id, frequency, verdict, coalesce(error_code, ''), coalesce(error_object, ''), details, duration_ms / 1000.0::float8, coalesce(read_at, '0001-01-01Z'), outcomes
		from flows.meter_sync_log where meter_id = (select id from flows.meter_registry where serial = $1) and (not $2 or ("timestamp", run_id) `+than+` ($3, $4))
		order by "timestamp"`+order+`, run_id`+order+` limit nullif($5, 0)`, serial, err == nil && e == nil, at, run, limit)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l flows.SyncLine, err error) {
		var outcomes []byte
		if err := row.Scan(&l.At, &l.Run, &l.Frequency, &l.Verdict, &l.Code, &l.Object, &l.Details, &l.Duration, &l.ReadAt, &outcomes); err != nil {
			return l, err
		}
		l.ReadAt = l.ReadAt.UTC()
		return l, json.Unmarshal(outcomes, &l.Outcomes)
	})
	if from.Back {
		slices.Reverse(list)
	}
	return list, trouble("list what runs came to", err)
}
