package web

import (
	"fmt"
	"math"
	"slices"
	"time"

	"flows"
)

// laneView is a register's day as bars, and as the table behind them.
type laneView struct {
	flows.Lane
	Chart chart
	Rows  []slotRow
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

// chart is drawn in units of a pixel. Import goes up from the axis, export down, both to the same scale, which all lanes of a day share.
type chart struct {
	Hatch                     string // id of the pattern of what is estimated
	Width, Height, Left, Axis float64
	Bars                      []bar
	Gaps                      []gapMark
	Hours                     []label
	Most                      string // kWh at the top
	MostOut                   string // kWh at the bottom, when there is export
	Top, Bottom               float64
	Exports                   bool
}

type bar struct {
	X, Y, Width, Height  float64
	Direction            flows.Direction
	Quality              flows.Quality
	Title, Start, Energy string
	Fill                 string // of the pattern, or none
}

type gapMark struct {
	X, Y      float64
	Direction flows.Direction
	Title     string
}

type label struct {
	X    float64
	Text string
}

const (
	slotWidth  = 18.0
	barWidth   = 14.0
	upwards    = 160.0 // pixels of the direction that has more
	leastReach = 20.0  // of the other one: room for marks and labels
	leftOf     = 44.0
	aboveTop   = 12.0
	belowHours = 22.0
)

// settled is how old a half-hour is when it should be there: a log's period and two hours.
const settled = 14 * time.Hour

// reach is the scale of a day: the ends of both directions, and pixels per unit of energy.
type reach struct {
	up, down flows.Energy
	scale    float64
}

// draw gives lanes a common scale.
func draw(lanes []flows.Lane, c clock) (views []laneView) {
	var up, down flows.Energy
	for _, l := range lanes {
		for _, s := range l.Slots {
			up, down = larger(up, s.Import.Value), larger(down, s.Export.Value)
		}
	}
	r := reach{up: round125(up), down: round125(down)}
	r.scale = upwards / float64(max(r.up, r.down))
	for i, l := range lanes {
		views = append(views, drawLane(l, i, r, c))
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

func drawLane(l flows.Lane, index int, r reach, c clock) laneView {
	v := laneView{Lane: l}
	top := aboveTop
	axis := top + max(leastReach, float64(r.up)*r.scale)
	v.Chart = chart{Hatch: fmt.Sprintf("hatch-%d", index), Width: leftOf + slotWidth*float64(len(l.Slots)), Left: leftOf, Axis: axis,
		Top: axis - float64(r.up)*r.scale, Most: r.up.String(), Bottom: axis, Exports: l.Exports, Height: axis + belowHours}
	if l.Exports {
		v.Chart.Bottom, v.Chart.MostOut = axis+float64(r.down)*r.scale, r.down.String()
		v.Chart.Height = axis + max(leastReach, float64(r.down)*r.scale) + belowHours
	}
	states := stateOf(l, c)
	for i, s := range l.Slots {
		x := leftOf + slotWidth*float64(i)
		row := slotRow{Time: c.Slot(s.Start), Import: cell{s.Import, states[i][0]}, Export: cell{s.Export, states[i][1]}}
		v.Rows = append(v.Rows, row)
		v.Chart.add(x, r.scale, flows.Import, row.Time, row.Import)
		if l.Exports {
			v.Chart.add(x, r.scale, flows.Export, row.Time, row.Export)
		}
		if at := s.Start.In(c.zone); at.Minute() == 0 && at.Hour()%3 == 0 {
			v.Chart.Hours = append(v.Chart.Hours, label{x, at.Format("15:04")})
		}
	}
	return v
}

// add draws one half-hour: a bar when it is known, a mark on the axis when it should be.
func (ch *chart) add(x, scale float64, d flows.Direction, at told, c cell) {
	title := at.Title + ", " + string(d) + ": "
	if c.Value == nil {
		if c.State == gap || c.State == withdrawn {
			y := ch.Axis - 5
			if d == flows.Export {
				y = ch.Axis + 5
			}
			if c.Reason != "" {
				title += c.Reason + ", "
			}
			ch.Gaps = append(ch.Gaps, gapMark{x + slotWidth/2, y, d, title + c.State.Word})
		}
		return
	}
	height := max(0, float64(*c.Value)*scale)
	b := bar{X: x + (slotWidth-barWidth)/2, Y: ch.Axis - height, Width: barWidth, Height: height, Direction: d, Quality: c.Quality,
		Title: title + energy(c.Value) + thin + "kWh, " + string(c.Quality), Start: at.Stamp, Energy: c.Value.String()}
	if d == flows.Export {
		b.Y = ch.Axis
	}
	if c.Quality == flows.Estimated {
		b.Fill = "url(#" + ch.Hatch + ")"
	}
	ch.Bars = append(ch.Bars, b)
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
