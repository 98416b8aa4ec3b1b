package schema_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// story is what happens to two databases: the same statements in the same order.
type story struct {
	begin, late, later []event
	ordinary, fall     event // a late record each: one that adds, one that shows others to be wrong
}

type event func(t *testing.T, conn *pgx.Conn)

// newStory makes three weeks of half-hours, in two chunks, around a change of the clock. A tenth of the records come late, half of these very
// late, some with a value that makes the next record a fall; some are marked invalid, and each register was once reset.
func newStory() *story {
	random := rand.New(rand.NewPCG(23, 0))
	s := &story{}
	older, recent := readings(midnight.AddDate(0, 0, -1)), readings(time.Now().Add(-30*time.Hour-30*time.Minute))
	s.begin = append(s.begin, registered, older, recent)
	s.late = append(s.late, readings(midnight.AddDate(0, 0, -3)), older, recent) // saves that come late, and some that are repeated
	for _, of := range []struct{ serial, direction string }{{"M1", "import"}, {"M1", "export"}, {"M2", "import"}, {"M3", "import"}} {
		var came, late, later []record
		read, reset := random.IntN(50_000), random.IntN(1000)
		for i := range 22 * 48 {
			read += random.IntN(900)
			if i == reset {
				read = 0
			}
			r := record{minute: (i - 18*48) * 30, read: read, status: 128}
			switch n := random.IntN(100); {
			case n < 5:
				late = append(late, r)
			case n < 10:
				later = append(later, r)
			case n < 12:
				r.status = 0
				fallthrough
			default:
				came = append(came, r)
			}
		}
		for _, wrong := range []*record{&late[2], &late[7], &later[3]} {
			wrong.read += 1000
		}
		shuffle := func(list []record) {
			random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		}
		shuffle(came[300:400])
		switch of.serial {
		case "M2":
			s.fall, late = arrival(of.serial, of.direction, late[2:3]), slices.Delete(late, 2, 3)
		case "M3":
			s.ordinary, late = arrival(of.serial, of.direction, late[:1]), late[1:]
		}
		shuffle(late)
		shuffle(later)
		for part := range slices.Chunk(came, 500) {
			s.begin = append(s.begin, arrival(of.serial, of.direction, part))
		}
		s.late = append(s.late, arrival(of.serial, of.direction, late))
		s.later = append(s.later, arrival(of.serial, of.direction, later))
	}
	now := int(time.Since(midnight).Hours()) * 60
	s.begin = append(s.begin, arrival("M3", "import", []record{{minute: now - 60, status: 128}, {minute: now - 30, read: 5, status: 128}, {minute: now, read: 9, status: 128}}), judgement)
	s.later = append(s.later, judgement)
	return s
}

func arrival(serial, direction string, records []record) event {
	records = slices.Clone(records)
	return func(t *testing.T, conn *pgx.Conn) {
		t.Helper()
		arrive(t, conn, rows(t, conn, `select register_id::text from meter_registers join meter_registry m on m.id = meter_id where m.serial = $1 and element <> 'B'`, serial), direction, records...)
	}
}

func registered(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	exec(t, conn, `insert into escos (code, timezone) values ('HOME', 'Europe/London'), ('EAST', 'America/New_York')`)
	exec(t, conn, `insert into meter_registry (id, serial, hardware, esco) values ('00000000-0000-0000-0000-000000000001', 'M1', 'C1.w', (select id from escos where code = 'HOME')),
		('00000000-0000-0000-0000-000000000002', 'M2', 'P1.ax', (select id from escos where code = 'EAST')), ('00000000-0000-0000-0000-000000000003', 'M3', 'C1.w', null)`)
	exec(t, conn, `update meter_registers set start_time = $1`, midnight.AddDate(0, 0, -5))
	exec(t, conn, `insert into circuits (id, type) values ('00000000-0000-0000-0000-00000000000a', 'power'), ('00000000-0000-0000-0000-00000000000b', 'heat')`)
	exec(t, conn, `insert into circuit_register select '00000000-0000-0000-0000-00000000000a'::uuid, register_id from meter_registers where element <> 'B'
		union all select '00000000-0000-0000-0000-00000000000b'::uuid, register_id from meter_registers where element <> 'SINGLE'`)
}

// readings are 31 hourly saves, the last of them twice.
func readings(from time.Time) event {
	return func(t *testing.T, conn *pgx.Conn) {
		t.Helper()
		for i := range 32 {
			hour := min(i, 30)
			at := from.Add(time.Duration(hour) * time.Hour)
			exec(t, conn, `update meter_shadows set read_at = $1, import_a = $2::int / 10.0, export_a = $2::int / 100.0, balance = 100 - $2::int / 8.0, csq = nullif($2::int % 7, 0),
				voltage = 240.5, health = case $2::int % 5 when 0 then 'unhealthy' else 'healthy' end, health_details = '' where id <> '00000000-0000-0000-0000-000000000002'`, at, hour)
			exec(t, conn, `update meter_shadows set read_at = $1, import_a = $2::int, "3p_voltage_l1" = 230, "3p_voltage_l2" = 231, health = 'healthy' where id = '00000000-0000-0000-0000-000000000002'`, at, hour)
		}
	}
}

// judgement writes as one who validates half-hours does: gaps of M1 are estimated, and what M1 has is billable but for some.
func judgement(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	exec(t, conn, `insert into register_interval_hh (register_id, timestamp, import_interval, import_quality, import_method, import_reason, import_billable)
		select register_id, at, 0.125, 'estimated', 'flat', '', true from meter_registers, generate_series($1::timestamptz - interval '10 days', $1, interval '30 minutes') at
		where meter_id = '00000000-0000-0000-0000-000000000001' and element = 'A' on conflict do nothing`, midnight)
	exec(t, conn, `insert into register_interval_hh as i (register_id, timestamp, import_interval, import_quality, import_method, import_reason, import_billable)
		select register_id, timestamp, import_interval, import_quality, import_method, import_reason, extract(day from timestamp at time zone 'UTC')::int % 4 > 0 from register_interval_hh
		where import_interval is not null and register_id = (select register_id from meter_registers where meter_id = '00000000-0000-0000-0000-000000000001' and element = 'A')
		on conflict (register_id, timestamp) do update set import_billable = excluded.import_billable`)
}

// both has events happen to one database and then to the other.
func (s *story) both(t *testing.T, plain, hyper string, events ...event) {
	t.Helper()
	for _, url := range []string{plain, hyper} {
		on(t, url, func(conn *pgx.Conn) {
			for _, e := range events {
				e(t, conn)
			}
		})
	}
}

// same asks both everything.
func (s *story) same(t *testing.T, plain, hyper, when string) {
	t.Helper()
	var answers [2]map[string]string
	for i, url := range []string{plain, hyper} {
		on(t, url, func(conn *pgx.Conn) { answers[i] = answersOf(t, conn) })
	}
	for name, want := range answers[0] {
		if want == "" && name != "register_interval_history" {
			t.Errorf("%s: %s tells nothing", when, name)
		}
		if diff := cmp.Diff(want, answers[1][name]); diff != "" {
			t.Errorf("%s: %s (-plain +TimescaleDB):\n%.2000s", when, name, diff)
		}
	}
}

func answersOf(t *testing.T, conn *pgx.Conn) map[string]string {
	t.Helper()
	answers := map[string]string{}
	ask := func(name, query string, args ...any) {
		t.Helper()
		answers[name] = rows(t, conn, `select to_jsonb(q)::text from (`+strings.TrimRight(query, "; \n")+`) q`, args...)
	}
	for _, table := range []string{"register_import", "register_export", "register_profile_hh", "register_interval_hh", "register_interval_history",
		"register_interval_hourly", "register_interval_daily", "register_interval_monthly"} {
		ask(table, `select m.serial, g.element, to_jsonb(x) - '{register_id,replaced_at}'::text[] x
			from `+table+` x join meter_registers g using (register_id) join meter_registry m on m.id = g.meter_id order by 1, 2, 3`)
	}
	for _, table := range []string{"meter_prepay_balance", "meter_csq", "meter_voltage", "meter_3p_voltage", "meter_health_history"} {
		ask(table, `select * from `+table+` order by meter_id, timestamp`)
	}
	for _, view := range []string{"register_interval_hh_missing", "register_import_missing"} { // of days that are over for good
		ask(view, `select m.serial, g.element, to_jsonb(x) - 'register_id' x
			from `+view+` x join meter_registers g using (register_id) join meter_registry m on m.id = g.meter_id where date < $1 order by 1, 2, 3`, midnight.AddDate(0, 0, 6))
	}
	for view, time := range map[string]string{"circuit_interval_hh": `"timestamp"`, "circuit_interval_daily": "day", "circuit_interval_monthly": "month"} {
		ask(view, `select * from `+view+` where `+time+` < $1 order by circuit, `+time, midnight.AddDate(0, 0, 6))
	}
	for _, name := range []string{"sync", "collection", "unhealthy"} {
		ask("monitor_"+name, given(t, "monitor_"+name))
	}
	ask("a register's month", `select * from (select (to_jsonb(x) - 'register_id') x from register_interval_monthly x
		where month = '2026-03-01' and register_id = (select register_id from meter_registers where meter_id = '00000000-0000-0000-0000-000000000001' and element = 'A')) y`)
	ask("the day the clock changes, by hours of the fleet", `select hour, sum(import_interval), sum(import_known) from register_interval_hourly where hour >= $1 and hour < $1 + interval '23 hours' group by 1 order by 1`, midnight)
	ask("latest reads", `select serial, timestamp, read from (select distinct on (register_id) m.serial, timestamp, read from register_import join meter_registers g using (register_id) join meter_registry m on m.id = g.meter_id order by register_id, timestamp desc) l order by serial`)
	return answers
}
