package web

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"flows"
)

// span is the local days whose half-hours are shown.
type span struct {
	View           string // day, week or month
	First, Last    time.Time
	Zone, Words    string
	Period         flows.Period
	Views          []viewLink
	Previous, Next string // Next is "" on the last one that has begun

	path  string
	query url.Values // what else the address has
}

type viewLink struct {
	Words, Path string
	Here        bool
}

var spanViews = []string{"day", "week", "month"}

// span is the one that was asked for, or that of the newest half-hour.
func (p *pages) span(r *http.Request, serial string, c clock) (s span, err error) {
	now := c.now.In(c.zone)
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	s = span{View: r.FormValue("view"), Zone: c.zone.String(), path: meterPath(serial), query: url.Values{}}
	for _, name := range []string{"tab", "over", "of"} {
		set(s.query, name, r.FormValue(name))
	}
	if s.View == "" {
		s.View = "day"
	}
	if !slices.Contains(spanViews, s.View) {
		return s, &outcome{http.StatusNotFound, "No such view", "Half-hours are shown of a day, a week or a month.", meterPath(serial)}
	}
	text := r.FormValue("day")
	date := today
	switch {
	case text != "":
		if date, err = time.Parse(time.DateOnly, text); err != nil || date.Year() < 2000 || date.Year() > 2255 {
			return s, &outcome{http.StatusNotFound, "No such day", "A day is written 2006-01-02, not " + text + ".", meterPath(serial)}
		}
	default:
		last, err := p.LastHalfHour(r.Context(), serial)
		if err != nil {
			return s, err
		}
		if last = last.In(c.zone); !last.IsZero() && last.Year() > 2000 {
			date = time.Date(last.Year(), last.Month(), last.Day(), 0, 0, 0, 0, time.UTC)
		}
	}
	s.settle(date, today, c)
	return s, nil
}

// settle finds the first and the last day, and the ways to others.
func (s *span) settle(date, today time.Time, c clock) {
	previous, next := date.AddDate(0, 0, -1), date.AddDate(0, 0, 1)
	s.First, s.Last, s.Words = date, date, date.Format("Mon 2 Jan 2006")
	switch s.View {
	case "week":
		s.First = date.AddDate(0, 0, -(int(date.Weekday())+6)%7)
		s.Last = s.First.AddDate(0, 0, 6)
		previous, next = s.First.AddDate(0, 0, -7), s.First.AddDate(0, 0, 7)
		s.Words = s.First.Format("2 Jan") + " to " + s.Last.Format("2 Jan 2006")
	case "month":
		s.First = time.Date(date.Year(), date.Month(), 1, 0, 0, 0, 0, time.UTC)
		s.Last = s.First.AddDate(0, 1, -1)
		previous, next = s.First.AddDate(0, -1, 0), s.First.AddDate(0, 1, 0)
		s.Words = date.Format("January 2006")
	}
	begins := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, c.zone).UTC() }
	s.Period = flows.Period{From: begins(s.First), To: begins(s.Last.AddDate(0, 0, 1))}
	s.Previous = s.on(s.View, previous.Format(time.DateOnly))
	if !next.After(today) {
		s.Next = s.on(s.View, next.Format(time.DateOnly))
	}
	for _, view := range spanViews {
		s.Views = append(s.Views, viewLink{view, s.on(view, date.Format(time.DateOnly)), view == s.View})
	}
}

// on is the address of another span.
func (s *span) on(view, day string) string {
	values := url.Values{"day": {day}}
	for k, v := range s.query {
		values[k] = v
	}
	if view != "day" {
		values.Set("view", view)
	}
	return s.path + "?" + values.Encode()
}
