package simulator

import "slices"

// What befalls a profile log, as behaviours of the meter. A hole is the log's alone: the registers count on.
const (
	LogHole     Kind = "log_hole"     // records are missing, the power was off; the next one says so
	LogInvalid  Kind = "log_invalid"  // records without the valid-data bit
	LogFlag     Kind = "log_flag"     // valid records with a minor or major time error or a communication error
	LogReset    Kind = "log_reset"    // about once a month: older records are gone, the first one says so and is not valid
	LogGlitch   Kind = "log_glitch"   // a record whose registers are all 0
	LogReversal Kind = "log_reversal" // one to three records with the registers of a day and an hour before
	Rollover    Kind = "rollover"     // the import register (of element A) wraps at 2^32 a while before the fleet is built, or At
	Zeroed      Kind = "zeroed"       // all registers begin anew at 0, about every other month or At; the next record says so like a reset log's first
	SetBack     Kind = "set_back"     // all registers go back to what they stood at a day and an hour before, about every other month or At; nothing says so
	ClockOff    Kind = "clock_off"    // the clock is ahead by Delay; 0 = 20 min, half of the meters behind

	LogOlder   Kind = "log_older"   // asked for what it does not have, answers from days older or from its oldest record on
	LogNearest Kind = "log_nearest" // the same with its nearest record; others with the next they have
	LogLong    Kind = "log_long"    // answers of profile logs 1 and 2 carry 238 bytes instead of 80
)

// logKinds are those kinds, with how often and how long they strike unless the behaviour says so: on one of so many days, for at most
// so many half-hours.
var logKinds = map[Kind]struct{ days, most int64 }{
	LogHole: {4, 40}, LogInvalid: {3, 6}, LogFlag: {3, 4}, LogGlitch: {5, 1}, LogReversal: {6, 3},
	LogReset: {30, 1}, Zeroed: {60, 1}, SetBack: {60, 1}, Rollover: {}, ClockOff: {}, LogOlder: {}, LogNearest: {}, LogLong: {},
}

// built says that a kind is of the meter itself and chosen when the fleet is built: where its clock and its registers stand.
func (k Kind) built() bool { return k == ClockOff || k == Rollover || k == Zeroed || k == SetBack }

// logFaults are the behaviours among these that a meter's log must know of.
func logFaults(all []Behaviour) (faults []Behaviour) {
	for _, b := range all {
		if _, ok := logKinds[b.Kind]; ok {
			faults = append(faults, b)
		}
	}
	return slices.Clip(faults)
}

// struck tells whether a fault of this kind has struck the record of a half-hour.
func (m *meter) struck(kind Kind, label int64) bool {
	for i := range m.faults {
		if f := &m.faults[i]; f.Kind == kind && m.strikes(f, label) {
			return true
		}
	}
	return false
}

func (m *meter) strikes(f *Behaviour, label int64) bool {
	if !f.At.IsZero() {
		first := ceil(millis(f.At), slotMillis)
		return first <= label && label < first+max(int64(f.Records), 1)
	}
	// A strike may reach into the next day.
	day := floor(label, slotsADay)
	return m.strikesOn(f, day, label) || m.strikesOn(f, day-1, label)
}

func (m *meter) strikesOn(f *Behaviour, day, label int64) bool {
	noise := mix(m.seed^noiseOf(f.Kind), uint64(day))
	often := logKinds[f.Kind]
	if f.Every > 0 {
		often.days = int64(f.Every)
	}
	if noise%uint64(often.days) != 0 {
		return false
	}
	first := day*slotsADay + int64(noise>>16%slotsADay)
	return first <= label && label <= first+int64(noise>>32%uint64(often.most))
}

// noiseOf keeps the kinds apart.
func noiseOf(k Kind) uint64 {
	noise := uint64(len(k))
	for _, c := range []byte(k) {
		noise = mix(noise, uint64(c))
	}
	return noise
}

// resetBefore is the first record after the log's last reset, up to a label.
func (m *meter) resetBefore(label int64) (reset int64, ok bool) {
	for i := range m.faults {
		if f := &m.faults[i]; f.Kind == LogReset {
			if at, found := m.resetOf(f, label); found && (!ok || at > reset) {
				reset, ok = at, true
			}
		}
	}
	return reset, ok
}

// resetOf: without At there is one in each stretch of days.
func (m *meter) resetOf(f *Behaviour, label int64) (int64, bool) {
	if !f.At.IsZero() {
		at := ceil(millis(f.At), slotMillis)
		return at, at <= label
	}
	stretch := logKinds[LogReset].days * slotsADay
	if f.Every > 0 {
		stretch = int64(f.Every) * slotsADay
	}
	n := floor(label, stretch)
	at := n*stretch + within(m.seed^noiseOf(LogReset), uint64(n), 0, stretch-1)
	if at > label {
		n--
		at = n*stretch + within(m.seed^noiseOf(LogReset), uint64(n), 0, stretch-1)
	}
	return at, true
}

// stand makes the meter's clock and registers stand where its behaviours have them; now is when the fleet is built. Time is cut into
// thirds of the log's reach, and a register wraps in the one before now's: so the log has it, and a fleet built again a little later has
// the same registers.
func (m *meter) stand(all []Behaviour, now int64) {
	for _, b := range all {
		switch b.Kind {
		case ClockOff:
			m.clockError = b.Delay.Milliseconds()
			if b.Delay == 0 {
				m.clockError = 20 * 60 * second
				if m.who%2 == 1 {
					m.clockError = -m.clockError
				}
			}
		case Rollover:
			third := m.days() * day / 3
			at := (floor(now, third)-1)*third + int64(mix(m.seed, 71)%uint64(third))
			if !b.At.IsZero() {
				at = millis(b.At)
			}
			used := m.a.at(at, m.installed) - m.a.initial*1000
			m.a.initial = ceil((1<<32)*m.unit()-used, 1000)
		}
	}
}
