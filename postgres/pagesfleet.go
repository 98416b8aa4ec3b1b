package postgres

import (
	"context"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
)

// FleetDays tells how complete the days before today are, of so many meters at the most, those of which most is missing. Today is that of
// the ESCO, in the default zone without one. Passive meters and those under maintenance are left out. Errors: *flows.UnknownESCO, or
// *flows.Error with Database.
func (s *Store) FleetDays(ctx context.Context, esco string, days, most int) (f flows.FleetDays, err error) {
	if err := s.known(ctx, Filter{ESCO: esco}); err != nil {
		return f, err
	}
	err = pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		var id *string
		var today time.Time
		err := tx.QueryRow(ctx, `
			select (select id::text from flows.escos where lower(code) = lower($1)),
				(now() at time zone coalesce((select timezone from flows.escos where lower(code) = lower($1)), '`+defaultTimezone+`'))::date`, esco).Scan(&id, &today)
		if err != nil {
			return err
		}
		first := today.AddDate(0, 0, -days)
		for d := first; d.Before(today); d = d.AddDate(0, 0, 1) {
			f.Days = append(f.Days, d.Format(time.DateOnly))
		}
		var all int
		rows, _ := tx.Query(ctx, `
			with lacking as (
				select d.register_id, sum(d.expected - d.actual - d.derived - d.edited) n from flows.register_day d
				where d.actual + d.derived + d.edited < d.expected and d.day >= $1 and d.day < $2 group by d.register_id
			), meters as (
				select r.id, r.serial, coalesce(r.name, '') name, sum(l.n)::integer n
				from lacking l join flows.meter_registers g using (register_id) join flows.meter_registry r on r.id = g.meter_id
				where r.mode = 'active' and not r.maintenance and ($3::text is null or r.esco = $3::text::uuid) group by r.id
			), worst as (select *, count(*) over () incomplete from meters order by n desc, serial limit $4)
			select w.serial, w.name, w.n, w.incomplete, (
				select array_agg(coalesce(x.state, 'not_expected') order by t.day) from generate_series($1::date, $2::date - 1, interval '1 day') t (day)
				left join (
					select d.day, case when sum(d.actual + d.derived + d.edited) = sum(d.expected) then 'complete'
						when sum(d.actual + d.derived + d.edited + d.estimated) = sum(d.expected) then 'estimated'
						when sum(d.actual + d.derived + d.edited + d.estimated) > 0 then 'partial' else 'none' end state
					from flows.meter_registers g join flows.register_day d using (register_id)
					where g.meter_id = w.id and d.day >= $1 and d.day < $2 group by d.day
				) x on x.day = t.day
			)
			from worst w order by w.n desc, w.serial`, first, today, id, most)
		f.Meters, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (m flows.MeterDays, err error) {
			err = row.Scan(&m.Serial, &m.Name, &m.Lacking, &f.Incomplete, &m.States)
			return m, err
		})
		if err == nil {
			err = tx.QueryRow(ctx, `
				select count(distinct g.meter_id) from flows.meter_registers g join flows.meter_registry r on r.id = g.meter_id
				where r.mode = 'active' and not r.maintenance and ($1::text is null or r.esco = $1::text::uuid) and g.start_time < now() - interval '1 day'
					and exists (select from flows.register_day d where d.register_id = g.register_id and d.day >= $2 and d.day < $3)`, id, first, today).Scan(&all)
		}
		f.Complete = max(0, all-f.Incomplete)
		return err
	})
	return f, trouble("look at the last days", err)
}
