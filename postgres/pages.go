package postgres

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
)

// Values that other writers stored with more decimals than meters have are rounded: a page is to be read.
const meterLine = `
	r.serial, coalesce(r.name, ''), coalesce(e.code, ''), coalesce(r.hardware, ''), coalesce(e.timezone, '` + defaultTimezone + `'), r.mode, r.maintenance,
	r.ip_address, r.port, coalesce(s.health, ''), coalesce(s.health_details, ''), s.last_healthy_at, round(s.balance, 5)::text, s.csq,
	round(s.import_a, 4)::text, round(s.import_b, 4)::text`

// MeterLines gives a page of meters by serial. The conditions are put together, since one plan for all of them is a bad one for most. Errors:
// *UnknownESCO, or *flows.Error with Database.
func (s *Store) MeterLines(ctx context.Context, q flows.MeterQuery) ([]flows.MeterLine, error) {
	if !storable(q.Search + q.After) {
		return nil, nil // nobody is called so
	}
	if err := s.known(ctx, Filter{ESCO: q.ESCO}); err != nil {
		return nil, err
	}
	where, args := conditions(q)
	rows, _ := s.pool.Query(ctx, `
		select `+meterLine+`
		from flows.meter_registry r
		left join flows.escos e on e.id = r.esco
		left join flows.meter_shadows s on s.id = r.id
		where `+where+` order by r.serial limit nullif(`+fmt.Sprintf("$%d", len(args)+1)+`, 0)`, append(args, q.Limit)...)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m flows.MeterLine, err error) {
		err = scanLine(row, &m)
		return m, err
	})
	return list, trouble("list meters", err)
}

// asked are the meters that runs ask.
const asked = `r.mode = 'active' and r.ip_address is not null`

// conditions are the WHERE clause of a query.
func conditions(q flows.MeterQuery) (where string, args []any) {
	parts := []string{"true"}
	add := func(sql string, arg any) {
		args = append(args, arg)
		parts = append(parts, strings.ReplaceAll(sql, "?", fmt.Sprintf("$%d", len(args))))
	}
	if q.ESCO != "" {
		add("r.esco = (select id from flows.escos where lower(code) = lower(?))", q.ESCO)
	}
	if q.Search != "" {
		add("(strpos(lower(r.serial), lower(?)) > 0 or strpos(lower(r.name), lower(?)) > 0)", q.Search)
	}
	if q.After != "" {
		add("r.serial > ?", q.After)
	}
	switch q.Health {
	case flows.OnlyHealthy, flows.OnlyUnhealthy:
		add(asked+" and s.health = ?", string(q.Health))
	case flows.OnlyNeverRead:
		parts = append(parts, asked+" and s.health is null")
	case flows.OnlyNotAsked:
		parts = append(parts, "not ("+asked+")")
	}
	return strings.Join(parts, " and "), args
}

// scanLine reads meterLine, and what stands before it.
func scanLine(row pgx.Row, m *flows.MeterLine, before ...any) error {
	var ip *netip.Addr
	var port uint16
	var healthy *time.Time
	var balance, a, b *string
	if err := row.Scan(append(before, &m.Serial, &m.Name, &m.ESCO, &m.Hardware, &m.Zone, &m.Mode, &m.Maintenance, &ip, &port, &m.Health, &m.Details,
		&healthy, &balance, &m.CSQ, &a, &b)...); err != nil {
		return err
	}
	if ip != nil {
		m.Address = netip.AddrPortFrom(*ip, port).String()
	}
	if healthy != nil {
		m.LastHealthy = *healthy
	}
	var err error
	if m.Balance, err = parsed(balance, flows.ParseMoney); err != nil {
		return err
	}
	if m.ImportA, err = parsed(a, flows.ParseEnergy); err != nil {
		return err
	}
	m.ImportB, err = parsed(b, flows.ParseEnergy)
	return err
}

// parsed keeps null.
func parsed[V any](text *string, parse func(string) (V, error)) (*V, error) {
	if text == nil {
		return nil, nil
	}
	v, err := parse(*text)
	return &v, err
}
