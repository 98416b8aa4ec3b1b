package web

import (
	"context"
	"net/http"
	"time"

	"flows"
)

// meterStore is what the page needs.
type meterStore interface {
	MeterPage(ctx context.Context, serial string) (flows.MeterPage, error)
	Lanes(ctx context.Context, serial string, p flows.Period) ([]flows.Lane, error)
	MeterExceptions(ctx context.Context, serial string) ([]flows.MeterException, error)
	MeterGaps(ctx context.Context, serial string) ([]flows.MeterGap, error)
}

// meterPage answers: what does it read, since when, can I trust it?
type meterPage struct {
	flows.MeterPage
	Healthy    told
	Values     []valueRow
	Day        day
	Lanes      []laneView
	Exceptions []exceptionRow
	Gaps       []gapRow
}

type valueRow struct {
	flows.MeterValue
	Number string
	Age    told
}

type exceptionRow struct {
	flows.MeterException
	From, To, Seen told
}

type gapRow struct {
	flows.MeterGap
	Path string
}

// day is the local day whose half-hours are shown.
type day struct {
	Date                 time.Time
	Zone                 string
	Period               flows.Period
	Path, Previous, Next string // Next is "" on the last day that has begun
}

func (p *pages) meter(r *http.Request, v *view) error {
	ctx, serial := r.Context(), r.PathValue("serial")
	m, err := p.MeterPage(ctx, serial)
	if err != nil {
		return err
	}
	v.Clock = v.Clock.in(m.Zone)
	page := meterPage{MeterPage: m, Healthy: v.Clock.Ago(m.LastHealthy)}
	if page.Day, err = theDay(r.FormValue("day"), serial, v.Clock); err != nil {
		return err
	}
	lanes, err := p.Store.Lanes(ctx, serial, page.Day.Period)
	if err != nil {
		return err
	}
	exceptions, err := p.MeterExceptions(ctx, serial)
	if err != nil {
		return err
	}
	gaps, err := p.MeterGaps(ctx, serial)
	if err != nil {
		return err
	}
	page.Lanes = draw(lanes, v.Clock)
	for _, value := range m.Values {
		if value.Text != "" {
			page.Values = append(page.Values, valueRow{value, number(value), v.Clock.Ago(value.At)})
		}
	}
	for _, x := range exceptions {
		page.Exceptions = append(page.Exceptions, exceptionRow{x, v.Clock.Exact(x.Period.From), v.Clock.Exact(x.Period.To), v.Clock.Ago(x.LastSeen)})
	}
	for _, g := range gaps {
		page.Gaps = append(page.Gaps, gapRow{g, meterPath(serial) + "?day=" + g.Day})
	}
	v.Title, v.Old, v.Page = m.Serial, oldMeter(m, v.Clock), page
	return nil
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

// theDay is the one that was asked for, or that which is now.
func theDay(text, serial string, c clock) (d day, err error) {
	now := c.now.In(c.zone)
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	d = day{Date: today, Zone: c.zone.String()}
	if text != "" {
		if d.Date, err = time.Parse(time.DateOnly, text); err != nil || d.Date.Year() < 2000 || d.Date.Year() > 2255 {
			return d, &outcome{http.StatusNotFound, "No such day", "A day is written 2006-01-02, not " + text + ".", meterPath(serial)}
		}
	}
	begins := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, c.zone).UTC() }
	on := func(t time.Time) string { return meterPath(serial) + "?day=" + t.Format(time.DateOnly) }
	d.Period = flows.Period{From: begins(d.Date), To: begins(d.Date.AddDate(0, 0, 1))}
	d.Path, d.Previous = on(d.Date), on(d.Date.AddDate(0, 0, -1))
	if d.Date.Before(today) {
		d.Next = on(d.Date.AddDate(0, 0, 1))
	}
	return d, nil
}

// Hint is what to do about an unhealthy meter.
func (m meterPage) Hint() string {
	if m.Health != flows.Unhealthy {
		return ""
	}
	return m.Code.Hint()
}
