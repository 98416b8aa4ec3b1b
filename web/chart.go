package web

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"flows"
)

// What the script charts.js draws. Times are seconds, values are exact, and null is not known: nothing is drawn there, and no line crosses it.

// frame is what every chart has: its kind, the zone of its labels, and the whole of its time.
type frame struct {
	Kind string `json:"kind"`
	Zone string `json:"zone"`
	From int64  `json:"from"`
	To   int64  `json:"to"`
}

func frameOf(kind string, p flows.Period, c clock) frame {
	return frame{kind, c.zone.String(), p.From.Unix(), p.To.Unix()}
}

// barsData is half-hours as bars, import up, export down.
type barsData struct {
	frame
	X       []int64     `json:"x"` // middles of the half-hours
	Import  barsSide    `json:"import"`
	Export  barsSide    `json:"export"`
	Gaps    []gapData   `json:"gaps"`
	Why     whyData     `json:"why"`
	Up      json.Number `json:"up"` // kWh, ends of the scale that all lanes share
	Down    json.Number `json:"down"`
	Exports bool        `json:"exports"` // there is something below 0
}

// barsSide is the values of one direction by quality, edited ones with the actual ones.
type barsSide struct {
	Actual    []*json.Number `json:"actual"`
	Derived   []*json.Number `json:"derived"`
	Estimated []*json.Number `json:"estimated"`
}

// gapData is a half-hour that should be known.
type gapData struct {
	X    int64 `json:"x"`
	Down bool  `json:"down"`
}

// whyData tells of half-hours without a value, by their number, why.
type whyData struct {
	Import map[int]string `json:"import"`
	Export map[int]string `json:"export"`
}

// traceData is what a register stood at, by its meter's log and by reads of runs. It is drawn from its base on, since an axis begins at 0.
type traceData struct {
	frame
	X     []int64        `json:"x"`
	Log   []*json.Number `json:"log"`
	Reads []*json.Number `json:"reads"`
	Base  json.Number    `json:"base"`
}

// lineData is a value over time.
type lineData struct {
	frame
	Unit string         `json:"unit"`
	X    []int64        `json:"x"`
	Y    []*json.Number `json:"y"`
}

// draw gives lanes a common scale.
func draw(lanes []flows.Lane, traces []flows.Trace, s span, c clock) (views []laneView) {
	var up, down flows.Energy
	for _, l := range lanes {
		for _, slot := range l.Slots {
			up, down = larger(up, slot.Import.Value), larger(down, slot.Export.Value)
		}
	}
	for i, l := range lanes {
		v := laneOf(l, round125(max(up, flows.WattHour)), round125(down), s, c)
		v.Key = "lane-" + strconv.Itoa(i)
		for _, t := range traces {
			if t.Serial == l.Serial && t.Element == l.Element && (t.Direction == flows.Import || v.Bars.Exports) {
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

// round125 is the next of 1, 2, 5, 10, … Wh, or 0: a scale that a person can halve.
func round125(e flows.Energy) flows.Energy {
	if e <= 0 {
		return 0
	}
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

func barsOf(l flows.Lane, up, down flows.Energy, s span, c clock) barsData {
	n := len(l.Slots)
	side := func() barsSide {
		return barsSide{make([]*json.Number, n), make([]*json.Number, n), make([]*json.Number, n)}
	}
	b := barsData{frame: frameOf("bars", s.Period, c), X: make([]int64, n), Import: side(), Export: side(), Gaps: []gapData{}, Why: whyData{map[int]string{}, map[int]string{}},
		Up: json.Number(up.String()), Down: json.Number(down.String())}
	for i, slot := range l.Slots {
		b.X[i] = slot.Start.Add(flows.SlotLength / 2).Unix()
		b.Exports = b.Exports || slot.Export.Value != nil && *slot.Export.Value > 0
	}
	return b
}

// add draws one half-hour: a bar when it is known, a mark on the axis when it should be.
func (b *barsData) add(i int, d flows.Direction, c cell) {
	side, why := b.Import, b.Why.Import
	if d == flows.Export {
		side, why = b.Export, b.Why.Export
	}
	if c.Value == nil {
		why[i] = strings.TrimSpace(c.State.Word + " " + c.Reason)
		if c.State == gap || c.State == withdrawn {
			b.Gaps = append(b.Gaps, gapData{b.X[i], d == flows.Export})
		}
		return
	}
	value := *c.Value
	if d == flows.Export {
		value = -value
	}
	list := side.Actual
	switch c.Quality {
	case flows.Derived:
		list = side.Derived
	case flows.Estimated:
		list = side.Estimated
	}
	list[i] = new(json.Number(value.String()))
}

// traceView is a register in one direction as a chart.
type traceView struct {
	Direction flows.Direction
	Summary   string
	Data      traceData
}

func traceOf(t flows.Trace, s span, c clock) traceView {
	d := traceData{frame: frameOf("trace", s.Period, c), X: []int64{}, Log: []*json.Number{}, Reads: []*json.Number{}, Base: "0"}
	var base, first, last flows.Energy
	for log, reads := t.Log, t.Reads; len(log)+len(reads) > 0; {
		var p flows.TracePoint
		var record, read *json.Number
		if len(reads) == 0 || len(log) > 0 && !log[0].At.After(reads[0].At) {
			p, log = log[0], log[1:]
			record = new(json.Number(p.Value.String()))
		} else {
			p, reads = reads[0], reads[1:]
			read = new(json.Number(p.Value.String()))
		}
		if len(d.X) == 0 {
			base, first = p.Value, p.Value
		}
		base, last = min(base, p.Value), p.Value
		d.X, d.Log, d.Reads = append(d.X, p.At.Unix()), append(d.Log, record), append(d.Reads, read)
	}
	d.Base = json.Number(base.String())
	return traceView{t.Direction, fmt.Sprintf("Register %s %s, %s: from %s to %s kWh, %d records of the log, %d reads", t.Element, t.Direction, s.Words, first, last, len(t.Log), len(t.Reads)), d}
}
