package syncer

import (
	"slices"
	"time"

	"flows"
)

// mostProfileCalls is how many questions one run has for all half-hourly logs of a meter: a whole day of a twin-element meter. Where there
// is no batch and it is not clear who answers, the first one is put again.
const mostProfileCalls = 35

// firstProfileSpan is how far a run goes back when nothing is known: the day behind it, which is what its questions suffice for. What is
// older is a backfill's.
const firstProfileSpan = 24 * time.Hour

// profileReach is how far back meters' logs go.
const profileReach = 90 * 24 * time.Hour

// profileSettled is how long after a half-hour its record is asked for: clocks that are some seconds slow have come there too.
const profileSettled = time.Minute

// profileLog takes what is missing of the meter's half-hourly logs. What it had got when something failed stays.
func profileLog(r *run) {
	if r.foreign != "" {
		return
	}
	logs := missing(r.logs(), r.meter.Profile, r.newestBoundary(time.Now()))
	found, calls := r.halfHours(logs, mostProfileCalls)
	r.result.Profile, r.result.Holes = found.Reads, found.Holes
	if calls == 0 {
		r.got = 1 // nothing is missing
	}
	for _, l := range logs {
		switch {
		case flows.NAKOf(l.err) == flows.NAKUnknownObject:
			r.note = "this meter has no " + l.name
		case l.err != nil:
			r.fail(l.name, l.err)
		}
		if l.answered {
			r.got = 1
		}
	}
	if calls >= mostProfileCalls && slices.ContainsFunc(logs, (*halfLog).open) {
		r.note = "more half-hours are missing than one run asks for"
	}
}

// newestBoundary is the last half-hour that the meter's clock is past. How far that clock is off is known when this run has read it;
// otherwise it is taken to be right. One that is slow costs a question for what is not there yet, one that is fast brings the newest
// half-hours a run later.
func (r *run) newestBoundary(now time.Time) time.Time {
	if d := r.result.Shadow.ClockDiff; d != nil {
		now = now.Add(time.Duration(*d) * time.Second)
	}
	return now.UTC().Add(-profileSettled).Truncate(flows.SlotLength)
}

// missing sets each log to what is missing of its registers: from the oldest of their marks on, up to the newest half-hour. A mark far in
// the future was made under a wrong clock and tells nothing.
func missing(logs []*halfLog, marks []flows.ProfileMark, newest time.Time) []*halfLog {
	first := newest.Add(-firstProfileSpan)
	for _, l := range logs {
		l.to = newest
		for _, reg := range l.registers {
			from := first
			for _, m := range marks {
				if m.Element == reg.Element && m.Direction == reg.Direction && !m.Through.IsZero() && m.Through.Before(newest.Add(firstProfileSpan)) {
					from = after(m.Through)
				}
			}
			if l.next.IsZero() || from.Before(l.next) {
				l.next = from
			}
		}
		if oldest := newest.Add(-profileReach); l.next.Before(oldest) {
			l.next = oldest
		}
	}
	return logs
}

// after is the half-hour behind t.
func after(t time.Time) time.Time { return t.UTC().Truncate(flows.SlotLength).Add(flows.SlotLength) }

// cannotTell is why it is not known who answers. It is never the NAK of one object, which would be taken for a log's.
func (r *run) cannotTell() error {
	switch {
	case r.othersTrouble != nil:
		return r.othersTrouble
	case r.foreign != "":
		return flows.Errorf(flows.ForeignMeter, "another meter answers at %s: %s", r.meter.Address, r.foreign)
	}
	return flows.Errorf(flows.CodeOf(r.metersTrouble, flows.BadAnswer), "%w", r.metersTrouble)
}
