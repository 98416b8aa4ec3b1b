package schema_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// all is every row of history: table, value, time.
const all = `
	select * from (
		select 'import ' || g.element, h.read::text, h.timestamp from flows.register_import h join flows.meter_registers g using (register_id)
		union all select 'export ' || g.element, h.read::text, h.timestamp from flows.register_export h join flows.meter_registers g using (register_id)
		union all select 'balance', balance::text, timestamp from flows.meter_prepay_balance
		union all select 'csq', coalesce(csq::text, 'null'), timestamp from flows.meter_csq
		union all select 'voltage', voltage::text, timestamp from flows.meter_voltage
		union all select '3p', concat_ws('/', coalesce(voltage_l1::text, '-'), coalesce(voltage_l2::text, '-'), coalesce(voltage_l3::text, '-')), timestamp
			from flows.meter_3p_voltage
		union all select 'health', health, timestamp from flows.meter_health_history
	) h (tab, value, at)`

// history is the table and value of every row, oldest first.
func history(t *testing.T, conn *pgx.Conn) string {
	t.Helper()
	return rows(t, conn, `select tab, value from (`+all+`) h order by at, tab`)
}

func TestShadowUpdateWritesHistory(t *testing.T) {
	conn := migrated(t)
	for _, c := range []struct{ name, hardware, updates, want string }{
		{"all columns of a twin-element meter", "C1.w",
			`import_a = 1.2345, import_b = 2, export_a = 3, export_b = 4, balance = -333.264, csq = 17, voltage = 238.6, health = 'healthy'`,
			"balance -333.264\ncsq 17\nexport A 3\nexport B 4\nhealth healthy\nimport A 1.2345\nimport B 2\nvoltage 238.6"},
		{"three phase goes to SINGLE, voltages into one row", "P1.ax",
			`import_a = 5, export_a = 6, "3p_voltage_l1" = 240.1, "3p_voltage_l2" = 240.2, "3p_voltage_l3" = 240.3`,
			"3p 240.1/240.2/240.3\nexport SINGLE 6\nimport SINGLE 5"},
		{"zero is a value", "B1.w", `import_a = 0, balance = 0, csq = 0, voltage = 0`, "balance 0\ncsq 0\nimport A 0\nvoltage 0"},
		{"unchanged values are readings too", "B1.w", `import_a = 7, csq = 9, balance = 1; import_a = 7, csq = 9, balance = 1`,
			"balance 1\ncsq 9\nimport A 7\nbalance 1\ncsq 9\nimport A 7"},
		{"columns that are not set write nothing", "C1.w", `import_a = 7, import_b = 8, csq = 9; backlight = 'on'`, "csq 9\nimport A 7\nimport B 8"},
		{"null is nothing but for csq", "C1.w",
			`import_a = null, import_b = null, export_a = null, export_b = null, balance = null, csq = null, voltage = null, "3p_voltage_l1" = null, health = null`,
			"csq null"},
		{"element B of a meter without one", "B1.w", `import_a = 1, import_b = 2, export_b = 3`, "import A 1"},
		{"reads before the hardware is known", "", `import_a = 1, export_a = 2, csq = 3`, "csq 3"},
		{"unknown hardware has register A", "X9", `import_a = 1`, "import A 1"},
		{"a phase that was not read is not invented", "P1.cx",
			`"3p_voltage_l1" = 1, "3p_voltage_l2" = 2, "3p_voltage_l3" = 3; "3p_voltage_l1" = 4, "3p_voltage_l3" = 6`, "3p 1/2/3\n3p 4/-/6"},
	} {
		t.Run(c.name, func(t *testing.T) {
			undone(t, conn)
			id := meter(t, conn, "M1", c.hardware)
			for set := range strings.SplitSeq(c.updates, ";") {
				exec(t, conn, `update flows.meter_shadows set `+set+` where id = $1`, id)
			}
			if diff := cmp.Diff(c.want, history(t, conn)); diff != "" {
				t.Errorf("history (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHistoryIsStampedWithReadAtAndStoredOnce(t *testing.T) {
	conn := migrated(t)
	id := meter(t, conn, "M1", "C1.w")
	save := `update flows.meter_shadows set import_a = 1, export_b = 2, balance = 3, csq = null, voltage = 4, "3p_voltage_l1" = 5, "3p_voltage_l2" = 6,
		health = 'healthy', read_at = '2026-03-29 00:59:59.123456Z', updated_at = '1999-01-01' where id = $1`
	for range 3 {
		exec(t, conn, save, id)
	}
	if got, want := rows(t, conn, `select count(*), count(distinct at), to_char(min(at) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') from (`+all+`) h`),
		"7 1 2026-03-29 00:59:59.123456"; got != want {
		t.Errorf("history: got %s, want %s", got, want)
	}
	if got, want := rows(t, conn, `select read_at is null, updated_at = '2026-03-29 00:59:59.123456Z', last_healthy_at = updated_at from flows.meter_shadows`),
		"true true true"; got != want {
		t.Errorf("shadow: got %s, want %s", got, want)
	}
	// The first value of a time stays, whatever comes later with the same time.
	exec(t, conn, strings.Replace(save, "import_a = 1", "import_a = 99", 1), id)
	if got, want := rows(t, conn, `select read from flows.register_import`), "1"; got != want {
		t.Errorf("raw read: got %s, want %s", got, want)
	}
}

func TestWriterWithoutReadAtIsStampedByTheStatement(t *testing.T) {
	conn := migrated(t)
	id := meter(t, conn, "M1", "C1.w")
	exec(t, conn, `update flows.meter_shadows set import_a = 1, read_at = '2020-01-01' where id = $1`, id)
	got := rows(t, conn, `update flows.meter_shadows set import_a = 2 where id = $1 returning updated_at = statement_timestamp()`, id)
	if got != "true" {
		t.Error("updated_at is not the statement's time: read_at of the save before was kept")
	}
	if got, want := rows(t, conn, `select count(*) from flows.register_import`), "2"; got != want {
		t.Errorf("reads: got %s, want %s", got, want)
	}
}

func TestLastHealthyAtMovesOnlyForwardAndOnlyWhenHealthy(t *testing.T) {
	conn := migrated(t)
	id := meter(t, conn, "M1", "C1.w")
	for _, c := range []struct{ set, want string }{
		{"csq = 1, read_at = '2026-01-01 00:00Z'", "never"},
		{"health = 'healthy', read_at = '2026-01-03 00:00Z'", "2026-01-03"},
		{"health = 'unhealthy', read_at = '2026-01-04 00:00Z'", "2026-01-03"},
		{"health = 'healthy', read_at = '2026-01-02 00:00Z'", "2026-01-03"},
		{"csq = 1, read_at = '2026-01-05 00:00Z'", "2026-01-03"},
	} {
		exec(t, conn, `update flows.meter_shadows set `+c.set+` where id = $1`, id)
		got := rows(t, conn, `select coalesce(to_char(last_healthy_at at time zone 'UTC', 'YYYY-MM-DD'), 'never') from flows.meter_shadows`)
		if got != c.want {
			t.Errorf("after %s: got %s, want %s", c.set, got, c.want)
		}
	}
}

func TestNewMeterHasAShadowThatWasNeverRun(t *testing.T) {
	conn := migrated(t)
	meter(t, conn, "M1", "C1.w")
	if got, want := rows(t, conn, `select r.serial, s.health is null, s.updated_at is null, r.port, r.mode, r.maintenance
		from flows.meter_registry r join flows.meter_shadows s using (id)`), "M1 true true 8080 active false"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestMeterWithHistoryCannotBeDeletedAndOneWithoutCan(t *testing.T) {
	conn := migrated(t)
	for _, c := range []struct{ name, act, want string }{
		{"never run", `select $1::uuid`, ""},
		{"read", `update flows.meter_shadows set import_a = 1 where id = $1`, "has reads"},
		{"exported", `update flows.meter_shadows set export_b = 1 where id = $1`, "has reads"},
		{"unreachable", `update flows.meter_shadows set csq = null where id = $1`, "has history"},
		{"judged", `update flows.meter_shadows set health = 'healthy' where id = $1`, "has history"},
		{"paid", `update flows.meter_shadows set balance = 0 where id = $1`, "has history"},
		{"measured", `update flows.meter_shadows set voltage = 240 where id = $1`, "has history"},
		{"measured in three phases", `update flows.meter_shadows set "3p_voltage_l2" = 240 where id = $1`, "has history"},
		{"with events", `insert into flows.meter_event_log values ($1, now(), 33, 1)`, "meter_event_log"},
	} {
		id := meter(t, conn, c.name, "C1.w")
		exec(t, conn, c.act, id)
		_, err := conn.Exec(t.Context(), `delete from flows.meter_registry where id = $1`, id)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	if got, want := rows(t, conn, `select (select count(*) from flows.meter_registry), (select count(*) from flows.meter_shadows),
		(select count(*) from flows.meter_registers)`), "8 8 16"; got != want {
		t.Errorf("meters, shadows and registers left: got %s, want %s", got, want)
	}
}

func TestDeletingWaitsForASaveUnderWay(t *testing.T) {
	for name, sql := range map[string]string{
		"meter": `delete from flows.meter_registry where id = $1`, "registers": `delete from flows.meter_registers where meter_id = $1`,
	} {
		t.Run(name, func(t *testing.T) {
			saver := migrated(t)
			deleter := connect(t, saver.Config().ConnString())
			id := meter(t, saver, "M1", "C1.w")
			exec(t, saver, `begin`)
			exec(t, saver, `update flows.meter_shadows set import_a = 1 where id = $1`, id)
			done := make(chan error, 1)
			pid := rows(t, deleter, `select pg_backend_pid()`)
			go func() {
				_, err := deleter.Exec(context.WithoutCancel(t.Context()), sql, id)
				done <- err
			}()
			for rows(t, saver, `select coalesce(wait_event_type = 'Lock', false) from pg_stat_activity where pid = $1::int`, pid) != "true" {
				select {
				case err := <-done:
					t.Fatalf("did not wait: %v", err)
				default:
					exec(t, saver, `select pg_stat_clear_snapshot()`)
				}
			}
			exec(t, saver, `commit`)
			if err := <-done; err == nil {
				t.Error("deleted, and the read has no owner")
			}
		})
	}
}
