package web

import (
	"context"
	"net/http"
	"slices"
	"time"

	"flows"
)

// fleetStore is what the page needs.
type fleetStore interface {
	Status(ctx context.Context, esco string) (flows.Status, error)
}

// fleetPage answers: is everything alive, is yesterday complete, what needs me?
type fleetPage struct {
	flows.Status
	Needs []flows.Need
	Runs  []runLine
}

// runLine is a run in the table.
type runLine struct {
	flows.RunReport
	Due   told
	Took  string
	State mark
	Path  string
}

func (p *pages) fleet(r *http.Request, v *view) error {
	s, err := p.status(r.Context(), v.ESCO)
	if err != nil {
		return err
	}
	v.Title, v.Clock.now, v.Old = "Fleet", s.Time, s.Old()
	if age := p.now().Sub(s.Time); v.Old == "" && age > 2*time.Minute {
		v.Old = "This was looked at " + flows.Span(age) + " ago: the fleet is large, or the clocks of this machine and of the database differ."
	}
	page := fleetPage{Status: s, Needs: s.Needs()}
	const mostUnfinished = 5 // a long standstill has many
	for _, run := range slices.Concat(s.Runs, s.Unfinished[max(0, len(s.Unfinished)-mostUnfinished):]) {
		page.Runs = append(page.Runs, runLine{run, v.Clock.Ago(run.Scheduled), took(run.Run), runMark(run), runPath(run.ID)})
	}
	v.Page = page
	return nil
}

// status is kept for some seconds, each ESCO's apart: their number is the database's, not that of whoever asks.
func (p *pages) status(ctx context.Context, esco string) (flows.Status, error) {
	p.mu.Lock()
	k := p.kept[esco]
	if k == nil {
		k = newKept(func(ctx context.Context) (flows.Status, error) { return p.Store.Status(ctx, esco) })
		p.kept[esco] = k
	}
	p.mu.Unlock()
	return k.latest(ctx)
}

func took(r flows.Run) string {
	switch {
	case !r.Finished.IsZero() && !r.Started.IsZero():
		return flows.Span(r.Finished.Sub(r.Started))
	case !r.Finished.IsZero():
		return "–"
	case r.Started.IsZero():
		return "not begun"
	}
	return "running"
}

func runMark(r flows.RunReport) mark {
	switch {
	case r.Missed:
		return mark{"▲", "bad", "missed"}
	case r.Finished.IsZero():
		return mark{"◐", "some", "not finished"}
	case r.NotDone > 0:
		return mark{"▲", "bad", "not all done"}
	case r.Unhealthy > 0:
		return mark{"◐", "some", "some unhealthy"}
	}
	return mark{"●", "good", "all healthy"}
}

// Yesterday is the share of meters that are complete.
func (f fleetPage) Yesterday() flows.Rate {
	return flows.Rate{Healthy: f.HalfHours.Complete, Of: f.HalfHours.Meters}
}

// YesterdayMark says how yesterday is.
func (f fleetPage) YesterdayMark() mark {
	switch h := f.HalfHours; {
	case h.Judged < h.Meters:
		return mark{"◐", "some", "not all judged yet"}
	case h.Complete < h.Meters:
		return mark{"◐", "some", "not complete"}
	}
	return mark{"●", "good", "complete"}
}

// AllGaps counts those of the last days.
func (f fleetPage) AllGaps() int {
	g := f.HalfHours.Gaps
	return g.NeverReached + g.NotLogged + g.Invalid
}
