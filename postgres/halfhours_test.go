package postgres

import (
	"testing"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
)

func TestHalfHoursAreAllThatIsStoredOfThem(t *testing.T) {
	s := mustStore(t)
	mustExec(t, s, `insert into flows.escos (code, timezone) values ('E', 'Europe/Kiev')`)
	place := at("OLD", "10.0.0.1", "P1.cx")
	place.ESCO = new("E")
	known := mustRegister(t, s, place)
	began := day.Add(-time.Hour)
	if err := s.BeginRegisters(t.Context(), []string{known["OLD"].ID}, began); err != nil {
		t.Fatal(err)
	}
	if err := s.BeginRegisters(t.Context(), []string{known["OLD"].ID}, noon); err != nil { // later: nothing to set back
		t.Fatal(err)
	}
	r := logged(known["OLD"], "A", flows.Import, 0, 100, 110, 125)
	r.Profile[2].Read, r.Profile[2].Status = r.Profile[2].Read+flows.DeciWattHour, 0x0140
	mustSave(t, s, r)
	mustExchange(t, s, Exchange{Old: "OLD", New: "NEW", At: day.Add(70 * time.Minute), Final: Readings{"": 1260}, Initial: Readings{"": 5}})
	mustExec(t, s, `update flows.register_interval_hh set export_reason = 'RESET', export_billable = false`)
	mustExec(t, s, `insert into flows.register_interval_hh (register_id, "timestamp", import_interval, import_quality, import_method, import_reason, import_billable)
		select register_id, $1, 0.0001, 'derived', 'reading', '', true from flows.meter_registers where serial is null`, day.Add(time.Hour))
	mustExec(t, s, `insert into flows.register_day select register_id, 'import', '2026-03-03', 1, 2, 0, 0, 0, 0, 0, 0, 1, 0 from flows.meter_registers where serial = 'OLD'`)
	mustExec(t, s, `insert into flows.vee_exceptions (rule, severity, register_id, direction, period_from, period_to, key, details, count, status)
		select v.rule, 'error', register_id, 'import', $1, $1, v.rule, v.details::jsonb, 3, v.status from flows.meter_registers,
			(values ('STATUS', '{"flag": "x"}', 'open'), ('RESET', '{}', 'acknowledged'), ('MISSING', '{}', 'resolved')) v (rule, details, status) where serial = 'OLD'`, day)
	mustExec(t, s, `insert into flows.vee_exceptions (rule, severity, meter_id) select 'CLOCK', 'warning', id from flows.meter_registry`)

	registers, ofMeters, err := s.HalfHours(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at, received := flows.Period{From: day, To: day}, r.ReadAt.Truncate(time.Microsecond)
	want := []HalfHours{
		{Serial: "NEW", Element: "A", Direction: flows.Import, Follows: true, Start: day.Add(70 * time.Minute), Initial: new(flows.Energy(5)), Intervals: []flows.Interval{
			{Start: day.Add(time.Hour), Value: new(flows.Energy(1)), Quality: flows.Derived, Method: flows.Reading, Billable: true},
		}},
		{Serial: "NEW", Element: "A", Direction: flows.Export, Follows: true, Start: day.Add(70 * time.Minute)},
		{Serial: "OLD", Element: "A", Direction: flows.Import, Start: began, End: day.Add(70 * time.Minute), Final: new(flows.Energy(1260)),
			Records: []flows.ProfileRecord{
				{Time: day, Value: 1000, Status: 0x0080, Received: received}, {Time: day.Add(30 * time.Minute), Value: 1100, Status: 0x0080, Received: received},
				{Time: day.Add(time.Hour), Value: 1251, Status: 0x0140, Received: received},
			},
			Intervals:  []flows.Interval{{Start: day, Value: new(flows.Energy(100)), Quality: flows.Actual, Method: flows.Difference}},
			Unjudged:   []time.Time{day},
			Exceptions: []flows.Exception{{Rule: "STATUS", Severity: "error", Period: at, Key: "STATUS", Count: 3, Details: map[string]string{"flag": "x"}}, {Rule: "RESET", Severity: "error", Period: at, Key: "RESET", Count: 3, Details: map[string]string{}}},
			Gaps:       []flows.Period{{From: day.Add(-2 * time.Hour), To: day.Add(22 * time.Hour)}},
		},
		{Serial: "OLD", Element: "A", Direction: flows.Export, Start: began, End: day.Add(70 * time.Minute), Intervals: []flows.Interval{{Start: day, Reason: "RESET"}}},
	}
	if diff := cmp.Diff(want, registers); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	forever := flows.Period{To: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
	if diff := cmp.Diff(map[string][]flows.Exception{"NEW": {{Rule: "CLOCK", Severity: "warning", Period: forever, Count: 1, Details: map[string]string{}}}}, ofMeters); diff != "" {
		t.Errorf("of meters (-want +got):\n%s", diff)
	}

	mustExec(t, s, `update flows.register_interval_hh set import_interval = 0.00005 where import_quality = 'actual'`)
	if _, _, err := s.HalfHours(t.Context()); err == nil {
		t.Error("half of a tenth of a watt-hour was taken for an energy")
	}
}
