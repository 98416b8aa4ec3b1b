package web

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"flows"
)

// charts are the data of the charts of a page, as the script gets them.
type charts []struct {
	Kind    string
	X       []int64
	Import  map[string][]*json.Number
	Export  map[string][]*json.Number
	Gaps    []gapData
	Why     map[string]map[int]string
	Base    json.Number
	Up      json.Number
	Down    json.Number
	Log     []*json.Number
	Reads   []*json.Number
	Y       []*json.Number
	From    int64
	To      int64
	Exports bool
}

func mustDraw(t *testing.T, html string) (all charts) {
	t.Helper()
	for {
		_, rest, found := strings.Cut(html, `class="chart-data">`)
		if !found {
			return all
		}
		one, more, _ := strings.Cut(rest, "</script>")
		html = more
		all = append(all, charts{{}}...)
		if err := json.Unmarshal([]byte(one), &all[len(all)-1]); err != nil {
			t.Fatalf("%v: %s", err, one)
		}
	}
}

// values are those that are there, by the number of their half-hour.
func values(list []*json.Number) string {
	var all []string
	for i, v := range list {
		if v != nil {
			all = append(all, fmt.Sprintf("%d=%s", i, *v))
		}
	}
	return strings.Join(all, " ")
}

// lane has n half-hours from a time on, which nobody knows.
func lane(element string, from time.Time, n int) flows.Lane {
	l := flows.Lane{Serial: "M", Element: element, Exports: true, Life: flows.Period{From: from.AddDate(-1, 0, 0)}}
	for i := range n {
		l.Slots = append(l.Slots, flows.LaneSlot{Start: from.Add(time.Duration(i) * flows.SlotLength)})
	}
	return l
}

func known(watthours int, q flows.Quality) flows.Interval {
	return flows.Interval{Value: new(flows.Energy(watthours) * flows.WattHour), Quality: q}
}

func TestBarsAreTheHalfHoursAndGapsAreGaps(t *testing.T) {
	from := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	a, b := lane("A", from, 48), lane("B", from, 48)
	a.Slots[0] = flows.LaneSlot{Start: from, Import: known(1000, flows.Actual), Export: known(200, flows.Actual)}
	a.Slots[1].Import, a.Slots[2].Import, a.Slots[3].Import = known(250, flows.Derived), known(500, flows.Estimated), known(0, flows.Edited)
	a.Slots[4].Import = flows.Interval{Reason: "REVERSAL"}
	b.Exports, b.Life.From = false, from.Add(47*flows.SlotLength)
	b.Slots[47].Import = known(125, flows.Actual)
	s := &shelf{lanes: []flows.Lane{a, b}, page: flows.MeterPage{MeterLine: flows.MeterLine{Serial: "M", Zone: "Europe/London"}}}
	s.traces = []flows.Trace{{Serial: "M", Element: "A", Direction: flows.Import, Log: []flows.TracePoint{{At: from.Add(time.Hour), Value: 5 * flows.KiloWattHour}, {At: from.Add(2 * time.Hour), Value: 7 * flows.KiloWattHour}},
		Reads: []flows.TracePoint{{At: from.Add(90 * time.Minute), Value: 6 * flows.KiloWattHour}}}}
	body := ask(site(s), "GET", "/meters/M?day=2026-03-02").Body.String()
	all := mustDraw(t, body)
	if len(all) != 3 || all[0].Kind != "trace" || all[1].Kind != "bars" || all[2].Kind != "bars" {
		t.Fatalf("%+v", all)
	}
	if tr := all[0]; values(tr.Log) != "0=5.000 2=7.000" || values(tr.Reads) != "1=6.000" || tr.Base != "5.000" || tr.X[1] != from.Add(90*time.Minute).Unix() {
		t.Errorf("the register's trace: %+v", tr)
	}
	x := all[1]
	for name, c := range map[string][2]string{
		"actual": {values(x.Import["actual"]), "0=1.000 3=0.000"}, "derived": {values(x.Import["derived"]), "1=0.250"}, "estimated": {values(x.Import["estimated"]), "2=0.500"},
		"export": {values(x.Export["actual"]), "0=-0.200"}, "scale": {string(x.Up) + " " + string(x.Down), "1.000 0.200"}, "scale of B": {string(all[2].Up), "1.000"},
		"B": {values(all[2].Import["actual"]), "47=0.125"},
	} {
		if c[0] != c[1] {
			t.Errorf("%s: %s, want %s", name, c[0], c[1])
		}
	}
	if len(x.X) != 48 || x.X[0] != from.Add(15*time.Minute).Unix() || x.From != from.Unix() || x.To != from.Add(24*time.Hour).Unix() || !x.Exports || all[2].Exports {
		t.Errorf("%d half-hours from %d to %d", len(x.X), x.From, x.To)
	}
	if n := len(x.Gaps); n != 44+47 || x.Gaps[0] != (gapData{x.X[1], true}) || x.Gaps[3] != (gapData{x.X[4], false}) || len(all[2].Gaps) != 0 {
		t.Errorf("%d gaps, the first %+v; of B, which began with its last half-hour, %d", n, x.Gaps[:4], len(all[2].Gaps))
	}
	if x.Why["import"][4] != "not known REVERSAL" || x.Why["export"][4] != "missing" || len(x.Why["import"]) != 44 || all[2].Why["import"][0] != "not expected" || len(all[2].Why["export"]) != 0 {
		t.Errorf("why: %v, of B %v", x.Why, all[2].Why)
	}
	if want := "Half-hours of A, Mon 2 Mar 2026: import 1.750" + thin + "kWh, 44 missing, 1 estimated; export 0.200" + thin + "kWh, 47 missing"; !strings.Contains(body, `aria-label="`+want+`"`) {
		t.Errorf("no %q", want)
	}
}

func TestExportThatIsNoneIsNotDrawn(t *testing.T) {
	from := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	a, b := lane("A", from, 48), lane("B", from, 48)
	a.Slots[0].Import, b.Slots[0].Import = known(300, flows.Actual), known(700, flows.Actual)
	a.Slots[0].Export, b.Slots[0].Export = known(0, flows.Actual), known(150, flows.Actual)
	s := &shelf{lanes: []flows.Lane{a, b}, page: flows.MeterPage{MeterLine: flows.MeterLine{Serial: "M", Zone: "UTC"}}}
	for _, e := range []string{"A", "B"} {
		for _, d := range []flows.Direction{flows.Import, flows.Export} {
			s.traces = append(s.traces, flows.Trace{Serial: "M", Element: e, Direction: d, Log: []flows.TracePoint{{At: from, Value: 1}}})
		}
	}
	all := mustDraw(t, mustSay(t, site(s), "/meters/M?day=2026-03-02", "import 0.300 kWh ◐ 1 of 48 half-hours, 47 missing export 0.000 kWh ◐ 1 of 48"))
	kinds := ""
	for _, c := range all {
		kinds += c.Kind + " "
	}
	if kinds != "trace bars trace trace bars " {
		t.Fatal(kinds)
	}
	if all[1].Exports || !all[4].Exports || all[1].Up != "1.000" || all[1].Up != all[4].Up || all[1].Down != "0.200" || all[1].Down != all[4].Down {
		t.Errorf("A %+v\nB %+v", all[1], all[4])
	}
}

func TestScales(t *testing.T) {
	for e, want := range map[flows.Energy]flows.Energy{0: 0, -5: 0, 1: 10, 10: 10, 11: 20, 2100: 5000, 50_000: 50_000, 50_001: 100_000, 1 << 62: 1 << 62} {
		if got := round125(e); got != want {
			t.Errorf("%d: %d, want %d", e, got, want)
		}
	}
}

func TestAWeekHasItsDaysInTheTable(t *testing.T) {
	from := time.Date(2026, 2, 23, 0, 0, 0, 0, time.UTC) // a Monday
	l := lane("A", from, 48*7)
	l.Exports = false
	for i := range l.Slots {
		if i >= 48 && i != 100 {
			l.Slots[i].Import = known(10, flows.Actual)
		}
	}
	l.Slots[200].Import.Quality = flows.Estimated
	s := &shelf{lanes: []flows.Lane{l}, page: flows.MeterPage{MeterLine: flows.MeterLine{Serial: "M", Zone: "UTC"}}}
	mustSay(t, site(s), "/meters/M?day=2026-02-25&view=week", "23 Feb to 1 Mar 2026", "2026-02-23 ○ 0 of 48, 48 missing 2026-02-24 0.480 ● 48 of 48 2026-02-25 0.470 ◐ 47 of 48, 1 missing", "2026-02-27 0.480 ◍ 48 of 48, 1 estimated")
	if s.period != (flows.Period{From: from, To: from.AddDate(0, 0, 7)}) {
		t.Errorf("%v", s.period)
	}
	mustSay(t, site(s), "/meters/M?day=2026-02-25&view=month", "February 2026")
	if s.period.From.Day() != 1 || s.period.To.Sub(s.period.From) != 28*24*time.Hour {
		t.Errorf("%v", s.period)
	}
}

func TestWithoutADayItIsThatOfTheNewestHalfHour(t *testing.T) {
	s := &shelf{page: flows.MeterPage{MeterLine: flows.MeterLine{Serial: "M", Zone: "Asia/Tokyo"}}, last: time.Date(2026, 2, 20, 16, 0, 0, 0, time.UTC)}
	mustSay(t, site(s), "/meters/M", "Sat 21 Feb 2026")
}

func TestTheTableHasTheNumbersOfTheChart(t *testing.T) {
	from := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	l := lane("SINGLE", from, 48)
	l.Slots[0].Import = flows.Interval{Value: new(flows.Energy(12_345_678_1)), Quality: flows.Actual}
	l.Slots[0].Export = known(5, flows.Estimated)
	s := &shelf{lanes: []flows.Lane{l}, page: flows.MeterPage{MeterLine: flows.MeterLine{Serial: "M", Zone: "UTC"}}}
	mustSay(t, site(s), "/meters/M?day=2026-03-02", "00:00 12 345.6781 ● actual 0.005 ◍ estimated 00:30 ○ missing ○ missing")
}

func TestDaysAreLocal(t *testing.T) {
	for _, c := range []struct {
		zone, asked, from string
		slots             int
		shows, next       string
	}{
		{"Europe/London", "?day=2025-03-30", "2025-03-30T00:00:00Z", 46, "Sun 30 Mar 2025", "2025-03-31"},
		{"Europe/London", "?day=2025-10-26", "2025-10-25T23:00:00Z", 50, "Sun 26 Oct 2025", "2025-10-27"},
		{"Asia/Tokyo", "?day=2026-03-03", "2026-03-02T15:00:00Z", 48, "Tue 3 Mar 2026", "2026-03-04"},
		{"Pacific/Kiritimati", "", "2026-03-04T10:00:00Z", 48, "Thu 5 Mar 2026", ""},
	} {
		s := &shelf{page: flows.MeterPage{MeterLine: flows.MeterLine{Serial: "M", Zone: c.zone}}}
		body := mustSay(t, site(s), "/meters/M"+c.asked, c.shows)
		if n := int(s.period.To.Sub(s.period.From) / flows.SlotLength); n != c.slots || s.period.From.Format(time.RFC3339) != c.from {
			t.Errorf("%+v: %d from %s", c, n, s.period.From)
		}
		if strings.Contains(body, `rel="next"`) != (c.next != "") || c.next != "" && !strings.Contains(body, "/meters/M?day="+c.next+`#day" rel="next"`) {
			t.Errorf("%+v: the way to the next day", c)
		}
	}
}

func TestWhyAHalfHourHasNoValue(t *testing.T) {
	// Twelve is now; the last that is known began at two in the morning.
	l := lane("A", noon.Add(-30*time.Hour), 62)
	l.Exports = false
	l.Slots[40].Import = known(1, flows.Actual)
	states := stateOf(l, clock{noon, time.UTC})
	for slot, want := range map[int]mark{0: gap, 39: gap, 40: qualityMark(flows.Actual), 41: waiting, 59: waiting, 60: toCome, 61: toCome} {
		if states[slot][0] != want {
			t.Errorf("half-hour %d: %v, want %v", slot, states[slot][0], want)
		}
	}
	if states[0][1] != notExpected {
		t.Errorf("export of a meter that has none: %v", states[0][1])
	}
	l.Slots[40].Import = flows.Interval{}
	if got := stateOf(l, clock{noon, time.UTC}); got[31][0] != gap || got[32][0] != waiting {
		t.Errorf("around 14 hours ago: %v %v", got[31][0], got[32][0])
	}
	l.Life = flows.Period{From: l.Slots[2].Start.Add(time.Minute), To: l.Slots[5].Start.Add(time.Minute)}
	got := ""
	for _, s := range stateOf(l, clock{noon, time.UTC})[:7] {
		got += s[0].Glyph
	}
	if got != "–––○○––" {
		t.Errorf("a register's life: %s", got)
	}
}
