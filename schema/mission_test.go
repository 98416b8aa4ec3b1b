package schema_test

import (
	"os"
	"strings"
	"testing"

	"flows/internal/pgtest"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// The files testdata/mission_*.sql are the SQL that the engineers in the field were given. It must run as it stands there.

func TestGivenInsertIntoMetricsRunsOnTopOfTheDefaults(t *testing.T) {
	conn := migrated(t)
	before := rows(t, conn, `select count(*) from meter_metrics`)
	for range 2 {
		exec(t, conn, given(t, "metrics"))
	}
	if got, want := rows(t, conn, `select $1::int + 8 = count(*) from meter_metrics`, before), "true"; got != want {
		t.Errorf("rows added: not 8 to %s", before)
	}
}

func TestGivenMonitoringQueriesSeeWhatASaveLeaves(t *testing.T) {
	conn := migrated(t)
	id := meter(t, conn, "M1", "C1.w")
	exec(t, conn, `update meter_shadows set import_a = 12345.678, import_b = 1.5, health = 'unhealthy', health_details = 'import_b: TIMEOUT' where id = $1`, id)
	meter(t, conn, "never run", "C1.w")
	for query, want := range map[string]string{
		"monitor_sync":       "M1 unhealthy 12345.678 1.5",
		"monitor_collection": "2",
		"monitor_unhealthy":  "M1 unhealthy import_b: TIMEOUT",
	} {
		found, err := conn.Query(t.Context(), given(t, query))
		if err != nil {
			t.Fatal(query, err)
		}
		lines, err := pgx.CollectRows(found, pgx.RowToMap)
		if err != nil || len(lines) != 1 {
			t.Fatalf("%s: %v, %v", query, lines, err)
		}
		for value := range strings.FieldsSeq(want) {
			if !strings.Contains(strings.Join(text(lines[0]), " "), value) {
				t.Errorf("%s: got %v, want %s in it", query, lines[0], value)
			}
		}
	}
}

func TestGivenTriggerAndFunctionWorkInPlaceOfOurs(t *testing.T) {
	conn := migrated(t)
	id := meter(t, conn, "M1", "C1.w")
	trigger, function, found := strings.Cut(given(t, "trigger"), "-- Function that inserts")
	if !found {
		t.Fatal("testdata/mission_trigger.sql has no function")
	}
	exec(t, conn, `drop trigger meter_shadows_import_a_update on flows.meter_shadows; drop function flows.register_import_a_insert()`)
	exec(t, conn, "-- Function that inserts"+strings.Replace(function, "$$;", "$$ LANGUAGE plpgsql;", 1))
	exec(t, conn, trigger)
	exec(t, conn, `update flows.meter_shadows set import_a = 12345.678, read_at = '2026-01-02 03:04:05Z' where id = $1`, id)
	want := "A 12345.678 2026-01-02 03:04:05"
	if diff := cmp.Diff(want, rows(t, conn, reads("import"))); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
}

func TestDefaultMetricsAreReadAtTheirFrequencies(t *testing.T) {
	conn := migrated(t)
	want := `12hourly SyncerCSQ,SyncerProfileLog
daily SyncerBacklight,SyncerClockDiff,SyncerDaylightSavingsEnabled,SyncerEventLog,SyncerFirmwareVersion,SyncerHardware,SyncerLoadSwitch,SyncerPrepayEnabled,SyncerReads,SyncerSerial,SyncerTariffsActive,SyncerTariffsFuture
hourly SyncerPrepayBalance,SyncerReads,SyncerVoltage`
	got := rows(t, conn, `select run_frequency, string_agg(name, ',' order by name) from meter_metrics where enabled group by 1 order by 1`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func given(t *testing.T, name string) string {
	t.Helper()
	sql, err := os.ReadFile("testdata/mission_" + name + ".sql")
	if err != nil {
		t.Fatal(err)
	}
	return string(sql)
}

func text(row map[string]any) (values []string) {
	for _, v := range row {
		values = append(values, asText(v))
	}
	return values
}

// migrated connects to a database of the test's own after Up.
func migrated(t *testing.T) *pgx.Conn {
	t.Helper()
	return connect(t, pgtest.New(t))
}

// undone takes back what the test does: cheaper than a database for each.
func undone(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	exec(t, conn, `begin`)
	t.Cleanup(func() { exec(t, conn, `rollback`) })
}

// meter registers one and returns its id; hardware "" is null.
func meter(t *testing.T, conn *pgx.Conn, serial, hardware string) string {
	t.Helper()
	return rows(t, conn, `insert into flows.meter_registry (serial, hardware) values ($1, nullif($2, '')) returning id::text`, serial, hardware)
}

// reads is a query for a register table in words.
func reads(direction string) string {
	return `select g.element, h.read, to_char(h.timestamp at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') from flows.register_` + direction +
		` h join flows.meter_registers g using (register_id) order by h.timestamp, g.element`
}
