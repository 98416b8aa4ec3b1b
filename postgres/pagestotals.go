package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"flows"

	"github.com/jackc/pgx/v5"
)

// sides are the sums of register_day d, import before export.
var sides = strings.ReplaceAll(side, "~", "import") + ", " + strings.ReplaceAll(side, "~", "export")

const side = `coalesce(sum(d.energy) filter (where d.direction = '~'), 0)::text, coalesce(sum(d.billable_energy) filter (where d.direction = '~'), 0)::text,
	coalesce(sum(d.expected) filter (where d.direction = '~'), 0), coalesce(sum(d.actual + d.derived + d.edited + d.estimated) filter (where d.direction = '~'), 0),
	coalesce(sum(d.estimated) filter (where d.direction = '~'), 0)`

// Totals sums the energy of local days, as it was judged last. Errors: *flows.UnknownESCO, or *flows.Error with Database.
func (s *Store) Totals(ctx context.Context, q flows.TotalsQuery) ([]flows.Total, error) {
	if err := s.known(ctx, Filter{ESCO: q.ESCO}); err != nil {
		return nil, err
	}
	switch q.By {
	case flows.ByESCO:
		return s.totals(ctx, `
			select coalesce(e.code, ''), '', coalesce(e.code, ''), '', count(distinct d.register_id), `+sides+`, '', ''
			from flows.register_day d join flows.meter_registers g using (register_id) join flows.meter_registry r on r.id = g.meter_id left join flows.escos e on e.id = r.esco
			where d.day between $1::date and $2::date and ($3 = '' or lower(e.code) = lower($3)) group by e.code order by e.code nulls last`, q.From, q.To, q.ESCO)
	case flows.ByCircuit:
		return s.totals(ctx, `
			select c.name, '', coalesce(c.site, ''), c.type, count(distinct k.register), `+sides+`, '', ''
			from flows.circuits c left join flows.circuit_register k on k.circuit = c.id left join flows.register_day d on d.register_id = k.register and d.day between $1::date and $2::date
			where $3 = '' or exists (select from flows.circuit_register k join flows.meter_registers g on g.register_id = k.register join flows.meter_registry r on r.id = g.meter_id
				join flows.escos e on e.id = r.esco where k.circuit = c.id and lower(e.code) = lower($3))
			group by c.id order by c.site, c.name, c.id`, q.From, q.To, q.ESCO)
	}
	return s.registerTotals(ctx, q)
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
	register, serial, _ := strings.Cut(q.Cursor.Key, ".")
	if isUUID(register) {
		where += ` and (r.serial, g.register_id) ` + than + ` (` + bind(serial) + `, ` + bind(register) + `::text::uuid)`
	}
	from, to, limit := bind(q.From), bind(q.To), bind(q.Limit)
	list, err := s.totals(ctx, `
		select p.serial, p.element, p.code, '', 1, `+sides+`, p.register_id::text, p.now
		from (
			select coalesce(g.serial, r.serial) serial, r.serial now, g.element, coalesce(e.code, '') code, g.register_id
			from flows.meter_registry r join flows.meter_registers g on g.meter_id = r.id left join flows.escos e on e.id = r.esco
			where `+where+` and exists (select from flows.register_day d where d.register_id = g.register_id and d.day between `+from+`::text::date and `+to+`::text::date)
			order by r.serial`+way+`, g.register_id`+way+` limit nullif(`+limit+`, 0)
		) p left join flows.register_day d on d.register_id = p.register_id and d.day between `+from+`::text::date and `+to+`::text::date
		group by p.serial, p.now, p.element, p.code, p.register_id order by p.now`+way+`, p.register_id`+way, args...)
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
