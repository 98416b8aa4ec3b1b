package schema_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"flows/internal/pgtest"
	"flows/localpg"
)

func TestUnqualifiedNamesReachTheSchema(t *testing.T) {
	url := pgtest.Empty(t)
	up(t, url)
	if got, want := rows(t, connect(t, url), `show search_path`), "flows, public"; got != want {
		t.Errorf("search_path of the database: got %s, want %s", got, want)
	}
}

func TestRolesMayDoWhatTheyAreFor(t *testing.T) {
	conn := migrated(t)
	id := meter(t, conn, "M1", "C1.w")
	exec(t, conn, `update flows.meter_shadows set import_a = 1, export_a = 2 where id = $1`, id)
	allowed := map[string][]string{
		"flows": {
			`select count(*) from register_import`, `update meter_shadows set import_a = 3, import_b = 4, balance = 5, csq = null, health = 'healthy', "3p_voltage_l1" = 2`,
			`insert into meter_registry (serial, hardware) values ('M2', 'C1.w')`, `update meter_registry set hardware = 'P1.ax' where serial = 'M2'`,
			`insert into escos (code) values ('E')`, `insert into meter_metrics (name, enabled, run_frequency) values ('X', true, 'daily')`,
			`insert into meter_event_log select id, now(), 1, 1 from meter_registry`, `delete from meter_registry where serial = 'M2' and false`,
			`select get_meters_for_cli(null, null)`, `select max(version_id) from schema_version`,
			`insert into sync_runs (frequency, scheduled_for) values ('daily', now()), ('hourly', now())`, `update sync_runs set listed_at = now()`,
			`delete from sync_runs where frequency = 'daily'`,
			`insert into meter_sync_log (meter_id, "timestamp", run_id, frequency, verdict, duration_ms) select id, now(), 0, 'daily', 'healthy', 1 from meter_registry`,
			`update meter_sync_log set duration_ms = 2`, `delete from meter_sync_log`,
			`insert into river.river_job (kind, args) values ('k', '{}')`, `update river.river_job set priority = 2`, `delete from river.river_job where false`,
			`select max(version) from river.river_migration`,
		},
		"grafanareader": {
			`select count(*) from meter_shadows`, `select count(*) from register_export`, `select get_meters_for_cli(null, null)`,
			`select count(*) from sync_runs`, `select count(*) from meter_sync_log`, `select state, count(*) from river.river_job group by state`,
		},
	}
	refused := map[string][]string{
		"flows": {
			`update register_import set read = 0`, `delete from register_import`, `truncate register_import`, `update register_export set read = 0`,
			`delete from register_export`, `delete from schema_version`, `drop table meter_csq`, `create table flows.mine (id int)`,
			`delete from river.river_migration`, `drop table river.river_queue`, `create table river.mine (id int)`,
		},
		"grafanareader": {
			`update meter_shadows set import_a = 0`, `insert into meter_metrics (name, run_frequency) values ('X', 'daily')`, `delete from meter_csq`,
			`insert into sync_runs (frequency, scheduled_for) values ('daily', now())`, `delete from meter_sync_log`,
			`insert into river.river_job (kind, args) values ('k', '{}')`, `update river.river_job set priority = 1`, `select nextval('river.river_job_id_seq')`,
			`insert into register_import select register_id, now(), 0 from meter_registers`,
		},
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
	if got, want := rows(t, conn, `select rolname, setconfig::text from pg_db_role_setting join pg_roles on pg_roles.oid = setrole where setdatabase = 0
		and rolname in ('flows', 'grafanareader') order by 1`), `flows {"search_path=flows, public"}`+"\n"+`grafanareader {"search_path=flows, public"}`; got != want {
		t.Errorf("roles' search_path: got %s, want %s", got, want)
	}
}

func TestUserWithoutRightsGetsNoticesNotAFailure(t *testing.T) {
	admin := pgtest.Empty(t)
	conn := connect(t, admin)
	name := rows(t, conn, `select current_database()`)
	builder, borrower := "builder_of_"+name, "borrower_of_"+name
	exec(t, conn, fmt.Sprintf(`create role %s login; create role %s login; alter database %s owner to %s; grant create on database %s to %s`,
		builder, borrower, name, builder, name, borrower))
	t.Cleanup(func() {
		conn := connect(t, admin)
		exec(t, conn, fmt.Sprintf(`reassign owned by %s, %s to postgres; drop owned by %[1]s, %[2]s; drop role %[1]s, %[2]s`, builder, borrower))
	})
	up(t, pgtest.Empty(t)) // makes the roles, which belong to the whole server

	t.Run("owner of the database is enough when the roles are there", func(t *testing.T) {
		if r := up(t, as(t, admin, builder)); len(r.Notices) != 0 || len(r.Applied) == 0 {
			t.Errorf("got %+v", r)
		}
		exec(t, conn, `drop schema flows, river cascade; alter database `+name+` reset search_path`)
	})
	t.Run("user whose schema somebody else made is told the grants that come to nothing", func(t *testing.T) {
		exec(t, conn, `create schema river; grant usage, create on schema river to `+borrower)
		r := up(t, as(t, admin, borrower))
		for _, role := range []string{"flows", "grafanareader"} {
			if want := `GRANT USAGE ON SCHEMA river TO ` + role; !slices.Contains(r.Notices, want) {
				t.Errorf("no notice %s in %v", want, r.Notices)
			}
		}
		exec(t, conn, `drop schema flows, river cascade; alter database `+name+` reset search_path`)
	})
	t.Run("user who may only create is told the statement", func(t *testing.T) {
		r := up(t, as(t, admin, borrower))
		if want := []string{`ALTER DATABASE ` + name + ` SET search_path = flows, public`}; !slices.Equal(r.Notices, want) {
			t.Errorf("notices: got %v, want %v", r.Notices, want)
		}
		for _, statement := range r.Notices {
			exec(t, conn, statement)
		}
		if r := up(t, as(t, admin, borrower)); len(r.Notices) != 0 {
			t.Errorf("still to do after they were run: %v", r.Notices)
		}
	})
}

func TestOwnerWhoMayNotMakeRolesIsToldAllStatements(t *testing.T) {
	// Roles belong to the whole server, so this needs one on which nobody has made them.
	server, err := localpg.Start(t.Context(), localpg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	admin := connect(t, server.URL("postgres"))
	exec(t, admin, `create role builder login`)
	exec(t, admin, `create database house owner builder`)
	r := up(t, as(t, server.URL("house"), "builder"))
	if len(r.Applied) != known(t) {
		t.Errorf("tables: %+v", r)
	}
	for _, want := range []string{
		"CREATE ROLE flows NOLOGIN", "CREATE ROLE grafanareader NOLOGIN", "ALTER ROLE flows SET search_path = flows, public",
		"GRANT USAGE ON ALL SEQUENCES IN SCHEMA river TO flows", "GRANT SELECT ON ALL TABLES IN SCHEMA river TO grafanareader",
	} {
		if !slices.Contains(r.Notices, want) {
			t.Errorf("no notice %s in %v", want, r.Notices)
		}
	}
	owner := connect(t, server.URL("house"))
	for _, statement := range r.Notices {
		exec(t, owner, statement)
	}
	if r := up(t, as(t, server.URL("house"), "builder")); len(r.Notices) != 0 {
		t.Errorf("still to do after they were run: %v", r.Notices)
	}
	exec(t, owner, `alter role flows superuser`)
	if r := up(t, server.URL("house")); len(r.Notices) != 0 {
		t.Errorf("to do for a superuser, from whom nothing can be taken: %v", r.Notices)
	}
	exec(t, owner, `alter role flows nosuperuser`)
	exec(t, owner, `set role flows`)
	if got, want := rows(t, owner, `select count(*) from flows.meter_shadows union all select nextval('river.river_job_id_seq')`), "0\n1"; got != want {
		t.Errorf("got %s", got)
	}
}
