package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
)

// GapLines gives a page of gaps, the newest day first. Errors: *flows.UnknownSerials, *flows.UnknownESCO, or *flows.Error with Database.
func (s *Store) GapLines(ctx context.Context, q flows.GapQuery) ([]flows.GapLine, error) {
	f := Filter{ESCO: q.ESCO}
	if q.Serial != "" {
		f.Serials = []string{q.Serial}
	}
	if err := s.known(ctx, f); err != nil {
		return nil, err
	}
	parts, args := []string{"d.never_reached + d.not_logged + d.invalid > 0"}, []any{}
	add := func(sql string, list ...any) {
		for _, arg := range list {
			args = append(args, arg)
			sql = strings.Replace(sql, "?", fmt.Sprintf("$%d", len(args)), 1)
		}
		parts = append(parts, sql)
	}
	if q.ESCO != "" {
		add(`r.esco = (select id from flows.escos where lower(code) = lower(?))`, q.ESCO)
	}
	if q.Serial != "" {
		add(`d.register_id in (select g.register_id from flows.meter_registers g join flows.meter_registry r on r.id = g.meter_id where r.serial = ?)`, q.Serial)
	}
	switch q.Kind {
	case flows.GapNeverReached:
		parts = append(parts, `d.never_reached > 0`)
	case flows.GapNotLogged:
		parts = append(parts, `d.not_logged > 0`)
	case flows.GapInvalid:
		parts = append(parts, `d.invalid > 0`)
	}
	const again = `d.never_reached > 0 and g.status = 'enabled' and r.mode = 'active' and r.ip_address is not null`
	if q.Again {
		parts = append(parts, again)
	}
	order := `d.day desc, d.register_id desc, d.direction desc`
	if q.From.Back {
		order = `d.day, d.register_id, d.direction`
	}
	day, rest, _ := strings.Cut(q.From.Key, ".")
	register, direction, _ := strings.Cut(rest, ".")
	if date, err := time.Parse(time.DateOnly, day); err == nil && isUUID(register) && storable(direction) {
		than := "<"
		if q.From.Back {
			than = ">"
		}
		add(`(d.day, d.register_id, d.direction) `+than+` (?::date, ?::text::uuid, ?)`, date, register, direction)
	}
	rows, _ := s.pool.Query(ctx, `
		select r.serial, coalesce(e.code, ''), g.element, d.direction, d.day::text, d.never_reached, d.not_logged, d.invalid, `+again+`, d.expected, d.estimated,
			(now() at time zone coalesce(e.timezone, '`+defaultTimezone+`'))::date - d.day, d.register_id::text
		from flows.register_day d join flows.meter_registers g using (register_id) join flows.meter_registry r on r.id = g.meter_id left join flows.escos e on e.id = r.esco
		where `+strings.Join(parts, " and ")+` order by `+order+fmt.Sprintf(` limit nullif($%d, 0)`, len(args)+1), append(args, q.Limit)...)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (g flows.GapLine, err error) {
		err = row.Scan(&g.Serial, &g.ESCO, &g.Element, &g.Direction, &g.Day, &g.NeverReached, &g.NotLogged, &g.Invalid, &g.Again, &g.Expected, &g.Estimated, &g.Age, &g.Register)
		return g, err
	})
	if q.From.Back {
		slices.Reverse(list)
	}
	return list, trouble("list gaps", err)
}

// isUUID tells whether PostgreSQL would take it for one, in its usual form.
func isUUID(text string) bool {
	return len(text) == 36 && strings.Trim(text, "0123456789abcdef-") == ""
}
