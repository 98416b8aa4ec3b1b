package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"flows"
)

// runStore is what the page needs.
type runStore interface {
	RunLines(context.Context, flows.RunQuery) ([]flows.Run, error)
	RunBars(ctx context.Context, esco string, since time.Time, limit int) ([]flows.RunReport, error)
	RunPage(ctx context.Context, id int64) (flows.RunReport, error)
	RunMeters(context.Context, flows.RunMeterQuery) ([]flows.RunMeter, error)
	RunSerials(ctx context.Context, run int64, limit int) (map[flows.Code][]string, error)
}

// runsPage is what was done.
type runsPage struct {
	Frequency   flows.Frequency
	Frequencies []flows.Frequency
	Bars        runBars
	Lines       []runLine
	paging
}

// paging is the ways from one page of a list to others; "" where there is none.
type paging struct{ First, Previous, Next string }

// barsOver is how far back the bars go.
const barsOver = 48 * time.Hour

func (p *pages) runs(r *http.Request, v *view) error {
	q := flows.RunQuery{ESCO: v.ESCO, Frequency: flows.Frequency(r.FormValue("frequency")), From: cursor(r), Limit: onPage + 1}
	if q.Frequency != "" && !slices.Contains(flows.Frequencies, q.Frequency) {
		return &outcome{http.StatusNotFound, "No such frequency", "Runs are hourly, 12hourly or daily.", "/runs"}
	}
	if _, err := strconv.ParseInt(q.From.Key, 10, 64); err != nil && q.From.Key != "" {
		return noSuchRun
	}
	list, err := p.RunLines(r.Context(), q)
	if err != nil {
		return err
	}
	page := runsPage{Frequency: q.Frequency, Frequencies: flows.Frequencies}
	filter := url.Values{}
	set(filter, "esco", v.ESCO, "frequency", string(q.Frequency))
	list, page.paging = paged(list, q.From, "/runs", filter, func(r flows.Run) string { return strconv.FormatInt(r.ID, 10) })
	for _, run := range list {
		report := flows.RunReport{Run: run, Success: flows.RateOf(run)}
		page.Lines = append(page.Lines, runLine{report, v.Clock.Exact(run.Scheduled), took(run), runMark(report), runPath(run.ID)})
	}
	more, err := p.picture(r.Context(), v.ESCO) // as the fleet page has them
	if err != nil {
		return err
	}
	page.Bars = drawRuns(more.runs, v.Clock)
	v.Title, v.Live, v.Page = "Runs", true, page
	return nil
}

var noSuchRun = &outcome{http.StatusNotFound, "No such run", "A run's number has digits only.", "/runs"}

// cursor is where the list that is asked for begins.
func cursor(r *http.Request) flows.Cursor {
	if before := r.FormValue("before"); before != "" {
		return flows.Cursor{Key: before, Back: true}
	}
	return flows.Cursor{Key: r.FormValue("after")}
}

// set fills in what is not empty.
func set(values url.Values, pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			values.Set(pairs[i], pairs[i+1])
		}
	}
}

// paged cuts a list that was asked for with one row more than a page has, and finds the ways on. On the way back it is the first row that is
// more.
func paged[R any](list []R, from flows.Cursor, path string, filter url.Values, key func(R) string) ([]R, paging) {
	var ways paging
	more := len(list) > onPage
	switch {
	case more && from.Back:
		list = list[1:]
	case more:
		list = list[:onPage]
	}
	at := func(name, key string) string {
		values := url.Values{}
		for k, v := range filter {
			values[k] = v
		}
		set(values, name, key)
		if len(values) == 0 {
			return path
		}
		return path + "?" + values.Encode()
	}
	if from.Key != "" {
		ways.First = at("", "")
	}
	if len(list) == 0 {
		return list, ways
	}
	if from.Key != "" && (more || !from.Back) {
		ways.Previous = at("before", key(list[0]))
	}
	if more || from.Back {
		ways.Next = at("after", key(list[len(list)-1]))
	}
	return list, ways
}
