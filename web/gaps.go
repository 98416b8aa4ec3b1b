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
	Query flows.GapQuery
	Kinds []choice
	Lines []gapLine
	paging
}

// choice is a value of a filter and its words.
type choice struct{ Value, Words string }

type gapLine struct {
	flows.GapLine
	Path string
	Next string // what happens next
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
		return err
	}
	page := gapsPage{Query: q, Kinds: gapWords}
	filter := url.Values{}
	set(filter, "esco", q.ESCO, "serial", q.Serial, "kind", string(q.Kind))
	if q.Again {
		filter.Set("again", "true")
	}
	list, page.paging = paged(list, q.From, "/gaps", filter, flows.GapLine.Place)
	for _, g := range list {
		page.Lines = append(page.Lines, gapLine{g, meterPath(g.Serial) + "?day=" + g.Day, whatNext(g.MeterGap)})
	}
	v.Title, v.Live, v.Page = "Gaps", true, page
	return nil
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
