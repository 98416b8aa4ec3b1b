package web

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"flows"
)

// totalStore is what the page needs.
type totalStore interface {
	Totals(context.Context, flows.TotalsQuery) ([]flows.Total, error)
}

// totalsPage is the energy of some local days, each sum with how complete it is.
type totalsPage struct {
	Query          flows.TotalsQuery
	By             []choice
	Words          string // of the period
	Next           string // the day after it
	Earlier, Later string // paths
	Lines          []totalLine
	Exports        bool
	paging
}

type totalLine struct {
	flows.Total
	Path              string
	In, Out           mark
	InShare, OutShare string
}

var totalWords = []choice{{string(flows.ByRegister), "register"}, {string(flows.ByESCO), "ESCO"}, {string(flows.ByCircuit), "circuit"}}

func (p *pages) totals(r *http.Request, v *view) error {
	q := flows.TotalsQuery{By: flows.TotalsBy(cmp.Or(r.FormValue("by"), string(flows.ByRegister))), ESCO: v.ESCO, Search: strings.TrimSpace(r.FormValue("q")), Cursor: cursor(r), Limit: onPage + 1}
	if !slices.Contains(flows.AllTotals, q.By) {
		return &outcome{http.StatusNotFound, "No such total", "Energy is summed by register, esco or circuit.", "/totals"}
	}
	page := totalsPage{By: totalWords}
	filter := url.Values{}
	set(filter, "by", string(q.By), "esco", q.ESCO, "q", q.Search)
	if err := page.period(r, &q, v.Clock, filter); err != nil {
		return err
	}
	page.Query = q
	list, err := p.summed(r.Context(), q)
	if err != nil {
		return err
	}
	if q.By == flows.ByRegister {
		list, page.paging = paged(list, q.Cursor, "/totals", filter, flows.Total.Place)
	}
	for _, t := range list {
		page.Exports = page.Exports || t.Export.Expected > 0
		line := totalLine{Total: t, In: sideMark(t.Import), Out: sideMark(t.Export), InShare: shareOf(t.Import), OutShare: shareOf(t.Export)}
		switch q.By {
		case flows.ByRegister:
			line.Path = meterPath(cmp.Or(t.Now, t.Name)) + "?day=" + q.To
		case flows.ByESCO:
			line.Path = "/totals?" + url.Values{"esco": {t.ESCO}, "from": {q.From}, "to": {q.To}}.Encode()
		}
		page.Lines = append(page.Lines, line)
	}
	v.Title, v.Search, v.Page = "Totals", q.Search, page
	return nil
}

// mostSums are kept: whoever asks says of which days.
const mostSums = 64

// summed keeps sums of many registers for some seconds, as the status is kept. Those of a page's registers are quickly made.
func (p *pages) summed(ctx context.Context, q flows.TotalsQuery) ([]flows.Total, error) {
	if q.By == flows.ByRegister {
		return p.Totals(ctx, q)
	}
	q.Search, q.Cursor, q.Limit = "", flows.Cursor{}, 0
	p.mu.Lock()
	if len(p.sums) > mostSums {
		clear(p.sums)
	}
	p.mu.Unlock()
	return keptOf(p, &p.sums, fmt.Sprint(q), func(ctx context.Context) ([]flows.Total, error) { return p.Totals(ctx, q) }).latest(ctx)
}

// period finds the days: a month, a day, or from one to another. What is before and after them is as long.
func (p *totalsPage) period(r *http.Request, q *flows.TotalsQuery, c clock, filter url.Values) error {
	now := c.now.In(c.zone)
	period, from, to := r.FormValue("period"), r.FormValue("from"), r.FormValue("to")
	if period == "" && from == "" && to == "" {
		period = now.Format(monthLayout)
	}
	a, err := time.Parse(monthLayout, period)
	b := a.AddDate(0, 1, -1)
	if from != "" || to != "" {
		a, err = time.Parse(time.DateOnly, from)
		if err == nil {
			b, err = time.Parse(time.DateOnly, cmp.Or(to, from))
		}
	} else if err != nil {
		a, err = time.Parse(time.DateOnly, period)
		b = a
	}
	if err != nil || b.Before(a) || b.Sub(a) > 400*24*time.Hour || !shown(a) || !shown(b) {
		return &outcome{http.StatusNotFound, "No such period", "A period is a month (2006-01), a day (2006-01-02), or from one day to another, 400 at most.", "/totals"}
	}
	month := a.Day() == 1 && b.Equal(a.AddDate(0, 1, -1))
	q.From, q.To = a.Format(time.DateOnly), b.Format(time.DateOnly)
	at := func(a, b time.Time) string {
		values := url.Values{}
		maps.Copy(values, filter)
		setPeriod(values, a, b, month)
		return "/totals?" + values.Encode()
	}
	days := int(b.Sub(a)/(24*time.Hour)) + 1
	earlier, next := a.AddDate(0, 0, -days), b.AddDate(0, 0, 1)
	later := b.AddDate(0, 0, days)
	if month {
		earlier, later = a.AddDate(0, -1, 0), next.AddDate(0, 1, -1)
	}
	p.Next = next.Format(time.DateOnly)
	p.Earlier = at(earlier, a.AddDate(0, 0, -1))
	if next.Before(time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, time.UTC)) {
		p.Later = at(next, later)
	}
	switch {
	case month:
		p.Words = a.Format("January 2006")
	case days == 1:
		p.Words = a.Format("Mon 2 Jan 2006")
	default:
		p.Words = a.Format("2 Jan 2006") + " to " + b.Format("2 Jan 2006")
	}
	setPeriod(filter, a, b, month)
	return nil
}

const monthLayout = "2006-01"

// setPeriod writes it as shortly as it can be written.
func setPeriod(values url.Values, a, b time.Time, month bool) {
	switch {
	case month:
		values.Set("period", a.Format(monthLayout))
	case a.Equal(b):
		values.Set("period", a.Format(time.DateOnly))
	default:
		set(values, "from", a.Format(time.DateOnly), "to", b.Format(time.DateOnly))
	}
}

// shown tells that a meter's clock can have the day.
func shown(day time.Time) bool { return day.Year() >= 2000 && day.Year() <= 2255 }

// sideMark says how complete a sum is.
func sideMark(s flows.TotalSide) mark {
	switch {
	case s.Expected == 0:
		return mark{"–", "none", "nothing expected"}
	case s.Known == 0:
		return mark{"○", "gap", "nothing known"}
	case s.Known < s.Expected:
		return mark{"◐", "some", "partial"}
	case s.Estimated > 0:
		return mark{"◍", "estimated", "complete with estimates"}
	}
	return mark{"●", "good", "complete"}
}

// shareOf tells how many half-hours are known, and how many of them by estimate.
func shareOf(s flows.TotalSide) string {
	if s.Expected == 0 {
		return ""
	}
	text := fmt.Sprintf("%s of %s", count(s.Known), count(s.Expected))
	if s.Estimated > 0 {
		text += fmt.Sprintf(", %s estimated", count(s.Estimated))
	}
	return text
}
