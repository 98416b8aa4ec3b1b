package web

import (
	"cmp"
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
	CountMeters(ctx context.Context, q flows.MeterQuery, most int) (int, error)
	Hardware(context.Context) ([]string, error)
}

// metersPage is a page of the list.
type metersPage struct {
	Query               flows.MeterQuery
	Lines               []meterRow
	Heads               []head
	Hardware            []string
	Health, Looks, Ages []choice
	Sort                string // as the address has it
	Count               string // how many meters are like that
	Filtered            bool
	paging
}

type meterRow struct {
	flows.MeterLine
	Path    string
	Healthy told
}

// head is a column's head; the path sorts by it.
type head struct {
	Words, Path, Sorted string // Sorted is aria-sort's
	Number              bool
}

// onPage is how many meters a page has.
const onPage = 50

var (
	healthWords = []choice{{"healthy", "healthy"}, {"unhealthy", "unhealthy"}, {"never", "never read"}, {"not_asked", "not asked"}}
	lookWords   = []choice{{string(flows.LowBalanceLook), "low balance"}, {string(flows.WeakSignalLook), "weak signal"}, {string(flows.DriftLook), "clock drift"}}
)

func (p *pages) meters(r *http.Request, v *view) error {
	q, err := meterQuery(r, v.ESCO)
	if err != nil {
		return err
	}
	lines, err := p.MeterLines(r.Context(), q)
	if err != nil {
		return err
	}
	page := metersPage{Query: q, Health: healthWords, Looks: lookWords, Sort: sortText(q)}
	if page.Hardware, err = keptOf(p, &p.hardware, "", p.Store.Hardware).latest(r.Context()); err != nil {
		return err
	}
	if page.Count, err = p.countMeters(r.Context(), q, len(lines)); err != nil {
		return err
	}
	for _, a := range flows.Ages {
		page.Ages = append(page.Ages, choice{string(a.Age), ageWords[a.Age]})
	}
	filter := listFilter(q)
	page.Filtered = len(filter) > 0 && (len(filter) > 1 || !filter.Has("sort"))
	page.Heads = heads(q, filter)
	lines, page.paging = paged(lines, q.From, "/meters", filter, func(m flows.MeterLine) string { return m.Place })
	for _, m := range lines {
		page.Lines = append(page.Lines, meterRow{m, meterPath(m.Serial), v.Clock.in(m.Zone).Ago(m.LastHealthy)})
	}
	v.Title, v.Search, v.Page = "Meters", q.Search, page
	return nil
}

// countMeters need not count what stands on a page.
func (p *pages) countMeters(ctx context.Context, q flows.MeterQuery, listed int) (string, error) {
	const most = 1000
	n := listed
	if listed > onPage || q.From.Key != "" {
		var err error
		if n, err = p.CountMeters(ctx, q, most+1); err != nil {
			return "", err
		}
	}
	switch {
	case n > most:
		return "more than " + count(most) + " meters", nil
	case n == 1:
		return "1 meter", nil
	}
	return count(n) + " meters", nil
}

// meterQuery reads the address.
func meterQuery(r *http.Request, esco string) (q flows.MeterQuery, err error) {
	sort, down := strings.CutPrefix(r.FormValue("sort"), "-")
	q = flows.MeterQuery{ESCO: esco, Search: strings.TrimSpace(r.FormValue("q")), Health: flows.HealthFilter(r.FormValue("health")), Hardware: r.FormValue("hardware"),
		Look: flows.LookFilter(r.FormValue("look")), Fresh: flows.AgeFilter(r.FormValue("fresh")), Sort: flows.MeterSort(sort), Down: down, From: cursor(r), Limit: onPage + 1}
	bad := func(text string) error { return &outcome{http.StatusNotFound, "No such filter", text, "/meters"} }
	switch {
	case q.Health != "" && !slices.Contains(flows.HealthFilters, q.Health):
		return q, bad("Meters are healthy, unhealthy, never (read) or not_asked.")
	case q.Look != "" && !slices.Contains(flows.LookFilters, q.Look):
		return q, bad("Meters can be looked for by low_balance, weak_signal or clock_drift.")
	case q.Fresh != "" && ageWords[q.Fresh] == "":
		return q, bad("Meters were last healthy within 1h, 3h, 1d, 7d, older or never.")
	case q.Sort != "" && !slices.Contains(flows.MeterSorts, q.Sort):
		return q, bad("Meters are sorted by serial, name, healthy, balance, signal or drift, the other way round with a minus.")
	}
	return q, nil
}

func sortText(q flows.MeterQuery) string {
	if q.Down {
		return "-" + string(cmp.Or(q.Sort, flows.SortSerial))
	}
	return string(q.Sort)
}

// listFilter is the state of the list as the address has it, but for the page.
func listFilter(q flows.MeterQuery) url.Values {
	values := url.Values{}
	set(values, "esco", q.ESCO, "q", q.Search, "health", string(q.Health), "hardware", q.Hardware, "look", string(q.Look), "fresh", string(q.Fresh), "sort", sortText(q))
	return values
}

// heads sort by their column, the other way round when it is sorted by that already. Who sorts by time, balance or signal looks for the
// least; by drift for the most.
func heads(q flows.MeterQuery, filter url.Values) (list []head) {
	for _, h := range []struct {
		words  string
		sort   flows.MeterSort
		number bool
	}{{"Serial", flows.SortSerial, false}, {"Name", flows.SortName, false}, {"ESCO", "", false}, {"Hardware", "", false}, {"Health", "", false}, {"Last healthy", flows.SortHealthy, false},
		{"Balance £", flows.SortBalance, true}, {"Signal csq", flows.SortSignal, true}, {"Clock s", flows.SortDrift, true}, {"Import A kWh", "", true}, {"Import B kWh", "", true}} {
		one := head{Words: h.words, Number: h.number}
		if h.sort != "" {
			values := url.Values{}
			for k, v := range filter {
				values[k] = v
			}
			down := h.sort == flows.SortDrift
			if cmp.Or(q.Sort, flows.SortSerial) == h.sort {
				one.Sorted = map[bool]string{true: "descending", false: "ascending"}[q.Down]
				down = !q.Down
			}
			values.Set("sort", map[bool]string{true: "-", false: ""}[down]+string(h.sort))
			one.Path = "/meters?" + values.Encode()
		}
		list = append(list, one)
	}
	return list
}
