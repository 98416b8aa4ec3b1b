package schema_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const sumColumns = "import_interval,import_billable_interval,import_known,import_estimated,import_billable," +
	"export_interval,export_billable_interval,export_known,export_estimated,export_billable"

func TestViewsOfTheFieldHaveItsColumns(t *testing.T) {
	conn := migrated(t)
	for view, want := range map[string]string{
		"meter_shadows_tariffs": `id,serial,active_standing_charge,active_unit_rate_a,active_unit_rate_b,active_ecredit_availability,active_debt_recovery_rate,active_emergency_credit,` +
			`future_standing_charge,future_unit_rate_a,future_unit_rate_b,future_activation_datetime,future_ecredit_availability,future_debt_recovery_rate,future_emergency_credit`,
		"meters_clock_drift":           "clock_time_diff_seconds,serial,name",
		"meters_low_balance":           "id,serial,name,balance",
		"meters_offline_all":           "last_online,serial,name",
		"meters_offline_recently":      "last_online,serial,name",
		"register_interval_hh_missing": "register_id,date,expected_count,actual_count,missing_count,missing",
		"register_import_missing":      "register_id,date,expected_count,actual_count,missing_count,missing",
		"circuit_interval_hh":          "circuit,timestamp,expected," + sumColumns,
		"circuit_interval_daily":       "circuit,day,expected," + sumColumns,
		"circuit_interval_monthly":     "circuit,month,expected," + sumColumns,
		"circuits":                     "id,type,site,name",
		"circuit_register":             "circuit,register",
	} {
		got := rows(t, conn, `select string_agg(attname, ',' order by attnum) from pg_attribute where attrelid = $1::text::regclass and attnum > 0`, "flows."+view)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", view, diff)
		}
		// Whoever may write to a view may write to what is behind it.
		if got := rows(t, conn, `select coalesce(bool_or(is_updatable = 'YES' or is_insertable_into = 'YES'), false) from information_schema.views where table_schema = 'flows' and table_name = $1`, view); got != "false" {
			t.Errorf("%s can be written to", view)
		}
	}
}

func TestViewsOfTheFieldNameTheMetersOverTheirThresholds(t *testing.T) {
	conn := migrated(t)
	undone(t, conn)
	for _, m := range []struct{ serial, registry, shadow string }{
		{"ahead 59", "", "clock_time_diff_seconds = 59"},
		{"ahead 60", "name = 'Plot 1'", "clock_time_diff_seconds = 60"},
		{"behind 59", "", "clock_time_diff_seconds = -59"},
		{"behind 61", "", "clock_time_diff_seconds = -61"},
		{"year 2255", "", "clock_time_diff_seconds = 7226582400"},
		{"drifts, passive", "mode = 'passive'", "clock_time_diff_seconds = 600"},
		{"drifts, in repair", "maintenance = true", "clock_time_diff_seconds = 600"},

		{"has 15", "", "balance = 15.00"},
		{"has 14.99999", "name = 'Plot 2'", "balance = 14.99999"},
		{"in debt, credit mode", "prepay_enabled = false", "balance = -3.5"},
		{"has 1, passive", "mode = 'passive'", "balance = 1"},
		{"has 1, in repair", "maintenance = true", "balance = 1"},
		{"three phase", "hardware = 'P1.ax'", `import_a = 5, "3p_voltage_l1" = 231, health = 'healthy'`},

		{"3 h", "", "last_healthy_at = now() - interval '3 hours', health = 'unhealthy'"},
		{"over 3 h", "", "last_healthy_at = now() - interval '3 hours 1 microsecond', health = 'unhealthy'"},
		{"under 24 h", "", "last_healthy_at = now() - interval '23:59:59.999999', health = 'unhealthy'"},
		{"24 h", "", "last_healthy_at = now() - interval '24 hours', health = 'unhealthy'"},
		{"healthy by a run of yesterday", "name = 'Plot 3'", "last_healthy_at = now() - interval '30 hours'"},
		{"csq known", "hardware = 'P1.ax'", "last_healthy_at = now() - interval '5 hours', csq = 20, health = 'unhealthy'"},
		{"csq lost", "", "last_healthy_at = now() - interval '1 hour', csq = null, health = 'unhealthy'"},
		{"off, passive", "mode = 'passive'", "last_healthy_at = now() - interval '5 hours', health = 'unhealthy'"},
		{"off, in repair", "maintenance = true", "last_healthy_at = now() - interval '5 hours', health = 'unhealthy'"},
		{"never healthy", "", "created_at = now() - interval '4 hours', health = 'unhealthy'"},
		{"never healthy, new", "", "created_at = now() - interval '3 hours', health = 'unhealthy'"},
		{"never run", "", "created_at = now() - interval '40 days'"},
	} {
		id := meter(t, conn, m.serial, "C1.w")
		if m.registry != "" {
			exec(t, conn, `update meter_registry set `+m.registry+` where id = $1::text::uuid`, id)
		}
		exec(t, conn, `update meter_shadows set `+m.shadow+` where id = $1::text::uuid`, id)
		if strings.HasPrefix(m.shadow, "last_healthy_at = now() - interval '30") { // as a writer says it
			exec(t, conn, `update meter_shadows set last_healthy_at = null, read_at = now() - interval '30 hours', health = 'healthy' where id = $1::text::uuid`, id)
		}
	}
	for query, want := range map[string]string{
		`select clock_time_diff_seconds, serial, name from meters_clock_drift`:                                                           "7226582400 year 2255 <nil>\n-61 behind 61 <nil>\n60 ahead 60 Plot 1",
		`select serial, name, balance, l.id = r.id from meters_low_balance l join meter_registry r using (serial, name) order by serial`: "has 14.99999 Plot 2 14.99999 true",
		`select serial, balance from meters_low_balance order by serial`:                                                                 "has 14.99999 14.99999\nin debt, credit mode -3.5",
		`select now() - last_online = '30 hours', serial, name from meters_offline_all`: "true healthy by a run of yesterday Plot 3\n" +
			"false 24 h <nil>\nfalse under 24 h <nil>\nfalse csq known <nil>\nfalse over 3 h <nil>\n<nil> never healthy <nil>",
		`select last_online < now(), serial, name from meters_offline_recently`: "true under 24 h <nil>\ntrue csq known <nil>\ntrue over 3 h <nil>",
	} {
		if diff := cmp.Diff(want, rows(t, conn, query)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}

func TestTariffsAreColumns(t *testing.T) {
	conn := migrated(t)
	undone(t, conn)
	for serial, documents := range map[string][2]string{
		"both": {
			`{"standing_charge": "0.58680", "unit_rate_element_a": "0.07650", "unit_rate_element_b": "0.15000", "threshold_mask": {"rate1": true}, "block_rate": 1,
				"prepayment_ecredit_availability": "10.00000", "prepayment_debt_recovery_rate": "0.25000", "prepayment_emergency_credit": "15.00000"}`,
			`{"standing_charge": "0.65560", "unit_rate_element_a": "0.27980", "unit_rate_element_b": "0.14000", "activation_datetime": "2026-10-01T00:00:00",
				"prepayment_ecredit_availability": "9.00000", "prepayment_debt_recovery_rate": "0.24000", "prepayment_emergency_credit": "14.00000"}`},
		"numbers":     {`{"standing_charge": 0.5868, "unit_rate_element_a": null}`, `{}`},
		"nothing":     {`null`, `null`},
		"three phase": {},
	} {
		id := meter(t, conn, serial, "C1.w")
		exec(t, conn, `update meter_registry set maintenance = true, mode = 'passive' where serial = $1`, serial)
		exec(t, conn, `update meter_shadows set tariffs_active = nullif($2, '')::text::jsonb, tariffs_future = nullif($3, '')::text::jsonb where id = $1::text::uuid`, id, documents[0], documents[1])
	}
	const none = " <nil> <nil> <nil> <nil> <nil>"
	want := `both 0.58680 0.07650 0.15000 10.00000 0.25000 15.00000 0.65560 0.27980 0.14000 2026-10-01 00:00:00 9.00000 0.24000 14.00000
nothing <nil> <nil> <nil>` + none + none + `
numbers 0.5868 <nil> <nil>` + none + none + `
three phase <nil> <nil> <nil>` + none + none
	got := rows(t, conn, `select serial, active_standing_charge, active_unit_rate_a, active_unit_rate_b, active_ecredit_availability, active_debt_recovery_rate, active_emergency_credit,
		future_standing_charge, future_unit_rate_a, future_unit_rate_b, future_activation_datetime::text, future_ecredit_availability, future_debt_recovery_rate, future_emergency_credit
		from meter_shadows_tariffs order by serial`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestMissingHalfHours says for each register its life, what is there, and by hand what each day comes to: expected, there, missing.
func TestMissingHalfHours(t *testing.T) {
	conn := migrated(t)
	undone(t, conn)
	exec(t, conn, `insert into escos (code, timezone) values ('EAST', 'America/New_York')`)
	for _, c := range []struct{ name, hardware, start, end, has, more, want string }{
		{"the clock goes forward, nothing there", "C1.w", "2025-03-30 00:00Z", "2025-03-30 23:00Z", "", "", "2025-03-30 46 0 46"},
		{"the clock goes back, all there", "C1.w", "2025-10-25 23:00Z", "2025-10-27 00:00Z", "[2025-10-25 23:00Z,2025-10-27 00:00Z)", "", "2025-10-26 50 50 0"},
		{"the clock goes back, an hour short", "P1.ax", "2025-10-25 23:00Z", "2025-10-27 00:00Z", "[2025-10-25 23:00Z,2025-10-26 23:00Z)", "",
			"2025-10-26 50 48 2 23:00 23:30"},
		{"two days, of which one half-hour", "C1.w", "2025-06-01 23:00Z", "2025-06-03 23:00Z", "[2025-06-01 23:00Z,2025-06-02 22:30Z)", "",
			"2025-06-02 48 47 1 22:30\n2025-06-03 48 0 48"},
		{"born and ended within half-hours", "C1.w", "2025-06-02 10:07Z", "2025-06-02 12:10Z", "[2025-06-02 10:00Z,2025-06-02 11:00Z)", "",
			"2025-06-02 3 1 2 11:00 11:30"},
		{"lives for less than a half-hour", "C1.w", "2025-06-02 10:07Z", "2025-06-02 10:50Z", "", "", ""},
		{"days of the ESCO", "C1.w", "2025-03-09 05:00Z", "2025-03-10 04:00Z", "", `update meter_registry set esco = (select id from escos where code = 'EAST') where id = $1`, "2025-03-09 46 0 46"},
		{"log older than the registration", "C1.w", "2025-06-02 10:00Z", "2025-06-02 12:00Z", "", record1("2025-06-02 09:00Z", 128), "2025-06-02 6 0 6"},
		{"its record is marked invalid", "C1.w", "2025-06-02 10:00Z", "2025-06-02 12:00Z", "", record1("2025-06-02 09:00Z", 0), "2025-06-02 4 0 4"},
		{"a reading begins it", "C1.w", "2025-06-02 10:00Z", "2025-06-02 12:00Z", "",
			record1("2025-06-02 09:00Z", 128) + `; update meter_registers set initial_read = 0 where meter_id = $1`, "2025-06-02 4 0 4"},
		{"another register was here", "C1.w", "2025-06-02 10:00Z", "2025-06-02 12:00Z", "", record1("2025-06-02 09:00Z", 128) + `;
			insert into meter_registers (meter_id, element, status, start_time, end_time) values ($1, 'SINGLE', 'replaced', '2025-06-02 08:30Z', '2025-06-02 10:00Z')`,
			"2025-06-02 3 0 3\n2025-06-02 4 0 4"},
		{"a null with a reason is no value", "C1.w", "2025-06-02 10:00Z", "2025-06-02 11:00Z", "[2025-06-02 10:00Z,2025-06-02 11:00Z)",
			`update register_interval_hh set import_interval = null, import_quality = null, import_reason = 'RESET', export_interval = 1, export_quality = 'actual'
			where timestamp = '2025-06-02 10:30Z' and register_id = (select register_id from meter_registers where meter_id = $1 and element <> 'B')`, "2025-06-02 2 1 1 10:30"},
		{"under maintenance", "C1.w", "2025-06-02 10:00Z", "2025-06-02 11:00Z", "", `update meter_registry set maintenance = true where id = $1`, "2025-06-02 2 0 2"},
		{"always passive", "C1.w", "2025-06-02 10:00Z", "2025-06-02 11:00Z", "", `update meter_registry set mode = 'passive' where id = $1; delete from meter_mode_history where meter_id = $1`, ""},
		{"passive since", "C1.w", "2025-06-02 10:00Z", "2025-06-02 12:00Z", "",
			`insert into meter_mode_history values ($1, '2025-06-02 11:10Z', 'passive')`, "2025-06-02 2 0 2"},
		{"passive until, and for a while", "C1.w", "2025-06-02 10:00Z", "2025-06-02 14:00Z", "",
			`insert into meter_mode_history values ($1, '2025-06-02 10:30Z', 'active'), ($1, '2025-06-02 11:30Z', 'passive'), ($1, '2025-06-02 13:29Z', 'active')`, "2025-06-02 3 0 3"},
		{"hardware unknown", "", "2025-06-02 10:00Z", "2025-06-02 11:00Z", "", "", ""},
	} {
		id := meter(t, conn, c.name, c.hardware)
		exec(t, conn, `update meter_registers set status = 'replaced', start_time = $2::text::timestamptz, end_time = $3::text::timestamptz where meter_id = $1::text::uuid`, id, c.start, c.end)
		exec(t, conn, `delete from meter_registers where meter_id = $1::text::uuid and element = 'B'`, id)
		if c.has != "" {
			exec(t, conn, `insert into register_interval_hh (register_id, timestamp, import_interval, import_quality)
				select register_id, at, 0.1, 'estimated' from meter_registers, generate_series(lower($2::text::tstzrange), upper($2::text::tstzrange) - interval '30 minutes', interval '30 minutes') at
				where meter_id = $1::text::uuid`, id, c.has)
		}
		if c.more != "" {
			exec(t, conn, strings.ReplaceAll(c.more, "$1", `'`+id+`'::uuid`))
		}
		for _, session := range []string{"UTC", "Asia/Kathmandu"} {
			exec(t, conn, `set local timezone = '`+session+`'`)
			got := rows(t, conn, `select date::text, expected_count, actual_count, missing_count,
				case when cardinality(missing) <> missing_count then 'not those' when missing_count <= 2 and actual_count > 0 then (select string_agg(to_char(at at time zone 'UTC', 'HH24:MI'), ' ' order by at) from unnest(missing) at) end
				from register_interval_hh_missing join meter_registers using (register_id) where meter_id = $1::text::uuid order by 1, 2`, id)
			got = strings.ReplaceAll(got, " <nil>", "")
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s, session in %s (-want +got):\n%s", c.name, session, diff)
			}
		}
	}
}

// record1 is a statement that stores a record of meter $1's log.
func record1(at string, status int) string {
	return `insert into register_profile_hh (register_id, direction, timestamp, read, status, received_at)
		select register_id, 'import', '` + at + `', 1, ` + map[int]string{0: "0", 128: "128"}[status] + `, '` + at + `' from meter_registers where meter_id = $1 and element <> 'B'`
}

func TestHalfHourIsMissedWhenTheLogShouldHaveBroughtIt(t *testing.T) {
	conn := migrated(t)
	undone(t, conn)
	register(t, conn, "M1", "CX")
	exec(t, conn, `update meter_registers set start_time = now() - interval '3 days'; set local jit = off`) // a second a query, where a millisecond will do
	now, err := time.Parse(time.RFC3339Nano, rows(t, conn, `select to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		metric string
		age    time.Duration
	}{
		{"12hourly", 14 * time.Hour},
		{"hourly", 3 * time.Hour}, // the default row stays: the more frequent one counts
		{"", 14 * time.Hour},
		{"daily", 26 * time.Hour},
	} {
		switch c.metric {
		case "hourly":
			exec(t, conn, `insert into meter_metrics (name, enabled, run_frequency) values ('syncerprofilelog', true, 'hourly')`)
		case "":
			exec(t, conn, `update meter_metrics set enabled = false where lower(name) = 'syncerprofilelog'`)
		case "daily":
			exec(t, conn, `insert into meter_metrics (name, enabled, run_frequency) values ('SyncerProfileLog', true, 'daily')`)
		}
		want := now.Add(-c.age).Truncate(30 * time.Minute).Add(-30 * time.Minute).Format("2006-01-02 15:04:05")
		if got := rows(t, conn, `select max(at at time zone 'UTC')::text from register_interval_hh_missing, unnest(missing) at`); got != want {
			t.Errorf("log read %q: last one missed starts at %s, want %s", c.metric, got, want)
		}
		wantCount := now.Add(-c.age).Truncate(30*time.Minute).Sub(now.Add(-72*time.Hour).Truncate(30*time.Minute)) / (30 * time.Minute)
		if now.Truncate(30*time.Minute) != now {
			wantCount-- // the one it was born in
		}
		if got := rows(t, conn, `select sum(missing_count)::bigint = $1 from register_interval_hh_missing`, int64(wantCount)); got != "true" {
			t.Errorf("log read %q: want %d missed", c.metric, wantCount)
		}
	}
}

func TestMissingHalfHoursOfARegisterAreLookedUpByDays(t *testing.T) {
	conn := migrated(t)
	undone(t, conn)
	for _, serial := range []string{"M1", "M2", "M3"} {
		register(t, conn, serial, "CX")
	}
	exec(t, conn, `update meter_registers set start_time = '2025-01-01 00:00Z'`)
	exec(t, conn, `insert into register_interval_hh (register_id, timestamp, import_interval, import_quality)
		select register_id, at, 0.1, 'actual' from meter_registers, generate_series('2025-01-01 00:00Z'::timestamptz, '2025-12-31 23:30Z', interval '30 minutes') at`)
	exec(t, conn, `analyze register_interval_hh`)
	id := rows(t, conn, `select register_id::text from meter_registers limit 1`)
	const query = `register_interval_hh_missing where register_id = $1::text::uuid and date >= '2025-03-29' and date < '2025-04-02'`
	if got, want := rows(t, conn, `select sum(expected_count)::bigint, sum(actual_count)::bigint from `+query, id), "190 190"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	plan := rows(t, conn, `explain (analyze, costs off, timing off, summary off) select * from `+strings.Replace(query, "$1::text", "'"+id+"'", 1))
	scans := regexp.MustCompile(`Scan.* on register_interval_hh i .*loops=(\d+)\)`).FindAllStringSubmatch(plan, -1)
	if len(scans) != 1 || scans[0][1] != "4" || strings.Contains(plan, "Seq Scan on register_interval_hh") {
		t.Errorf("want one scan by index for each of 4 days:\n%s", plan)
	}
}

func TestCircuitsAreMadeOfRegisters(t *testing.T) {
	conn := migrated(t)
	undone(t, conn)
	register(t, conn, "M1", "C1.w")
	exec(t, conn, `insert into circuits (type, site, name) values ('heat', 'Home Farm', 'Plot 1')`)
	exec(t, conn, `insert into circuit_register select c.id, g.register_id from circuits c, meter_registers g`)
	if got, want := rows(t, conn, `select c.name, g.element from circuits c join circuit_register r on r.circuit = c.id join meter_registers g on g.register_id = r.register order by 2`), "Plot 1 A\nPlot 1 B"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for refused, sql := range map[string]string{
		"23505": `insert into circuit_register select c.id, g.register_id from circuits c, meter_registers g`,
		"23503": `insert into circuit_register select c.id, gen_random_uuid() from circuits c`,
		"23514": `insert into circuits (type, name) values ('steam', '')`,
	} {
		exec(t, conn, `savepoint before`)
		if _, err := conn.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), refused) {
			t.Errorf("%s: got %v, want %s", sql, err, refused)
		}
		exec(t, conn, `rollback to before`)
	}
	exec(t, conn, `delete from meter_registry`) // a meter that was never read
	if got := rows(t, conn, `select count(*) from circuit_register`); got != "0" {
		t.Errorf("%s rows of registers that are no more", got)
	}
}
