package web

import (
	"cmp"
	"context"
	"fmt"
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
	list, err := p.Totals(r.Context(), q)
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
			line.Path = meterPath(t.Name) + "?day=" + q.To
		case flows.ByESCO:
			line.Path = "/totals?" + url.Values{"esco": {t.ESCO}, "from": {q.From}, "to": {q.To}}.Encode()
		}
		page.Lines = append(page.Lines, line)
	}
	v.Title, v.Search, v.Page = "Totals", q.Search, page
	return nil
}

// period finds the days: a month, a day, or from one to another.
func (p *totalsPage) period(r *http.Request, q *flows.TotalsQuery, c clock, filter url.Values) error {
	bad := &outcome{http.StatusNotFound, "No such period", "A period is a month (2006-01), a day (2006-01-02), or from one day to another.", "/totals"}
	from, to, period := r.FormValue("from"), r.FormValue("to"), r.FormValue("period")
	if from != "" || to != "" {
		a, err := time.Parse(time.DateOnly, from)
		b, e := time.Parse(time.DateOnly, cmp.Or(to, from))
		if err != nil || e != nil || b.Before(a) || b.Sub(a) > 400*24*time.Hour {
			return bad
		}
		q.From, q.To = a.Format(time.DateOnly), b.Format(time.DateOnly)
		p.Words = a.Format("2 Jan 2006") + " to " + b.Format("2 Jan 2006")
		set(filter, "from", q.From, "to", q.To)
		return nil
	}
	now := c.now.In(c.zone)
	layout, month := "2006-01", true
	if period == "" {
		period = now.Format(layout)
	}
	a, err := time.Parse(layout, period)
	if err != nil {
		layout, month = time.DateOnly, false
		if a, err = time.Parse(layout, period); err != nil {
			return bad
		}
	}
	b, earlier, later := a, a.AddDate(0, 0, -1), a.AddDate(0, 0, 1)
	p.Words = a.Format("Mon 2 Jan 2006")
	if month {
		b, earlier, later = a.AddDate(0, 1, -1), a.AddDate(0, -1, 0), a.AddDate(0, 1, 0)
		p.Words = a.Format("January 2006")
	}
	q.From, q.To = a.Format(time.DateOnly), b.Format(time.DateOnly)
	at := func(t time.Time) string {
		values := url.Values{"period": {t.Format(layout)}}
		for k, v := range filter {
			values[k] = v
		}
		return "/totals?" + values.Encode()
	}
	p.Earlier = at(earlier)
	if later.Before(time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, time.UTC)) {
		p.Later = at(later)
	}
	set(filter, "period", period)
	return nil
}

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
