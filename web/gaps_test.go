package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
)

// gapShelf is that part of the shelf.
type gapShelf struct {
	gapLines   []flows.GapLine
	gapQuery   flows.GapQuery
	gapTrouble error
}

func (s *gapShelf) GapLines(_ context.Context, q flows.GapQuery) ([]flows.GapLine, error) {
	s.gapQuery = q
	return s.gapLines[:min(len(s.gapLines), q.Limit)], s.gapTrouble
}

func TestGapsAreShownWithWhyAndWhatHappensNext(t *testing.T) {
	s := &shelf{}
	line := func(never, unlogged, invalid int, change func(*flows.GapLine)) {
		g := flows.GapLine{Serial: "a/b", ESCO: "THERE", Zone: "Asia/Tokyo", Expected: 48, Estimated: 2, Age: 3, Register: "r", Every: flows.TwelveHourly,
			MeterGap: flows.MeterGap{Element: "A", Direction: flows.Export, Day: "2026-03-01", NeverReached: never, NotLogged: unlogged, Invalid: invalid}}
		change(&g)
		s.gapLines = append(s.gapLines, g)
	}
	line(3, 0, 1, func(g *flows.GapLine) { g.Again, g.Tries, g.Answered, g.Tried = true, 12, 1, noon.Add(-3*time.Hour) })
	line(48, 0, 0, func(g *flows.GapLine) { g.Again = true })
	line(5, 0, 0, func(g *flows.GapLine) { g.NotAsked = "its mode is passive" })
	line(0, 2, 0, func(g *flows.GapLine) { g.Shown = noon.Add(-time.Hour) })
	h := site(s)
	body := mustSay(t, h, "/gaps?esco=there&serial=+M+&kind=not_logged&again=true",
		"2026-03-01 a/b THERE A export 4 of 48 3 never reached, 1 marked invalid by the meter 2 12, answered 1, last 3 h ago Asked for again by the next 12hourly run.",
		"48 of 48 never reached 2 not yet Asked for again by the next 12hourly run.", "5 of 48 never reached 2 not yet Nothing: its mode is passive.",
		"2 of 48 not logged by the meter (shown 1 h ago ) 2 Nothing; estimated where that is possible.")
	if diff := cmp.Diff(flows.GapQuery{ESCO: "THERE", Serial: "M", Kind: flows.GapNotLogged, Again: true, Limit: 51}, s.gapQuery); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(body, `href="/meters/a%2Fb?day=2026-03-01"`) || !strings.Contains(body, "= 2026-03-04 09:00:00 UTC") {
		t.Error("no way to the day, or no time")
	}
	for n := range 60 {
		line(1, 0, 0, func(g *flows.GapLine) { g.Register = fmt.Sprint(n) })
	}
	if body := mustSay(t, h, "/gaps?serial=M", "Next ›"); !strings.Contains(body, `href="/gaps?after=2026-03-01.A.45.export.a%2Fb&amp;serial=M" rel="next"`) {
		t.Error(body)
	}
	s.gapLines = nil
	mustSay(t, h, "/gaps", "● No gap. Days are looked at")
	mustSay(t, h, "/gaps?kind=invalid", "No gap like that. Show all")
	mustSay(t, h, "/gaps?after=x", "There are no more. First page")
	if w := ask(h, "GET", "/gaps?kind=x"); w.Code != http.StatusNotFound {
		t.Errorf("a kind that is none: %d", w.Code)
	}
	s.gapTrouble = &flows.UnknownSerials{Serials: []string{"M"}}
	if w := ask(h, "GET", "/gaps?serial=M"); w.Code != http.StatusNotFound || !strings.Contains(plain(w.Body.String()), "Meter M is not in the registry") {
		t.Errorf("an unknown meter: %d %s", w.Code, plain(w.Body.String()))
	}
}
