package syncer

import (
	"errors"
	"time"

	"flows"
	"flows/emop"
)

// halfLog is one of a meter's half-hourly logs while it is read.
type halfLog struct {
	name      string
	registers []flows.ProfileMark // what its records hold; the times mean nothing
	question  func(at, to time.Time) emop.Item
	decode    func(payload []byte, at time.Time) (page, error)
	ranged    bool // it is asked for ranges and answers with those

	next, to time.Time // the half-hour to ask for next, and the last one
	answered bool
	ended    bool // the meter has nothing more of it
	err      error
}

// page is what one answer told.
type page struct {
	reads []flows.ProfileRead // in any order
	last  time.Time           // up to where the answer speaks; zero = what its records say
}

// HalfHours is what was found of a meter's half-hourly logs.
type HalfHours struct {
	Reads []flows.ProfileRead
	Holes []flows.ProfileHole
}

// left says that there is something to ask for, or would be if the log had not failed.
func (l *halfLog) left() bool { return !l.ended && !l.next.After(l.to) }

func (l *halfLog) open() bool { return l.left() && l.err == nil }

// errCalls is the end of the questions one has.
var errCalls = errors.New("no questions left")

// halfHours reads the logs with at most so many questions: always the one that is furthest behind, so that all end at about the same
// half-hour when the questions do. Trouble of one log with its answers is that log's; any other ends all.
func (r *run) halfHours(logs []*halfLog, most int) (found HalfHours, calls int) {
	w := walk{run: r, left: most, found: &found}
	for {
		var l *halfLog
		for _, other := range logs {
			if other.open() && (l == nil || other.next.Before(l.next)) {
				l = other
			}
		}
		if l == nil {
			break
		}
		err := w.step(l)
		if err == nil {
			continue
		}
		if errors.Is(err, errCalls) {
			break
		}
		l.err = err
		if code := flows.CodeOf(err, flows.Mediator); !r.late || code != flows.NAK && code != flows.BadAnswer {
			break // also when it is not known who answers
		}
	}
	return found, most - w.left
}

// walk counts questions and keeps what is found.
type walk struct {
	run   *run
	left  int
	found *HalfHours
}

// step asks for the next half-hour that is missing. The answer's own times decide where to go on: behind its last record, so that
// what it skips is not asked for again. Each step goes on by a half-hour at least or is the last one.
func (w *walk) step(l *halfLog) error {
	p, err := w.ask(l, l.next)
	if err != nil {
		return err
	}
	l.answered = true
	from := l.next
	if p.reaches(from, l.to).IsZero() {
		if from, p, err = w.beyond(l); err != nil {
			return err
		}
		if from.IsZero() {
			l.ended = true
			return nil
		}
	}
	last := p.reaches(from, l.to)
	w.found.Reads = append(w.found.Reads, notBefore(p.reads, from)...)
	for _, reg := range l.registers {
		w.found.Holes = append(w.found.Holes, holes(p.reads, reg, l.next, last)...)
	}
	l.next = after(last)
	return nil
}

// holes gives the half-hours from one time to another, both included, of which there is no record. One beside the half-hours is none.
func holes(reads []flows.ProfileRead, reg flows.ProfileMark, from, to time.Time) (all []flows.ProfileHole) {
	has := map[time.Time]bool{}
	for _, r := range reads {
		if r.Element == reg.Element && r.Direction == reg.Direction {
			has[r.Time.UTC()] = true
		}
	}
	for t := from; !t.After(to); t = t.Add(flows.SlotLength) {
		switch n := len(all) - 1; {
		case has[t]:
		case n >= 0 && all[n].To.Equal(t):
			all[n].To = t.Add(flows.SlotLength)
		default:
			all = append(all, flows.ProfileHole{Element: reg.Element, Direction: reg.Direction, Period: flows.Period{From: t, To: t.Add(flows.SlotLength)}})
		}
	}
	return all
}

// beyond looks for the record behind a half-hour about which the meter has told only older ones. Meters that do so may have stopped
// logging or may have a hole there: the newest half-hour tells which. Behind a hole the search is by halves; of its answers only the one
// that begins behind the hole is kept, lest records that were skipped look known. What lies between two holes may be passed
// over, and counts as one. A zero time: there is none.
func (w *walk) beyond(l *halfLog) (from time.Time, found page, err error) {
	none := l.next
	for at := l.to; !l.ranged && at.After(none); at = none.Add(from.Sub(none) / 2).Truncate(flows.SlotLength) {
		p, err := w.ask(l, at)
		if err != nil {
			return from, p, err
		}
		first := p.first(after(none), l.to)
		switch {
		case !first.IsZero() && (from.IsZero() || first.Before(from)):
			from, found = first.UTC().Truncate(flows.SlotLength), p
			if from.After(at) {
				none = from.Add(-flows.SlotLength) // shown to be in the hole
			}
		case from.IsZero():
			return from, p, nil
		default:
			none = at
		}
	}
	return from, found, nil
}

// ask puts one question about a log.
func (w *walk) ask(l *halfLog, at time.Time) (page, error) {
	if w.left <= 0 {
		return page{}, errCalls
	}
	w.left--
	a, err := w.run.more(l.question(at, l.to))
	if err != nil {
		return page{}, err
	}
	p, err := l.decode(a.Payload, at)
	if err != nil {
		return page{}, &flows.Error{Code: flows.BadAnswer, Err: err}
	}
	return p, nil
}

// notBefore leaves out what was not asked for: it is known already, or a backfill's.
func notBefore(reads []flows.ProfileRead, from time.Time) (kept []flows.ProfileRead) {
	for _, r := range reads {
		if !r.Time.Before(from) {
			kept = append(kept, r)
		}
	}
	return kept
}

// first is the time of the first record from one time to another, both included; of later ones the end; zero when there is none.
func (p page) first(from, to time.Time) (first time.Time) {
	for _, r := range p.reads {
		if t := earlier(r.Time, to); !t.Before(from) && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// reaches is up to where the answer speaks for what is missing, zero when it says nothing of it. A record of the future says
// that there is none up to the end, unless others are before it.
func (p page) reaches(from, to time.Time) (last time.Time) {
	if !p.last.IsZero() {
		if p.last.Before(from) {
			return time.Time{}
		}
		return earlier(p.last, to)
	}
	later := false
	for _, r := range p.reads {
		switch {
		case r.Time.After(to):
			later = true
		case !r.Time.Before(from) && r.Time.After(last):
			last = r.Time
		}
	}
	if last.IsZero() && later {
		return to
	}
	return last
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
