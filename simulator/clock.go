package simulator

import (
	"time"

	"flows/emop"
)

// setting is how a clock runs from the time it was set.
type setting struct {
	off   int64 // ms ahead of the truth, when it was set
	rate  int64 // parts per billion
	since int64 // ms since emop.Epoch
}

// drift is what the clock is ahead of the truth, in ms.
func (s setting) drift(ms int64) int64 { return s.off + (ms-s.since)*s.rate/1_000_000_000 }

// truth is the true time, in ms, at which the clock shows ms.
func (s setting) truth(ms int64) int64 {
	t := ms - s.drift(ms)
	return ms - s.drift(t) // a rate is so small that once more is exact
}

func (m *meter) setting() setting { return setting{m.clockError, m.clockRate, m.clockSet} }

// settingAt is the i-th setting of the clock, the last one that now holds, and the true times between which it held; the first held
// when the meter was installed. One that came after now, for who looks back, held from a time to an earlier one.
func (m *meter) settingAt(i int, now int64) (s setting, from, to int64) {
	s, to = m.setting(), now
	if i < len(m.earlier) {
		s = m.earlier[i]
		next := m.clockSet
		if i+1 < len(m.earlier) {
			next = m.earlier[i+1].since
		}
		to = min(now, next)
	}
	from = s.since
	if i == 0 {
		from = m.installed
	}
	return s, from, to
}

// drift is what the meter's clock is ahead of the truth, in ms.
func (m *meter) drift(t time.Time) int64 { return m.setting().drift(millis(t)) }

// clock is the time the meter believes in.
func (m *meter) clock(t time.Time) time.Time {
	return t.Add(time.Duration(m.drift(t)) * time.Millisecond).UTC()
}

func (m *meter) readClock(t time.Time, r *reply) {
	c := m.clock(t)
	r.data = append(r.data, byte(c.Year()-2000), byte(c.Month()), byte(c.Day()), byte(c.Hour()), byte(c.Minute()), byte(c.Second()),
		byte(c.Weekday()))
	r.note("clock", "s", c.Unix())
	r.note("drift", "ms", m.drift(t))
}

// setClock ignores the day of the week, as meters may.
func (m *meter) setClock(t time.Time, p []byte) emop.NAK {
	if len(p) != 7 {
		return emop.NAKLength
	}
	to := time.Date(2000+int(p[0]), time.Month(p[1]), int(p[2]), int(p[3]), int(p[4]), int(p[5]), 0, time.UTC)
	if to.Month() != time.Month(p[1]) || to.Day() != int(p[2]) || p[3] > 23 || p[4] > 59 || p[5] > 59 {
		return emop.NAKFormat
	}
	m.earlier = append(m.earlier, m.setting())
	m.clockError, m.clockSet = to.Sub(t).Milliseconds(), millis(t)
	return 0
}
