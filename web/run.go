package web

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"flows"
)

// runPage is one run.
type runPage struct {
	flows.RunReport
	State               mark
	Due, Begun, Ended   told
	Took, Rate, Remains string
	Waiting             int // meters that have not come to an end
	Reasons             []reasonLine
	Skips               []skip
	Code                flows.Code // of the meters listed; "" = all
	Mediators           []tally
	Meters              []runMeterLine
	paging
}

type reasonLine struct {
	flows.Reason
	Hint, Path string
}

type skip struct {
	Why   string
	Count int
}

type tally struct {
	Name  string
	Count int
}

type runMeterLine struct {
	flows.RunMeter
	Path, Mediator string
	Read           told
}

// mostByMediator is how many meters are looked at to tell through which mediators they were asked.
const mostByMediator = 10_000

func (p *pages) run(r *http.Request, v *view) error {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return &outcome{http.StatusNotFound, "No such run", "A run's number has digits only.", "/runs"}
	}
	report, err := p.RunPage(r.Context(), id)
	if err != nil {
		return err
	}
	for _, e := range v.ESCOs {
		if e.Code == report.ESCO {
			v.Clock = v.Clock.in(e.Timezone)
		}
	}
	c := v.Clock
	page := runPage{RunReport: report, State: runMark(report), Due: c.Exact(report.Scheduled), Begun: c.Exact(report.Started), Ended: c.Exact(report.Finished),
		Took: took(report.Run), Waiting: max(0, report.Meters-report.Counted()), Code: flows.Code(r.FormValue("code"))}
	page.pace(c.now)
	path := runPath(id)
	for _, reason := range report.Reasons {
		code := cmp.Or(reason.Code, "-")
		page.Reasons = append(page.Reasons, reasonLine{reason, reason.Code.Hint(), path + "?" + url.Values{"code": {string(code)}}.Encode() + "#meters"})
	}
	for why, n := range report.SkipReasons {
		page.Skips = append(page.Skips, skip{why, n})
	}
	slices.SortFunc(page.Skips, func(a, b skip) int { return cmp.Or(b.Count-a.Count, cmp.Compare(a.Why, b.Why)) })
	if err := p.runMeters(r, &page, path, c); err != nil {
		return err
	}
	v.Title, v.Page, v.Live = fmt.Sprintf("Run %d", id), page, report.Finished.IsZero()
	return nil
}

// runMeters lists those that did not come out healthy.
func (p *pages) runMeters(r *http.Request, page *runPage, path string, c clock) error {
	q := flows.RunMeterQuery{Run: page.ID, Code: page.Code, From: cursor(r), Limit: onPage + 1}
	list, err := p.RunMeters(r.Context(), q)
	if err != nil {
		return err
	}
	filter := url.Values{}
	set(filter, "code", string(q.Code))
	list, page.paging = paged(list, q.From, path, filter, func(m flows.RunMeter) string { return m.Serial })
	for _, m := range list {
		line := runMeterLine{RunMeter: m, Path: meterPath(m.Serial), Read: c.Exact(m.ReadAt)}
		if p.MediatorOf != nil {
			line.Mediator = p.MediatorOf(m.Serial)
		}
		page.Meters = append(page.Meters, line)
	}
	if p.MediatorOf == nil || len(list) == 0 {
		return nil
	}
	q.From, q.Limit = flows.Cursor{}, mostByMediator
	all, err := p.RunMeters(r.Context(), q)
	counts := map[string]int{}
	for _, m := range all {
		counts[p.MediatorOf(m.Serial)]++
	}
	for name, n := range counts {
		page.Mediators = append(page.Mediators, tally{name, n})
	}
	slices.SortFunc(page.Mediators, func(a, b tally) int { return cmp.Or(b.Count-a.Count, cmp.Compare(a.Name, b.Name)) })
	return err
}

// pace tells how fast the run is and, while it goes on, when it ends.
func (p *runPage) pace(now time.Time) {
	until := p.Finished
	if until.IsZero() {
		until = now
	}
	over := until.Sub(p.Started).Seconds()
	if p.Started.IsZero() || over < 1 || p.Counted() == 0 {
		return
	}
	rate := float64(p.Counted()) / over
	p.Rate = fmt.Sprintf("%.1f meters/s", rate)
	if p.Finished.IsZero() && !p.Listed.IsZero() && p.Waiting > 0 {
		p.Remains = "about " + flows.Span(time.Duration(float64(p.Waiting)/rate*float64(time.Second))) + " to go"
	}
}

// Share is how much of the run is done, in per cent of its meters.
func (p runPage) Share() int {
	if p.RunReport.Run.Meters == 0 {
		return 100
	}
	return 100 * p.Counted() / p.RunReport.Run.Meters
}
