package postgres

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
)

// mustFillPages registers M1 to M4 of ESCO E and N without one, healthy, unhealthy, never read, passive and without an address.
func mustFillPages(t *testing.T, s *Store) {
	t.Helper()
	mustExec(t, s, `insert into flows.escos (code, timezone) values ('E', 'Europe/Dublin')`)
	mustExec(t, s, `insert into flows.meter_registry (serial, name, hardware, ip_address, esco, mode, maintenance, feeder, fuse_rating, phases, firmware_version, prepay_enabled)
		select serial, name, 'C1.w', ip::inet, (select id from flows.escos where code = esco), mode, serial = 'M1', 'F', 100, 1, '3_02', true
		from (values ('M1', 'Plot 5_%', '10.0.0.1', 'E', 'active'), ('M2', 'Plot 6', '10.0.0.2', 'E', 'active'), ('M3', null, '10.0.0.3', 'E', 'active'),
			('M4', 'Shed', '10.0.0.4', 'E', 'passive'), ('N', 'plot 7', null, null, 'active')) v (serial, name, ip, esco, mode)`)
	for _, set := range []string{
		`import_a = 12345.678, import_b = 0.0001, export_a = 7, balance = -1.5, csq = 20, voltage = 240.5, clock_time_diff_seconds = -7,
			clock_time_diff_synced_at = '2026-03-04 09:00Z', health = 'healthy', health_details = '', read_at = '2026-03-04 10:00Z' where id = (select id from flows.meter_registry where serial = 'M1')`,
		`csq = null, health = 'unhealthy', health_details = 'does not answer', read_at = '2026-03-04 11:00Z' where id in (select id from flows.meter_registry where serial in ('M1', 'M2'))`,
	} {
		mustExec(t, s, `update flows.meter_shadows set `+set)
	}
	mustExec(t, s, `update flows.meter_shadows set health = 'healthy', health_details = '', csq = 0, read_at = '2026-03-04 11:30Z'
		where id = (select id from flows.meter_registry where serial = 'M1')`)
}

func TestMetersAreListedAPageAtATime(t *testing.T) {
	s := mustStore(t)
	mustFillPages(t, s)
	for _, c := range []struct {
		q    flows.MeterQuery
		want string
	}{
		{flows.MeterQuery{}, "M1 M2 M3 M4 N"},
		{flows.MeterQuery{Limit: 2}, "M1 M2"},
		{flows.MeterQuery{Limit: 2, From: flows.Cursor{Key: "|M2"}}, "M3 M4"},
		{flows.MeterQuery{From: flows.Cursor{Key: "|N"}}, ""},
		{flows.MeterQuery{ESCO: "e"}, "M1 M2 M3 M4"},
		{flows.MeterQuery{Search: "PLOT"}, "M1 M2 N"},
		{flows.MeterQuery{Search: "m3"}, "M3"},
		{flows.MeterQuery{Search: "_%"}, "M1"},
		{flows.MeterQuery{Search: "%"}, "M1"},
		{flows.MeterQuery{Search: "\x00"}, ""},
		{flows.MeterQuery{Search: "\xff"}, ""},
		{flows.MeterQuery{Health: flows.OnlyHealthy}, "M1"},
		{flows.MeterQuery{Health: flows.OnlyUnhealthy}, "M2"},
		{flows.MeterQuery{Health: flows.OnlyNeverRead}, "M3"},
		{flows.MeterQuery{Health: flows.OnlyNotAsked}, "M4 N"},
		{flows.MeterQuery{ESCO: "E", Search: "plot", Health: flows.OnlyUnhealthy, From: flows.Cursor{Key: "|M1"}, Limit: 9}, "M2"},
	} {
		list, err := s.MeterLines(t.Context(), c.q)
		var serials []string
		for _, m := range list {
			serials = append(serials, m.Serial)
		}
		if got := strings.Join(serials, " "); err != nil || got != c.want {
			t.Errorf("%+v: %q, want %q, %v", c.q, got, c.want, err)
		}
	}
	if _, err := s.MeterLines(t.Context(), flows.MeterQuery{ESCO: "X"}); !errors.As(err, new(*UnknownESCO)) {
		t.Errorf("unknown ESCO: %v", err)
	}
	list, err := s.MeterLines(t.Context(), flows.MeterQuery{})
	if err != nil {
		t.Fatal(err)
	}
	ten := time.Date(2026, 3, 4, 11, 30, 0, 0, time.UTC)
	want := flows.MeterLine{Serial: "M1", Name: "Plot 5_%", ESCO: "E", Hardware: "C1.w", Zone: "Europe/Dublin", Mode: flows.Active, Maintenance: true, Address: "10.0.0.1:8080",
		Health: flows.Healthy, LastHealthy: ten, Balance: new(-150_000 * flows.Money(1)), CSQ: new(0), ImportA: new(12345678 * flows.WattHour), ImportB: new(flows.Energy(1)), Drift: new(-7), Place: "|M1"}
	if diff := cmp.Diff(want, list[0]); diff != "" {
		t.Errorf("M1 (-want +got):\n%s", diff)
	}
	want = flows.MeterLine{Serial: "N", Name: "plot 7", Hardware: "C1.w", Zone: "Europe/London", Mode: flows.Active, Place: "|N"}
	if diff := cmp.Diff(want, list[4]); diff != "" {
		t.Errorf("N (-want +got):\n%s", diff)
	}
}

func TestAMetersPageHasItsValuesWithTheirAge(t *testing.T) {
	s := mustStore(t)
	mustFillPages(t, s)
	mustExec(t, s, `insert into flows.meter_sync_log (run_id, meter_id, "timestamp", frequency, duration_ms, verdict, error_code)
		select 1, id, t::timestamptz, 'hourly', 1, v, c from flows.meter_registry, (values ('2026-03-04 08:00Z', 'unhealthy', 'TIMEOUT'), ('2026-03-04 09:00Z', 'unhealthy', 'NAK'),
			('2026-03-04 10:00Z', 'healthy', null)) l (t, v, c) where serial = 'M1'`)
	m, err := s.MeterPage(t.Context(), "M1")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range m.Values {
		at := "-"
		if !v.At.IsZero() {
			at = v.At.UTC().Format("15:04")
		}
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s=%s %s", v.Name, v.Text, v.Unit))+" "+at)
	}
	want := []string{"Import A=12345.678 kWh 10:00", "Import B=0.0001 kWh 10:00", "Export A=7.000 kWh 10:00", "Export B= kWh -", "Balance=-1.50 £ 10:00", "Signal=0 csq 11:30",
		"Voltage=240.5 V 10:00", "Voltage L1= V -", "Voltage L2= V -", "Voltage L3= V -", "Clock ahead=-7 s 09:00", "Load switch= -"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	m.Values = nil
	page := flows.MeterPage{Feeder: "F", Firmware: "3_02", FuseRating: new(100), Phases: new(1), Prepay: new(true), Code: flows.NAK}
	m.MeterLine = flows.MeterLine{}
	if diff := cmp.Diff(page, m); diff != "" {
		t.Errorf("identity (-want +got):\n%s", diff)
	}
	for _, serial := range []string{"X", "\x00", "m1"} {
		var none *flows.NoMeter
		if _, err := s.MeterPage(t.Context(), serial); !errors.As(err, &none) || none.Serial != serial || none.By != "" {
			t.Errorf("%q: %v", serial, err)
		}
	}
	mustExec(t, s, `insert into flows.meter_registers (meter_id, element, status, start_time, end_time, serial)
		select id, 'A', 'replaced', '2024-01-01Z', '2025-01-01Z', 'OLD' from flows.meter_registry where serial = 'M1'`)
	var none *flows.NoMeter
	if _, err := s.MeterPage(t.Context(), "OLD"); !errors.As(err, &none) || none.By != "M1" || !none.At.Equal(time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("exchanged: %v", err)
	}
	s.Close()
	if _, err := s.MeterPage(t.Context(), "M1"); flows.CodeOf(err, "") != flows.Database {
		t.Errorf("without a database: %v", err)
	}
}

func TestLanesAreTheHalfHoursOfThePeriodsRegisters(t *testing.T) {
	s := mustStore(t)
	mustFillPages(t, s)
	mustExec(t, s, `update flows.meter_registers set start_time = '2026-03-02 12:00Z'`)
	mustExec(t, s, `insert into flows.meter_registers (meter_id, element, status, start_time, end_time, serial)
		select id, 'A', 'replaced', '2024-01-01Z', e::timestamptz, o from flows.meter_registry,
			(values ('2026-03-02 00:00Z', 'OLDEST'), ('2026-03-02 12:00Z', 'OLD')) v (e, o) where serial = 'M1'`)
	mustExec(t, s, `insert into flows.register_interval_hh (register_id, "timestamp", import_interval, import_quality, import_method, import_reason, import_billable, export_reason)
		select register_id, t::timestamptz, v, 'estimated', 'linear', 'MISSING', true, 'RESET' from flows.meter_registers,
			(values ('2026-03-01 23:30Z', 1), ('2026-03-02 00:00Z', 0.1234), ('2026-03-02 23:30Z', 2), ('2026-03-03 00:00Z', 3)) i (t, v)
		where element = 'A' and meter_id = (select id from flows.meter_registry where serial = 'M1')`)
	mustExec(t, s, `insert into flows.register_day (register_id, direction, day, energy, expected, actual, derived, estimated, edited, billable, never_reached, not_logged, invalid)
		select register_id, 'export', '2025-01-01', 0, 48, 48, 0, 0, 0, 0, 0, 0, 0 from flows.meter_registers where element = 'B'`)
	day := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	lanes, err := s.Lanes(t.Context(), "M1", flows.Period{From: day, To: day.AddDate(0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range lanes {
		sum := flows.Energy(0)
		for i, slot := range l.Slots {
			if !slot.Start.Equal(day.Add(time.Duration(i) * flows.SlotLength)) {
				t.Errorf("half-hour %d begins at %s", i, slot.Start)
			}
			if slot.Import.Value != nil {
				sum += *slot.Import.Value
			}
		}
		got = append(got, fmt.Sprintf("%s %s %d %t %s %t", l.Serial, l.Element, len(l.Slots), l.Exports, sum, l.Life.To.IsZero()))
	}
	if diff := cmp.Diff([]string{"OLD A 48 false 2.1234 false", "M1 A 48 false 2.1234 true", "M1 B 48 true 0.000 true"}, got); diff != "" {
		t.Errorf("lanes (-want +got):\n%s", diff)
	}
	want := flows.LaneSlot{Start: day, Import: flows.Interval{Start: day, Value: new(flows.Energy(1234)), Quality: flows.Estimated, Method: flows.Linear, Reason: "MISSING", Billable: true},
		Export: flows.Interval{Start: day, Reason: "RESET"}}
	if diff := cmp.Diff(want, lanes[1].Slots[0]); diff != "" {
		t.Errorf("first half-hour (-want +got):\n%s", diff)
	}
	if lanes, err := s.Lanes(t.Context(), "X", flows.Period{From: day, To: day.AddDate(0, 0, 1)}); err != nil || lanes != nil {
		t.Errorf("of nobody: %v %v", lanes, err)
	}
}

func TestWhatIsOpenOfAMeter(t *testing.T) {
	s := mustStore(t)
	mustRaise(t, s)
	mustExec(t, s, `update flows.vee_exceptions set status = 'open' where id = 3`)
	list, err := s.MeterExceptions(t.Context(), "M")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range list {
		got = append(got, fmt.Sprintf("%d %s %s %s%s", x.ID, x.Rule, x.Severity, x.Element, x.Direction))
	}
	if diff := cmp.Diff([]string{"4 REVERSAL critical Aimport", "2 MISSING error Bexport", "3 CLOCK warning ", "1 MISSING warning Aimport", "5 SPIKE info Aimport"}, got); diff != "" {
		t.Errorf("exceptions (-want +got):\n%s", diff)
	}
	june := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
	if x := list[0]; !x.Period.From.Equal(june) || !x.Period.To.Equal(june.AddDate(0, 0, 1)) || x.Details["missing"] != "3" || x.Count != 4 {
		t.Errorf("%+v", x)
	}
	mustExec(t, s, `insert into flows.register_day (register_id, direction, day, energy, expected, actual, derived, estimated, edited, billable, never_reached, not_logged, invalid)
		select register_id, 'import', d::date, 0, 48, 0, 0, 0, 0, 0, n, 2, 3 from flows.meter_registers, (values ('2026-03-01', 1), ('2026-03-02', 0)) v (d, n)
		where element = 'B' and status = 'enabled'`)
	gaps, err := s.MeterGaps(t.Context(), "M")
	want := []flows.MeterGap{{Element: "B", Direction: flows.Import, Day: "2026-03-02", NotLogged: 2, Invalid: 3},
		{Element: "B", Direction: flows.Import, Day: "2026-03-01", NeverReached: 1, NotLogged: 2, Invalid: 3, Again: true}}
	if diff := cmp.Diff(want, gaps); diff != "" || err != nil {
		t.Errorf("gaps (-want +got):\n%s%v", diff, err)
	}
}
