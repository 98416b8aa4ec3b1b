package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
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

// meterTab is the part of a meter's page that is chosen by its tabs: only what is shown is asked for.
type meterTab struct {
	Name    string
	Tabs    []viewLink
	Overs   []viewLink // of history: how far back
	Of      []viewLink // of raw reads: which
	Series  []seriesView
	Changes []changeRow
	Events  []eventRow
	Tariffs []tariffView
	Raw     []rawRow
	Log     []syncRow
	FromLog bool
	paging
}

type seriesView struct {
	flows.Series
	Key, Summary, Last string
	Data               lineData
}

// lineData is a value over time; null is a gap, and there a line breaks.
type lineData struct {
	Kind   string         `json:"kind"`
	Zone   string         `json:"zone"`
	Unit   string         `json:"unit"`
	From   int64          `json:"from"`
	To     int64          `json:"to"`
	X      []int64        `json:"x"`
	Y      []*json.Number `json:"y"`
	Titles []string       `json:"titles"`
}

type changeRow struct {
	At    told
	State mark
}

type eventRow struct {
	flows.EventLine
	When told
}

type tariffView struct {
	Title string
	Rows  [][2]string
}

type rawRow struct {
	flows.RawRead
	When, Came told
	Flags      string
}

type syncRow struct {
	flows.SyncLine
	Due  told
	Path string
	All  []string // outcomes that are not simply read
}

var (
	tabWords = []choice{{"history", "history"}, {"events", "events"}, {"tariffs", "tariffs"}, {"raw", "raw reads"}, {"log", "sync log"}}
	overDays = []int{1, 7, 30, 90}
	ofWords  = []choice{{string(flows.FromRuns), "reads of runs"}, {string(flows.FromLog), "the meter's log"}}
)

// mostChanges is how many changes of health a page has.
const mostChanges = 50

func (p *pages) tab(r *http.Request, serial string, s span, c clock) (t meterTab, err error) {
	t.Name = cmp.Or(r.FormValue("tab"), "history")
	if !slices.ContainsFunc(tabWords, func(w choice) bool { return w.Value == t.Name }) {
		return t, &outcome{http.StatusNotFound, "No such tab", "A meter has a history, events, tariffs, raw reads and a sync log.", meterPath(serial)}
	}
	kept := url.Values{}
	set(kept, "day", r.FormValue("day"), "view", r.FormValue("view"))
	at := func(pairs ...string) string {
		values := maps.Clone(kept)
		set(values, pairs...)
		return meterPath(serial) + "?" + values.Encode() + "#tabs"
	}
	for _, w := range tabWords {
		t.Tabs = append(t.Tabs, viewLink{w.Words, at("tab", w.Value), w.Value == t.Name})
	}
	kept.Set("tab", t.Name)
	ctx, from := r.Context(), cursor(r)
	switch t.Name {
	case "history":
		over := 7
		if text := r.FormValue("over"); text != "" {
			if over, err = strconv.Atoi(text); err != nil || !slices.Contains(overDays, over) {
				return t, &outcome{http.StatusNotFound, "No such period", "A history goes back 1, 7, 30 or 90 days.", meterPath(serial)}
			}
		}
		for _, d := range overDays {
			t.Overs = append(t.Overs, viewLink{plural(d, "day"), at("over", strconv.Itoa(d)), d == over})
		}
		return t, p.history(ctx, &t, serial, over, c)
	case "events":
		list, err := p.MeterEvents(ctx, serial, from, onPage+1)
		list, t.paging = paged(list, from, meterPath(serial), kept, flows.EventLine.Place)
		for _, e := range list {
			t.Events = append(t.Events, eventRow{e, c.Exact(e.At)})
		}
		return t, err
	case "tariffs":
		active, future, err := p.MeterTariffs(ctx, serial)
		t.Tariffs = tariffsOf(active, future)
		return t, err
	case "raw":
		of := flows.RawSource(cmp.Or(r.FormValue("of"), string(flows.FromRuns)))
		if of != flows.FromRuns && of != flows.FromLog {
			return t, &outcome{http.StatusNotFound, "No such reads", "Raw reads are reads of runs, or records of the meter's log.", meterPath(serial)}
		}
		for _, w := range ofWords {
			t.Of = append(t.Of, viewLink{w.Words, at("of", w.Value), w.Value == string(of)})
		}
		t.FromLog = of == flows.FromLog
		kept.Set("of", string(of))
		list, err := p.RawReads(ctx, serial, of, from, onPage+1)
		list, t.paging = paged(list, from, meterPath(serial), kept, flows.RawRead.Place)
		for _, x := range list {
			t.Raw = append(t.Raw, rawRow{x, c.Exact(x.At), c.Exact(x.Received), flagsOf(x.Status)})
		}
		return t, err
	}
	list, err := p.SyncLog(ctx, serial, from, onPage+1)
	list, t.paging = paged(list, from, meterPath(serial), kept, flows.SyncLine.Place)
	for _, l := range list {
		row := syncRow{SyncLine: l, Due: c.Exact(l.At)}
		if l.Run > 0 {
			row.Path = runPath(l.Run)
		}
		for _, o := range l.Outcomes {
			if o.State != flows.Read {
				row.All = append(row.All, strings.TrimSpace(fmt.Sprintf("%s %s %s", o.Metric, o.State, o.Reason)))
			}
		}
		t.Log = append(t.Log, row)
	}
	return t, err
}

func plural(n int, word string) string {
	if n != 1 {
		word += "s"
	}
	return fmt.Sprintf("%d %s", n, word)
}

// history fills in the charts.
func (p *pages) history(ctx context.Context, t *meterTab, serial string, days int, c clock) error {
	period := flows.Period{From: c.now.AddDate(0, 0, -days), To: c.now.Add(time.Minute)}
	list, err := p.MeterSeries(ctx, serial, period)
	if err != nil {
		return err
	}
	for i, s := range list {
		t.Series = append(t.Series, seriesOf(s, i, period, c))
	}
	changes, err := p.HealthChanges(ctx, serial, period, mostChanges)
	for _, change := range changes {
		t.Changes = append(t.Changes, changeRow{c.Exact(change.At), healthMark(flows.MeterLine{Mode: flows.Active, Address: "known", Health: change.Health})})
	}
	return err
}

// seriesOf breaks the line where a value was asked for and not given, and where readings are much farther apart than they usually are.
func seriesOf(s flows.Series, i int, p flows.Period, c clock) seriesView {
	const apart = 3 // usual distances
	v := seriesView{Series: s, Key: fmt.Sprintf("series-%d", i), Data: lineData{Kind: "line", Zone: c.zone.String(), Unit: s.Unit, From: p.From.Unix(), To: p.To.Unix()}}
	var distances []time.Duration
	for k := 1; k < len(s.Points); k++ {
		distances = append(distances, s.Points[k].At.Sub(s.Points[k-1].At))
	}
	slices.Sort(distances)
	usual := time.Hour
	if n := len(distances); n > 0 {
		usual = max(distances[n/2], time.Second)
	}
	gaps := 0
	add := func(at time.Time, y *json.Number, title string) {
		v.Data.X, v.Data.Y, v.Data.Titles = append(v.Data.X, at.Unix()), append(v.Data.Y, y), append(v.Data.Titles, title)
	}
	for k, point := range s.Points {
		if k > 0 && point.At.Sub(s.Points[k-1].At) > apart*usual {
			add(s.Points[k-1].At.Add(usual), nil, "no reading")
			gaps++
		}
		when := c.Exact(point.At).Title
		if point.Value == "" {
			add(point.At, nil, when+": not given")
			gaps++
			continue
		}
		add(point.At, new(json.Number(point.Value)), when+": "+grouped(point.Value)+thin+s.Unit)
		v.Last = grouped(point.Value) + thin + s.Unit
	}
	v.Summary = fmt.Sprintf("%s, %d readings, %d gaps; the last is %s", s.Name, len(s.Points), gaps, cmp.Or(v.Last, "not known"))
	return v
}

// tariffsOf reads the documents of a shadow. They are what the meter said; what is null there was not read.
func tariffsOf(active, future json.RawMessage) (list []tariffView) {
	for _, d := range []struct {
		title string
		text  json.RawMessage
	}{{"Active", active}, {"Future", future}} {
		var values map[string]any
		decoder := json.NewDecoder(bytes.NewReader(d.text))
		decoder.UseNumber()
		if decoder.Decode(&values) != nil || len(values) == 0 {
			continue
		}
		v := tariffView{Title: d.title}
		for _, name := range slices.Sorted(maps.Keys(values)) {
			v.Rows = append(v.Rows, [2]string{strings.ReplaceAll(name, "_", " "), tariffText(values[name])})
		}
		list = append(list, v)
	}
	return list
}

func tariffText(value any) string {
	switch v := value.(type) {
	case nil:
		return "–"
	case map[string]any:
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, name+" "+tariffText(v[name]))
		}
		return strings.Join(parts, ", ")
	case bool:
		return map[bool]string{true: "yes", false: "no"}[v]
	}
	return fmt.Sprint(value)
}

// flagsOf shows the status of a log's record.
func flagsOf(status *int) string {
	if status == nil {
		return ""
	}
	if *status == 128 {
		return "valid"
	}
	text := "not valid"
	if *status&128 != 0 {
		text = "valid"
	}
	return fmt.Sprintf("%s, 0x%04x", text, *status)
}
