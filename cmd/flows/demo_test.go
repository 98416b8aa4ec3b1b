package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestDemoOnceStoresWhatTheFleetAnswered(t *testing.T) {
	c := mustCall(t, nil, "demo", "--once", "--json", "--meters", "14")
	var report struct {
		Meters, Healthy, Unhealthy int
		Answered                   int            `json:"values_answered"`
		Stored                     map[string]int `json:"rows_stored"`
		Mismatches                 *int           `json:"mismatches"`
	}
	if err := json.Unmarshal([]byte(c.stdout), &report); err != nil {
		t.Fatalf("%v in %s", err, c.stdout)
	}
	if report.Mismatches == nil || *report.Mismatches != 0 || report.Meters != 14 || report.Healthy < 10 || report.Unhealthy < 2 || report.Answered < 500 {
		t.Errorf("report %+v", report)
	}
	for _, table := range []string{"register_import", "register_export", "meter_shadows", "meter_prepay_balance", "meter_csq", "meter_voltage",
		"meter_3p_voltage", "meter_health_history", "meter_event_log", "meter_registry", "register_profile_hh"} {
		if report.Stored[table] == 0 {
			t.Errorf("no rows in %s", table)
		}
	}
}

// spoils are changes of one stored value each, behind Flows' back; the comparison must name table and column.
var spoils = []struct{ name, sql, names string }{
	{"one watt-hour more", `update flows.register_import set read = read + 0.001
		where (register_id, timestamp) = (select register_id, timestamp from flows.register_import order by timestamp limit 1)`, "register_import.read.A"},
	{"a reading lost", `delete from flows.register_export
		where (register_id, timestamp) = (select register_id, timestamp from flows.register_export order by timestamp limit 1)`, "register_export.read.A"},
	{"a balance invented", `insert into flows.meter_prepay_balance (meter_id, timestamp, balance)
		select id, now(), 1 from flows.meter_registry limit 1`, "meter_prepay_balance.balance"},
	{"a record of a log altered", `update flows.register_profile_hh set read = read + 0.001
		where (register_id, direction, timestamp) = (select register_id, direction, timestamp from flows.register_profile_hh where direction = 'import'
			order by timestamp limit 1)`, "register_profile_hh.import.A"},
	{"a record of a log lost", `delete from flows.register_profile_hh
		where (register_id, direction, timestamp) = (select register_id, direction, timestamp from flows.register_profile_hh where direction = 'export'
			order by timestamp desc limit 1)`, "register_profile_hh.export.A"},
	{"another shadow", `update flows.meter_registry set firmware_version = '9_99_9'
		where id = (select id from flows.meter_registry where firmware_version is not null limit 1)`, "meter_registry.firmware_version"},
}

func TestDemoOnceNamesEveryAlteredValue(t *testing.T) {
	a, stdout, stderr := testApp(t.Context())
	c := &demoCmd{Meters: 3, Every: time.Minute, Seed: 1, Once: true}
	d, err := startDemo(a, c)
	if err != nil {
		t.Fatal(err)
	}
	defer d.stop()
	d.afterSync = func(ctx context.Context, url string) error {
		for _, s := range spoils {
			if err := execute(ctx, url, s.sql); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
		return nil
	}
	err = d.once(a, c)
	var e exit
	if !errors.As(err, &e) || e.code != exitFailed {
		t.Fatalf("%v, want exit 1\n%s", err, stdout)
	}
	for _, s := range spoils {
		named := 0
		for line := range strings.Lines(stderr.String()) {
			if strings.HasPrefix(line, s.names+" of EML") && strings.Contains(line, " at 20") {
				named++
			}
		}
		if named != 1 {
			t.Errorf("%s: %d lines name %s with meter and time:\n%s", s.name, named, s.names, stderr)
		}
	}
	if want := fmt.Sprintf("mismatches: %d\n", len(spoils)); !strings.Contains(stdout.String(), want) {
		t.Errorf("not %s%s%s", want, stdout, stderr)
	}
}

func execute(ctx context.Context, url, sql string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	tag, err := conn.Exec(ctx, sql)
	if err == nil && tag.RowsAffected() != 1 {
		return errors.New("the test altered nothing")
	}
	return err
}
