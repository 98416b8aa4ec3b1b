package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"flows"
)

// metersStore is what the page needs.
type metersStore interface {
	MeterLines(context.Context, flows.MeterQuery) ([]flows.MeterLine, error)
}

// metersPage is a page of the list.
type metersPage struct {
	Query  flows.MeterQuery
	Lines  []meterRow
	First  string // path of the first page, when this is another
	Next   string // path of the next page; "" when this is the last
	Health []flows.HealthFilter
}

type meterRow struct {
	flows.MeterLine
	Path    string
	Healthy told
}

// onPage is how many meters a page has.
const onPage = 50

func (p *pages) meters(r *http.Request, v *view) error {
	q := flows.MeterQuery{ESCO: v.ESCO, Search: strings.TrimSpace(r.FormValue("q")), Health: flows.HealthFilter(r.FormValue("health")),
		After: r.FormValue("after"), Limit: onPage + 1}
	if q.Health != "" && !slices.Contains(flows.HealthFilters, q.Health) {
		return &outcome{http.StatusNotFound, "No such filter", "Meters are healthy, unhealthy, never (read) or not_asked.", "/meters"}
	}
	lines, err := p.MeterLines(r.Context(), q)
	if err != nil {
		return err
	}
	page := metersPage{Query: q, Health: flows.HealthFilters}
	if len(lines) > onPage {
		lines = lines[:onPage]
		page.Next = listPath(q, lines[onPage-1].Serial)
	}
	if q.After != "" {
		page.First = listPath(q, "")
	}
	for _, m := range lines {
		page.Lines = append(page.Lines, meterRow{m, meterPath(m.Serial), v.Clock.in(m.Zone).Ago(m.LastHealthy)})
	}
	v.Title, v.Search, v.Page = "Meters", q.Search, page
	return nil
}

// listPath is the state of the list as a path.
func listPath(q flows.MeterQuery, after string) string {
	values := url.Values{}
	for name, value := range map[string]string{"esco": q.ESCO, "q": q.Search, "health": string(q.Health), "after": after} {
		if value != "" {
			values.Set(name, value)
		}
	}
	if len(values) == 0 {
		return "/meters"
	}
	return "/meters?" + values.Encode()
}
