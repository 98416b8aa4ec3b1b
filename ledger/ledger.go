// Package ledger compares what a fleet of meters answered with what the database holds. What must be stored is worked out from the
// answers alone, with a table of its own of what a metric means for which column; it shares no decoder, syncer or SQL with the rest.
//
// A database that was empty (but for the registry) before the first run is expected, and runs that do not overlap. Answers that arrived
// in no run are left out.
package ledger

import (
	"slices"
	"time"

	"flows"
)

// slack is how far two clocks of one machine may be apart.
const slack = time.Second

// Value is one physical value of an answer, before the meter encoded it. Number counts Unit.
type Value struct {
	Name   string
	Unit   string
	Number int64
	Text   string
}

// Answer is what became of one request that reached a meter.
type Answer struct {
	Serial   string // of the meter registered at that address
	Object   uint32
	Block    int      // of the event log; -1 otherwise
	Profile  *Profile // of a log of half-hours, whose Object is 0
	Write    bool
	Arrived  time.Time
	Departed time.Time // zero when nothing left
	Whole    bool      // left unspoiled as the answer to that request
	NAK      int       // 0 = ok
	Values   []Value
}

// Meter is what is true of a registered meter.
type Meter struct {
	Serial    string
	Hardware  string // true name
	Reachable bool   // answers at all, be it after a retry
	Foreign   bool   // another meter has taken its address
	Active    bool

	Registered   string // hardware the registry held before the first run; "" = null
	FrameAddress uint32 // its own address on the wire; 0 = not known here, any is right
}

// Run is one pass over all active meters. Metrics holds the enabled names as configured.
type Run struct {
	Frequency flows.Frequency
	Metrics   []string
	Started   time.Time
	Ended     time.Time
}

// Compare tells every stored value that is not what the meters answered, and every answered value that is not stored.
func Compare(meters []Meter, answers []Answer, runs []Run, facts []flows.Fact) Report {
	r := Report{Expected: map[string]int{}, Stored: map[string]int{}}
	runs = slices.SortedStableFunc(slices.Values(runs), func(a, b Run) int { return a.Started.Compare(b.Started) })
	books := make(map[string]*book, len(meters))
	for _, m := range meters {
		books[m.Serial] = &book{Meter: m, report: &r, heard: make([][]Answer, len(runs)), present: map[string]*want{}, events: map[entry]*want{}}
	}
	for _, a := range answers {
		if i, b := during(runs, a.Arrived), books[a.Serial]; i >= 0 && b != nil && !a.Write {
			b.heard[i] = append(b.heard[i], a)
		}
	}
	r.count(r.Stored, facts)
	for _, f := range facts {
		if b := books[f.Serial]; b != nil {
			b.facts = append(b.facts, f)
			continue
		}
		r.unexpected(f, f.Time, "no such meter in the fleet")
	}
	wanted := make([][]item, len(runs))
	for i := range runs {
		wanted[i] = itemsOf(runs[i].Metrics)
	}
	for _, m := range meters {
		b := books[m.Serial]
		for i := range runs {
			b.expect(&runs[i], wanted[i], b.heard[i])
		}
		b.expectRegistry()
		b.compare()
	}
	r.sort()
	return r
}

// during is the run in which something arrived; -1 = none.
func during(runs []Run, t time.Time) int {
	i, same := slices.BinarySearchFunc(runs, t, func(r Run, t time.Time) int { return r.Started.Compare(t) })
	if !same {
		i--
	}
	if i < 0 || t.After(runs[i].Ended.Add(slack)) {
		return -1
	}
	return i
}

// book is everything about one meter.
type book struct {
	Meter
	report *Report
	heard  [][]Answer // by run
	facts  []flows.Fact

	visits  []*visit
	present map[string]*want // by column of a table of present state; what is not here must be null
	events  map[entry]*want
	logged  bool      // a log of half-hours has been asked for
	last    time.Time // end of the last run
}
