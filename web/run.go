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
	State              mark
	Due, Begun, Ended  told
	Over, Rate, Remain string // "" = not to be told
	Waiting            int    // meters that have not come to an end
	Reasons            []reasonLine
	Untold             int // meters that are not healthy without a reason in the log
	Skips              []skip
	Code               flows.Code // of the meters listed; "" = all
	Words              string     // of the code
	All                string     // path to all meters
	Several            bool       // mediators
	Meters             []runMeterLine
	paging
}

type reasonLine struct {
	flows.Reason
	Path    string
	Through []tally
	Sampled int // meters that Through is about, when those are not all
}

type skip struct {
	Why   string
	Count int
}

// tally is how many meters are asked through a mediator.
type tally struct {
	Name  string
	Count int
}

type runMeterLine struct {
	flows.RunMeter
	State          mark
	Path, Mediator string
}

// mostByMediator is how many meters are looked at to tell through which mediators they were asked.
const mostByMediator = 10_000

// noCode stands in the address for meters without one.
const noCode = "-"

func (p *pages) run(r *http.Request, v *view) error {
	v.Tab = "runs"
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return noSuchRun
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
		Waiting: max(0, report.Meters-report.Counted()), Code: flows.Code(r.FormValue("code")), Several: p.MediatorOf != nil}
	page.pace(c.now)
	if err := p.reasons(r, &page); err != nil {
		return err
	}
	if err := p.runMeters(r, &page); err != nil {
		return err
	}
	v.Title, v.Page, v.Live = fmt.Sprintf("Run %d", id), page, report.Finished.IsZero()
	return nil
}

// pace tells how long the run has taken, how fast it is and, while it goes on, when it ends. Meters that were skipped from the start took no
// time.
func (p *runPage) pace(now time.Time) {
	if p.Started.IsZero() || p.Missed {
		return
	}
	over := p.Finished.Sub(p.Started)
	p.Over = "took " + flows.Span(over)
	if p.Finished.IsZero() {
		over = now.Sub(p.Started)
		p.Over = "running for " + flows.Span(over)
	}
	asked := p.Counted()
	for _, n := range p.SkipReasons {
		asked -= n
	}
	if over <= 0 || asked <= 0 {
		return
	}
	rate := float64(asked) / over.Seconds()
	p.Rate = fmt.Sprintf("%.1f meters a second", rate)
	if p.Finished.IsZero() && !p.Listed.IsZero() && p.Waiting > 0 {
		p.Remain = "about " + flows.Span(time.Duration(float64(p.Waiting)/rate*float64(time.Second))) + " to go"
	}
}

// Share is how much of the run is done, in per cent of its meters; 100 is all of it.
func (p runPage) Share() int {
	switch meters := p.RunReport.Meters; {
	case meters > 0:
		return min(100, 100*p.Counted()/meters)
	case p.Finished.IsZero():
		return 0
	}
	return 100
}

// reasons are why not all meters are healthy.
func (p *pages) reasons(r *http.Request, page *runPage) error {
	serials := map[flows.Code][]string{}
	if page.Several && len(page.RunReport.Reasons) > 0 {
		var err error
		if serials, err = p.RunSerials(r.Context(), page.ID, mostByMediator); err != nil {
			return err
		}
	}
	page.All = runPath(page.ID)
	known := page.Code == ""
	page.Untold = page.Counted() - page.Healthy
	for _, reason := range page.RunReport.Reasons {
		code := cmp.Or(reason.Code, noCode)
		line := reasonLine{Reason: reason, Path: page.All + "?" + url.Values{"code": {string(code)}}.Encode() + "#meters", Through: p.through(serials[reason.Code])}
		if n := len(serials[reason.Code]); n < reason.Count {
			line.Sampled = n
		}
		page.Reasons = append(page.Reasons, line)
		page.Untold -= reason.Count
		known = known || page.Code == code
	}
	if !known {
		return &outcome{http.StatusNotFound, "No such code", "No meter of this run has that code.", page.All}
	}
	page.Words = "with " + string(page.Code)
	if page.Code == noCode {
		page.Words = "without a code"
	}
	for why, n := range page.SkipReasons {
		page.Skips = append(page.Skips, skip{why, n})
		page.Untold -= n
	}
	slices.SortFunc(page.Skips, func(a, b skip) int { return cmp.Or(b.Count-a.Count, cmp.Compare(a.Why, b.Why)) })
	return nil
}

// through counts meters by their mediators, the most frequent first.
func (p *pages) through(serials []string) (list []tally) {
	counts := map[string]int{}
	for _, serial := range serials {
		counts[p.MediatorOf(serial)]++
	}
	for name, n := range counts {
		list = append(list, tally{name, n})
	}
	slices.SortFunc(list, func(a, b tally) int { return cmp.Or(b.Count-a.Count, cmp.Compare(a.Name, b.Name)) })
	return list
}

// runMeters lists those that did not come out healthy.
func (p *pages) runMeters(r *http.Request, page *runPage) error {
	q := flows.RunMeterQuery{Run: page.ID, Code: page.Code, From: cursor(r), Limit: onPage + 1}
	list, err := p.RunMeters(r.Context(), q)
	if err != nil {
		return err
	}
	filter := url.Values{}
	set(filter, "code", string(q.Code))
	list, page.paging = paged(list, q.From, page.All, filter, func(m flows.RunMeter) string { return m.Serial })
	for _, way := range []*string{&page.First, &page.Previous, &page.Next} {
		if *way != "" {
			*way += "#meters"
		}
	}
	for _, m := range list {
		line := runMeterLine{RunMeter: m, State: verdictMark(m.Verdict), Path: meterPath(m.Serial)}
		if page.Several {
			line.Mediator = p.MediatorOf(m.Serial)
		}
		page.Meters = append(page.Meters, line)
	}
	return nil
}
