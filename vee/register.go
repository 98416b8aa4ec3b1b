package vee

import (
	"strings"
	"time"

	"flows"
)

// Register is what is known of the register that is judged.
type Register struct {
	Direction flows.Direction
	Unit      flows.Energy // of one count: flows.WattHour, on P1.cx flows.DeciWattHour; 0 = flows.WattHour
	Rating    Rating

	Start, End     time.Time   // zero: no bound. Half-hours outside are not judged
	Initial, Final *Count      // readings at Start and End; nil unless both meters of an exchange have theirs
	Restarts       []time.Time // exchanges that kept this register: its counter may start anew there

	NoLog bool           // the hardware keeps no profile log: register reads are all there is, and Records are not looked at
	Lost  []flows.Period // where the meter has shown that its log holds nothing and never will

	Passive  []flows.Period // the meter was not to be asked: nothing is expected
	LoadOff  []flows.Period // the meter's load was switched off
	NoExport bool           // exporting is not allowed here
	LogEvery time.Duration  // how often the log is fetched; 0 = 12 h
}

// Rating bounds what can flow. The zero value is unknown.
type Rating struct {
	Fuse   int // A
	Phases int
}

// RatingOf fills in what the registry leaves open: 100 A but for P1.cx, whose current transformers say nothing; three phases for three phase
// hardware, else one.
func RatingOf(hardware string, fuse, phases *int) Rating {
	var r Rating
	three := currentTransformers(hardware)
	switch strings.ToUpper(hardware) {
	case "P1.AX", "AX":
		three = true
	}
	switch {
	case fuse != nil:
		r.Fuse = *fuse
	case !currentTransformers(hardware):
		r.Fuse = 100
	}
	switch {
	case phases != nil:
		r.Phases = *phases
	case three:
		r.Phases = 3
	default:
		r.Phases = 1
	}
	return r
}

// currentTransformers says whether the hardware is one that measures through them: it counts in 0.1 Wh, and nobody knows what is connected.
func currentTransformers(hardware string) bool {
	switch strings.ToUpper(hardware) {
	case "P1.CX", "CX":
		return true
	}
	return false
}

// Known says whether there is a bound at all.
func (r Rating) Known() bool { return r.Fuse > 0 && r.Phases > 0 }

// E_max is 1.2 times what the fuse lets through at 253 V: 303.6 V·A a fuse's ampere and phase. The database trigger has the same numbers.
const deciVolts, secondsPerHour = 3036, 3600

// Most is E_max, the energy that can flow in d, rounded up to whole Wh, in counts of the unit.
func (r Rating) Most(d time.Duration, unit flows.Energy) Limit {
	if !r.Known() || d < 0 {
		return Limit{}
	}
	seconds := uint64((d + time.Second - 1) / time.Second)
	tenths := deciVolts * uint64(r.Fuse) * uint64(r.Phases) * seconds
	wattHours := (tenths + 10*secondsPerHour - 1) / (10 * secondsPerHour)
	return Limit{Counts: wattHours * uint64(flows.WattHour/unit), Known: true}
}

// Limit is an upper bound of a difference.
type Limit struct {
	Counts uint64
	Known  bool
}

func (l Limit) allows(c Count) bool { return !l.Known || uint64(c) <= l.Counts }
