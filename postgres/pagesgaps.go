package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
)

// askedAgain is of a gap that runs ask for.
const askedAgain = `d.never_reached > 0 and g.status = 'enabled' and r.mode = 'active' and r.ip_address is not null`

// GapLines gives a page of gaps, the newest day first, a day's by serial. What the logs of runs say is looked up for that page alone. Errors:
// *flows.UnknownSerials, *flows.UnknownESCO, or *flows.Error with Database.
func (s *Store) GapLines(ctx context.Context, q flows.GapQuery) ([]flows.GapLine, error) {
	f := Filter{ESCO: q.ESCO}
	if q.Serial != "" {
		f.Serials = []string{q.Serial}
	}
	if err := s.known(ctx, f); err != nil {
		return nil, err
	}
	where, args := gapConditions(q)
	order := func(back bool) string {
		if back {
			return `day, serial desc, element desc, register_id desc, direction = 'export' desc`
		}
		return `day desc, serial, element, register_id, direction = 'export'`
	}
	rows, _ := s.pool.Query(ctx, `
		select p.serial, p.code, p.zone, p.element, p.direction, p.day::text, p.never_reached, p.not_logged, p.invalid, p.again, p.expected, p.estimated,
			(now() at time zone p.zone)::date - p.day, p.register_id::text, p.status = 'enabled', p.mode, p.ip_address is not null, coalesce(k.run_frequency, ''),
			coalesce(a.tries, 0), coalesce(a.answered, 0), coalesce(a.tried, '0001-01-01Z'), coalesce(h.shown, '0001-01-01Z')
		from (
			select * from (
				select r.serial, coalesce(e.code, '') code, coalesce(e.timezone, '`+defaultTimezone+`') zone, g.element, d.register_id, d.direction, d.day,
					d.never_reached, d.not_logged, d.invalid, d.expected, d.estimated, `+askedAgain+` again, g.status, r.mode, r.ip_address, r.id meter_id
				from flows.register_day d join flows.meter_registers g using (register_id) join flows.meter_registry r on r.id = g.meter_id left join flows.escos e on e.id = r.esco
				where `+where+`
			) d order by `+order(q.From.Back)+fmt.Sprintf(` limit nullif($%d, 0)`, len(args)+1)+`
		) p
		left join (
			select name, run_frequency from flows.meter_metrics where enabled and lower(name) = 'syncerprofilelog'
			order by array_position(array['hourly', '12hourly', 'daily'], run_frequency) limit 1
		) k on true
		left join lateral (
			select count(*) tries, count(*) filter (where o ->> 'state' in ('read', 'partial')) answered, max(l."timestamp") tried
			from flows.meter_sync_log l cross join lateral jsonb_array_elements(l.outcomes) o
			where l.meter_id = p.meter_id and l."timestamp" >= (p.day + 1)::timestamp at time zone p.zone and l.frequency = k.run_frequency
				and lower(o ->> 'metric') = 'syncerprofilelog'
		) a on p.never_reached > 0
		left join lateral (
			select max(shown_at) shown from flows.register_profile_hole h
			where h.register_id = p.register_id and h.direction = p.direction and h.start_time < (p.day + 1)::timestamp at time zone p.zone
				and h.end_time > p.day::timestamp at time zone p.zone
		) h on p.not_logged > 0
		order by `+order(false), append(args, q.Limit)...)
	list, err := pgx.CollectRows(rows, scanGap)
	return list, trouble("list gaps", err)
}

func gapConditions(q flows.GapQuery) (where string, args []any) {
	parts := []string{"d.never_reached + d.not_logged + d.invalid > 0"}
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
	if q.Again {
		parts = append(parts, askedAgain)
	}
	key := strings.SplitN(q.From.Key, ".", 5)
	if date, err := time.Parse(time.DateOnly, key[0]); err == nil && date.Year() > 0 && len(key) == 5 && isUUID(key[2]) && storable(q.From.Key) {
		sql := `d.day <= ?::date and (d.day < ?::date or (r.serial, g.element, d.register_id, d.direction = 'export') > (?, ?, ?::text::uuid, ?))`
		if q.From.Back {
			sql = `d.day >= ?::date and (d.day > ?::date or (r.serial, g.element, d.register_id, d.direction = 'export') < (?, ?, ?::text::uuid, ?))`
		}
		add(sql, date, date, key[4], key[1], key[2], key[3] == string(flows.Export))
	}
	return strings.Join(parts, " and "), args
}

func scanGap(row pgx.CollectableRow) (g flows.GapLine, err error) {
	var enabled, address bool
	var mode flows.Mode
	err = row.Scan(&g.Serial, &g.ESCO, &g.Zone, &g.Element, &g.Direction, &g.Day, &g.NeverReached, &g.NotLogged, &g.Invalid, &g.Again, &g.Expected, &g.Estimated,
		&g.Age, &g.Register, &enabled, &mode, &address, &g.Every, &g.Tries, &g.Answered, &g.Tried, &g.Shown)
	g.Tried, g.Shown = g.Tried.UTC(), g.Shown.UTC()
	switch {
	case g.NeverReached == 0:
	case !enabled:
		g.NotAsked = "the register was taken out of use"
	case !g.Again:
		g.NotAsked = flows.NotRead(mode, address)
	case g.Every == "":
		g.NotAsked = "metric SyncerProfileLog is off, so no run reads logs"
	}
	return g, err
}

// isUUID tells whether PostgreSQL would take it for one, in its usual form.
func isUUID(text string) bool {
	return len(text) == 36 && strings.Trim(text, "0123456789abcdef-") == ""
}
