package web

import (
	"fmt"
	"net/url"
	"time"

	"flows"
)

const (
	daysShown   = 28
	metersShown = 25
)

// fleetDays is a row of marks for each meter that is not complete.
type fleetDays struct {
	flows.FleetDays
	Weeks  []week
	Rows   []daysRow
	Others int // incomplete meters that are not shown
}

// week is a head over the days up to the next Monday.
type week struct {
	Words string
	Span  int
}

type daysRow struct {
	Serial, Name, Path string
	Marks              []dayMark
	Lacking            int
}

type dayMark struct {
	mark
	Path string
}

func daysOf(d flows.FleetDays) fleetDays {
	f := fleetDays{FleetDays: d, Others: d.Incomplete - len(d.Meters)}
	for _, day := range d.Days {
		date, _ := time.Parse(time.DateOnly, day) // the store's own
		if len(f.Weeks) == 0 || date.Weekday() == time.Monday {
			f.Weeks = append(f.Weeks, week{Words: date.Format("2 Jan")})
		}
		f.Weeks[len(f.Weeks)-1].Span++
	}
	for i := range f.Weeks {
		if f.Weeks[i].Span < 3 { // the words would be wider than the days
			f.Weeks[i].Words = ""
		}
	}
	for i, w := range f.Weeks {
		if w.Span < 3 { // no room for the words
			f.Weeks[i].Words = ""
		}
	}
	for _, m := range d.Meters {
		row := daysRow{Serial: m.Serial, Name: m.Name, Path: meterPath(m.Serial), Lacking: m.Lacking}
		for i, state := range m.States {
			mk := dayMarks[state]
			mk.Word = d.Days[i] + ": " + mk.Word
			row.Marks = append(row.Marks, dayMark{mk, row.Path + "?day=" + d.Days[i]})
		}
		f.Rows = append(f.Rows, row)
	}
	return f
}

var dayMarks = map[flows.DayState]mark{
	flows.DayComplete: {"●", "good", "complete"}, flows.DayEstimated: {"◍", "estimated", "complete with estimates"}, flows.DayPartial: {"◐", "some", "partial"},
	flows.DayNone: {"○", "gap", "none"}, flows.DayNotExpected: {"–", "none", "not expected"},
}

// ageBar is a bar of the histogram: how many meters were last healthy so long ago, drawn in units of a pixel.
type ageBar struct {
	Words, Path string
	Count       int
	Width       float64
}

var ageWords = map[flows.AgeFilter]string{flows.AgeHour: "up to 1 h", flows.AgeHours: "1 to 3 h", flows.AgeDay: "3 to 24 h", flows.AgeWeek: "1 to 7 days", flows.AgeOlder: "older", flows.AgeNever: "never"}

func drawAges(counts []int, esco string) (bars []ageBar) {
	const width = 240.0
	most := 1
	for _, n := range counts {
		most = max(most, n)
	}
	for i, n := range counts {
		age := flows.Ages[i].Age
		bar := ageBar{Words: ageWords[age], Path: withESCO("/meters?"+url.Values{"fresh": {string(age)}}.Encode(), esco), Count: n, Width: width * float64(n) / float64(most)}
		if n > 0 {
			bar.Width = max(bar.Width, 2)
		}
		bars = append(bars, bar)
	}
	return bars
}

// Title is for who looks at a bar.
func (b ageBar) Title() string { return fmt.Sprintf("%d meters: %s", b.Count, b.Words) }
