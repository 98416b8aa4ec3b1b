package web

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"flows"
)

func mustHave(t *testing.T, body string, pieces ...string) {
	t.Helper()
	for _, piece := range pieces {
		if !strings.Contains(body, piece) {
			t.Errorf("no %s in\n%s", piece, body)
		}
	}
}

func TestWhatIsWorthALookLeadsToItsMeters(t *testing.T) {
	s := &shelf{status: fleet()}
	s.status.Freshness.Ages = []int{8, 1, 0, 1234, 1, 2}
	body := mustSay(t, site(s), "/?esco=here", "Worth a look: 5 balance below 2.00 6 signal too weak (csq < 8) 7 clock off by 60 s and more",
		"Last healthy up to 1 h 8 1 to 3 h 1 3 to 24 h 0 1 to 7 days 1 234 older 1 never 2")
	mustHave(t, body, `href="/meters?look=low_balance&amp;sort=balance&amp;esco=HERE"`, `href="/meters?look=weak_signal&amp;sort=signal&amp;esco=HERE"`,
		`href="/meters?look=clock_drift&amp;sort=-drift&amp;esco=HERE"`, `href="/meters?fresh=3h&amp;esco=HERE"`, `href="/meters?fresh=never&amp;esco=HERE"`,
		`<rect width="240" height="12">`, `<rect width="2" height="12">`, `<rect width="0" height="12">`)
	s.status.Meters = flows.MeterCounts{Active: 1}
	if body := ask(site(s), "GET", "/").Body.String(); strings.Contains(body, "Worth a look") {
		t.Error("there is nothing to look at, and it says so")
	}
}

// lastDays has a meter with one of each kind, and days that are complete.
func lastDays(incomplete int) (f flows.FleetDays) {
	first := time.Date(2026, 2, 4, 0, 0, 0, 0, time.UTC)
	states := []flows.DayState{flows.DayNotExpected, flows.DayNone, flows.DayPartial, flows.DayEstimated}
	m := flows.MeterDays{Serial: "a/b", Name: "Plot <4>", Lacking: 1234}
	for n := range 28 {
		f.Days = append(f.Days, first.AddDate(0, 0, n).Format(time.DateOnly))
		m.States = append(m.States, flows.DayComplete)
	}
	copy(m.States, states)
	f.Meters, f.Incomplete, f.Complete = []flows.MeterDays{m}, incomplete, 1170
	return f
}

func TestDaysOfMetersThatAreNotComplete(t *testing.T) {
	for _, c := range []struct {
		name string
		days flows.FleetDays
		says string
	}{
		{"one", lastDays(1), " 1 234 1 170 others are complete."},
		{"and more", lastDays(34), " 1 234 33 more are not complete. 1 170 others are complete."},
		{"none", flows.FleetDays{Complete: 12}, "Completeness, last 28 days ● All 12 meters are complete."},
		{"no day", flows.FleetDays{}, "Completeness, last 28 days No day was judged yet."},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := mustSay(t, site(&shelf{status: fleet(), days: c.days}), "/", c.says)
			if len(c.days.Meters) == 0 {
				return
			}
			mustSay(t, site(&shelf{status: fleet(), days: c.days}), "/", "Meter 4 Feb 9 Feb 16 Feb 23 Feb Half-hours lacking a/b Plot <4> – ○ ◐ ◍ ● ●")
			for day, says := range []string{"not expected", "none", "partial", "complete with estimates", "complete"} {
				says = c.days.Days[day] + ": " + says
				mustHave(t, body, fmt.Sprintf(`href="/meters/a%%2Fb?day=%s" title="%s" aria-label="%s"`, c.days.Days[day], says, says))
			}
			mustHave(t, body, `<th colspan="5">4 Feb</th><th colspan="7">9 Feb</th>`, `<th colspan="2"></th>`)
		})
	}
}

func TestColumnsAreSortedByTheirHeads(t *testing.T) {
	s := &shelf{meters: make([]flows.MeterLine, 1200)}
	h := site(s)
	for _, c := range []struct{ path, sorted, other string }{
		{"/meters", `aria-sort="ascending"><a href="/meters?sort=-serial">Serial ↑</a>`, `<a href="/meters?sort=-drift">Clock s</a>`},
		{"/meters?sort=-serial", `aria-sort="descending"><a href="/meters?sort=serial">Serial ↓</a>`, `<a href="/meters?sort=name">Name</a>`},
		{"/meters?sort=balance&esco=here", `aria-sort="ascending"><a href="/meters?esco=HERE&amp;sort=-balance">Balance £ ↑</a>`, `<a href="/meters?esco=HERE&amp;sort=signal">Signal csq</a>`},
		{"/meters?sort=-drift&look=clock_drift", `aria-sort="descending"><a href="/meters?look=clock_drift&amp;sort=drift">Clock s ↓</a>`, `<a href="/meters?look=clock_drift&amp;sort=healthy">Last healthy</a>`},
	} {
		body := mustSay(t, h, c.path, "more than 1 000 meters")
		mustHave(t, body, c.sorted, c.other)
		if n := strings.Count(body, "aria-sort"); n != 1 {
			t.Errorf("%s is sorted by %d columns", c.path, n)
		}
	}
	s.meters = s.meters[:1]
	mustSay(t, h, "/meters", "1 meter Serial")
	for _, path := range []string{"/meters?sort=size", "/meters?sort=--serial", "/meters?look=ugly", "/meters?fresh=2h"} {
		if w := ask(h, "GET", path); w.Code != 404 || !strings.Contains(plain(w.Body.String()), "No such filter") {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}
