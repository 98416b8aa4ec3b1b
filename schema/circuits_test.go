package schema_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// part is a register of a circuit, as the test has made it.
type part struct {
	id         string
	zone       *time.Location
	start, end time.Time // as registered; end is zero when it lives
	first      time.Time // its first half-hour
}

// lives tells whether the half-hour is one of the register's life.
func (p part) lives(at time.Time) bool {
	begins := p.start
	if p.first.Before(begins) {
		begins = p.first
	}
	return !at.Before(begins) && (p.end.IsZero() || !at.Add(30*time.Minute).After(p.end))
}

// TestCircuitsAreSumsOfTheirRegisters looks at every half-hour of two months around a change of the clock, of registers in several zones: one
// has ended, one has half-hours from before its registration, one has none for weeks.
func TestCircuitsAreSumsOfTheirRegisters(t *testing.T) {
	conn := migrated(t)
	undone(t, conn)
	exec(t, conn, `insert into escos (code, timezone) values ('HOME', 'Europe/London'), ('EAST', 'America/New_York')`)
	random := rand.New(rand.NewPCG(16, 1))
	from, to := midnight.AddDate(0, 0, -20), midnight.AddDate(0, 0, 40)
	at := func(days int, rest time.Duration) time.Time { return midnight.AddDate(0, 0, days).Add(rest) }
	parts := []part{
		{start: at(-15, 10*time.Minute)},
		{start: at(-400, 0), end: at(3, 10*time.Hour+7*time.Minute), first: from},
		{start: at(2, 5*time.Hour), first: at(-12, 3*time.Hour)},
		{start: at(-30, 0)},
	}
	members := [][]int{{0, 1}, {0, 1, 2}, {2, 3}, {3}}
	want := map[string]map[string]*sums{"hh": {}, "daily": {}, "monthly": {}}
	expected := map[string]map[string]int{"hh": {}, "daily": {}, "monthly": {}}
	keys := func(circuit int, at time.Time, zone *time.Location) map[string]string {
		local := at.In(zone)
		return map[string]string{"hh": fmt.Sprint(circuit, " ", at.Format("2006-01-02 15:04")), "daily": fmt.Sprint(circuit, " ", local.Format("2006-01-02")), "monthly": fmt.Sprint(circuit, " ", local.Format("2006-01")+"-01")}
	}
	for i := range parts {
		p, esco := &parts[i], []string{"HOME", "EAST", "", "HOME"}[i]
		p.zone, _ = time.LoadLocation(map[string]string{"HOME": "Europe/London", "EAST": "America/New_York", "": "Europe/London"}[esco])
		p.id = register(t, conn, fmt.Sprint("M", i), "CX")
		exec(t, conn, `update meter_registry set esco = (select id from escos where code = $1) where serial = $2`, esco, fmt.Sprint("M", i))
		exec(t, conn, `update meter_registers set start_time = $2 where register_id = $1::text::uuid`, p.id, p.start)
		if !p.end.IsZero() {
			exec(t, conn, `update meter_registers set status = 'replaced', end_time = $2 where register_id = $1::text::uuid`, p.id, p.end)
		}
		if p.first.IsZero() {
			p.first = p.start.Add(29 * time.Minute).Truncate(30 * time.Minute)
		}
		for at := p.first; at.Before(to); at = at.Add(30 * time.Minute) {
			quiet := i == 3 && at.After(midnight.AddDate(0, 0, -25)) && at.Before(midnight.AddDate(0, 0, 25))
			if quiet || at != p.first && random.IntN(10) == 0 || !p.lives(at) {
				continue
			}
			var energies [2]*int
			var qualities [2]*string
			billable := random.IntN(2) == 0
			for d := range 2 {
				if random.IntN(6) > 0 {
					quality := []string{"actual", "estimated", "derived", "edited"}[random.IntN(4)]
					energies[d], qualities[d] = new(random.IntN(3000)), &quality
				}
			}
			exec(t, conn, `insert into register_interval_hh (register_id, timestamp, import_interval, import_quality, import_billable, export_interval, export_quality, export_billable)
				values ($1::text::uuid, $2, $3::int / 1000.0, $4, $7, $5::int / 1000.0, $6, $7)`, p.id, at, energies[0], qualities[0], energies[1], qualities[1], billable)
			for c, list := range members {
				if !slices.Contains(list, i) {
					continue
				}
				for period, key := range keys(c, at, p.zone) {
					for d, direction := range []string{"import", "export"} {
						key := key + " " + direction
						if want[period][key] == nil {
							want[period][key] = &sums{}
						}
						if energies[d] != nil {
							want[period][key].add(*energies[d], *qualities[d], &billable)
						}
					}
				}
			}
		}
	}
	for c, list := range members {
		id := rows(t, conn, `insert into circuits (type, name) values ('power', $1::text) returning id::text`, fmt.Sprint(c))
		for _, i := range list {
			exec(t, conn, `insert into circuit_register values ($1::text::uuid, $2::text::uuid)`, id, parts[i].id)
			for at := midnight.AddDate(0, -3, 0); at.Before(to.AddDate(0, 2, 0)); at = at.Add(30 * time.Minute) {
				if parts[i].lives(at) {
					for period, key := range keys(c, at, parts[i].zone) {
						expected[period][key]++
					}
				}
			}
		}
	}
	for _, session := range []string{"UTC", "Asia/Kathmandu"} {
		exec(t, conn, `set local timezone = '`+session+`'`)
		for period, key := range map[string]string{"hh": `to_char("timestamp" at time zone 'UTC', 'YYYY-MM-DD HH24:MI')`, "daily": `day::text`, "monthly": `month::text`} {
			var lines, some []string
			for key, s := range want[period] {
				energy, billed := fmt.Sprint(s.energy), fmt.Sprint(s.billed)
				if s.known == 0 {
					energy = "unknown"
				}
				if s.billable == 0 {
					billed = "unknown"
				}
				own := key[:strings.LastIndex(key, " ")]
				lines = append(lines, fmt.Sprint(key, " ", expected[period][own], " ", energy, " ", billed, " ", s.known, " ", s.estimated, " ", s.billable))
			}
			slices.Sort(lines)
			for _, direction := range []string{"import", "export"} {
				some = append(some, strings.ReplaceAll(`select c.name || ' ' || `+key+` || ' ~ ' || expected || ' ' || coalesce(trim_scale(~_interval * 1000)::text, 'unknown') || ' ' ||
					coalesce(trim_scale(~_billable_interval * 1000)::text, 'unknown') || ' ' || ~_known || ' ' || ~_estimated || ' ' || ~_billable line
					from circuit_interval_`+period+` join circuits c on c.id = circuit`, "~", direction))
			}
			got := rows(t, conn, `select line collate "C" from (`+strings.Join(some, " union all ")+`) l order by 1`)
			if diff := cmp.Diff(strings.Join(lines, "\n"), got); diff != "" {
				t.Errorf("%s, session in %s (-want +got):\n%.3000s", period, session, diff)
			}
		}
	}
}

func TestNothingIsExpectedOfACircuitBeforeItsTime(t *testing.T) {
	conn := migrated(t)
	undone(t, conn)
	id := register(t, conn, "M1", "CX")
	exec(t, conn, `update meter_registers set start_time = date_trunc('month', now()) - interval '1 year'`)
	exec(t, conn, `insert into circuits (type) values ('solar')`)
	exec(t, conn, `insert into circuit_register select c.id, $1::text::uuid from circuits c`, id)
	exec(t, conn, `insert into register_interval_hh (register_id, timestamp, import_interval, import_quality)
		select $1::text::uuid, date_bin('30 minutes', now(), '2000-01-01Z') - interval '30 minutes' * n, 1, 'actual' from generate_series(0, 1) n`, id) // the one that goes on, and the last
	if got, want := rows(t, conn, `select expected, import_known from circuit_interval_hh order by "timestamp"`), "1 1\n0 1"; got != want {
		t.Errorf("by half-hours: %q, want %q", got, want)
	}
	for period, begins := range map[string]string{"daily": "day", "monthly": "month"} {
		got := rows(t, conn, `select bool_and(expected = floor(extract(epoch from now() - `+begins+`::timestamp at time zone 'Europe/London') / 1800)) from circuit_interval_`+period+` where `+begins+` = (select max(`+begins+`) from circuit_interval_`+period+`)`)
		if got != "true" {
			t.Errorf("%s: half-hours of the future are expected: %s", period, rows(t, conn, `select `+begins+`::text, expected from circuit_interval_`+period))
		}
	}
}

// TestMissingImportReads says for each register its life, what was read when, and by hand what each day comes to: expected, there, missing.
func TestMissingImportReads(t *testing.T) {
	conn := migrated(t)
	undone(t, conn)
	exec(t, conn, `insert into escos (code, timezone) values ('EAST', 'America/New_York')`)
	for _, c := range []struct{ name, start, end, every, reads, more, want string }{
		{"all hours of a day", "2025-06-01 23:00Z", "2025-06-02 23:00Z", "hourly", "[2025-06-01 23:59Z,2025-06-02 23:00Z) 1h", "", "2025-06-02 24 24 0"},
		{"a run that was missed", "2025-06-02 10:00Z", "2025-06-02 14:00Z", "hourly", "[2025-06-02 10:05Z,2025-06-02 14:00Z) 2h", "", "2025-06-02 4 2 2 11:00 13:00"},
		{"begins and ends within hours", "2025-06-02 10:20Z", "2025-06-02 14:30Z", "hourly", "[2025-06-02 10:25Z,2025-06-02 14:30Z) 3h", "", "2025-06-02 3 1 2 11:00 12:00"},
		{"read more often than asked for", "2025-06-02 10:00Z", "2025-06-02 12:00Z", "hourly", "[2025-06-02 10:00Z,2025-06-02 11:00Z) 1m", "", "2025-06-02 2 1 1 11:00"},
		{"the clock goes forward", "2025-03-30 00:00Z", "2025-03-30 23:00Z", "hourly", "", "", "2025-03-30 23 0 23"},
		{"the clock goes back", "2025-10-25 23:00Z", "2025-10-27 00:00Z", "hourly", "[2025-10-25 23:05Z,2025-10-27 00:00Z) 1h", "", "2025-10-26 25 25 0"},
		{"days of the ESCO", "2025-03-09 05:00Z", "2025-03-10 04:00Z", "hourly", "", `update meter_registry set esco = (select id from escos where code = 'EAST') where id = $1`, "2025-03-09 23 0 23"},
		{"half days", "2025-10-25 23:00Z", "2025-10-28 00:00Z", "12hourly", "[2025-10-26 06:20Z,2025-10-28 00:00Z) 24h", "", "2025-10-26 2 1 1 12:00\n2025-10-27 2 1 1 12:00"},
		{"days", "2025-06-01 12:00Z", "2025-06-03 23:00Z", "daily", "[2025-06-03 00:10Z,2025-06-03 23:00Z) 24h", "", "2025-06-02 1 0 1 23:00\n2025-06-03 1 1 0"},
		{"not read at all", "2025-06-02 10:00Z", "2025-06-02 14:00Z", "", "", "", ""},
		{"under maintenance", "2025-06-02 10:00Z", "2025-06-02 11:00Z", "hourly", "", `update meter_registry set maintenance = true where id = $1`, "2025-06-02 1 0 1 10:00"},
		{"always passive", "2025-06-02 10:00Z", "2025-06-02 11:00Z", "hourly", "", `update meter_registry set mode = 'passive' where id = $1; delete from meter_mode_history where meter_id = $1`, ""},
		{"passive for a while", "2025-06-02 10:00Z", "2025-06-02 14:00Z", "hourly", "[2025-06-02 10:05Z,2025-06-02 11:00Z) 1h",
			`insert into meter_mode_history values ($1, '2025-06-02 11:30Z', 'passive'), ($1, '2025-06-02 12:30Z', 'active')`, "2025-06-02 2 1 1 13:00"},
	} {
		id := meter(t, conn, c.name, "CX")
		exec(t, conn, `update meter_registers set status = 'replaced', start_time = $2::text::timestamptz, end_time = $3::text::timestamptz where meter_id = $1::text::uuid`, id, c.start, c.end)
		exec(t, conn, `delete from meter_metrics where lower(name) = 'syncerreads'`)
		exec(t, conn, `insert into meter_metrics (name, enabled, run_frequency) select 'syncerReads', $1::text <> '', f from unnest(array['daily', coalesce(nullif($1::text, ''), 'hourly')]) f`, c.every)
		if span, every, ok := strings.Cut(c.reads, ") "); ok {
			exec(t, conn, `insert into register_import select register_id, at, 1 from meter_registers, generate_series(lower($2::text::tstzrange), upper($2::text::tstzrange) - interval '1 second', $3::text::interval) at
				where meter_id = $1::text::uuid`, id, span+")", every)
		}
		if c.more != "" {
			exec(t, conn, strings.ReplaceAll(c.more, "$1", `'`+id+`'::uuid`))
		}
		for _, session := range []string{"UTC", "Asia/Kathmandu"} {
			exec(t, conn, `set local timezone = '`+session+`'`)
			got := rows(t, conn, `select date::text, expected_count, actual_count, missing_count,
				case when cardinality(missing) <> missing_count then 'not those' when missing_count <= 2 then (select string_agg(to_char(at at time zone 'UTC', 'HH24:MI'), ' ' order by at) from unnest(missing) at) end
				from register_import_missing join meter_registers using (register_id) where meter_id = $1::text::uuid order by 1`, id)
			if diff := cmp.Diff(c.want, strings.ReplaceAll(got, " <nil>", "")); diff != "" {
				t.Errorf("%s, session in %s (-want +got):\n%s", c.name, session, diff)
			}
		}
	}
}

func TestReadIsMissedAnHourAfterItsTime(t *testing.T) {
	conn := migrated(t)
	undone(t, conn)
	register(t, conn, "M1", "CX")
	exec(t, conn, `update meter_registers set start_time = now() - interval '3 days'`)
	got := rows(t, conn, `select max(at) = date_trunc('hour', now() - interval '2 hours', 'UTC'), sum(missing_count) between 24 and 3 * 24 * 25 from register_import_missing, unnest(missing) at`)
	if got != "true true" {
		t.Errorf("the last one missed is not the last that should be there: %s", got)
	}
}
