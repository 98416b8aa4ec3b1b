package postgres

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
)

// mustRaise gives meter M of ESCO E an older meter and exceptions 1 to 6, and a meter N without an ESCO number 7.
func mustRaise(t *testing.T, s *Store) {
	t.Helper()
	mustExec(t, s, `insert into flows.escos (code, timezone) values ('E', 'Europe/Dublin')`)
	m := at("M", "10.0.0.1", "C1.w")
	m.ESCO = new("e")
	mustRegister(t, s, m, at("N", "10.0.0.2", "B1.w"))
	mustExec(t, s, `insert into flows.meter_registers (meter_id, element, status, start_time, end_time, serial)
		select id, 'A', 'replaced', '2024-01-01Z', '2025-01-01Z', 'OLD' from flows.meter_registry where serial = 'M'`)
	mustExec(t, s, `insert into flows.vee_exceptions (rule, severity, register_id, meter_id, direction, key, period_from, period_to, details, count, status, last_seen, who, why)
		select v.rule, v.severity, case when v.element <> '' then g.register_id end, case when v.element = '' then r.id end, v.direction, v.n::text,
			'2025-06-01Z', '2025-06-02Z', '{"missing": "3"}', v.n, v.status, timestamptz '2025-07-01Z' + v.n * interval '1 hour', nullif(v.who, ''), nullif(v.who, '')
		from (values (1, 'M', 'A', 'MISSING', 'warning', 'import', 'open', ''), (2, 'M', 'B', 'MISSING', 'error', 'export', 'open', ''),
			(3, 'M', '', 'CLOCK', 'warning', null, 'acknowledged', 'ann'), (4, 'M', 'A', 'REVERSAL', 'critical', 'import', 'open', ''),
			(5, 'OLD', 'A', 'SPIKE', 'info', 'import', 'open', ''), (6, 'M', 'A', 'RESET', 'critical', 'import', 'resolved', 'bob'), (7, 'N', 'A', 'MISSING', 'warning', 'import', 'open', '')
		) v (n, serial, element, rule, severity, direction, status, who)
		join flows.meter_registry r on r.serial = case v.serial when 'OLD' then 'M' else v.serial end
		left join flows.meter_registers g on g.meter_id = r.id and g.element = v.element and coalesce(g.serial, r.serial) = v.serial order by v.n`)
}

func TestExceptionsAreListedTheWorstFirst(t *testing.T) {
	s := mustStore(t)
	mustRaise(t, s)
	for _, c := range []struct {
		name string
		f    flows.ExceptionFilter
		want string
		all  int
	}{
		{"all", flows.ExceptionFilter{}, "6 4 2 7 3 1 5", 7},
		{"open", flows.ExceptionFilter{Status: "open"}, "4 2 7 1 5", 5},
		{"acknowledged", flows.ExceptionFilter{Status: "acknowledged"}, "3", 1},
		{"resolved", flows.ExceptionFilter{Status: "resolved"}, "6", 1},
		{"rules", flows.ExceptionFilter{Rules: []flows.Rule{flows.RuleMissing, flows.RuleClock}}, "2 7 3 1", 4},
		{"severities", flows.ExceptionFilter{Severities: []flows.Severity{flows.SeverityCritical, flows.SeverityInfo}}, "6 4 5", 3},
		{"ESCO", flows.ExceptionFilter{ESCO: "e", Limit: 2}, "6 4", 6},
		{"serial", flows.ExceptionFilter{Serials: []string{"M"}}, "6 4 2 3 1", 5},
		{"former serial", flows.ExceptionFilter{Serials: []string{"OLD"}}, "5", 1},
		{"both", flows.ExceptionFilter{ESCO: "E", Serials: []string{"OLD", "M"}, Status: "open", Rules: []flows.Rule{flows.RuleSpike}}, "5", 1},
		{"none", flows.ExceptionFilter{Status: "resolved", Serials: []string{"N"}}, "", 0},
	} {
		list, all, err := s.Exceptions(t.Context(), c.f)
		var ids []string
		for _, x := range list {
			ids = append(ids, fmt.Sprint(x.ID))
		}
		if got := strings.Join(ids, " "); err != nil || got != c.want || all != c.all {
			t.Errorf("%s: %q of %d, want %q of %d, %v", c.name, got, all, c.want, c.all, err)
		}
	}
	list, _, err := s.Exceptions(t.Context(), flows.ExceptionFilter{Status: "acknowledged"})
	if err != nil {
		t.Fatal(err)
	}
	seen := time.Date(2025, 7, 1, 3, 0, 0, 0, time.UTC)
	june := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
	want := []flows.ExceptionRow{{ID: 3, Serial: "M", ESCO: "E", Zone: "Europe/Dublin", Status: "acknowledged", FirstSeen: list[0].FirstSeen, LastSeen: seen, Who: "ann", Why: "ann",
		Exception: flows.Exception{Rule: flows.RuleClock, Severity: flows.SeverityWarning, Period: flows.Period{From: june, To: june.AddDate(0, 0, 1)}, Key: "3", Count: 3,
			Details: map[string]string{"missing": "3"}}}}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, _, err := s.Exceptions(t.Context(), flows.ExceptionFilter{ESCO: "e", Serials: []string{"N"}}); err == nil || !strings.Contains(err.Error(), "meter N is not known in ESCO") {
		t.Errorf("a meter of nobody: %v", err)
	}
}

func TestUnlookedTellsWhoHasNotLooked(t *testing.T) {
	s := mustStore(t)
	mustRaise(t, s)
	mustExec(t, s, `update flows.vee_work w set judged_at = now(), not_run = case direction when 'import' then '{"MAX_ENERGY": "no fuse", "CLOCK": "never measured"}' else '{"CLOCK": "never measured"}' end::jsonb
		from flows.meter_registers g where g.register_id = w.register_id and element = 'A'`)
	for _, c := range []struct {
		f    flows.ExceptionFilter
		want string
	}{
		{flows.ExceptionFilter{}, "[{ not judged yet 2} {CLOCK never measured 6} {MAX_ENERGY no fuse 3}]"},
		{flows.ExceptionFilter{Status: "resolved", Limit: 1, Rules: []flows.Rule{"MAX_ENERGY"}}, "[{ not judged yet 2} {MAX_ENERGY no fuse 3}]"},
		{flows.ExceptionFilter{ESCO: "e", Serials: []string{"OLD"}}, "[{CLOCK never measured 2} {MAX_ENERGY no fuse 1}]"},
	} {
		if got, err := s.Unlooked(t.Context(), c.f); err != nil || fmt.Sprint(got) != c.want {
			t.Errorf("%+v: %v, want %s, %v", c.f, got, c.want, err)
		}
	}
}

const answers = `select id, status, coalesce(who, '-'), coalesce(why, '-') from flows.vee_exceptions order by id`

func TestAnswersAreStoredForAllOrNone(t *testing.T) {
	s := mustStore(t)
	mustRaise(t, s)
	before := lines(t, s, answers)
	for _, c := range []struct {
		a    flows.Answer
		want string
	}{
		{flows.Answer{IDs: []int64{1, 6, 2}, Who: "ann", Why: "x"}, "exception 6 was resolved already, by bob: bob"},
		{flows.Answer{IDs: []int64{1, 99}, Resolve: true, Who: "ann", Why: "x"}, "exception 99 is not known; flows vee list --status all shows which are"},
		{flows.Answer{IDs: []int64{1}, Who: "ann", Why: " "}, "who gives it, and why"},
		{flows.Answer{IDs: []int64{1}, Who: "", Why: "x"}, "who gives it, and why"},
		{flows.Answer{IDs: []int64{1}, Who: "Flows", Why: "x"}, "give your own name with --who"},
		{flows.Answer{IDs: []int64{1}, Who: "ann", Why: "x\x00"}, "cannot be stored"},
		{flows.Answer{IDs: []int64{1}, Resolve: true, Pick: new(flows.WattHour), Who: "ann", Why: "x"}, "exception 1 is a MISSING: a value can be picked for a CONFLICT only"},
		{flows.Answer{IDs: []int64{1, 2}, Resolve: true, Pick: new(flows.WattHour), Who: "ann", Why: "x"}, "one exception at a time"},
		{flows.Answer{IDs: []int64{99}, Resolve: true, Pick: new(flows.WattHour), Who: "ann", Why: "x"}, "exception 99 is not known"},
	} {
		if _, err := s.Answer(t.Context(), c.a); err == nil || !strings.Contains(err.Error(), c.want) || flows.CodeOf(err, "") != "" {
			t.Errorf("%+v: %v, want %s", c.a, err, c.want)
		}
	}
	if got := lines(t, s, answers); got != before {
		t.Errorf("changed to\n%s", got)
	}
	for _, a := range []flows.Answer{{IDs: []int64{1, 2, 3}, Who: "cy", Why: "known"}, {IDs: []int64{3, 4}, Resolve: true, Who: "di", Why: "done"}} {
		if _, err := s.Answer(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	want := "1 acknowledged cy known\n2 acknowledged cy known\n3 resolved di done\n4 resolved di done\n5 open - -\n6 resolved bob bob\n7 open - -"
	if diff := cmp.Diff(want, lines(t, s, answers)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAPickIsOneOfTheValuesThatArrived(t *testing.T) {
	s := mustStore(t)
	m := mustRegister(t, s, at("M", "10.0.0.1", "P1.cx"))["M"]
	start := time.Now().UTC().Add(-72 * time.Hour).Truncate(24 * time.Hour)
	log := func(status uint16, reads ...flows.Energy) {
		r := healthy(m, flows.Shadow{})
		r.ReadAt = time.Now()
		for i, e := range reads {
			if e >= 0 {
				r.Profile = append(r.Profile, flows.ProfileRead{Element: "A", Direction: flows.Import, Time: start.Add(time.Duration(i) * flows.SlotLength), Read: e, Status: status})
			}
		}
		mustSave(t, s, r)
	}
	log(0x0000, -1, -1, 36_000) // by its own word not valid
	log(0x0080, 10_000, 20_000, 30_001, 40_000)
	log(0x0080, -1, -1, 35_000)
	log(0x0000, -1, -1, 37_000)
	mustSettle(t, s)
	const half = `select import_interval::text, import_billable from flows.register_interval_hh order by "timestamp"`
	if got, want := lines(t, s, half), "1.000 true\n1.0001 false\n0.9999 false"; got != want {
		t.Fatalf("half-hours with a conflict are\n%s", got)
	}
	conflicts, _, err := s.Exceptions(t.Context(), flows.ExceptionFilter{Rules: []flows.Rule{flows.RuleConflict}})
	if err != nil || len(conflicts) != 1 {
		t.Fatalf("%v, %v", conflicts, err)
	}
	a := flows.Answer{IDs: []int64{conflicts[0].ID}, Resolve: true, Who: "ann", Why: "by the display"}
	for _, no := range []flows.Energy{36_000, 37_000, 1} {
		a.Pick = &no
		want := fmt.Sprintf("%s kWh is none of the values that arrived for %s: they are 3.0001, 3.500", no, start.Add(time.Hour).Format(time.RFC3339))
		if _, err := s.Answer(t.Context(), a); err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if got := lines(t, s, `select count(*) from flows.register_profile_pick`); got != "0" {
		t.Errorf("%s picks are stored", got)
	}
	a.Pick = new(flows.Energy(35_000))
	meters, err := s.Answer(t.Context(), a)
	if err != nil || len(meters) != 1 || meters[0] != m.ID {
		t.Fatalf("meters %v, %v", meters, err)
	}
	mustSettle(t, s, meters...)
	if got, want := lines(t, s, half), "1.000 true\n1.500 true\n0.500 true"; got != want {
		t.Errorf("half-hours with the picked value are\n%s", got)
	}
	if _, err := s.Answer(t.Context(), a); err == nil || !strings.Contains(err.Error(), "was resolved already, by ann: by the display") {
		t.Errorf("picked again: %v", err)
	}
	if got := lines(t, s, `select read::text, who, why from flows.register_profile_pick`); got != "3.500 ann by the display" {
		t.Errorf("stored %s", got)
	}
	if got := lines(t, s, `select status from flows.vee_exceptions where rule = 'CONFLICT'`); got != "resolved" {
		t.Errorf("the conflict is %s", got)
	}
}
