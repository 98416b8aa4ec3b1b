package ledger

import (
	"slices"
	"time"

	"flows"
)

// group is the history rows of one meter that share a time, as one run writes them.
type group struct {
	at    time.Time
	facts map[string][]flows.Fact // by column; more than one is one too many
}

// gap is a row that was due and has not been found yet.
type gap struct {
	key    string
	want   *want
	at     time.Time // when it should stand
	window string    // the same in words
}

// compare holds the meter's facts against what is expected.
func (b *book) compare() {
	var history, present, events []flows.Fact
	for _, f := range b.facts {
		switch {
		case isPresent(f.Table):
			present = append(present, f)
		case f.Table == "meter_event_log":
			events = append(events, f)
		default:
			history = append(history, f)
		}
	}
	groups := grouped(history)
	gaps, strays := b.compareHistory(groups)
	b.pair(gaps, strays)
	b.pair(b.compareEvents(events))
	b.comparePresent(present)
}

func grouped(facts []flows.Fact) []group {
	slices.SortStableFunc(facts, func(a, b flows.Fact) int { return a.Time.Compare(b.Time) })
	var groups []group
	for i, f := range facts {
		if i == 0 || !f.Time.Equal(facts[i-1].Time) {
			groups = append(groups, group{f.Time, map[string][]flows.Fact{}})
		}
		of := groups[len(groups)-1].facts
		of[keyOf(f)] = append(of[keyOf(f)], f)
	}
	return groups
}

// compareHistory gives the rows that are missing and those that nothing accounts for.
func (b *book) compareHistory(groups []group) (gaps []gap, strays []flows.Fact) {
	taken := make([]bool, len(groups))
	for i, g := range align(b.visits, groups) {
		v := b.visits[i]
		var facts map[string][]flows.Fact
		at, window := v.to, clock(v.from)+" to "+clock(v.to)+" ± "+slack.String()
		if g >= 0 {
			taken[g] = true
			facts, at, window = groups[g].facts, groups[g].at, clock(groups[g].at)
		}
		for key, w := range v.rows {
			if found := facts[key]; len(found) > 0 {
				b.check(w, found)
			} else if !w.absent {
				gaps = append(gaps, gap{key, w, at, window})
			}
		}
		for key, found := range facts {
			if v.rows[key] == nil {
				strays = append(strays, found...)
			}
		}
	}
	for i, g := range groups {
		for _, found := range g.facts {
			if !taken[i] {
				strays = append(strays, found...)
			}
		}
	}
	return gaps, strays
}

// compareEvents does the same for the event log, whose times are the meter's own.
func (b *book) compareEvents(facts []flows.Fact) (gaps []gap, strays []flows.Fact) {
	stored := map[entry][]flows.Fact{}
	for _, f := range facts {
		at := entry{keyOf(f), f.Time.Unix()}
		if b.events[at] == nil || f.Time.Nanosecond() != 0 {
			strays = append(strays, f)
			continue
		}
		stored[at] = append(stored[at], f)
	}
	for at, w := range b.events {
		if found := stored[at]; len(found) > 0 {
			b.check(w, found)
		} else {
			gaps = append(gaps, gap{at.key, w, w.at, clock(w.at)})
		}
	}
	return gaps, strays
}

// check holds the rows found in one place against the one that must be there.
func (b *book) check(w *want, found []flows.Fact) {
	best := max(0, slices.IndexFunc(found, w.ok))
	for i, f := range found {
		switch {
		case i != best:
			b.report.add(b.Serial, keyOf(f), f.Time, "one row", "one more, "+textOf(f), "stored twice")
		case !w.ok(f):
			b.report.add(b.Serial, keyOf(f), f.Time, w.String(), textOf(f), "not what the meter answered")
		case !f.Null:
			w.settle(f)
		}
	}
}

// pair reports what is left: a row in the wrong place once, and what has no counterpart.
func (b *book) pair(gaps []gap, strays []flows.Fact) {
	for _, f := range strays {
		i := slices.IndexFunc(gaps, func(g gap) bool { return g.key == keyOf(f) && g.want.ok(f) })
		if i < 0 {
			b.report.unexpected(f, f.Time, "nothing was answered that would be stored here")
			continue
		}
		b.report.add(b.Serial, keyOf(f), f.Time, gaps[i].window, clock(f.Time), "stored under another time")
		gaps = slices.Delete(gaps, i, i+1)
	}
	for _, g := range gaps {
		b.report.add(b.Serial, g.key, g.at, g.want.String(), None, "not stored")
	}
}

// comparePresent holds the shadow and the registry against the last that was read.
func (b *book) comparePresent(facts []flows.Fact) {
	stored := map[string][]flows.Fact{}
	for _, f := range facts {
		for _, f := range append(unfold(f), f) {
			if !f.Null {
				stored[keyOf(f)] = append(stored[keyOf(f)], f)
			}
		}
	}
	for key, found := range stored {
		w := b.present[key]
		for i, f := range found {
			switch {
			case i > 0 && documentOf(key) != "": // its document is there twice, and that is enough said
			case i > 0:
				b.report.add(b.Serial, key, b.last, "one row", "one more, "+f.Value, "stored twice")
			case w == nil && (documentOf(key) == "" || b.present[documentOf(key)] != nil):
				b.report.unexpected(f, b.last, "the meter did not answer it")
			case w != nil && !w.ok(f):
				b.report.add(b.Serial, key, w.at, w.String(), f.Value, "not what the meter answered last")
			}
		}
	}
	for key, w := range b.present {
		doc := documentOf(key)
		if len(stored[key]) == 0 && !w.null && !w.absent && (doc == "" || len(stored[doc]) > 0) {
			b.report.add(b.Serial, key, w.at, w.String(), None, "not stored")
		}
	}
}
