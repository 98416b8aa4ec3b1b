package schema_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"flows/internal/pgtest"
	"flows/schema"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// sums is what a register, direction and period came to, energy in Wh.
type sums struct{ energy, billed, known, estimated, billable int }

// TestHoursDaysAndMonthsAreSumsOfTheirHalfHours adds up random half-hours around changes of the clock and ends of months, in the ESCO's zone.
func TestHoursDaysAndMonthsAreSumsOfTheirHalfHours(t *testing.T) {
	conn := migrated(t)
	undone(t, conn)
	zones := map[string]string{"HOME": "Europe/London", "EAST": "America/New_York", "PEAK": "America/Bogota", "": "Europe/London"}
	random := rand.New(rand.NewPCG(4, 13))
	want := map[string]map[string]*sums{"hourly": {}, "daily": {}, "monthly": {}}
	for code, name := range zones {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		if code != "" {
			exec(t, conn, `insert into escos (code, timezone) values ($1, $2)`, code, name)
		}
		id := register(t, conn, "of "+code, "C1.w")
		exec(t, conn, `update meter_registry set esco = (select id from escos where code = $1) where serial = $2`, code, "of "+code)
		for _, start := range []time.Time{midnight.AddDate(0, 0, -22), midnight.AddDate(0, 0, -1), midnight.AddDate(0, 7, -4)} {
			for at := start; at.Before(start.AddDate(0, 0, 9)); at = at.Add(30 * time.Minute) {
				qualities, energies, billables := [2]*string{}, [2]*int{}, [2]*bool{}
				for d, direction := range []string{"import", "export"} {
					if random.IntN(5) == 0 {
						continue
					}
					energy, quality := random.IntN(5000), []string{"actual", "actual", "edited", "derived", "estimated"}[random.IntN(5)]
					qualities[d], energies[d] = &quality, &energy
					if billable := random.IntN(3); billable > 0 {
						billables[d] = new(bool)
						*billables[d] = billable == 1
					}
					local := at.In(zone)
					for period, key := range map[string]string{"hourly": at.Format("2006-01-02 15"), "daily": local.Format("2006-01-02"), "monthly": local.Format("2006-01") + "-01"} {
						key = fmt.Sprint("of ", code, " ", direction, " ", key)
						if want[period][key] == nil {
							want[period][key] = &sums{}
						}
						want[period][key].add(energy, quality, billables[d])
					}
				}
				exec(t, conn, `insert into register_interval_hh (register_id, timestamp, import_interval, import_quality, import_billable, export_interval, export_quality, export_billable)
					values ($1::text::uuid, $2, $3::int / 1000.0, $4, $5, $6::int / 1000.0, $7, $8)`, id, at, energies[0], qualities[0], billables[0], energies[1], qualities[1], billables[1])
			}
		}
	}
	for _, session := range []string{"UTC", "Asia/Kathmandu"} { // what the client's zone is makes no difference
		exec(t, conn, `set local timezone = '`+session+`'`)
		for period, key := range map[string]string{"hourly": `to_char(hour at time zone 'UTC', 'YYYY-MM-DD HH24')`, "daily": `day::text`, "monthly": `month::text`} {
			if diff := cmp.Diff(told(want[period]), summed(t, conn, period, key)); diff != "" {
				t.Errorf("%s, session in %s (-want +got):\n%s", period, session, diff)
			}
		}
	}
}

func (s *sums) add(energy int, quality string, billable *bool) {
	s.energy += energy
	s.known++
	if quality == "estimated" || quality == "derived" {
		s.estimated++
	}
	if billable != nil && *billable {
		s.billable++
		s.billed += energy
	}
}

func told(all map[string]*sums) string {
	var lines []string
	for key, s := range all {
		billed := fmt.Sprint(s.billed)
		if s.billable == 0 {
			billed = "unknown"
		}
		lines = append(lines, fmt.Sprint(key, " ", s.energy, " ", billed, " ", s.known, " ", s.estimated, " ", s.billable))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// summed is what a view says of both directions, without the periods of which nothing is known.
func summed(t *testing.T, conn *pgx.Conn, period, key string) string {
	t.Helper()
	var parts []string
	for _, d := range []string{"import", "export"} {
		parts = append(parts, strings.ReplaceAll(`
			select m.serial || ' ~ ' || `+key+` || ' ' || trim_scale(~_interval * 1000) || ' ' || coalesce(trim_scale(~_billable_interval * 1000)::text, 'unknown') ||
				' ' || ~_known || ' ' || ~_estimated || ' ' || ~_billable line
			from register_interval_`+period+` join meter_registers g using (register_id) join meter_registry m on m.id = g.meter_id where ~_interval is not null or ~_known > 0`, "~", d))
	}
	return rows(t, conn, `select line collate "C" from (`+strings.Join(parts, " union all ")+`) l order by 1`)
}

func TestHourOfWhichNothingIsKnownIsNullAndNotZero(t *testing.T) {
	conn := migrated(t)
	undone(t, conn)
	id := register(t, conn, "M1", "C1.w")
	exec(t, conn, `insert into register_interval_hh (register_id, timestamp, import_reason) values ($1::text::uuid, $2, 'STATUS')`, id, midnight)
	for _, period := range []string{"hourly", "daily", "monthly"} {
		got := rows(t, conn, `select import_interval, import_billable_interval, import_known, import_billable, export_interval from register_interval_`+period)
		if want := "<nil> <nil> 0 0 <nil>"; got != want {
			t.Errorf("%s: got %s, want %s", period, got, want)
		}
	}
}

func TestZoneWhoseDaysBeginWithinAnHourIsRefused(t *testing.T) {
	conn := migrated(t)
	for _, zone := range []string{"Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "Australia/Adelaide"} {
		_, err := conn.Exec(t.Context(), `insert into flows.escos (code, timezone) values ('E', $1)`, zone)
		if want := "ESCO E cannot have time zone " + zone + ": its days do not begin on an hour of UTC"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", zone, err, want)
		}
	}
	if _, err := conn.Exec(t.Context(), `insert into flows.escos (code, timezone) values ('E', 'Europe/Lodnon')`); err == nil || !strings.Contains(err.Error(), "not recognized") {
		t.Errorf("zone that nobody knows: %v", err)
	}
	exec(t, conn, `set timezone = 'Asia/Kolkata'`)
	exec(t, conn, `insert into flows.escos (code, timezone) values ('E', 'America/Caracas')`)
	if _, err := conn.Exec(t.Context(), `update flows.escos set timezone = 'Asia/Kolkata'`); err == nil {
		t.Error("a change to such a zone was taken")
	}
}

func TestMigrationNamesTheESCOWhoseZoneCannotBe(t *testing.T) {
	url := pgtest.New(t)
	for range schema.Version() - 12 {
		if _, err := schema.Down(t.Context(), url); err != nil {
			t.Fatal(err)
		}
	}
	exec(t, connect(t, url), `insert into flows.escos (code, timezone) values ('DELHI', 'Asia/Kolkata')`)
	_, err := schema.Up(t.Context(), url)
	if err == nil || !strings.HasPrefix(err.Error(), "migration 00013_series.sql failed: ") || !strings.Contains(err.Error(), "ESCO DELHI cannot have time zone Asia/Kolkata") {
		t.Errorf("got %v", err)
	}
}
