package simulator

import (
	"fmt"
	"time"
)

// slow is a quantity that wanders between low and high, another one every ten seconds.
func (m *meter) slow(t time.Time, what uint64, low, high int64) int64 {
	return within(mix(m.seed, what), uint64(t.Unix()/10), low, high)
}

// voltage is in 0.1 V; line 0 is the one of a single phase.
func (m *meter) voltage(t time.Time, line uint64) int64 {
	return m.volts + int64(line)*7 + m.slow(t, 40+line, -35, 35)
}

// power is what the meter measures now, in W.
func (m *meter) power(t time.Time) int64 {
	return m.a.watts(millis(t)) + m.b.watts(millis(t))
}

// current is in 0.1 A.
func (m *meter) current(t time.Time) int64 { return m.power(t) * 100 / m.voltage(t, 0) }

// csq drifts by the hour.
func (m *meter) csq(t time.Time) int64 {
	return min(max(m.signal+within(mix(m.seed, 22), uint64(t.Unix()/3600), -3, 3), 0), 31)
}

// Names of settings; the numbers are [P].
var (
	backlightNames  = []string{"normal_sp", "always_on_sp", "always_off_sp", "always_on_3p", "always_off_3p", "30_seconds_turn_off_3p"}
	loadSwitchNames = []string{"normal_button_always", "no_button_prepay_mode", "no_button_credit_mode", "never_button_required"}
)

// backlightName: some three phase meters say 255, which nobody has a name for.
func (m *meter) backlightName() string {
	if int(m.backlight) < len(backlightNames) {
		return backlightNames[m.backlight]
	}
	return fmt.Sprintf("unknown %d", m.backlight)
}
