package postgres

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
)

var day = time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC)

// logged is a meter's result with records of one register and direction, from half-hour number first on; -1 is none.
func logged(m flows.Meter, element string, d flows.Direction, first int, reads ...int) flows.Result {
	r := healthy(m, flows.Shadow{})
	for i, read := range reads {
		if read >= 0 {
			r.Profile = append(r.Profile, flows.ProfileRead{
				Element: element, Direction: d, Time: day.Add(time.Duration(first+i) * flows.SlotLength), Read: flows.Energy(read) * flows.WattHour, Status: 0x0080,
			})
		}
	}
	return r
}

func mustSave(t *testing.T, s *Store, results ...flows.Result) {
	t.Helper()
	if err := s.Save(t.Context(), results); err != nil {
		t.Fatal(err)
	}
}

// profiles is every stored record and interval: element, direction or "=", time, value or values.
const profiles = `
	select element, what, to_char(at at time zone 'UTC', 'HH24:MI'), value from (
		select register_id, direction what, timestamp at, read::text value from flows.register_profile_hh
		union all
		select register_id, '=', timestamp, concat_ws('/', coalesce(import_interval::text, '-'), coalesce(export_interval::text, '-')) from flows.register_interval_hh
	) p join flows.meter_registers g using (register_id) join flows.meter_registry r on r.id = g.meter_id
	where r.serial = $1 order by 1, 2, 3`

func TestSaveStoresHalfHoursOfEachRegisterAndDirection(t *testing.T) {
	s := mustStore(t)
	known := mustRegister(t, s, at("twin", "10.0.0.1", "C1.w"), at("single", "10.0.0.2", "B1.w"), at("three", "10.0.0.3", "P1.cx"), at("new", "10.0.0.4", ""))
	twin := logged(known["twin"], "A", flows.Import, 0, 0, 1)
	twin.Profile = slices.Concat(twin.Profile, logged(known["twin"], "B", flows.Import, 0, 10, 12).Profile, logged(known["twin"], "A", flows.Export, 0, 20, 23).Profile)
	single := logged(known["single"], "A", flows.Import, 0, 5)
	single.Profile = append(single.Profile, logged(known["single"], "B", flows.Import, 0, 6).Profile...)
	three := logged(known["three"], "A", flows.Export, 0, 0)
	three.Profile[0].Read, three.Profile[0].Status = flows.DeciWattHour, 0x0180
	unknown := logged(known["new"], "A", flows.Import, 0, 8)
	first := logged(known["new"], "A", flows.Import, 1, 9)
	first.ReadAt, first.Registry.Hardware = noon.Add(time.Hour), new("B1.w")
	busy := logged(known["single"], "A", flows.Import, 1, 7)
	busy.Health = flows.NeverRun
	for range 2 {
		mustSave(t, s, first, busy, twin, three, single, unknown)
	}
	for serial, want := range map[string]string{
		"twin": "A = 00:00 0.001/0.003\nA export 00:00 0.020\nA export 00:30 0.023\nA import 00:00 0.000\nA import 00:30 0.001\n" +
			"B = 00:00 0.002/-\nB import 00:00 0.010\nB import 00:30 0.012",
		"single": "A import 00:00 0.005",
		"three":  "SINGLE export 00:00 0.0001",
		"new":    "A = 00:00 0.001/-\nA import 00:00 0.008\nA import 00:30 0.009", // the register exists from the moment its hardware does
	} {
		if diff := cmp.Diff(want, lines(t, s, profiles, serial)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", serial, diff)
		}
	}
	if got, want := lines(t, s, `select status, received_at = $1 from flows.register_profile_hh where read = 0.0001`, noon.Truncate(time.Microsecond)), "384 true"; got != want {
		t.Errorf("status and arrival: got %s, want %s", got, want)
	}
}

func TestFirstRecordOfATimeStaysAndTheOthersAreKeptBeside(t *testing.T) {
	s := mustStore(t)
	m := mustRegister(t, s, at("M1", "10.0.0.1", "C1.w"))["M1"]
	mustSave(t, s, logged(m, "A", flows.Import, 0, 1, 2))
	again := logged(m, "A", flows.Import, 0, 1, 3)
	again.Profile = append(again.Profile, again.Profile[1], logged(m, "A", flows.Import, 2, 5).Profile[0], logged(m, "A", flows.Import, 2, 6).Profile[0])
	for range 2 {
		mustSave(t, s, again)
	}
	if got, want := lines(t, s, profiles, "M1"), "A = 00:00 0.001/-\nA = 00:30 0.003/-\nA import 00:00 0.001\nA import 00:30 0.002\nA import 01:00 0.005"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got, want := lines(t, s, `select direction, (extract(epoch from timestamp - $1) / 60)::int, read, status from flows.register_profile_conflict order by 2`, day),
		"import 30 0.003 128\nimport 60 0.006 128"; got != want {
		t.Errorf("beside: got\n%s\nwant\n%s", got, want)
	}
}

func TestMarksMoveThroughWhatIsKnown(t *testing.T) {
	s := mustStore(t)
	m := mustRegister(t, s, at("M1", "10.0.0.1", "C1.w"))["M1"]
	hole := func(first, end int) {
		mustExec(t, s, `insert into flows.register_profile_hole (register_id, direction, start_time, end_time)
			select register_id, 'import', $1, $2 from flows.meter_registers where element = 'A'`,
			day.Add(time.Duration(first)*flows.SlotLength), day.Add(time.Duration(end)*flows.SlotLength))
		mustExec(t, s, `select flows.register_profile_advance(array(select register_id from flows.meter_registers), true)`)
	}
	marks := func() (list []string) {
		t.Helper()
		m, due, err := s.DueMeter(t.Context(), m.ID)
		if err != nil || !due {
			t.Fatal(due, err)
		}
		for _, p := range m.Profile {
			list = append(list, fmt.Sprintf("%s %s %d", p.Element, p.Direction, p.Through.Sub(day)/flows.SlotLength))
		}
		all, err := s.Meters(t.Context(), Filter{})
		if diff := cmp.Diff(m.Profile, all[0].Profile); err != nil || diff != "" {
			t.Errorf("Meters and DueMeter differ: %v\n%s", err, diff)
		}
		return list
	}
	invalid := logged(m, "A", flows.Import, 11, 9)
	invalid.Profile[0].Status = 0
	offGrid := logged(m, "B", flows.Export, 0, 1)
	offGrid.Profile[0].Time = offGrid.Profile[0].Time.Add(time.Minute)
	for _, c := range []struct {
		name string
		do   func()
		want []string
	}{
		{"nothing is known at first", func() {}, nil},
		{"the first run of records", func() { mustSave(t, s, logged(m, "A", flows.Import, 2, 1, 1, 1, -1, 2)) }, []string{"A import 4"}},
		{"another direction", func() { mustSave(t, s, logged(m, "A", flows.Export, 0, 0, 0)) }, []string{"A export 1", "A import 4"}},
		{"a record off the half-hour is none", func() { mustSave(t, s, offGrid) }, []string{"A export 1", "A import 4"}},
		{"older records move nothing", func() { mustSave(t, s, logged(m, "A", flows.Import, 0, 0, 0)) }, []string{"A export 1", "A import 4"}},
		{"the hole closed, with what is behind it", func() { mustSave(t, s, logged(m, "A", flows.Import, 5, 1)) }, []string{"A export 1", "A import 6"}},
		{"a hole the meter has shown", func() { hole(7, 10) }, []string{"A export 1", "A import 9"}},
		{"a record that is not valid is known too", func() { mustSave(t, s, logged(m, "A", flows.Import, 10, 3), invalid) }, []string{"A export 1", "A import 11"}},
		{"a hole that reaches back over the mark", func() { hole(11, 20) }, []string{"A export 1", "A import 19"}},
		{"a register that was replaced has none", func() { mustExec(t, s, `update flows.meter_registers set status = 'replaced' where element = 'A'`) }, nil},
	} {
		c.do()
		if diff := cmp.Diff(c.want, marks()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestSaversOfTheSameRegistersLoseNothing(t *testing.T) {
	s := mustStore(t)
	var list []flows.Registration
	for i := range 20 {
		list = append(list, at(fmt.Sprintf("M%d", i), fmt.Sprintf("10.0.0.%d", i+1), "C1.w"))
	}
	known := mustRegister(t, s, list...)
	var wg sync.WaitGroup
	for k := range 4 {
		wg.Go(func() {
			for i := k; i < 40; i += 4 {
				var results []flows.Result
				for _, m := range known {
					results = append(results, logged(m, "B", flows.Import, i, i), logged(m, "A", flows.Export, i, i))
				}
				if err := s.Save(context.WithoutCancel(t.Context()), results); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got, want := lines(t, s, `select count(import_interval), count(export_interval), sum(import_interval), (select count(*) from flows.register_profile_hh) from flows.register_interval_hh`),
		"780 780 0.780 1600"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAHoleThatTheMeterHasShownDoesNotStopTheMark(t *testing.T) {
	s := mustStore(t)
	m := mustRegister(t, s, at("M1", "10.0.0.1", "C1.w"))["M1"]
	r := logged(m, "A", flows.Import, 0, 1, 2, -1, -1, 5)
	mustSave(t, s, r)
	through := func() string {
		return lines(t, s, `select to_char(through at time zone 'UTC', 'HH24:MI') from flows.register_profile_mark`)
	}
	if got := through(); got != "00:30" {
		t.Errorf("before the hole is known: %s", got)
	}
	r.Profile = nil
	r.Holes = []flows.ProfileHole{{Element: "A", Direction: flows.Import, Period: flows.Period{From: day.Add(time.Hour), To: day.Add(2 * time.Hour)}}}
	for range 2 {
		mustSave(t, s, r)
	}
	if got := through(); got != "02:00" {
		t.Errorf("behind the hole: %s", got)
	}
}
