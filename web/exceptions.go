package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
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
	Said       bool           // some were answered
	Answerable bool           // and some not resolved
	Kept       []choice       // fields of the form that lead back to this list
	Picks      []string       // the only one shown is a CONFLICT: the values that arrived
	One        *exceptionLine // the only one that was asked for
	paging
}

// exceptionFilter is the filter as the address has it.
type exceptionFilter struct {
	ESCO, Rule, Severity, Status, Serial, ID string
}

type exceptionLine struct {
	flows.ExceptionRow
	Path, Self     string
	When           when
	First, Seen    told
	Details        []string
	More           int // details that only the exception's own page has
	Slots          *slotStrip
	Answered, Open bool
}

// when is a period in words, with its times.
type when struct {
	Word  string // before the first
	Times []told
	Long  string // how long, when it is too long to be drawn
}

// slotStrip is the local days that an exception is about, with the half-hours between its times marked, drawn in pixels.
type slotStrip struct {
	Width, From, Length float64
	Title               string
}

const (
	mostCounted = 10_000
	anyStatus   = "all"
	fewDetails  = 4 // in a list
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
	page := exceptionsPage{Filter: filterOf(r, v.ESCO), Rules: slices.Sorted(maps.Keys(findings)), Severities: severitiesShown, Statuses: statuses}
	q, err := page.Filter.query()
	if err != nil {
		return err
	}
	n, err := p.CountExceptions(r.Context(), q, mostCounted+1)
	if err != nil {
		return unknownMeter(err, "/exceptions")
	}
	page.Count = count(n)
	if n > mostCounted {
		page.Count = "More than " + count(mostCounted)
	}
	q.From, q.Limit = cursor(r), onPage+1
	list, err := p.ExceptionLines(r.Context(), q)
	if err != nil {
		return unknownMeter(err, "/exceptions")
	}
	list, page.paging = paged(list, q.From, "/exceptions", page.Filter.values(), flows.ExceptionRow.Place)
	for _, x := range list {
		line := lineOf(x, v.Clock.in(x.Zone))
		page.Said = page.Said || line.Answered
		page.Answerable = page.Answerable || line.Open && p.Actions != nil
		page.Lines = append(page.Lines, line)
	}
	for name, values := range withCursor(page.Filter.values(), q.From) {
		page.Kept = append(page.Kept, choice{name, values[0]})
	}
	if page.Filter.ID != "" && len(list) == 1 {
		page.one()
	}
	v.Title, v.Page = "Exceptions", page
	return nil
}

// one shows everything of the only exception.
func (p *exceptionsPage) one() {
	x := &p.Lines[0]
	p.One = x
	if x.Rule == flows.RuleConflict && x.Open {
		p.Picks = append([]string{x.ExceptionRow.Details["kept_kwh"]}, strings.Split(x.ExceptionRow.Details["others_kwh"], ", ")...)
		p.Picks = slices.DeleteFunc(p.Picks, func(v string) bool { return v == "" })
	}
}

// withCursor adds where a list begins to its filter.
func withCursor(filter url.Values, from flows.Cursor) url.Values {
	set(filter, map[bool]string{true: "before", false: "after"}[from.Back], from.Key)
	return filter
}

// unknownMeter says so of a filter.
func unknownMeter(err error, path string) error {
	var unknown *flows.UnknownSerials
	if !errors.As(err, &unknown) || len(unknown.Serials) == 0 {
		return err
	}
	where := "the registry"
	if unknown.ESCO != "" {
		where = "ESCO " + unknown.ESCO
	}
	return &outcome{http.StatusNotFound, "No such meter", "Meter " + unknown.Serials[0] + " is not in " + where + ". The whole serial is needed here; the page of meters finds it by a part.", path}
}

func lineOf(x flows.ExceptionRow, c clock) exceptionLine {
	line := exceptionLine{ExceptionRow: x, Self: fmt.Sprintf("/exceptions?id=%d", x.ID), First: c.Ago(x.FirstSeen), Seen: c.Ago(x.LastSeen),
		Answered: x.Status != "open", Open: x.Status != "resolved", When: whenOf(x.Period, c), Slots: strip(x.Period, c)}
	if x.Serial != "" {
		line.Path = meterPath(x.Serial)
		if !x.Period.From.IsZero() {
			line.Path += "?day=" + x.Period.From.In(c.zone).Format(time.DateOnly)
		}
	}
	if line.Slots != nil {
		line.When.Long = ""
	}
	for _, name := range slices.SortedFunc(maps.Keys(x.Details), byDetail) {
		line.Details = append(line.Details, detail(name, x.Details[name], c))
	}
	line.More = max(len(line.Details)-fewDetails, 0)
	return line
}

// detailNames are those that have an order: what was, what came, and the limit. The others come behind, by name.
var detailNames = []string{"missing", "expected", "estimated", "kept_kwh", "others_kwh", "before_kwh", "read_kwh", "after_kwh", "most_kwh"}

func byDetail(a, b string) int {
	i, j := slices.Index(detailNames, a), slices.Index(detailNames, b)
	if i >= 0 && j >= 0 || i < 0 && j < 0 {
		return cmp.Or(cmp.Compare(i, j), strings.Compare(a, b))
	}
	return cmp.Compare(j, i)
}

// detail is a value with its unit, which is the end of its name. What is named by a time is the energy of that half-hour.
func detail(name, value string, c clock) string {
	if _, err := flows.ParseEnergy(value); err == nil {
		value = grouped(value)
	}
	if at, err := time.Parse(time.RFC3339, name); err == nil {
		return at.In(c.zone).Format("2 Jan 15:04") + " " + value + thin + "kWh"
	}
	if name == "most_kwh" {
		name = "limit_kwh"
	}
	for end, unit := range map[string]string{"_kwh": "kWh", "_seconds": "s"} {
		if short, ok := strings.CutSuffix(name, end); ok {
			name, value = short, value+thin+unit
			break
		}
	}
	return strings.TrimSpace(strings.ReplaceAll(name, "_", " ") + " " + value)
}

// Few are those that a list has room for.
func (l exceptionLine) Few() []string { return l.Details[:len(l.Details)-l.More] }

// whenOf tells whole local days by their dates, the last one included.
func whenOf(p flows.Period, c clock) (w when) {
	from, to := p.From.In(c.zone), p.To.In(c.zone)
	date := func(t time.Time) told { return c.tell(t.Format("2 Jan 2006"), t) }
	if !p.From.IsZero() && !p.To.IsZero() && p.To.After(p.From) {
		w.Long = flows.Span(p.To.Sub(p.From))
	}
	switch {
	case p.From.IsZero() && p.To.IsZero():
	case p.From.IsZero():
		w.Word, w.Times = "until", []told{c.Exact(p.To)}
	case p.To.IsZero():
		w.Word, w.Times = "from", []told{c.Exact(p.From)}
	case p.From.Equal(p.To):
		w.Times = []told{c.Exact(p.From)}
	case from.Equal(midnight(from)) && to.Equal(midnight(to)):
		w.Times = []told{date(from)}
		if last := to.AddDate(0, 0, -1); last.After(from) {
			w.Times = append(w.Times, date(last))
		}
	case from.Format(time.DateOnly) == to.Format(time.DateOnly):
		w.Times = []told{c.Exact(p.From), c.Slot(p.To)}
	default:
		w.Times = []told{c.Exact(p.From), c.Exact(p.To)}
	}
	return w
}

// midnight is when the local day of a time began.
func midnight(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, t.Location())
}

// strip draws the half-hours of a period on its local days, when these are few. A day has as many as it has: 46 and 50 too.
func strip(p flows.Period, c clock) *slotStrip {
	const mostDays, width = 2, 3 // pixels a half-hour
	if p.From.IsZero() || p.To.IsZero() || p.To.Before(p.From) {
		return nil
	}
	begins := midnight(p.From.In(c.zone))
	last := p.To
	if p.To.After(p.From) {
		last = p.To.Add(-time.Nanosecond)
	}
	y, m, d := last.In(c.zone).Date()
	ends := time.Date(y, m, d+1, 0, 0, 0, 0, c.zone)
	if ends.After(begins.AddDate(0, 0, mostDays)) {
		return nil
	}
	slots := func(d time.Duration) float64 { return float64(d) / float64(flows.SlotLength) }
	n := max(int(math.Ceil(slots(p.To.Sub(p.From)))), 1)
	return &slotStrip{Width: slots(ends.Sub(begins)) * width, From: slots(p.From.Sub(begins)) * width, Length: max(slots(p.To.Sub(p.From)), 1) * width,
		Title: fmt.Sprintf("%d of the %d half-hours from %s on, beginning at %s", n, int(slots(ends.Sub(begins))), begins.Format("2 Jan 2006"), p.From.In(c.zone).Format("15:04"))}
}

// answer is what a person says to the exceptions that were ticked. The way back is the list that they were ticked in.
func (p *pages) answer(r *http.Request) (string, error) {
	if err := r.ParseForm(); err != nil {
		return "", &outcome{http.StatusBadRequest, "Not understood", "The form cannot be read.", "/exceptions"}
	}
	back := "/exceptions"
	if v := withCursor(filterOf(r, r.PostFormValue("esco")).values(), cursor(r)); len(v) > 0 {
		back += "?" + v.Encode()
	}
	a, err := answerOf(r)
	if err == nil {
		err = p.Actions.Answer(r.Context(), a)
	}
	var refused *flows.Refusal
	if errors.As(err, &refused) {
		return "", &outcome{http.StatusConflict, "Not done", sentence(refused.Reason) + ". Nothing was stored: go back, change the answer, and send it again.", back}
	}
	return back, err
}

func answerOf(r *http.Request) (a flows.Answer, err error) {
	a = flows.Answer{Who: strings.TrimSpace(r.PostFormValue("who")), Why: strings.TrimSpace(r.PostFormValue("why"))}
	for _, text := range r.PostForm["exception"] {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return a, &outcome{http.StatusBadRequest, "Not understood", text + " is no exception's number.", "/exceptions"}
		}
		a.IDs = append(a.IDs, id)
	}
	pick := strings.TrimSpace(r.PostFormValue("pick"))
	switch how := r.PostFormValue("answer"); {
	case how != "acknowledge" && how != "resolve":
		return a, &outcome{http.StatusBadRequest, "Not understood", "An answer acknowledges or resolves.", "/exceptions"}
	case len(a.IDs) == 0:
		return a, &flows.Refusal{Reason: "no exception was ticked; tick those that the answer is for"}
	case strings.EqualFold(a.Who, "flows"): // the store says so too, in the words of the command line
		return a, &flows.Refusal{Reason: "validation itself signs as flows; give your own name"}
	case pick != "" && how == "acknowledge":
		return a, &flows.Refusal{Reason: "a value is picked by resolving its exception, not by acknowledging it"}
	default:
		a.Resolve = how == "resolve"
	}
	if pick != "" {
		value, err := flows.ParseEnergy(pick)
		if err != nil {
			return a, &flows.Refusal{Reason: err.Error()}
		}
		a.Pick = &value
	}
	return a, nil
}
