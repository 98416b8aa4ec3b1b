package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"flows"
)

// gapStore is what the page needs.
type gapStore interface {
	GapLines(context.Context, flows.GapQuery) ([]flows.GapLine, error)
}

// gapsPage is what the meters' logs did not give.
type gapsPage struct {
	Query    flows.GapQuery
	Kinds    []choice
	Lines    []gapLine
	Filtered bool
	paging
}

// choice is a value of a filter and its words.
type choice struct{ Value, Words string }

type gapLine struct {
	flows.GapLine
	Path         string
	Why          []string
	Tried, Shown told
	Next         string // what happens next
}

var gapWords = []choice{{string(flows.GapNeverReached), "never reached"}, {string(flows.GapNotLogged), "not logged by the meter"}, {string(flows.GapInvalid), "marked invalid by the meter"}}

func (p *pages) gaps(r *http.Request, v *view) error {
	q := flows.GapQuery{ESCO: v.ESCO, Serial: strings.TrimSpace(r.FormValue("serial")), Kind: flows.GapKind(r.FormValue("kind")), Again: r.FormValue("again") == "true",
		From: cursor(r), Limit: onPage + 1}
	if q.Kind != "" && !slices.Contains(flows.GapKinds, q.Kind) {
		return &outcome{http.StatusNotFound, "No such filter", "Half-hours are never reached, not logged or invalid.", "/gaps"}
	}
	list, err := p.GapLines(r.Context(), q)
	if err != nil {
		return unknownMeter(err, "/gaps")
	}
	page := gapsPage{Query: q, Kinds: gapWords}
	filter := url.Values{}
	set(filter, "esco", q.ESCO, "serial", q.Serial, "kind", string(q.Kind))
	if q.Again {
		filter.Set("again", "true")
	}
	page.Filtered = len(filter) > 0
	list, page.paging = paged(list, q.From, "/gaps", filter, flows.GapLine.Place)
	for _, g := range list {
		c := v.Clock.in(g.Zone)
		line := gapLine{GapLine: g, Path: meterPath(g.Serial) + "?day=" + g.Day, Why: whyOf(g), Next: whatNext(g.MeterGap)}
		if line.Tries > 0 {
			line.Tried = c.Ago(g.Tried)
		}
		if !g.Shown.IsZero() {
			line.Shown = c.Ago(g.Shown)
		}
		switch {
		case g.NotAsked != "":
			line.Next = "nothing: " + g.NotAsked
		case g.NeverReached == 0:
			line.Next = "nothing; estimated where that is possible"
		case g.Again:
			line.Next = "asked for again by the next " + string(g.Every) + " run"
		}
		page.Lines = append(page.Lines, line)
	}
	v.Title, v.Live, v.Page = "Gaps", true, page
	return nil
}

// Missing is how many there are of all kinds.
func (g gapLine) Missing() int { return g.NeverReached + g.NotLogged + g.Invalid }

// whyOf tells why half-hours are missing, and of how many when they are not all for one reason.
func whyOf(g flows.GapLine) (list []string) {
	for i, n := range []int{g.NeverReached, g.NotLogged, g.Invalid} {
		switch {
		case n > 0 && n == g.NeverReached+g.NotLogged+g.Invalid:
			return []string{gapWords[i].Words}
		case n > 0:
			list = append(list, count(n)+" "+gapWords[i].Words)
		}
	}
	return list
}

// whatNext says what happens to a gap.
func whatNext(g flows.MeterGap) string {
	switch {
	case g.Again:
		return "asked for again by the next run that reads logs"
	case g.NeverReached > 0:
		return "nothing: no run asks this register any more"
	}
	return "nothing: the meter does not have it, so it is estimated where that is possible"
}
