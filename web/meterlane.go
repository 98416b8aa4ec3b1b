package web

import (
	"fmt"
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
	Energy                                      flows.Energy
	Expected, Known, Estimated, Lacking, Coming int
	State                                       mark
}

// side is a direction and what it comes to.
type side struct {
	Direction flows.Direction
	sums
}

// Sides are the directions that there is something to say of.
func (v laneView) Sides() []side {
	if v.Exports {
		return []side{{flows.Import, v.In}, {flows.Export, v.Out}}
	}
	return []side{{flows.Import, v.In}}
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
		s.Coming++
		s.Expected++
	}
	s.State = sideMark(flows.TotalSide{Expected: s.Expected, Known: s.Known, Estimated: s.Estimated})
}

func (s sums) words() string {
	return strings.Join(append([]string{s.Energy.String() + thin + "kWh"}, s.Notes()...), ", ")
}

// Notes are what is not as it should be.
func (s sums) Notes() (list []string) {
	for _, n := range []struct {
		n    int
		word string
	}{{s.Lacking, "missing"}, {s.Estimated, "estimated"}, {s.Coming, "to come"}} {
		if n.n > 0 {
			list = append(list, fmt.Sprintf("%d %s", n.n, n.word))
		}
	}
	return list
}

// laneOf is a lane with the scale that all lanes share.
func laneOf(l flows.Lane, up, down flows.Energy, s span, c clock) laneView {
	v := laneView{Lane: l, Bars: barsOf(l, up, down, s, c)}
	states := stateOf(l, c)
	for i, slot := range l.Slots {
		row := slotRow{Time: c.Slot(slot.Start), Import: cell{slot.Import, states[i][0]}, Export: cell{slot.Export, states[i][1]}}
		if s.View == "day" {
			v.Rows = append(v.Rows, row)
		} else {
			v.day(slot.Start.In(c.zone), s, row)
		}
		v.In.add(row.Import)
		v.Bars.add(i, flows.Import, row.Import)
		if l.Exports {
			v.Out.add(row.Export)
			v.Bars.add(i, flows.Export, row.Export)
		}
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

// settled is how old a half-hour is when it should be there: a log's period and two hours.
const settled = 14 * time.Hour

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
