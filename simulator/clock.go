package simulator

import (
	"time"

	"flows/emop"
)

// drift is what the meter's clock is ahead of the truth, in ms.
func (m *meter) drift(t time.Time) int64 {
	return m.clockError + (millis(t)-m.clockSet)*m.clockRate/1_000_000_000
}

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
	m.clockError, m.clockSet = to.Sub(t).Milliseconds(), millis(t)
	return 0
}
