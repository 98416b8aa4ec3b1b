package postgres

import (
	"context"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
)

// Facts gives every value stored from meters, in one moment's view: all rows of the history tables, and what the shadows and the
// registry hold. Values are as PostgreSQL prints them: numbers without trailing zeros, times as RFC 3339 in UTC with microseconds. In
// present state and in meter_3p_voltage a null means "never read" and is left out; a null in meter_csq is a fact.
func (s *Store) Facts(ctx context.Context) ([]flows.Fact, error) {
	rows, _ := s.pool.Query(ctx, facts)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (f flows.Fact, err error) {
		var at *time.Time
		var value *string
		err = row.Scan(&f.Table, &f.Serial, &f.Column, &at, &value)
		if at != nil {
			f.Time = *at
		}
		if f.Null = value == nil; !f.Null {
			f.Value = *value
		}
		return f, err
	})
	return list, trouble("list stored values", err)
}

// facts: a register's column names its element, SINGLE counting as A; an event's names its type. What a register had before an exchange is of
// the meter that was there.
const facts = `
with reads (tab, register_id, at, value) as (
	select 'register_import', register_id, timestamp, trim_scale(read)::text from flows.register_import
	union all
	select 'register_export', register_id, timestamp, trim_scale(read)::text from flows.register_export
), history (tab, meter_id, col, at, value) as (
	select 'meter_prepay_balance', meter_id, 'balance', timestamp, trim_scale(balance)::text from flows.meter_prepay_balance
	union all
	select 'meter_csq', meter_id, 'csq', timestamp, csq::text from flows.meter_csq
	union all
	select 'meter_voltage', meter_id, 'voltage', timestamp, trim_scale(voltage)::text from flows.meter_voltage
	union all
	select 'meter_3p_voltage', h.meter_id, c.col, h.timestamp, trim_scale(c.value)::text from flows.meter_3p_voltage h,
		lateral (values ('voltage_l1', voltage_l1), ('voltage_l2', voltage_l2), ('voltage_l3', voltage_l3)) c (col, value)
	where c.value is not null
	union all
	select 'meter_health_history', meter_id, 'health', timestamp, health from flows.meter_health_history
	union all
	select 'meter_event_log', meter_id, 'event.' || event_type, timestamp, event_set::text from flows.meter_event_log
), state (tab, meter_id, col, value) as (
	select 'meter_shadows', h.id, c.col, c.value from flows.meter_shadows h,
		lateral (values
			('import_a', trim_scale(import_a)::text), ('import_b', trim_scale(import_b)::text),
			('export_a', trim_scale(export_a)::text), ('export_b', trim_scale(export_b)::text),
			('balance', trim_scale(balance)::text), ('csq', csq::text), ('voltage', trim_scale(voltage)::text),
			('3p_voltage_l1', trim_scale("3p_voltage_l1")::text), ('3p_voltage_l2', trim_scale("3p_voltage_l2")::text),
			('3p_voltage_l3', trim_scale("3p_voltage_l3")::text), ('clock_time_diff_seconds', clock_time_diff_seconds::text),
			('clock_time_diff_synced_at', to_char(clock_time_diff_synced_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')),
			('tariffs_active', tariffs_active::text), ('tariffs_future', tariffs_future::text),
			('backlight', backlight), ('load_switch', load_switch), ('health', health)) c (col, value)
	union all
	select 'meter_registry', h.id, c.col, c.value from flows.meter_registry h,
		lateral (values
			('hardware', hardware), ('frame_address', frame_address::text), ('firmware_version', firmware_version),
			('prepay_enabled', prepay_enabled::text),
			('daylight_savings_correction_enabled', daylight_savings_correction_enabled::text)) c (col, value)
)
select h.tab, coalesce(g.serial, r.serial) serial, 'read.' || replace(g.element, 'SINGLE', 'A') col, h.at, h.value
from reads h join flows.meter_registers g using (register_id) join flows.meter_registry r on r.id = g.meter_id
union all
select f.tab, r.serial, f.col, f.at, f.value from (
	select * from history
	union all
	select tab, meter_id, col, null, value from state where value is not null
) f join flows.meter_registry r on r.id = f.meter_id
order by tab, serial, at, col`
