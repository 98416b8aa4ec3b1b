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

func TestDemoDaysFindTheTruthAndEveryFault(t *testing.T) {
	c := mustCall(t, nil, "demo", "--once", "--json", "--meters", "12", "--days", "2")
	var report struct {
		Mismatches *int `json:"mismatches"`
		Days       struct {
			Registers int
			Exchange  struct{ Old, New string }
			HalfHours []struct {
				Quality  string
				Billable int
				Other    int `json:"not_billable"`
			} `json:"half_hours"`
			Compared   int                       `json:"compared_with_truth"`
			Runs       int                       `json:"runs"`
			Sum        string                    `json:"runs_kwh"`
			Moved      string                    `json:"registers_kwh"`
			Astray     string                    `json:"astray_kwh"`
			Nulls      []struct{ Serial string } `json:"null_spans"`
			Exceptions []struct{ Rule string }
			Faults     []struct {
				Fault       string
				Seen, Found int
			}
			Clocks []struct {
				Seconds, Billable int
			} `json:"clocks_off"`
			Wrong []string
		}
	}
	if err := json.Unmarshal([]byte(c.stdout), &report); err != nil {
		t.Fatalf("%v in %s", err, c.stdout)
	}
	d := report.Days
	if report.Mismatches == nil || *report.Mismatches != 0 || len(d.Wrong) != 0 || d.Astray != "0" || d.Sum != d.Moved || d.Sum == "0" {
		t.Errorf("%s", c.stdout)
	}
	// Ten meters have registers, four of them two, in each direction, and one more has taken a twin's place.
	if d.Registers != 2*(10+4)+4 || d.Compared < d.Registers*80 || d.Runs < d.Registers || d.Exchange.Old == "" || d.Exchange.New == "" {
		t.Errorf("%d registers, %d half-hours compared, %d runs, %+v", d.Registers, d.Compared, d.Runs, d.Exchange)
	}
	qualities := map[string]int{}
	for _, q := range d.HalfHours {
		qualities[q.Quality] = q.Billable + q.Other
	}
	if qualities["actual"] < d.Compared || qualities["estimated"] < 50 || qualities["derived"] != 4 || qualities["null"] < 20 || qualities["edited"] != 0 {
		t.Errorf("qualities %v", qualities)
	}
	faults := map[string]bool{}
	for _, f := range d.Faults {
		if faults[f.Fault] = true; f.Seen == 0 || f.Found != f.Seen {
			t.Errorf("%+v", f)
		}
	}
	for _, want := range []string{"log_hole", "log_invalid", "log_flag", "log_glitch", "log_reversal", "log_reset", "zeroed", "set_back", "rollover", "clock_off"} {
		if !faults[want] {
			t.Errorf("no %s in %v", want, d.Faults)
		}
	}
	for _, clock := range d.Clocks {
		if far := max(clock.Seconds, -clock.Seconds) > 900; far == (clock.Billable > 0) {
			t.Errorf("clock %+v", clock)
		}
	}
}

// Every one alters one stored thing behind Flows' back and tells how it must be named. They do not touch each other.
var daySpoils = map[string]string{
	"a watt-hour more": `
		update flows.register_interval_hh i set import_interval = import_interval + 0.001 from flows.meter_registers g
		where g.register_id = i.register_id and (i.register_id, i.timestamp) = (select register_id, timestamp from flows.register_interval_hh
			join flows.meter_registers r using (register_id) where import_quality = 'actual' and r.serial is not null and r.element = 'B' order by 2 offset 5 limit 1)
		returning g.serial, 'half-hour of ' || g.serial || ' B import', i.timestamp`,
	"a half-hour lost": `
		delete from flows.register_interval_hh i using flows.meter_registers g, flows.meter_registry r
		where g.register_id = i.register_id and r.id = g.meter_id and (i.register_id, i.timestamp) = (select register_id, timestamp
			from flows.register_interval_hh join flows.meter_registers m using (register_id)
			where import_quality = 'estimated' and m.element = 'SINGLE' order by 2 limit 1)
		returning r.serial, 'half-hour of ' || r.serial || ' A', i.timestamp`,
	"a record altered": `
		update flows.register_profile_hh h set read = read + 0.001 from flows.meter_registers g
		where g.register_id = h.register_id and (h.register_id, direction, timestamp) = (select register_id, direction, timestamp from flows.register_profile_hh
			join flows.meter_registers r using (register_id) where direction = 'export' and r.serial is not null and r.element = 'A' order by 3 offset 9 limit 1)
		returning g.serial, 'register_profile_hh.export.A of ' || g.serial, timestamp`,
	"a record lost": `
		delete from flows.register_profile_hh h using flows.meter_registers g, flows.meter_registry r
		where g.register_id = h.register_id and r.id = g.meter_id and (h.register_id, direction, timestamp) = (select register_id, direction, timestamp
			from flows.register_profile_hh join flows.meter_registers m using (register_id)
			where direction = 'import' and m.serial is null and m.element = 'B' order by 3 offset 10 limit 1)
		returning r.serial, 'register_profile_hh.import.B of ' || r.serial, timestamp`,
}

func TestDemoDaysNameEveryHalfHourThatIsWrong(t *testing.T) {
	a, stdout, stderr := testApp(t.Context())
	c := &demoCmd{Meters: 2, Every: time.Minute, Seed: 1, Once: true, Days: 1}
	d, err := startDemo(a, c)
	if err != nil {
		t.Fatal(err)
	}
	defer d.stop()
	names := map[string]string{}
	d.afterSync = func(ctx context.Context, url string) error {
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		for name, sql := range daySpoils {
			var serial, text string
			var at time.Time
			if err := conn.QueryRow(ctx, sql).Scan(&serial, &text, &at); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			names[name] = text + "|" + at.UTC().Format(time.RFC3339)
		}
		return nil
	}
	err = d.once(a, c)
	var e exit
	if !errors.As(err, &e) || e.code != exitFailed {
		t.Fatalf("%v, want exit 1\n%s", err, stdout)
	}
	for name, want := range names {
		text, at, _ := strings.Cut(want, "|")
		named := false
		for line := range strings.Lines(stderr.String()) {
			named = named || strings.HasPrefix(line, text) && strings.Contains(line, at)
		}
		if !named {
			t.Errorf("%s: %s at %s is not named in\n%s", name, text, at, stderr)
		}
	}
	// A row has both directions.
	if want := fmt.Sprintf("mismatches: %d\n", len(daySpoils)+1); !strings.Contains(stdout.String(), want) {
		t.Errorf("want %s%s%s", want, stdout, stderr)
	}
}

func TestDemoDaysNeedOnce(t *testing.T) {
	for _, args := range [][]string{{"demo", "--days", "3"}, {"demo", "--once", "--days", "91"}, {"demo", "--once", "--days", "-1"}} {
		if c := call(nil, args...); c.code != exitUsage || !strings.Contains(c.stderr, "--days") {
			t.Errorf("%v: exit %d, %s", args, c.code, c.stderr)
		}
	}
}
