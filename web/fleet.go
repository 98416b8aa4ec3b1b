package web

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"flows"
)

// fleetStore is what the page needs.
type fleetStore interface {
	Status(ctx context.Context, esco string) (flows.Status, error)
	FleetDays(ctx context.Context, esco string, days, most int) (flows.FleetDays, error)
}

// fleetPage answers: is everything alive, is yesterday complete, what needs me?
type fleetPage struct {
	flows.Status
	Needs []needLine
	Looks []lookLine
	Runs  []runLine
	Bars  runBars
	Ages  []ageBar
	Days  fleetDays
}

// needLine is what a person must do, and where one sees it.
type needLine struct {
	flows.Need
	Path string
}

// lookLine is what is worth a look.
type lookLine struct {
	flows.Look
	Path string
}

// picture is what the page has beside the status, made as seldom as that.
type picture struct {
	runs []flows.RunReport
	days flows.FleetDays
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
	var more picture
	var failed error
	var both sync.WaitGroup // who comes first waits for both of a large fleet
	both.Go(func() { more, failed = p.picture(r.Context(), v.ESCO) })
	s, err := p.status(r.Context(), v.ESCO)
	both.Wait()
	if err = cmp.Or(err, failed); err != nil {
		return err
	}
	v.Title, v.Clock.now, v.Old = "Fleet", s.Time, s.Old()
	if age := p.now().Sub(s.Time); v.Old == "" && age > 2*time.Minute {
		v.Old = "This was looked at " + flows.Span(age) + " ago: the fleet is large, or the clocks of this machine and of the database differ."
	}
	page := fleetPage{Status: s, Bars: drawRuns(more.runs, v.Clock), Ages: drawAges(s.Freshness.Ages, v.ESCO), Days: daysOf(more.days)}
	for _, n := range s.Needs() {
		page.Needs = append(page.Needs, needLine{n, withESCO(needPaths[n.Kind], v.ESCO)})
	}
	for _, l := range s.Meters.Looks() {
		page.Looks = append(page.Looks, lookLine{l, withESCO("/meters?look="+string(l.Filter)+"&sort="+lookSorts[l.Filter], v.ESCO)})
	}
	const mostUnfinished = 5 // a long standstill has many
	for _, run := range slices.Concat(s.Runs, s.Unfinished[max(0, len(s.Unfinished)-mostUnfinished):]) {
		page.Runs = append(page.Runs, runLine{run, v.Clock.Ago(run.Scheduled), took(run.Run), runMark(run), runPath(run.ID)})
	}
	v.Live = true
	v.Page = page
	return nil
}

// needPaths are where one sees what a need is about.
var needPaths = map[flows.NeedKind]string{
	flows.NeedNoMeters: "/meters", flows.NeedNeverSynced: "/runs", flows.NeedTickMissed: "/runs", flows.NeedNotRunning: "/runs", flows.NeedNotDone: "/runs",
	flows.NeedUnfinished: "/runs", flows.NeedJobWaiting: "/runs", flows.NeedLowSuccess: "/runs", flows.NeedFailingDay: "/meters?health=unhealthy&sort=healthy",
	flows.NeedExceptions: "/exceptions", flows.NeedGap: "/gaps?again=true",
}

// lookSorts have the worst meters first.
var lookSorts = map[flows.LookFilter]string{flows.LowBalanceLook: "balance", flows.WeakSignalLook: "signal", flows.DriftLook: "-drift"}

func withESCO(path, esco string) string {
	if path == "" || esco == "" {
		return path
	}
	sign := "?"
	if strings.Contains(path, "?") {
		sign = "&"
	}
	return path + sign + url.Values{"esco": {esco}}.Encode()
}

// status is kept for some seconds, each ESCO's apart: their number is the database's, not that of whoever asks.
func (p *pages) status(ctx context.Context, esco string) (flows.Status, error) {
	return keptOf(p, &p.statuses, esco, func(ctx context.Context) (flows.Status, error) { return p.Store.Status(ctx, esco) }).latest(ctx)
}

// picture is kept as the status is.
func (p *pages) picture(ctx context.Context, esco string) (picture, error) {
	return keptOf(p, &p.pictures, esco, func(ctx context.Context) (more picture, err error) {
		if more.runs, err = p.RunBars(ctx, esco, p.now().Add(-barsOver), mostBars); err == nil {
			more.days, err = p.FleetDays(ctx, esco, daysShown, metersShown)
		}
		return more, err
	}).latest(ctx)
}

// keptOf gives the value that is kept for an ESCO.
func keptOf[T any](p *pages, all *map[string]*kept[T], esco string, make func(context.Context) (T, error)) *kept[T] {
	p.mu.Lock()
	defer p.mu.Unlock()
	if *all == nil {
		*all = map[string]*kept[T]{}
	}
	k := (*all)[esco]
	if k == nil {
		k = newKept(make)
		(*all)[esco] = k
	}
	return k
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
	case r.Meters == 0:
		return mark{"–", "none", "no meters"}
	case r.Healthy == 0:
		return mark{"–", "none", "all skipped"}
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
