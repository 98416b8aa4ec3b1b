package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
)

// hole is half-hours of a meter that its log does not have, by numbers; the last is not included.
func hole(element string, d flows.Direction, first, end int) flows.ProfileHole {
	return flows.ProfileHole{Element: element, Direction: d, Period: flows.Period{
		From: day.Add(time.Duration(first) * flows.SlotLength), To: day.Add(time.Duration(end) * flows.SlotLength)}}
}

// mustMiss gives what is missing of the first ten half-hours of the day and the one after: element, direction, numbers.
func mustMiss(t *testing.T, s *Store, m flows.Meter) string {
	t.Helper()
	list, err := s.MissingHalfHours(t.Context(), m, day.Add(-time.Minute), day.Add(5*time.Hour+time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, h := range list {
		all = append(all, fmt.Sprintf("%s %s %d-%d", h.Element, h.Direction, h.From.Sub(day)/flows.SlotLength, h.To.Sub(day)/flows.SlotLength))
	}
	return strings.Join(all, ", ")
}

func TestMissingIsWhatHasNeitherRecordNorHole(t *testing.T) {
	s := mustStore(t)
	known := mustRegister(t, s, at("twin", "10.0.0.1", "C1.w"), at("single", "10.0.0.2", "B1.w"), at("three", "10.0.0.3", "P1.ax"), at("new", "10.0.0.4", ""))
	single := logged(known["single"], "A", flows.Import, 1, 5, 5, -1, 6)
	single.Profile[2].Time = single.Profile[2].Time.Add(time.Second) // no half-hour
	single.Holes = []flows.ProfileHole{hole("A", flows.Import, 6, 8), hole("A", flows.Export, -5, 3), hole("A", flows.Export, 9, 40)}
	mustSave(t, s, single, logged(known["twin"], "B", flows.Export, 0, 1), logged(known["three"], "A", flows.Import, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1))
	for serial, want := range map[string]string{
		"twin":   "A export 0-11, A import 0-11, B import 0-11, B export 1-11",
		"single": "A import 0-1, A export 3-9, A import 3-6, A import 8-11",
		"three":  "A export 0-11",
		"new":    "",
	} {
		if got := mustMiss(t, s, known[serial]); got != want {
			t.Errorf("%s: got %s, want %s", serial, got, want)
		}
	}
}

func TestNothingIsMissingFromBeforeARegisterThatReplacedAnother(t *testing.T) {
	s := mustStore(t)
	m := mustRegister(t, s, at("M1", "10.0.0.1", "C1.w"))["M1"]
	for _, c := range []struct {
		name, sql, want string
	}{
		{"the first registers begin when the log does", `update flows.meter_registers set start_time = $1`, "A export 0-11, A import 0-11, B export 0-11, B import 0-11"},
		{"another register was there", `with old as (update flows.meter_registers set status = 'replaced', end_time = start_time where element = 'B' returning meter_id)
			insert into flows.meter_registers (meter_id, element, start_time) select meter_id, 'B', $1 from old`, "A export 0-11, A import 0-11, B export 4-11, B import 4-11"},
		{"a first reading", `update flows.meter_registers set initial_read = 5 where element = 'A' and start_time = $1`, "A export 4-11, A import 4-11, B export 4-11, B import 4-11"},
	} {
		mustExec(t, s, c.sql, day.Add(100*time.Minute))
		if got := mustMiss(t, s, m); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestSaveProfileStoresHalfHoursAndNothingElse(t *testing.T) {
	s := mustStore(t)
	known := mustRegister(t, s, at("M1", "10.0.0.1", "C1.w"), at("M2", "10.0.0.2", "B1.w"))
	m := known["M1"]
	mustSave(t, s, complete(m, noon))
	const rest = `
		select to_jsonb(r)::text from flows.meter_registry r union all select to_jsonb(h)::text from flows.meter_shadows h
		union all select to_jsonb(l)::text from flows.meter_sync_log l union all select to_jsonb(h)::text from flows.meter_health_history h
		union all select to_jsonb(i)::text from flows.register_import i union all select to_jsonb(e)::text from flows.meter_event_log e order by 1`
	before := lines(t, s, rest)
	r := complete(m, noon.Add(time.Hour))
	r.Profile = logged(m, "B", flows.Import, 0, 10, 12, -1, 15).Profile
	r.Holes = []flows.ProfileHole{hole("B", flows.Import, 2, 3)}
	empty := flows.Result{Meter: known["M2"], ReadAt: noon, Holes: []flows.ProfileHole{hole("A", flows.Import, 0, 4)}}
	for range 2 {
		if err := s.SaveProfile(t.Context(), []flows.Result{r, empty}); err != nil {
			t.Fatal(err)
		}
	}
	if after := lines(t, s, rest); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
	want := "A import 12:00 18204.331\nB = 00:00 0.002/-\nB import 00:00 0.010\nB import 00:30 0.012\nB import 01:30 0.015"
	if diff := cmp.Diff(want, lines(t, s, profiles, "M1")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, want := mustMiss(t, s, m), "A export 0-11, A import 0-11, B export 0-11, B import 4-11"; got != want {
		t.Errorf("missing %s, want %s", got, want)
	}
	if got, want := mustMiss(t, s, known["M2"]), "A export 0-11, A import 4-11"; got != want {
		t.Errorf("missing %s, want %s", got, want)
	}
	if err := s.SaveProfile(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func TestHalfHoursOfAMeterThatHasBeenExchangedAreNotTheNewOnes(t *testing.T) {
	s := mustStore(t)
	m := mustInstall(t, s, at("OLD", "10.0.0.1", "C1.w"))["OLD"]
	mustExchange(t, s, Exchange{Old: "OLD", New: "NEW", At: day.Add(time.Hour)})
	err := s.SaveProfile(t.Context(), []flows.Result{logged(m, "A", flows.Import, 0, 1, 2, 3, 4)})
	if !flows.Refused(err) || flows.CodeOf(err, "") != flows.UnknownSerial || !strings.Contains(err.Error(), "exchanged") {
		t.Errorf("%v", err)
	}
	if got := lines(t, s, `select count(*) from flows.register_profile_hh`); got != "0" {
		t.Errorf("%s records are stored", got)
	}
	if got := mustMiss(t, s, m); got != "" {
		t.Errorf("missing of the old one: %s", got)
	}
	m.Serial = "NEW"
	if got, want := mustMiss(t, s, m), "A export 2-11, A import 2-11, B export 2-11, B import 2-11"; got != want {
		t.Errorf("missing of the new one: %s, want %s", got, want)
	}
}

func TestADatabaseThatIsAwaySaysSo(t *testing.T) {
	s := mustStore(t)
	m := mustRegister(t, s, at("M1", "10.0.0.1", "C1.w"))["M1"]
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.MissingHalfHours(ctx, m, day, day)
	if saved := s.SaveProfile(ctx, []flows.Result{logged(m, "A", flows.Import, 0, 1)}); flows.CodeOf(err, "") != flows.Cancelled || flows.CodeOf(saved, "") != flows.Cancelled {
		t.Errorf("%v, %v", err, saved)
	}
	mustExec(t, s, `drop table flows.register_profile_hh cascade`)
	_, err = s.MissingHalfHours(t.Context(), m, day, day)
	if saved := s.SaveProfile(t.Context(), []flows.Result{logged(m, "A", flows.Import, 0, 1)}); flows.CodeOf(err, "") != flows.Database || flows.CodeOf(saved, "") != flows.Database {
		t.Errorf("%v, %v", err, saved)
	}
}
