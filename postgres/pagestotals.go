package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"flows"

	"github.com/jackc/pgx/v5"
)

// sides are the sums of a register's days d, import before export; of and ofMany are those of the sums.
var (
	sides = bothWays(`sum(d.energy) filter (where d.direction = '~') ~_energy, sum(d.billable_energy) filter (where d.direction = '~') ~_billable,
		sum(d.expected) filter (where d.direction = '~') ~_expected, sum(d.actual + d.derived + d.edited + d.estimated) filter (where d.direction = '~') ~_known,
		sum(d.estimated) filter (where d.direction = '~') ~_estimated`)
	of     = bothWays(`coalesce(s.~_energy, 0)::text, coalesce(s.~_billable, 0)::text, coalesce(s.~_expected, 0), coalesce(s.~_known, 0), coalesce(s.~_estimated, 0)`)
	ofMany = bothWays(`coalesce(sum(s.~_energy), 0)::text, coalesce(sum(s.~_billable), 0)::text, coalesce(sum(s.~_expected), 0)::bigint,
		coalesce(sum(s.~_known), 0)::bigint, coalesce(sum(s.~_estimated), 0)::bigint`)
)

func bothWays(text string) string {
	return strings.ReplaceAll(text, "~", "import") + ", " + strings.ReplaceAll(text, "~", "export")
}

// Totals sums the energy of local days, as it was judged last: each register's first, so that the many rows are gone before anything is looked
// up for them. Errors: *flows.UnknownESCO, or *flows.Error with Database.
func (s *Store) Totals(ctx context.Context, q flows.TotalsQuery) ([]flows.Total, error) {
	if err := s.known(ctx, Filter{ESCO: q.ESCO}); err != nil {
		return nil, err
	}
	switch q.By {
	case flows.ByESCO:
		return s.escoTotals(ctx, q)
	case flows.ByCircuit:
		return s.totals(ctx, `
			select c.name, '', coalesce(c.site, ''), c.type, count(k.register), `+ofMany+`, '', ''
			from flows.circuits c left join flows.circuit_register k on k.circuit = c.id left join (
				select d.register_id, `+sides+` from flows.register_day d
				where d.day between $1::date and $2::date and d.register_id in (select register from flows.circuit_register) group by d.register_id
			) s on s.register_id = k.register
			where $3 = '' or exists (select from flows.circuit_register k join flows.meter_registers g on g.register_id = k.register join flows.meter_registry r on r.id = g.meter_id
				join flows.escos e on e.id = r.esco where k.circuit = c.id and lower(e.code) = lower($3))
			group by c.id order by c.site, c.name, c.id`, q.From, q.To, q.ESCO)
	}
	return s.registerTotals(ctx, q)
}

// escoTotals looks the days of a small ESCO up register by register.
func (s *Store) escoTotals(ctx context.Context, q flows.TotalsQuery) ([]flows.Total, error) {
	only, args := "", []any{q.From, q.To, q.ESCO}
	if q.ESCO != "" {
		list, few, err := s.ofESCO(ctx, q.ESCO)
		if err != nil {
			return nil, err
		}
		if few {
			only, args = ` and d.register_id = any($4::text[]::uuid[])`, append(args, list)
		}
	}
	return s.totals(ctx, `
		select coalesce(e.code, ''), '', coalesce(e.code, ''), '', count(*), `+ofMany+`, '', ''
		from (
			select d.*, (select r.esco from flows.meter_registers g join flows.meter_registry r on r.id = g.meter_id where g.register_id = d.register_id) esco
			from (select d.register_id, `+sides+` from flows.register_day d where d.day between $1::date and $2::date`+only+` group by d.register_id) d
		) s left join flows.escos e on e.id = s.esco
		where $3 = '' or lower(e.code) = lower($3) group by e.code order by e.code nulls last`, args...)
}

// registerTotals sums the registers of a page alone.
func (s *Store) registerTotals(ctx context.Context, q flows.TotalsQuery) ([]flows.Total, error) {
	if !storable(q.Search + q.Cursor.Key) {
		return nil, nil
	}
	where, args := conditions(flows.MeterQuery{ESCO: q.ESCO, Search: q.Search})
	bind := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	way, than := "", ">"
	if q.Cursor.Back {
		way, than = " desc", "<"
	}
	if key := strings.SplitN(q.Cursor.Key, ".", 3); len(key) == 3 && isUUID(key[1]) {
		where += ` and r.serial ` + than + `= ` + bind(key[2]) + ` and (r.serial, g.element, g.register_id) ` + than + ` (` + bind(key[2]) + `, ` + bind(key[0]) + `, ` + bind(key[1]) + `::text::uuid)`
	}
	from, to, limit := bind(q.From), bind(q.To), bind(q.Limit)
	list, err := s.totals(ctx, `
		select p.serial, p.element, p.code, '', 1, `+of+`, p.register_id::text, p.now
		from (
			select coalesce(g.serial, r.serial) serial, r.serial now, g.element, coalesce(e.code, '') code, g.register_id
			from flows.meter_registry r join flows.meter_registers g on g.meter_id = r.id left join flows.escos e on e.id = r.esco
			where `+where+` and exists (select from flows.register_day d where d.register_id = g.register_id and d.day between `+from+`::text::date and `+to+`::text::date)
			order by r.serial`+way+`, g.element`+way+`, g.register_id`+way+` limit nullif(`+limit+`, 0)
		) p cross join lateral (
			select `+sides+` from flows.register_day d where d.register_id = p.register_id and d.day between `+from+`::text::date and `+to+`::text::date
		) s order by p.now`+way+`, p.element`+way+`, p.register_id`+way, args...)
	if q.Cursor.Back {
		slices.Reverse(list)
	}
	return list, err
}

func (s *Store) totals(ctx context.Context, sql string, args ...any) ([]flows.Total, error) {
	rows, _ := s.pool.Query(ctx, sql, args...)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t flows.Total, err error) {
		var in, out, bill, pay string
		if err := row.Scan(&t.Name, &t.Element, &t.ESCO, &t.Kind, &t.Registers, &in, &bill, &t.Import.Expected, &t.Import.Known, &t.Import.Estimated,
			&out, &pay, &t.Export.Expected, &t.Export.Known, &t.Export.Estimated, &t.Register, &t.Now); err != nil {
			return t, err
		}
		for text, to := range map[*string]*flows.Energy{&in: &t.Import.Energy, &bill: &t.Import.Billable, &out: &t.Export.Energy, &pay: &t.Export.Billable} {
			if *to, err = flows.ParseEnergy(*text); err != nil {
				return t, err
			}
		}
		return t, nil
	})
	return list, trouble("sum energy", err)
}
