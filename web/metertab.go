package web

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"flows"
)

// meterTab is the part of a meter's page that is chosen by its tabs: only what is shown is asked for.
type meterTab struct {
	Name    string
	Tabs    []viewLink
	Ways    []viewLink // of the tab: how far back, or which reads
	Series  []seriesView
	Changes []changeRow
	Events  []eventRow
	Tariffs tariffTable
	Raw     []rawRow
	Log     []syncRow
	FromLog bool
	paging

	serial string
	kept   url.Values // what the address keeps on the ways from here
	clock  clock
}

type eventRow struct {
	flows.EventLine
	When told
}

type rawRow struct {
	flows.RawRead
	When, Came told
	Flags      string
}

type syncRow struct {
	flows.SyncLine
	Due   told
	State mark
	Path  string
	Not   []string // outcomes that are not simply read
	Read  string   // metrics that are
}

// meterTabs are all of them, the first when none was asked for.
var meterTabs = []struct {
	name, words string
	fill        func(*pages, *http.Request, *meterTab) error
}{
	{"history", "history", (*pages).historyTab}, {"events", "events", (*pages).eventsTab}, {"tariffs", "tariffs", (*pages).tariffsTab},
	{"raw", "raw reads", (*pages).rawTab}, {"log", "sync log", (*pages).logTab},
}

// tab makes the tab that was asked for.
func (p *pages) tab(r *http.Request, serial string, c clock) (t meterTab, err error) {
	t = meterTab{Name: cmp.Or(r.FormValue("tab"), meterTabs[0].name), serial: serial, kept: url.Values{}, clock: c}
	set(t.kept, "day", r.FormValue("day"), "view", r.FormValue("view"))
	var fill func(*pages, *http.Request, *meterTab) error
	for _, one := range meterTabs {
		t.Tabs = append(t.Tabs, viewLink{one.words, t.at("tab", one.name), one.name == t.Name})
		if one.name == t.Name {
			fill = one.fill
		}
	}
	if fill == nil {
		return t, t.none("tab", "A meter has a history, events, tariffs, raw reads and a sync log.")
	}
	t.kept.Set("tab", t.Name)
	return t, fill(p, r, &t)
}

// at is an address of this tab.
func (t *meterTab) at(pairs ...string) string {
	values := maps.Clone(t.kept)
	set(values, pairs...)
	return meterPath(t.serial) + "?" + values.Encode() + "#tabs"
}

func (t *meterTab) none(what, text string) error {
	return &outcome{http.StatusNotFound, "No such " + what, text, meterPath(t.serial)}
}

var overDays = []int{1, 7, 30, 90}

func (p *pages) historyTab(r *http.Request, t *meterTab) (err error) {
	over := 7
	if text := r.FormValue("over"); text != "" {
		if over, err = strconv.Atoi(text); err != nil || !slices.Contains(overDays, over) {
			return t.none("period", "A history goes back 1, 7, 30 or 90 days.")
		}
	}
	for _, d := range overDays {
		t.Ways = append(t.Ways, viewLink{plural(d, "day"), t.at("over", strconv.Itoa(d)), d == over})
	}
	return p.history(r.Context(), t, over)
}

func (p *pages) eventsTab(r *http.Request, t *meterTab) error {
	from := cursor(r)
	list, err := p.MeterEvents(r.Context(), t.serial, from, onPage+1)
	for _, e := range cut(t, list, from, flows.EventLine.Place) {
		t.Events = append(t.Events, eventRow{e, t.clock.Exact(e.At)})
	}
	return err
}

// cut is a page of a list, and finds the ways on, which lead back to the tab.
func cut[R any](t *meterTab, list []R, from flows.Cursor, place func(R) string) []R {
	list, t.paging = paged(list, from, meterPath(t.serial), t.kept, place)
	for _, way := range []*string{&t.First, &t.Previous, &t.Next} {
		if *way != "" {
			*way += "#tabs"
		}
	}
	return list
}

func (p *pages) tariffsTab(r *http.Request, t *meterTab) error {
	active, future, err := p.MeterTariffs(r.Context(), t.serial)
	t.Tariffs = tariffsOf(active, future)
	return err
}

var rawWords = []choice{{string(flows.FromRuns), "reads of runs"}, {string(flows.FromLog), "the meter's log"}}

func (p *pages) rawTab(r *http.Request, t *meterTab) error {
	of, from := cmp.Or(r.FormValue("of"), rawWords[0].Value), cursor(r)
	for _, w := range rawWords {
		t.Ways = append(t.Ways, viewLink{w.Words, t.at("of", w.Value), w.Value == of})
	}
	if !slices.ContainsFunc(rawWords, func(w choice) bool { return w.Value == of }) {
		return t.none("reads", "Raw reads are reads of runs, or records of the meter's log.")
	}
	t.FromLog = of == string(flows.FromLog)
	t.kept.Set("of", of)
	list, err := p.RawReads(r.Context(), t.serial, flows.RawSource(of), from, onPage+1)
	for _, x := range cut(t, list, from, flows.RawRead.Place) {
		t.Raw = append(t.Raw, rawRow{x, t.clock.Exact(x.At), t.clock.Exact(x.Received), flagsOf(x.Status)})
	}
	return err
}

// statusFlags are the bits of a log record's status.
var statusFlags = []struct {
	bit  int
	name string
}{{0x0080, "valid"}, {0x0100, "log reset"}, {0x0040, "power fail"}, {0x0020, "minor time error"}, {0x0010, "major time error"}, {0x0008, "communication error"}}

func flagsOf(status *int) string {
	if status == nil {
		return ""
	}
	var names []string
	rest := *status
	for _, f := range statusFlags {
		switch {
		case rest&f.bit != 0:
			names = append(names, f.name)
		case f.name == "valid":
			names = append(names, "not valid")
		}
		rest &^= f.bit
	}
	if rest != 0 {
		names = append(names, fmt.Sprintf("0x%04x", rest))
	}
	return strings.Join(names, ", ")
}

func (p *pages) logTab(r *http.Request, t *meterTab) error {
	from := cursor(r)
	list, err := p.SyncLog(r.Context(), t.serial, from, onPage+1)
	for _, l := range cut(t, list, from, flows.SyncLine.Place) {
		row := syncRow{SyncLine: l, Due: t.clock.Exact(l.At), State: verdictMark(l.Verdict)}
		if l.Run > 0 {
			row.Path = runPath(l.Run)
		}
		var read []string
		for _, o := range l.Outcomes {
			if o.State == flows.Read {
				read = append(read, o.Metric)
			} else {
				row.Not = append(row.Not, strings.TrimSpace(fmt.Sprintf("%s %s %s", o.Metric, o.State, o.Reason)))
			}
		}
		row.Read = strings.Join(read, ", ")
		t.Log = append(t.Log, row)
	}
	return err
}

func verdictMark(v flows.Verdict) mark {
	switch v {
	case flows.VerdictHealthy:
		return mark{"●", "good", "healthy"}
	case flows.VerdictUnhealthy:
		return mark{"▲", "bad", "unhealthy"}
	}
	return mark{"–", "none", strings.ReplaceAll(string(v), "_", " ")}
}
