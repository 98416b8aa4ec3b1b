package simulator

import "flows/emop"

// mostDays is how far the profile logs reach back.
const mostDays = 90

const (
	slotsADay = 48
	lastLabel = 0xfffffffe / 1800 // of a timestamp
)

// halfHours is what a meter's profile logs hold at a time. A record is labelled with the half-hour that the meter's clock showed when it
// was made, counted from emop.Epoch: what it holds is a pure function of the label, so that nothing is stored.
type halfHours struct {
	m              *meter
	now            int64 // ms, true
	oldest, newest int64 // labels; none when oldest is the later
}

// halfHours looks at the logs at a true time.
func (m *meter) halfHours(now int64) halfHours {
	h := halfHours{m: m, now: now, newest: -1}
	for i := range len(m.earlier) + 1 {
		if s, from, to := m.settingAt(i, now); from < to {
			h.newest = max(h.newest, floor(to+s.drift(to), slotMillis))
		}
	}
	h.newest = min(h.newest, lastLabel)
	first, _, _ := m.settingAt(0, now)
	h.oldest = max(h.newest-m.days()*slotsADay, ceil(m.installed+first.drift(m.installed), slotMillis), 0)
	if reset, ok := m.resetBefore(h.newest); ok {
		h.oldest = max(h.oldest, reset)
	}
	return h
}

func (m *meter) days() int64 {
	if m.reach <= 0 || m.reach > mostDays {
		return mostDays
	}
	return m.reach
}

// moment is the true time, in ms, at which the clock first showed a half-hour. It never did if it was set forward past it, or if that
// is still to come. What a clock that was set back shows again makes no second record.
func (h halfHours) moment(label int64) (ms int64, ok bool) {
	for i := range len(h.m.earlier) + 1 {
		s, from, to := h.m.settingAt(i, h.now)
		if ms := s.truth(label * slotMillis); from <= ms && ms <= to {
			return ms, true
		}
	}
	return 0, false
}

// has tells whether there is a record.
func (h halfHours) has(label int64) bool {
	if label < h.oldest || label > h.newest || h.m.struck(LogHole, label) {
		return false
	}
	_, ok := h.moment(label)
	return ok
}

// next is the first record from label on; ok is false when there is none.
func (h halfHours) next(label int64) (at int64, ok bool) {
	for label = max(label, h.oldest); label <= h.newest; label++ {
		if h.has(label) {
			return label, true
		}
	}
	return 0, false
}

// last is the last record up to label.
func (h halfHours) last(label int64) (at int64, ok bool) {
	for label = min(label, h.newest); label >= h.oldest; label-- {
		if h.has(label) {
			return label, true
		}
	}
	return 0, false
}

// start is the record with which a meter answers when it is asked for a time, in seconds since emop.Epoch: the one of that time, or
// else the next it has, or the last. Some meters take the nearest, and some one of days ago or, without that one, their oldest.
func (h halfHours) start(seconds int64) (label int64, ok bool) {
	asked := ceil(seconds, 1800)
	if seconds%1800 == 0 && h.has(asked) {
		return asked, true
	}
	before, hasBefore := h.last(asked - 1)
	after, hasAfter := h.next(asked)
	switch {
	case has(h.m.faults, LogOlder):
		older := asked - slotsADay*within(mix(h.m.seed, 70), uint64(asked), 2, 9)
		if h.has(older) {
			return older, true
		}
		return h.next(h.oldest)
	case !hasAfter, has(h.m.faults, LogNearest) && hasBefore && seconds-before*1800 < after*1800-seconds:
		return before, hasBefore
	}
	return after, true
}

// status is the two status bytes of a record, the first in the high byte.
func (h halfHours) status(label int64) uint16 {
	if reset, ok := h.m.resetBefore(label); ok && reset == label || h.tellsOfZero(label) {
		return uint16(emop.LogReset)
	}
	var s uint16
	if !h.m.struck(LogInvalid, label) {
		s |= uint16(emop.ValidData)
	}
	if h.m.struck(LogHole, label-1) {
		s |= uint16(emop.PowerFail)
	}
	if h.m.struck(LogFlag, label) {
		s |= uint16([]emop.ProfileStatus{emop.MinorTimeError, emop.MajorTimeError, emop.CommunicationError}[mix(h.m.seed, uint64(label))%3])
	}
	return s
}

// shown is the true time, in ms, whose registers a record holds, and whether it holds zeros instead.
func (h halfHours) shown(label int64) (ms int64, zero bool) {
	ms, _ = h.moment(label)
	if h.m.struck(LogReversal, label) {
		ms -= 25 * hour
	}
	return ms, h.m.struck(LogGlitch, label)
}

func floor(a, b int64) int64 {
	if a < 0 {
		return -((-a + b - 1) / b)
	}
	return a / b
}

func ceil(a, b int64) int64 { return -floor(-a, b) }
