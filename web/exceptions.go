package web

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"flows"
)

// exceptionStore is what the page needs.
type exceptionStore interface {
	ExceptionLines(context.Context, flows.ExceptionFilter) ([]flows.ExceptionRow, error)
	CountExceptions(ctx context.Context, f flows.ExceptionFilter, most int) (int, error)
}

// exceptionsPage is what validation has found. It does not keep itself fresh: somebody may be answering.
type exceptionsPage struct {
	Filter     exceptionFilter
	Rules      []flows.Rule
	Severities []flows.Severity
	Statuses   []string
	Count      string
	Lines      []exceptionLine
	Answerable bool
	Picks      bool // the only one shown is a CONFLICT: a value can be picked
	paging
}

// exceptionFilter is the filter as the address has it.
type exceptionFilter struct {
	ESCO, Rule, Severity, Status, Serial, ID string
}

type exceptionLine struct {
	flows.ExceptionRow
	Path, Self     string
	When           []told
	Seen           told
	Details        []string
	Slots          *slotStrip
	Answered, Open bool
}

// slotStrip is the local days that an exception is about, a tick a half-hour, drawn in units of a pixel.
type slotStrip struct {
	Width, From, Length float64
	Title               string
}

const (
	mostCounted = 10_000
	anyStatus   = "all"
)

var statuses = []string{"open", "acknowledged", "resolved", anyStatus}

func filterOf(r *http.Request, esco string) exceptionFilter {
	return exceptionFilter{esco, r.FormValue("rule"), r.FormValue("severity"), cmp.Or(r.FormValue("status"), "open"), strings.TrimSpace(r.FormValue("serial")), r.FormValue("id")}
}

// values is the filter as the address has it.
func (f exceptionFilter) values() url.Values {
	v := url.Values{}
	set(v, "esco", f.ESCO, "rule", f.Rule, "severity", f.Severity, "serial", f.Serial, "id", f.ID)
	if f.Status != "open" {
		set(v, "status", f.Status)
	}
	return v
}

func (f exceptionFilter) path() string {
	if v := f.values(); len(v) > 0 {
		return "/exceptions?" + v.Encode()
	}
	return "/exceptions"
}

// query checks the filter.
func (f exceptionFilter) query() (q flows.ExceptionFilter, err error) {
	q = flows.ExceptionFilter{ESCO: f.ESCO, Status: f.Status}
	unknown := func(what string) error {
		return &outcome{http.StatusNotFound, "No such filter", "Exceptions have no " + what + ". The choosers of the page have all that there are.", "/exceptions"}
	}
	if f.Rule != "" {
		if q.Rules = []flows.Rule{flows.Rule(f.Rule)}; findings[q.Rules[0]] == "" {
			return q, unknown("rule " + f.Rule)
		}
	}
	if f.Severity != "" {
		if q.Severities = []flows.Severity{flows.Severity(f.Severity)}; !slices.Contains(severitiesShown, q.Severities[0]) {
			return q, unknown("severity " + f.Severity)
		}
	}
	if !slices.Contains(statuses, f.Status) {
		return q, unknown("status " + f.Status)
	}
	if f.Status == anyStatus || f.ID != "" {
		q.Status = ""
	}
	if f.Serial != "" {
		q.Serials = []string{f.Serial}
	}
	if f.ID != "" {
		id, err := strconv.ParseInt(f.ID, 10, 64)
		if err != nil {
			return q, unknown("number " + f.ID)
		}
		q.IDs = []int64{id}
	}
	return q, nil
}

var severitiesShown = []flows.Severity{flows.SeverityCritical, flows.SeverityError, flows.SeverityWarning, flows.SeverityInfo}

func (p *pages) exceptions(r *http.Request, v *view) error {
	page := exceptionsPage{Filter: filterOf(r, v.ESCO), Rules: slices.Sorted(maps.Keys(findings)), Severities: severitiesShown, Statuses: statuses, Answerable: p.Actions != nil}
	q, err := page.Filter.query()
	if err != nil {
		return err
	}
	n, err := p.CountExceptions(r.Context(), q, mostCounted+1)
	if err != nil {
		return err
	}
	page.Count = count(n)
	if n > mostCounted {
		page.Count = "more than " + count(mostCounted)
	}
	q.From, q.Limit = cursor(r), onPage+1
	list, err := p.ExceptionLines(r.Context(), q)
	if err != nil {
		return err
	}
	list, page.paging = paged(list, q.From, "/exceptions", page.Filter.values(), flows.ExceptionRow.Place)
	for _, x := range list {
		page.Lines = append(page.Lines, lineOf(x, v.Clock.in(x.Zone)))
	}
	page.Picks = page.Filter.ID != "" && len(list) == 1 && list[0].Rule == flows.RuleConflict && list[0].Status != "resolved"
	v.Title, v.Page = "Exceptions", page
	return nil
}

func lineOf(x flows.ExceptionRow, c clock) exceptionLine {
	line := exceptionLine{ExceptionRow: x, Self: fmt.Sprintf("/exceptions?id=%d", x.ID), Seen: c.Ago(x.LastSeen), Answered: x.Status != "open", Open: x.Status != "resolved"}
	if x.Serial != "" {
		line.Path = meterPath(x.Serial)
	}
	for _, at := range []time.Time{x.Period.From, x.Period.To} {
		if !at.IsZero() {
			line.When = append(line.When, c.Exact(at))
		}
	}
	if len(line.When) == 2 && line.When[0] == line.When[1] {
		line.When = line.When[:1]
	}
	for _, name := range slices.Sorted(maps.Keys(x.Details)) {
		line.Details = append(line.Details, strings.ReplaceAll(name, "_", " ")+" "+x.Details[name])
	}
	line.Slots = strip(x.Period, c)
	return line
}

// strip draws the half-hours of a period on its local days, when these are few.
func strip(p flows.Period, c clock) *slotStrip {
	const mostDays, width = 3, 1.5 // pixels a half-hour
	if p.From.IsZero() || p.To.IsZero() {
		return nil
	}
	y, m, d := p.From.In(c.zone).Date()
	begins := time.Date(y, m, d, 0, 0, 0, 0, c.zone)
	y, m, d = p.To.In(c.zone).Add(-time.Nanosecond).Date()
	ends := time.Date(y, m, d+1, 0, 0, 0, 0, c.zone)
	slots := func(d time.Duration) float64 { return float64(d) / float64(flows.SlotLength) }
	if ends.Sub(begins) > mostDays*25*time.Hour || !p.To.After(p.From) && p.To != p.From {
		return nil
	}
	s := &slotStrip{Width: slots(ends.Sub(begins)) * width, From: slots(p.From.Sub(begins)) * width, Length: max(slots(p.To.Sub(p.From))*width, width)}
	s.Title = fmt.Sprintf("%.0f half-hours on the days from %s on", max(slots(p.To.Sub(p.From)), 1), begins.Format("2 Jan 2006"))
	return s
}

// answer is what a person says to the exceptions that were ticked.
func (p *pages) answer(r *http.Request) (string, error) {
	if err := r.ParseForm(); err != nil {
		return "", &outcome{http.StatusBadRequest, "Not understood", "The form cannot be read.", "/exceptions"}
	}
	a := flows.Answer{Who: strings.TrimSpace(r.PostFormValue("who")), Why: strings.TrimSpace(r.PostFormValue("why"))}
	for _, text := range r.PostForm["exception"] {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return "", &outcome{http.StatusBadRequest, "Not understood", text + " is no exception's number.", "/exceptions"}
		}
		a.IDs = append(a.IDs, id)
	}
	switch answer := r.PostFormValue("answer"); answer {
	case "acknowledge":
	case "resolve":
		a.Resolve = true
	default:
		return "", &outcome{http.StatusBadRequest, "Not understood", "An answer acknowledges or resolves.", "/exceptions"}
	}
	if len(a.IDs) == 0 {
		return "", &flows.Refusal{Reason: "no exception was ticked; go back and tick those that the answer is for"}
	}
	if pick := strings.TrimSpace(r.PostFormValue("pick")); pick != "" {
		value, err := flows.ParseEnergy(pick)
		if err != nil {
			return "", &flows.Refusal{Reason: err.Error()}
		}
		a.Pick = &value
	}
	return filterOf(r, r.PostFormValue("esco")).path(), p.Actions.Answer(r.Context(), a)
}
