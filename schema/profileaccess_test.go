package schema_test

import (
	"strings"
	"testing"
)

func TestRawRecordsAreAddedToAndNeverChanged(t *testing.T) {
	conn := migrated(t)
	id := register(t, conn, "M1", "C1.w")
	add := `insert into register_profile_hh select register_id, 'import', '2026-03-29 %Z', 1, 128 from meter_registers where element = 'A'`
	allowed := map[string][]string{
		"flows": {
			strings.Replace(add, "%", "00:00", 1), strings.Replace(add, "%", "00:30", 1),
			`insert into register_profile_conflict select register_id, direction, timestamp, read + 1, status from register_profile_hh`,
			`select register_profile_advance(array(select register_id from meter_registers), true)`,
			`insert into register_profile_hole select register_id, direction, through + interval '30 minutes', through + interval '1 day' from register_profile_mark`,
			`update register_interval_hh set import_billable = true`, `delete from register_interval_hh where import_interval is null`,
			`insert into register_interval_history (register_id, direction, timestamp) select register_id, 'import', timestamp from register_interval_hh`,
			`insert into vee_exceptions (rule, severity, register_id) select 'RESET', 'info', register_id from meter_registers`, `update vee_exceptions set count = count + 1`,
		},
		"grafanareader": {
			`select * from register_profile_hh, register_profile_conflict, register_profile_mark, register_profile_hole`,
			`select * from register_interval_hh, register_interval_history, vee_exceptions`,
		},
	}
	refused := map[string][]string{
		"flows": {
			`update register_profile_hh set read = 0`, `delete from register_profile_hh`, `truncate register_profile_hh`,
			`update register_profile_conflict set read = 0`, `delete from register_profile_conflict`,
		},
		"grafanareader": {strings.Replace(add, "%", "01:00", 1), `update register_interval_hh set import_billable = true`, `delete from vee_exceptions`},
	}
	for _, role := range []string{"flows", "grafanareader"} {
		exec(t, conn, `set role `+role)
		for _, sql := range allowed[role] {
			if _, err := conn.Exec(t.Context(), sql); err != nil {
				t.Errorf("%s: %s: %v", role, sql, err)
			}
		}
		for _, sql := range refused[role] {
			if _, err := conn.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "42501") {
				t.Errorf("%s: %s: %v, want permission denied", role, sql, err)
			}
		}
		exec(t, conn, `reset role`)
	}
	if got, want := intervals(t, conn, id), "0 0/true nothing"; got != want {
		t.Errorf("intervals: got %q, want %q", got, want)
	}
}

func TestRegisterWithHalfHoursCannotBeDeleted(t *testing.T) {
	conn := migrated(t)
	for name, act := range map[string]string{
		"record":   `insert into flows.register_profile_hh values ($1::text::uuid, 'export', now(), 1, 0)`,
		"interval": `insert into flows.register_interval_hh (register_id, timestamp) values ($1::text::uuid, now())`,
	} {
		id := register(t, conn, name, "C1.w")
		exec(t, conn, act, id)
		_, err := conn.Exec(t.Context(), `delete from flows.meter_registry where serial = $1`, name)
		if err == nil || !strings.Contains(err.Error(), "has half-hours") {
			t.Errorf("%s: %v", name, err)
		}
	}
	exec(t, conn, `insert into flows.register_profile_hole values ($1::text::uuid, 'import', '2026-03-29 00:00Z', '2026-03-29 00:30Z')`, register(t, conn, "none", "C1.w"))
	exec(t, conn, `delete from flows.meter_registry where serial = 'none'`)
	if got, want := rows(t, conn, `select count(*) from flows.register_profile_hole`), "0"; got != want {
		t.Errorf("holes left: got %s, want %s", got, want)
	}
}

func TestExceptionHasOneRowUntilItIsResolved(t *testing.T) {
	conn := migrated(t)
	see := func(key string, who string) {
		t.Helper()
		exec(t, conn, `insert into flows.vee_exceptions as e (rule, severity, `+who+`, key) values ('CLOCK', 'warning', '00000000-0000-0000-0000-000000000001', $1)
			on conflict (register_id, meter_id, rule, direction, key) where status <> 'resolved' do update set count = e.count + 1, last_seen = excluded.last_seen`, key)
	}
	see("a", "meter_id")
	exec(t, conn, `update flows.vee_exceptions set status = 'acknowledged'`)
	see("a", "meter_id")
	see("b", "meter_id")
	see("a", "register_id")
	exec(t, conn, `update flows.vee_exceptions set status = 'resolved' where key = 'b'`)
	see("b", "meter_id")
	want := "a 2 acknowledged meter\nb 1 resolved meter\na 1 open register\nb 1 open meter"
	if got := rows(t, conn, `select key, count, status, case when meter_id is null then 'register' else 'meter' end from flows.vee_exceptions order by id`); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, sql := range []string{
		`insert into flows.vee_exceptions (rule, severity) values ('CLOCK', 'info')`,
		`insert into flows.vee_exceptions (rule, severity, meter_id, register_id) values ('CLOCK', 'info', gen_random_uuid(), gen_random_uuid())`,
	} {
		if _, err := conn.Exec(t.Context(), sql); err == nil {
			t.Errorf("taken: %s", sql)
		}
	}
}
