package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
)

// Values that other writers stored with more decimals than meters have are rounded: a page is to be read.
const meterLine = `
	r.serial, coalesce(r.name, ''), coalesce(e.code, ''), coalesce(r.hardware, ''), coalesce(e.timezone, '` + defaultTimezone + `'), r.mode, r.maintenance,
	r.ip_address, r.port, coalesce(s.health, ''), coalesce(s.health_details, ''), s.last_healthy_at, round(s.balance, 5)::text, s.csq,
	round(s.import_a, 4)::text, round(s.import_b, 4)::text, s.clock_time_diff_seconds`

// MeterLines gives a page of meters. Errors: *flows.UnknownESCO, or *flows.Error with Database.
func (s *Store) MeterLines(ctx context.Context, q flows.MeterQuery) ([]flows.MeterLine, error) {
	if !storable(q.Search + q.Hardware + q.From.Key) {
		return nil, nil // nobody is called so
	}
	if err := s.known(ctx, Filter{ESCO: q.ESCO}); err != nil {
		return nil, err
	}
	l := newMeterList(q)
	list, err := s.nearMeters(ctx, l)
	if err == nil && (len(list) == 0 || len(list) < q.Limit) {
		list, err = s.meterLines(ctx, l)
	}
	if q.From.Back {
		slices.Reverse(list)
	}
	return list, trouble("list meters", err)
}

// nearMeters looks for them among those alone that come next, most often with success; else there are fewer than were asked for.
func (s *Store) nearMeters(ctx context.Context, l meterList) ([]flows.MeterLine, error) {
	sql, args, ok := l.edge()
	if !ok {
		return nil, nil
	}
	edge := ""
	switch err := s.pool.QueryRow(ctx, sql, planned(args)...).Scan(&edge); {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return s.meterLines(ctx, l.upTo(edge))
}

// planned has a statement planned for these values: one plan for all of them is a bad one for most.
func planned(args []any) []any { return append([]any{pgx.QueryExecModeCacheDescribe}, args...) }

func (s *Store) meterLines(ctx context.Context, l meterList) ([]flows.MeterLine, error) {
	sql, args := l.page(`coalesce(p.value::text, '') || '|' || r.serial,` + meterLine)
	rows, _ := s.pool.Query(ctx, sql, planned(args)...)
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (m flows.MeterLine, err error) {
		place := ""
		err = scanLine(row, &m, &place)
		m.Place = place
		return m, err
	})
}

// CountMeters counts up to so many. Errors: *flows.UnknownESCO, or *flows.Error with Database.
func (s *Store) CountMeters(ctx context.Context, q flows.MeterQuery, most int) (n int, err error) {
	if !storable(q.Search + q.Hardware) {
		return 0, nil
	}
	if err := s.known(ctx, Filter{ESCO: q.ESCO}); err != nil {
		return 0, err
	}
	q.Sort, q.From = "", flows.Cursor{}
	l := newMeterList(q)
	// The limit is no parameter: the plan is for that many.
	err = s.pool.QueryRow(ctx, `select count(*) from (select from `+l.from()+fmt.Sprintf(` limit %d) n`, most), planned(l.args)...).Scan(&n)
	return n, trouble("count meters", err)
}

// Hardware gives the names of hardware that there are.
func (s *Store) Hardware(ctx context.Context) ([]string, error) {
	rows, _ := s.pool.Query(ctx, `select hardware from flows.meter_registry where hardware is not null group by hardware order by hardware limit 100`)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return list, trouble("list hardware", err)
}

// asked are the meters that runs ask.
const asked = `r.mode = 'active' and r.ip_address is not null`

// conditions are those of a query on the registry.
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
		add("(lower(r.serial) like ? or lower(r.name) like ?)", "%"+strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(strings.ToLower(q.Search))+"%")
	}
	if q.Hardware != "" {
		add("r.hardware = ?", q.Hardware)
	}
	switch q.Health {
	case flows.OnlyHealthy, flows.OnlyUnhealthy, flows.OnlyNeverRead:
		parts = append(parts, asked)
	case flows.OnlyNotAsked:
		parts = append(parts, "not ("+asked+")")
	}
	if q.Look != "" || q.Fresh != "" {
		parts = append(parts, "r.mode = 'active' and not r.maintenance")
	}
	return strings.Join(parts, " and "), args
}

// shadowConditions are those on the shadows; "" for none.
func shadowConditions(q flows.MeterQuery) string {
	var parts []string
	switch q.Health {
	case flows.OnlyHealthy:
		parts = append(parts, "s.health = 'healthy'")
	case flows.OnlyUnhealthy:
		parts = append(parts, "s.health = 'unhealthy'")
	case flows.OnlyNeverRead:
		parts = append(parts, "s.health is null")
	}
	switch q.Look {
	case flows.LowBalanceLook:
		parts = append(parts, "s.balance < "+flows.LowBalance.String())
	case flows.WeakSignalLook:
		parts = append(parts, fmt.Sprintf("s.csq < %d", flows.WeakSignal))
	case flows.DriftLook:
		parts = append(parts, fmt.Sprintf("abs(s.clock_time_diff_seconds) >= %d", flows.ClockDrift/time.Second))
	}
	if age := ageOf(q.Fresh); age != "" {
		parts = append(parts, age)
	}
	return strings.Join(parts, " and ")
}

// ageOf is the condition of an age.
func ageOf(f flows.AgeFilter) string {
	var from time.Duration
	for _, a := range flows.Ages {
		switch {
		case a.Age != f:
			from = a.Upto
		case f == flows.AgeNever:
			return "s.last_healthy_at is null"
		case a.Upto == 0:
			return fmt.Sprintf("s.last_healthy_at <= now() - interval '%d hours'", int(from.Hours()))
		default:
			return fmt.Sprintf("s.last_healthy_at <= now() - interval '%d hours' and s.last_healthy_at > now() - interval '%d hours'", int(from.Hours()), int(a.Upto.Hours()))
		}
	}
	return ""
}

// scanLine reads meterLine, and what stands before it.
func scanLine(row pgx.Row, m *flows.MeterLine, before ...any) error {
	var ip *netip.Addr
	var port uint16
	var healthy *time.Time
	var balance, a, b *string
	if err := row.Scan(append(before, &m.Serial, &m.Name, &m.ESCO, &m.Hardware, &m.Zone, &m.Mode, &m.Maintenance, &ip, &port, &m.Health, &m.Details,
		&healthy, &balance, &m.CSQ, &a, &b, &m.Drift)...); err != nil {
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
