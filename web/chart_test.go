package web

import (
	"encoding/xml"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
)

// drawn is what an SVG of a page has.
type drawn struct {
	Bars []struct {
		Class  string  `xml:"class,attr"`
		Fill   string  `xml:"fill,attr"`
		X      float64 `xml:"x,attr"`
		Y      float64 `xml:"y,attr"`
		Width  float64 `xml:"width,attr"`
		Height float64 `xml:"height,attr"`
		Start  string  `xml:"data-start,attr"`
		Title  string  `xml:"title"`
	} `xml:"rect"`
	Gaps []struct {
		Class string `xml:"class,attr"`
		At    string `xml:"transform,attr"`
		Title string `xml:"title"`
	} `xml:"g"`
	Lines []struct {
		Class string  `xml:"class,attr"`
		Y     float64 `xml:"y1,attr"`
	} `xml:"line"`
	Patterns []struct {
		ID string `xml:"id,attr"`
	} `xml:"defs>pattern"`
	Texts []string `xml:"text"`
}

func mustDraw(t *testing.T, html string) (charts []drawn) {
	t.Helper()
	for {
		_, rest, found := strings.Cut(html, "<svg")
		if !found {
			return charts
		}
		var one string
		one, html, _ = strings.Cut(rest, "</svg>")
		var d drawn
		if err := xml.Unmarshal([]byte("<svg"+one+"</svg>"), &d); err != nil {
			t.Fatal(err)
		}
		charts = append(charts, d)
	}
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

func TestBarsAreAsTallAsTheirValues(t *testing.T) {
	from := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	a, b := lane("A", from, 48), lane("B", from, 48)
	a.Slots[0] = flows.LaneSlot{Start: from, Import: known(1000, flows.Actual), Export: known(200, flows.Actual)}
	a.Slots[1].Import, a.Slots[2].Import, a.Slots[3].Import = known(250, flows.Derived), known(500, flows.Estimated), known(0, flows.Actual)
	a.Slots[4].Import = flows.Interval{Reason: "REVERSAL"}
	b.Exports, b.Life.From = false, from.Add(47*flows.SlotLength)
	b.Slots[47].Import = known(125, flows.Edited)
	s := &shelf{lanes: []flows.Lane{a, b}, page: flows.MeterPage{MeterLine: flows.MeterLine{Serial: "M", Zone: "Europe/London"}}}
	charts := mustDraw(t, ask(site(s), "GET", "/meters/M?day=2026-03-02").Body.String())
	if len(charts) != 2 {
		t.Fatalf("%d charts of two registers", len(charts))
	}
	const unit = upwards / 1000 // of a watt-hour
	axis := charts[0].Lines[1].Y
	var got []string
	for _, r := range charts[0].Bars {
		up := math.Abs(r.Y+r.Height-axis) < 1e-9
		got = append(got, fmt.Sprintf("%s %t %s %.0f %s", r.Class, up, r.Start[11:16], r.Height/unit, r.Fill))
	}
	want := []string{"bar import actual true 00:00 1000 ", "bar export actual false 00:00 200 ", "bar import derived true 00:30 250 ",
		"bar import estimated true 01:00 500 url(#hatch-0)", "bar import actual true 01:30 0 "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bars of A (-want +got):\n%s", diff)
	}
	if charts[0].Bars[1].Y != axis || charts[0].Lines[1].Class != "axis" || charts[0].Patterns[0].ID != "hatch-0" || charts[1].Patterns[0].ID != "hatch-1" {
		t.Error("export does not hang from the axis, or a pattern is not there")
	}
	if n := len(charts[0].Gaps); n != 44+47 || !strings.HasSuffix(charts[0].Gaps[0].Title, "export: missing") || !strings.Contains(charts[0].Gaps[3].Title, "REVERSAL, not known") {
		t.Errorf("%d gaps, the first %+v", n, charts[0].Gaps[:4])
	}
	if len(charts[1].Gaps) != 0 || len(charts[1].Bars) != 1 || math.Abs(charts[1].Bars[0].Height-125*unit) > 1e-9 {
		t.Errorf("B began with its last half-hour and has one scale with A: %+v", charts[1])
	}
	if got := charts[0].Texts; got[0] != "1.000" || got[1] != "0" || got[2] != "0.200" || got[3] != "00:00" || len(got) != 3+8 {
		t.Errorf("scale and hours: %q", got)
	}
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
