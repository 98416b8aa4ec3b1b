package ledger

import (
	"slices"
	"time"

	"flows"
)

// longest is how far apart two answers of one run to a meter may be.
const longest = time.Minute

// Contained tells every stored value that no meter answered, that stands under a time at which none did, or that stands there twice. It
// is the half of Compare that needs no runs, for a database whose writers were killed and asked again: it cannot know what is missing.
//
// A run's rows have the time of its first register: that one must have been answered then, the others then or soon after, before the rows
// of the meter's next run. Without a register the time is that of the last answer. Present state may be of any time.
func Contained(meters []Meter, answers []Answer, facts []flows.Fact) []Mismatch {
	var r Report
	fleet := make(map[string]*witness, len(meters))
	for _, m := range meters {
		fleet[m.Serial] = &witness{Meter: m, report: &r, answered: map[string][]sighting{}}
	}
	for _, a := range answers {
		if w := fleet[a.Serial]; w != nil && a.Whole && !a.Write {
			w.hear(a)
		}
	}
	seen := map[flows.Fact]bool{}
	for _, f := range facts {
		w, place := fleet[f.Serial], flows.Fact{Table: f.Table, Serial: f.Serial, Column: f.Column, Time: f.Time.UTC()}
		switch {
		case w == nil:
			r.unexpected(f, f.Time, "no such meter in the fleet")
		case seen[place]:
			r.add(f.Serial, keyOf(f), f.Time, "one row", "one more, "+textOf(f), "stored twice")
		default:
			w.facts = append(w.facts, f)
		}
		seen[place] = true
	}
	for _, m := range meters {
		fleet[m.Serial].testify()
	}
	r.sort()
	return r.Mismatches
}

// testify looks for the answer to every stored value of the meter.
func (w *witness) testify() {
	var history []flows.Fact
	for _, f := range w.facts {
		switch {
		case isPresent(f.Table):
			for _, leaf := range append(unfold(f), f) {
				w.checkPresent(leaf)
			}
		case f.Table == "meter_event_log":
			w.checkEvent(f)
		default:
			history = append(history, f)
		}
	}
	groups := grouped(history)
	for i, g := range groups {
		from, to := g.at, g.at.Add(longest)
		if _, dated := g.facts["register_import.read.A"]; !dated {
			from = from.Add(-longest)
		}
		if i+1 < len(groups) && groups[i+1].at.Before(to) {
			to = groups[i+1].at
		}
		for _, found := range g.facts {
			w.checkRow(found[0], from.Add(-slack), to.Add(slack))
		}
	}
}

// checkRow wants an answer between the two times, to which the row's run may have reached.
func (w *witness) checkRow(f flows.Fact, from, to time.Time) {
	switch key := keyOf(f); {
	case key == "meter_csq.csq" && f.Null, key == "meter_health_history.health" && f.Value == string(flows.Unhealthy):
		// Nobody need have answered.
	case f.Null:
		w.report.unexpected(f, f.Time, "no answer is stored as null here")
	case key == "meter_health_history.health":
		if !slices.ContainsFunc(w.spoken, func(s sighting) bool { return s.during(from, to) }) {
			w.report.unexpected(f, f.Time, "the meter answered nothing at that time")
		}
	case w.Foreign:
		w.report.unexpected(f, f.Time, "another meter stands at this address")
	default:
		w.find(f, from, to)
	}
}

// find looks for the value, and says what was answered nearest to its time when it is not there.
func (w *witness) find(f flows.Fact, from, to time.Time) {
	var nearest sighting
	for _, s := range w.answered[keyOf(f)] {
		alike := s.is(f.Value)
		if alike && (s.dates && within(f.Time, s.from.Add(-slack), s.to.Add(slack)) || !s.dates && s.during(from, to)) {
			return
		}
		switch known := nearest.text != ""; {
		case !known, alike && !nearest.is(f.Value):
			nearest = s
		case alike == nearest.is(f.Value) && s.from.Sub(f.Time).Abs() < nearest.from.Sub(f.Time).Abs():
			nearest = s
		}
	}
	switch want := nearest.text + " answered " + clock(nearest.from) + " to " + clock(nearest.to); {
	case nearest.text == "":
		w.report.unexpected(f, f.Time, "the meter never answered such a value")
	case nearest.is(f.Value):
		w.report.add(w.Serial, keyOf(f), f.Time, want, textOf(f), "stored under another time")
	default:
		w.report.add(w.Serial, keyOf(f), f.Time, want, textOf(f), "the meter never answered that")
	}
}

// checkPresent leaves alone what is more than the value of one answer: the verdict, a document as a whole, who the meter is.
func (w *witness) checkPresent(f flows.Fact) {
	key := keyOf(f)
	all := w.answered[key]
	switch {
	case f.Null || !isAnswered(key) || key == "meter_registry.hardware" && w.Registered != "":
	case !slices.ContainsFunc(all, func(s sighting) bool { return s.is(f.Value) }):
		w.report.unexpected(f, time.Time{}, "the meter never answered that")
	case w.Foreign:
		w.report.unexpected(f, time.Time{}, "another meter stands at this address")
	}
}

func (w *witness) checkEvent(f flows.Fact) {
	for _, s := range w.answered[keyOf(f)] {
		if s.is(f.Value) && s.event == f.Time.UnixNano() {
			return
		}
	}
	w.report.unexpected(f, f.Time, "the meter never answered such an event")
}
