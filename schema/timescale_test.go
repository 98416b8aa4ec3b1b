package schema_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"flows/internal/pgtest"
	"flows/schema"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// TestTimescale tells one story to a plain PostgreSQL and to one that gets TimescaleDB in the middle of it, and asks both the same questions.
func TestTimescale(t *testing.T) {
	plain, hyper := pgtest.New(t), timescaleServer(t)
	s := newStory()

	refused := func(why string) {
		t.Helper()
		if r := up(t, hyper); steps(t, hyper) > 0 || strings.Contains(fmt.Sprint(r), "timescaledb") {
			t.Errorf("up: %+v", r)
		}
		if _, err := schema.Timescale(t.Context(), hyper, nil); err == nil || !strings.Contains(err.Error(), why) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want %s", err, why)
		}
	}
	set := func(sql string) { on(t, hyper, func(conn *pgx.Conn) { exec(t, conn, sql) }) }

	refused("add timescaledb to shared_preload_libraries")
	s.both(t, plain, hyper, s.begin...)
	// What the library says when the server has loaded it; the one session keeps it.
	set(`set timescaledb.max_background_workers = 8; set timescaledb.license = 'apache'`)
	refused("set timescaledb.license")
	set(`set timescaledb.license = 'timescale'`)
	if got, want := steps(t, hyper), 13; got != want {
		t.Errorf("pending: got %d steps, want %d", got, want)
	}
	days := 730
	r, err := schema.Timescale(t.Context(), hyper, &days)
	if err != nil || len(r.Notices) > 0 || len(r.Applied) != 13+4 || r.Applied[1].Name != "timescaledb: hypertable register_import" {
		t.Fatalf("got %+v, %v", r, err)
	}
	if got := steps(t, hyper); got != 0 {
		t.Errorf("still pending: %d", got)
	}
	if r := up(t, hyper); len(r.Applied) != 0 {
		t.Errorf("up again did %+v", r.Applied)
	}
	s.same(t, plain, hyper, "tables that were filled became hypertables")
	on(t, hyper, func(conn *pgx.Conn) {
		if diff := cmp.Diff(policies, rows(t, conn, policiesQuery)); diff != "" {
			t.Errorf("policies (-want +got):\n%s", diff)
		}
		packAll(t, conn)
	})
	s.same(t, plain, hyper, "packed")

	lateUnpacksItsOwn(t, s, plain, hyper)
	s.both(t, plain, hyper, s.late...)
	s.same(t, plain, hyper, "late data in packed chunks, before any refresh")
	on(t, hyper, func(conn *pgx.Conn) { refresh(t, conn) })
	s.same(t, plain, hyper, "refreshed")
	s.both(t, plain, hyper, s.later...)
	on(t, hyper, func(conn *pgx.Conn) { refresh(t, conn); packAll(t, conn) })
	s.same(t, plain, hyper, "late data in what the aggregate keeps, refreshed and packed again")
	rolesOnHypertables(t, hyper)

	never := 0
	if r, err := schema.Timescale(t.Context(), hyper, &never); err != nil || len(r.Applied) != 4 {
		t.Errorf("no retention any more: %+v, %v", r, err)
	}
	downAndUp(t, hyper)
}

// downAndUp takes everything back and makes it again, from the beginning on hypertables.
func downAndUp(t *testing.T, url string) {
	for v := schema.Version(); v > 0; v-- {
		if r, err := schema.Down(t.Context(), url); err != nil || r.To != v-1 {
			t.Fatalf("down from %d: %+v, %v", v, r, err)
		}
	}
	if got, want := timescaleObjects(t, url), "n flows\nr flows.schema_version"; got != want {
		t.Errorf("left after all downs: %s", got)
	}
	if r := up(t, url); len(r.Applied) != known(t)+12 || len(r.Notices) != 0 {
		t.Errorf("up: %d applied, %v", len(r.Applied), r.Notices)
	}
	first := timescaleObjects(t, url)
	for range 2 {
		if _, err := schema.Down(t.Context(), url); err != nil {
			t.Fatal(err)
		}
	}
	up(t, url)
	if diff := cmp.Diff(first, timescaleObjects(t, url)); diff != "" {
		t.Errorf("after two downs and up again (-first +second):\n%s", diff)
	}
}

// timescaleObjects are ours: its own triggers are not.
func timescaleObjects(t *testing.T, url string) (list string) {
	t.Run("objects", func(t *testing.T) { list = objects(t, url) }) // its connection ends with the test
	return strings.Join(slices.DeleteFunc(strings.Split(list, "\n"), func(line string) bool {
		return strings.HasPrefix(line, "t ") && !strings.Contains(line, " ON flows.")
	}), "\n")
}

func steps(t *testing.T, url string) (pending int) {
	t.Helper()
	list, err := schema.Status(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		if strings.HasPrefix(m.Name, "timescaledb: ") && m.AppliedAt == nil {
			pending++
		}
	}
	return pending
}

// on lets f have a connection while nobody else has one.
func on(t *testing.T, url string, f func(*pgx.Conn)) {
	t.Helper()
	conn := connect(t, url)
	defer conn.Close(t.Context())
	exec(t, conn, `set search_path = flows, public; set timezone = 'UTC'; set client_min_messages = warning; set jit = off`)
	f(conn)
}

const policiesQuery = `select proc_name, hypertable_name, coalesce(config->>'compress_after', config->>'drop_after', config->>'end_offset')
	from timescaledb_information.jobs where hypertable_schema = 'flows' order by 1, 2`

const policies = `policy_compression meter_3p_voltage 7 days
policy_compression meter_csq 7 days
policy_compression meter_health_history 7 days
policy_compression meter_prepay_balance 7 days
policy_compression meter_voltage 7 days
policy_compression register_export 7 days
policy_compression register_import 7 days
policy_compression register_interval_hh 35 days
policy_compression register_interval_history 35 days
policy_compression register_profile_hh 7 days
policy_refresh_continuous_aggregate register_interval_hourly 35 days
policy_retention register_export 730 days
policy_retention register_import 730 days
policy_retention register_profile_hh 730 days`

// packAll compresses every chunk there is, as the policies do when they are old enough.
func packAll(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	exec(t, conn, `select compress_chunk(format('%I.%I', chunk_schema, chunk_name)::regclass, if_not_compressed => true) from timescaledb_information.chunks where hypertable_schema = 'flows'`)
	if got := rows(t, conn, `select count(*) from timescaledb_information.chunks where hypertable_schema = 'flows' and not is_compressed`); got != "0" {
		t.Errorf("%s chunks were not compressed", got)
	}
}

// refresh runs the policy's job.
func refresh(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	exec(t, conn, `call run_job(`+rows(t, conn, `select job_id from timescaledb_information.jobs where proc_name = 'policy_refresh_continuous_aggregate'`)+`)`)
	kept := rows(t, conn, `select format('%I.%I', materialization_hypertable_schema, materialization_hypertable_name) from timescaledb_information.continuous_aggregates`)
	if got := rows(t, conn, `select count(*) > 500 from `+kept); got != "true" {
		t.Error("the aggregate keeps nothing")
	}
}

// lateUnpacksItsOwn shows that a record for a packed chunk leaves the half-hours of other registers packed, whether it adds or takes back.
func lateUnpacksItsOwn(t *testing.T, s *story, plain, hyper string) {
	t.Helper()
	packed := func() (batches int) {
		on(t, hyper, func(conn *pgx.Conn) {
			for table := range strings.FieldsSeq(rows(t, conn, `select format('%I.%I', p.schema_name, p.table_name) from _timescaledb_catalog.chunk c
				join _timescaledb_catalog.chunk p on p.id = c.compressed_chunk_id join _timescaledb_catalog.hypertable h on h.id = c.hypertable_id where h.table_name = 'register_interval_hh'`)) {
				n, err := strconv.Atoi(rows(t, conn, `select count(*) from `+table))
				if err != nil {
					t.Fatal(err)
				}
				batches += n
			}
		})
		return batches
	}
	before := packed()
	for name, late := range map[string]event{"adds": s.ordinary, "takes back": s.fall} {
		s.both(t, plain, hyper, late)
		after := packed()
		if before < 5 || before-after > 2 {
			t.Errorf("a late record that %s unpacked %d of %d batches", name, before-after, before)
		}
		before = after
	}
}

// rolesOnHypertables shows that rights reach the chunks.
func rolesOnHypertables(t *testing.T, url string) {
	t.Helper()
	on(t, url, func(conn *pgx.Conn) {
		chunk := rows(t, conn, `select format('%I.%I', chunk_schema, chunk_name) from timescaledb_information.chunks where hypertable_name = 'register_import' limit 1`)
		for role, may := range map[string]map[string]bool{
			"flows": {
				`select count(*) from register_interval_monthly`: true, `update register_interval_hh set export_billable = false where export_interval is not null and timestamp < '2026-03-12Z'`: true,
				`insert into register_profile_hh (register_id, direction, timestamp, read, status) select register_id, 'import', '2026-03-13 00:10Z', 1, 128 from meter_registers`: true,
				`delete from register_import`: false, `update register_profile_hh set read = 0`: false, `delete from ` + chunk: false, `truncate register_export`: false,
			},
			"grafanareader": {
				`select count(*) from register_interval_hourly`: true, `select count(*) from register_interval_daily`: true, `select count(*) from register_profile_hh`: true,
				`delete from meter_csq`: false, `insert into register_interval_hh (register_id, timestamp) select register_id, now() from meter_registers`: false,
			},
		} {
			for sql, want := range may {
				exec(t, conn, `begin; set local role `+role)
				if _, err := conn.Exec(t.Context(), sql); (err == nil) != want || err != nil && !strings.Contains(err.Error(), "42501") {
					t.Errorf("%s: %s: %v", role, sql, err)
				}
				exec(t, conn, `rollback`)
			}
		}
	})
}
