package ledger

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"flows"
)

// Energies are what went through a meter's registers, in 0.1 Wh.
type Energies struct{ ImportA, ExportA, ImportB, ExportB int64 }

func (e Energies) of(element string, d flows.Direction) flows.Energy {
	switch {
	case element == "A" && d == flows.Import:
		return flows.Energy(e.ImportA)
	case element == "A":
		return flows.Energy(e.ExportA)
	case d == flows.Import:
		return flows.Energy(e.ImportB)
	}
	return flows.Energy(e.ExportB)
}

// Slot is the truth about a half-hour: what went through the registers in it, by the meter's own clock, and what the meter's log
// misrepresents of it; see faults.
type Slot struct {
	Start time.Time
	Moved Energies
	Wrong []string
}

// HalfHours is what half-hours are to be judged by.
type HalfHours struct {
	Meters  []Meter
	Answers []Answer
	Stored  []Stored
	OfMeter map[string][]flows.Exception // those that are no register's, by serial
	Truth   map[string][]Slot            // by serial, without a break
	Faults  map[string][]string          // what befalls the meters' logs, by serial; see faults
	Zone    *time.Location               // of the local times in the report
}

// HalfHourReport is what became of the meters' half-hours. Energies are in kWh.
type HalfHourReport struct {
	Registers int       `json:"registers"` // each in one direction
	Slots     []Counted `json:"half_hours"`
	Compared  int       `json:"compared_with_truth"` // actual ones whose value is what went through the register
	Unread    int       `json:"unread"`              // that a log has between two holes and that nobody came to

	Runs   int    `json:"runs"`          // half-hours without a null between two readings of the wire
	Sum    string `json:"runs_kwh"`      // of those half-hours
	Moved  string `json:"registers_kwh"` // of the differences of those readings
	Astray string `json:"astray_kwh"`    // the one less the other, run by run, both ways added up

	Nulls      []NullSpan   `json:"null_spans"`
	Exceptions []RuleCount  `json:"exceptions"`
	Faults     []FaultCount `json:"faults"`
	Clocks     []Clock      `json:"clocks_off"`
	Wrong      []SlotFault  `json:"wrong"`

	sum, moved, astray flows.Energy
}

// Counted is how many half-hours there are of a quality; null ones have none.
type Counted struct {
	Quality  string `json:"quality"`
	Billable int    `json:"billable"`
	Other    int    `json:"not_billable"`
}

// RuleCount is how often a rule spoke.
type RuleCount struct {
	Rule       flows.Rule `json:"rule"`
	Exceptions int        `json:"exceptions"`
	Count      int        `json:"count"` // half-hours, records or samples concerned
}

// Clock is a meter whose clock is off.
type Clock struct {
	Serial   string `json:"serial"`
	Seconds  int    `json:"seconds"`
	Slots    int    `json:"half_hours"`
	Billable int    `json:"billable"`
}

// SlotFault is a half-hour, or several in a row, that is not as it should be.
type SlotFault struct {
	Serial    string          `json:"serial"`
	Element   string          `json:"element"`
	Direction flows.Direction `json:"direction"`
	Start     time.Time       `json:"start"`
	Local     string          `json:"local"`
	Stored    string          `json:"stored"`
	Expected  string          `json:"expected"`
	Why       string          `json:"why"`
}

func (f SlotFault) String() string {
	return fmt.Sprintf("half-hour of %s %s %s at %s (%s): stored %s, expected %s: %s", f.Serial, f.Element, f.Direction, f.Local, clock(f.Start),
		f.Stored, f.Expected, f.Why)
}

// Compare holds every half-hour against what the meters answered and what truly went through their registers.
func (h HalfHours) Compare() HalfHourReport {
	r := HalfHourReport{Nulls: []NullSpan{}, Clocks: []Clock{}, Wrong: []SlotFault{}}
	pages, drifts := pagesOf(h.Meters, h.Answers), driftsOf(h.Answers)
	found := map[string]*FaultCount{}
	var named []string
	for _, m := range h.Meters {
		off := Clock{Serial: m.Serial, Seconds: int(drifts[m.Serial] / 1000)}
		var lines []*line
		for _, s := range h.Stored {
			if s.Serial == m.Serial {
				l := newLine(&r, h, m, s, pages[register{s.Serial, s.Element, s.Direction}], &off)
				l.check()
				lines = append(lines, l)
			}
		}
		r.faults(h, m, lines, found, off)
		if off.Seconds >= clockWarning || off.Seconds <= -clockWarning {
			r.Clocks = append(r.Clocks, off)
		}
		named = append(named, m.Serial)
	}
	for _, f := range faults {
		if c := found[f.kind]; c != nil {
			r.Faults = append(r.Faults, *c)
		}
	}
	for _, s := range h.Stored {
		if !slices.Contains(named, s.Serial) {
			r.Wrong = append(r.Wrong, SlotFault{Serial: s.Serial, Element: s.Element, Direction: s.Direction, Stored: "a register", Expected: None, Why: "no such meter in the fleet"})
		}
	}
	r.rules(h)
	r.Sum, r.Moved, r.Astray = kWh(r.sum), kWh(r.moved), kWh(r.astray)
	slices.SortStableFunc(r.Wrong, func(a, b SlotFault) int { return cmp.Or(cmp.Compare(a.Serial, b.Serial), a.Start.Compare(b.Start)) })
	return r
}

// From where on a clock is off, and from where on nothing is billed by it, in s.
const (
	clockWarning    = 20
	clockUnbillable = 900
)

// driftsOf gives how far each meter's clock was off at the most, in ms.
func driftsOf(answers []Answer) map[string]int64 {
	worst := map[string]int64{}
	for _, a := range answers {
		for _, v := range a.Values {
			if v.Name == "drift" && a.Whole && max(v.Number, -v.Number) > max(worst[a.Serial], -worst[a.Serial]) {
				worst[a.Serial] = v.Number
			}
		}
	}
	return worst
}

// rules counts the exceptions.
func (r *HalfHourReport) rules(h HalfHours) {
	counts := map[flows.Rule]*RuleCount{}
	add := func(all []flows.Exception) {
		for _, e := range all {
			if counts[e.Rule] == nil {
				counts[e.Rule] = &RuleCount{Rule: e.Rule}
			}
			counts[e.Rule].Exceptions++
			counts[e.Rule].Count += e.Count
		}
	}
	for _, s := range h.Stored {
		add(s.Exceptions)
	}
	for _, all := range h.OfMeter {
		add(all)
	}
	r.Exceptions = []RuleCount{}
	for _, c := range counts {
		r.Exceptions = append(r.Exceptions, *c)
	}
	slices.SortFunc(r.Exceptions, func(a, b RuleCount) int { return cmp.Compare(a.Rule, b.Rule) })
}

// count notes a half-hour.
func (r *HalfHourReport) count(q flows.Quality, billable bool) {
	name := cmp.Or(string(q), Null)
	i := slices.IndexFunc(r.Slots, func(c Counted) bool { return c.Quality == name })
	if i < 0 {
		for _, q := range []flows.Quality{flows.Edited, flows.Actual, flows.Derived, flows.Estimated} {
			r.Slots = append(r.Slots, Counted{Quality: string(q)})
		}
		r.Slots = append(r.Slots, Counted{Quality: Null})
		r.count(q, billable)
		return
	}
	if billable {
		r.Slots[i].Billable++
	} else {
		r.Slots[i].Other++
	}
}
