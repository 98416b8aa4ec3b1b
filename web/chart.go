package web

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"flows"
)

// laneView is a register's half-hours as a chart, and as the table behind it.
type laneView struct {
	flows.Lane
	Key     string // of the parts of the page
	Summary string
	Bars    barsData
	Traces  []traceView
	Rows    []slotRow // of a day
	Days    []dayRow  // of longer
	In, Out sums
}

type traceView struct {
	Direction flows.Direction
	Summary   string
	Data      traceData
}

// slotRow is a half-hour in the table.
type slotRow struct {
	Time           told
	Import, Export cell
}

// cell is one direction of a half-hour.
type cell struct {
	flows.Interval
	State mark
}

// dayRow is a day in the table.
type dayRow struct {
	Day, Path string
	In, Out   sums
}

// sums are what half-hours come to.
type sums struct {
	Energy                              flows.Energy
	Expected, Known, Estimated, Lacking int
	State                               mark
}

func (s *sums) add(c cell) {
	switch {
	case c.Value != nil:
		s.Energy, s.Known, s.Expected = s.Energy+*c.Value, s.Known+1, s.Expected+1
		if c.Quality == flows.Estimated {
			s.Estimated++
		}
	case c.State == gap || c.State == withdrawn:
		s.Lacking++
		s.Expected++
	case c.State == waiting || c.State == toCome:
		s.Expected++
	}
	s.State = sideMark(flows.TotalSide{Expected: s.Expected, Known: s.Known, Estimated: s.Estimated})
}

// barsData is what the script draws: half-hours as bars, import up, export down, both to the scale that all lanes share. Values are exact.
type barsData struct {
	Kind    string                    `json:"kind"`
	Zone    string                    `json:"zone"`
	From    int64                     `json:"from"` // seconds, as all times here
	To      int64                     `json:"to"`
	X       []int64                   `json:"x"` // middles of the half-hours
	Import  map[string][]*json.Number `json:"import"`
	Export  map[string][]*json.Number `json:"export"`
	Gaps    []gapData                 `json:"gaps"`
	Titles  []string                  `json:"titles"`
	Up      json.Number               `json:"up"` // kWh, ends of the scale
	Down    json.Number               `json:"down"`
	Exports bool                      `json:"exports"`
}

type gapData struct {
	X    int64 `json:"x"`
	Down bool  `json:"down"`
}

// traceData is what a register stood at, from what it stood at first on: an axis begins at 0.
type traceData struct {
	Kind   string         `json:"kind"`
	Zone   string         `json:"zone"`
	From   int64          `json:"from"`
	To     int64          `json:"to"`
	X      []int64        `json:"x"`
	Log    []*json.Number `json:"log"`
	Reads  []*json.Number `json:"reads"`
	Titles []string       `json:"titles"`
}

// settled is how old a half-hour is when it should be there: a log's period and two hours.
const settled = 14 * time.Hour

// qualities of bars, as they are drawn; edited ones look like actual ones.
var qualities = []flows.Quality{flows.Actual, flows.Derived, flows.Estimated}

// draw gives lanes a common scale.
func draw(lanes []flows.Lane, traces []flows.Trace, s span, c clock) (views []laneView) {
	var up, down flows.Energy
	for _, l := range lanes {
		for _, slot := range l.Slots {
			up, down = larger(up, slot.Import.Value), larger(down, slot.Export.Value)
		}
	}
	for i, l := range lanes {
		v := laneOf(l, s, c)
		v.Key = fmt.Sprintf("lane-%d", i)
		v.Bars.Up, v.Bars.Down = json.Number(round125(up).String()), json.Number(round125(down).String())
		for _, t := range traces {
			if t.Serial == l.Serial && t.Element == l.Element && (t.Direction == flows.Import || l.Exports) {
				v.Traces = append(v.Traces, traceOf(t, s, c))
			}
		}
		views = append(views, v)
	}
	return views
}

func larger(most flows.Energy, v *flows.Energy) flows.Energy {
	if v == nil {
		return most
	}
	return max(most, *v)
}

// round125 is the next of 1, 2, 5, 10, …: a scale that a person can halve.
func round125(e flows.Energy) flows.Energy {
	for step := flows.WattHour; ; step *= 10 {
		for _, n := range []flows.Energy{1, 2, 5} {
			if n*step >= e {
				return n * step
			}
		}
		if step > math.MaxInt64/100 {
			return e
		}
	}
}

func laneOf(l flows.Lane, s span, c clock) laneView {
	v := laneView{Lane: l, Bars: barsData{Kind: "bars", Zone: c.zone.String(), From: s.Period.From.Unix(), To: s.Period.To.Unix(), Exports: l.Exports, Gaps: []gapData{},
		X: []int64{}, Titles: []string{}, Import: map[string][]*json.Number{}, Export: map[string][]*json.Number{}}}
	states := stateOf(l, c)
	for i, slot := range l.Slots {
		row := slotRow{Time: c.Slot(slot.Start), Import: cell{slot.Import, states[i][0]}, Export: cell{slot.Export, states[i][1]}}
		if s.View == "day" {
			v.Rows = append(v.Rows, row)
		} else {
			v.day(slot.Start.In(c.zone), s, row)
		}
		v.In.add(row.Import)
		v.Bars.add(slot.Start, "import", row.Import)
		title := row.Time.Title + ": import " + cellWords(row.Import)
		if l.Exports {
			v.Out.add(row.Export)
			v.Bars.add(slot.Start, "export", row.Export)
			title += ", export " + cellWords(row.Export)
		}
		v.Bars.X, v.Bars.Titles = append(v.Bars.X, slot.Start.Add(flows.SlotLength/2).Unix()), append(v.Bars.Titles, title)
	}
	v.Summary = fmt.Sprintf("Half-hours of %s, %s: import %s", l.Element, s.Words, v.In.words())
	if l.Exports {
		v.Summary += "; export " + v.Out.words()
	}
	return v
}

// day adds the half-hour to its day in the table.
func (v *laneView) day(at time.Time, s span, row slotRow) {
	day := at.Format(time.DateOnly)
	if n := len(v.Days); n == 0 || v.Days[n-1].Day != day {
		v.Days = append(v.Days, dayRow{Day: day, Path: s.on("day", day)})
	}
	last := &v.Days[len(v.Days)-1]
	last.In.add(row.Import)
	if v.Exports {
		last.Out.add(row.Export)
	}
}

func (s sums) words() string {
	text := s.Energy.String() + thin + "kWh"
	for _, n := range []struct {
		n    int
		word string
	}{{s.Lacking, "missing"}, {s.Estimated, "estimated"}} {
		if n.n > 0 {
			text += fmt.Sprintf(", %d %s", n.n, n.word)
		}
	}
	return text
}

func cellWords(c cell) string {
	if c.Value == nil {
		return strings.TrimSpace(c.State.Word + " " + c.Reason)
	}
	return energy(c.Value) + thin + "kWh, " + string(c.Quality)
}

// add draws one half-hour: a bar when it is known, a mark on the axis when it should be.
func (b *barsData) add(at time.Time, direction string, c cell) {
	bars, down := b.Import, direction == "export"
	if down {
		bars = b.Export
	}
	shown := c.Quality
	if shown == flows.Edited {
		shown = flows.Actual
	}
	for _, q := range qualities {
		var value *json.Number
		if c.Value != nil && q == shown {
			text := c.Value.String()
			if down {
				text = (-*c.Value).String()
			}
			value = new(json.Number(text))
		}
		bars[string(q)] = append(bars[string(q)], value)
	}
	if c.Value == nil && (c.State == gap || c.State == withdrawn) {
		b.Gaps = append(b.Gaps, gapData{at.Add(flows.SlotLength / 2).Unix(), down})
	}
}

// traceOf draws a register from its first reading on.
func traceOf(t flows.Trace, s span, c clock) traceView {
	d := traceData{Kind: "trace", Zone: c.zone.String(), From: s.Period.From.Unix(), To: s.Period.To.Unix()}
	type reading struct {
		at    time.Time
		value flows.Energy
		log   bool
	}
	var all []reading
	for _, p := range t.Log {
		all = append(all, reading{p.At, p.Value, true})
	}
	for _, p := range t.Reads {
		all = append(all, reading{p.At, p.Value, false})
	}
	slices.SortStableFunc(all, func(a, b reading) int { return a.at.Compare(b.at) })
	if len(all) == 0 {
		return traceView{Direction: t.Direction, Data: d}
	}
	first := slices.MinFunc(all, func(a, b reading) int { return cmp.Compare(a.value, b.value) }).value
	for _, r := range all {
		n, what := new(json.Number((r.value - first).String())), "read"
		log, read := (*json.Number)(nil), n
		if r.log {
			log, read, what = n, nil, "meter's log"
		}
		d.X, d.Log, d.Reads = append(d.X, r.at.Unix()), append(d.Log, log), append(d.Reads, read)
		d.Titles = append(d.Titles, c.Exact(r.at).Title+": "+grouped(r.value.String())+thin+"kWh, "+what)
	}
	return traceView{t.Direction, fmt.Sprintf("Register %s %s, %s: from %s to %s kWh, %d records of the log, %d reads", t.Element, t.Direction, s.Words, all[0].value, all[len(all)-1].value,
		len(t.Log), len(t.Reads)), d}
}

// Marks of half-hours without a value.
var (
	gap         = mark{"○", "gap", "missing"}
	withdrawn   = mark{"○", "gap", "not known"}
	waiting     = mark{"–", "none", "not fetched yet"}
	notExpected = mark{"–", "none", "not expected"}
	toCome      = mark{"–", "none", "still to come"}
)

// stateOf tells for each half-hour how its import and its export are known, or why they are not.
func stateOf(l flows.Lane, c clock) [][2]mark {
	states := make([][2]mark, len(l.Slots))
	later := [2]bool{} // something is known of a later half-hour: who asked for that one asked for this one
	for i, s := range slices.Backward(l.Slots) {
		ends := s.Start.Add(flows.SlotLength)
		for d, v := range []flows.Interval{s.Import, s.Export} {
			switch {
			case v.Value != nil:
				states[i][d] = qualityMark(v.Quality)
				later[d] = true
			case v.Reason != "" && v.Reason != string(flows.RuleMissing):
				states[i][d] = withdrawn
				later[d] = true
			case d == 1 && !l.Exports, s.Start.Before(l.Life.From), !l.Life.To.IsZero() && ends.After(l.Life.To):
				states[i][d] = notExpected
			case ends.After(c.now):
				states[i][d] = toCome
			case !later[d] && c.now.Sub(ends) < settled:
				states[i][d] = waiting
			default:
				states[i][d] = gap
			}
		}
	}
	return states
}

func qualityMark(q flows.Quality) mark {
	switch q {
	case flows.Derived:
		return mark{"◐", "derived", "derived"}
	case flows.Estimated:
		return mark{"◍", "estimated", "estimated"}
	}
	return mark{"●", "good", string(q)}
}
