package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"flows"
)

// meterStore is what the page needs.
type meterStore interface {
	MeterPage(ctx context.Context, serial string) (flows.MeterPage, error)
	Lanes(ctx context.Context, serial string, p flows.Period) ([]flows.Lane, error)
	Traces(ctx context.Context, serial string, p flows.Period) ([]flows.Trace, error)
	LastHalfHour(ctx context.Context, serial string) (time.Time, error)
	MeterExceptions(ctx context.Context, serial string) ([]flows.MeterException, error)
	MeterGaps(ctx context.Context, serial string) ([]flows.MeterGap, error)
	MeterSeries(ctx context.Context, serial string, p flows.Period) ([]flows.Series, error)
	HealthChanges(ctx context.Context, serial string, p flows.Period, limit int) ([]flows.HealthChange, error)
	MeterEvents(ctx context.Context, serial string, from flows.Cursor, limit int) ([]flows.EventLine, error)
	MeterTariffs(ctx context.Context, serial string) (active, future json.RawMessage, err error)
	RawReads(ctx context.Context, serial string, of flows.RawSource, from flows.Cursor, limit int) ([]flows.RawRead, error)
	SyncLog(ctx context.Context, serial string, from flows.Cursor, limit int) ([]flows.SyncLine, error)
}

// meterPage answers: what does it read, since when, can I trust it?
type meterPage struct {
	flows.MeterPage
	Healthy    told
	Can        bool   // things can be done from here
	Asked      string // what has just been asked for
	Values     []valueRow
	Span       span
	Lanes      []laneView
	Exceptions []exceptionRow
	Gaps       []gapRow
	Tab        meterTab
}

type valueRow struct {
	flows.MeterValue
	Number string
	Age    told
}

type exceptionRow struct {
	flows.MeterException
	From, To, Seen told
	Path           string
}

type gapRow struct {
	flows.MeterGap
	Path, Next string
}

// asked says what a button has done.
var asked = map[string]string{
	"read": "The meter is being asked. Its values below are replaced when they come.",
	"gaps": "Its missing half-hours are being fetched, the oldest first. They appear below as they come.",
}

func (p *pages) meter(r *http.Request, v *view) error {
	ctx, serial := r.Context(), r.PathValue("serial")
	m, err := p.MeterPage(ctx, serial)
	if err != nil {
		return err
	}
	v.Clock = v.Clock.in(m.Zone)
	page := meterPage{MeterPage: m, Healthy: v.Clock.Ago(m.LastHealthy), Can: p.Actions != nil && m.NotRead() == "", Asked: asked[r.FormValue("asked")]}
	if page.Span, err = p.span(r, serial, v.Clock); err != nil {
		return err
	}
	if err := p.halfHours(ctx, &page, v.Clock); err != nil {
		return err
	}
	for _, value := range m.Values {
		if value.Text != "" {
			page.Values = append(page.Values, valueRow{value, number(value), v.Clock.Ago(value.At)})
		}
	}
	if err := p.open(ctx, &page, v.Clock); err != nil {
		return err
	}
	if page.Tab, err = p.tab(r, serial, page.Span, v.Clock); err != nil {
		return err
	}
	v.Title, v.Old, v.Live, v.Charts, v.Page = m.Serial, oldMeter(m, v.Clock), true, true, page
	return nil
}

func (p *pages) halfHours(ctx context.Context, page *meterPage, c clock) error {
	lanes, err := p.Store.Lanes(ctx, page.Serial, page.Span.Period)
	if err != nil {
		return err
	}
	traces, err := p.Store.Traces(ctx, page.Serial, page.Span.Period)
	page.Lanes = draw(lanes, traces, page.Span, c)
	return err
}

// open is what is open of the meter.
func (p *pages) open(ctx context.Context, page *meterPage, c clock) error {
	exceptions, err := p.MeterExceptions(ctx, page.Serial)
	if err != nil {
		return err
	}
	for _, x := range exceptions {
		page.Exceptions = append(page.Exceptions, exceptionRow{x, c.Exact(x.Period.From), c.Exact(x.Period.To), c.Ago(x.LastSeen),
			fmt.Sprintf("/exceptions?id=%d", x.ID)})
	}
	gaps, err := p.MeterGaps(ctx, page.Serial)
	for _, g := range gaps {
		page.Gaps = append(page.Gaps, gapRow{g, page.Span.on("day", g.Day), whatNext(g)})
	}
	return err
}

// number groups what is one; words stay as they are.
func number(v flows.MeterValue) string {
	if v.Unit == "" {
		return v.Text
	}
	return grouped(v.Text)
}

// oldMeter tells that the values are not of now. A run an hour is usual, and one may fail.
func oldMeter(m flows.MeterPage, c clock) string {
	switch age := c.now.Sub(m.LastHealthy); {
	case m.NotRead() != "":
		return "This meter is not read: " + m.NotRead() + "."
	case m.LastHealthy.IsZero():
		return "This meter has never been read without trouble: what is shown may be missing or old."
	case age > 2*flows.Hourly.Period()+flows.TickGrace:
		return "This meter was last healthy " + flows.Span(age) + " ago: what is shown may be as old."
	}
	return ""
}

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

// Hint is what to do about an unhealthy meter.
func (m meterPage) Hint() string {
	if m.Health != flows.Unhealthy {
		return ""
	}
	return m.Code.Hint()
}
