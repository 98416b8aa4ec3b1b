package postgres

import (
	"context"
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

// MeterLines gives a page of meters. The conditions are put together, since one plan for all of them is a bad one for most. Errors:
// *flows.UnknownESCO, or *flows.Error with Database.
func (s *Store) MeterLines(ctx context.Context, q flows.MeterQuery) ([]flows.MeterLine, error) {
	if !storable(q.Search + q.Hardware + q.From.Key) {
		return nil, nil // nobody is called so
	}
	if err := s.known(ctx, Filter{ESCO: q.ESCO}); err != nil {
		return nil, err
	}
	where, args := conditions(q)
	by := sorted(q)
	if after := by.after(&args); after != "" {
		where += " and " + after
	}
	args = append(args, q.Limit)
	rows, _ := s.pool.Query(ctx, `
		select coalesce(`+by.expression+`::text, '') || '|' || r.serial,`+meterLine+`
		from flows.meter_registry r
		left join flows.escos e on e.id = r.esco
		`+shadowsOf(q)+`
		where `+where+` order by `+by.order()+fmt.Sprintf(` limit nullif($%d, 0)`, len(args)), args...)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m flows.MeterLine, err error) {
		place := ""
		err = scanLine(row, &m, &place)
		m.Place = place
		return m, err
	})
	if q.From.Back {
		slices.Reverse(list)
	}
	return list, trouble("list meters", err)
}

// Hardware gives the names of hardware that there are.
func (s *Store) Hardware(ctx context.Context) ([]string, error) {
	rows, _ := s.pool.Query(ctx, `select hardware from flows.meter_registry where hardware is not null group by hardware order by hardware limit 100`)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return list, trouble("list hardware", err)
}

// asked are the meters that runs ask.
const asked = `r.mode = 'active' and r.ip_address is not null`

// ofShadows tells that the shadows choose or sort the meters.
func ofShadows(q flows.MeterQuery) bool {
	return q.Look != "" || q.Fresh != "" || q.Health != "" && q.Health != flows.OnlyNotAsked || q.Sort != "" && q.Sort != flows.SortSerial && q.Sort != flows.SortName
}

// shadowsOf joins the shadows. Where they choose or sort, they are read as a whole: looked up one by one in the order of the serials they
// cost ten times as much when few are chosen.
func shadowsOf(q flows.MeterQuery) string {
	if ofShadows(q) {
		return `left join (select * from flows.meter_shadows offset 0) s on s.id = r.id`
	}
	return `left join flows.meter_shadows s on s.id = r.id`
}

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
		add("(lower(r.serial) like ? or lower(r.name) like ?)", "%"+strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(strings.ToLower(q.Search))+"%")
	}
	if q.Hardware != "" {
		add("r.hardware = ?", q.Hardware)
	}
	switch q.Health {
	case flows.OnlyHealthy, flows.OnlyUnhealthy:
		add(asked+" and s.health = ?", string(q.Health))
	case flows.OnlyNeverRead:
		parts = append(parts, asked+" and s.health is null")
	case flows.OnlyNotAsked:
		parts = append(parts, "not ("+asked+")")
	}
	if q.Look != "" || q.Fresh != "" {
		parts = append(parts, "r.mode = 'active' and not r.maintenance")
	}
	switch q.Look {
	case flows.LowBalanceLook:
		add("s.balance < ?::text::numeric", flows.LowBalance.String())
	case flows.WeakSignalLook:
		add("s.csq < ?", flows.WeakSignal)
	case flows.DriftLook:
		add("abs(s.clock_time_diff_seconds) >= ?", int(flows.ClockDrift.Seconds()))
	}
	if age := ageOf(q.Fresh); age != "" {
		parts = append(parts, age)
	}
	return strings.Join(parts, " and "), args
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
