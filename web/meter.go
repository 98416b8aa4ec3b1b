package web

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
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
	Exceptions []exceptionLine
	Gaps       []gapRow
	Tab        meterTab
}

type valueRow struct {
	flows.MeterValue
	Number string
	Age    told
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
	if page.Tab, err = p.tab(r, serial, v.Clock); err != nil {
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
		page.Exceptions = append(page.Exceptions, lineOf(flows.ExceptionRow{ID: x.ID, Exception: x.Exception, Element: x.Element, Direction: x.Direction, LastSeen: x.LastSeen}, c))
	}
	gaps, err := p.MeterGaps(ctx, page.Serial)
	for _, g := range gaps {
		page.Gaps = append(page.Gaps, gapRow{g, page.Span.on("day", g.Day), whatNext(g)})
	}
	return err
}

// number groups what is one, and takes names apart.
func number(v flows.MeterValue) string {
	if v.Unit == "" {
		return strings.ReplaceAll(v.Text, "_", " ")
	}
	if m, err := flows.ParseMoney(v.Text); err == nil && v.Unit == "£" {
		return money(&m)
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

// Hint is what to do about an unhealthy meter.
func (m meterPage) Hint() string {
	if m.Health != flows.Unhealthy {
		return ""
	}
	return m.Code.Hint()
}
