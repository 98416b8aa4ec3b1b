package simulator

import (
	"fmt"
	"slices"
	"time"

	"flows/emop"
)

// What a log misrepresents without any of its faults; see Slot.
const (
	TooOld   Kind = "too_old"   // before what the log reaches back to, or the meter was not there yet
	NotYet   Kind = "not_yet"   // the meter's clock has not come there
	ClockSet Kind = "clock_set" // the clock was set forward past it
)

// clockTolerance is from where on a clock is off: the half-hours it cuts are not those of UTC.
const clockTolerance = 20 * second

// Energies are what went through the registers, in 0.1 Wh: differences of what the registers showed, wraps and turns undone. A
// three phase meter has element A only.
type Energies struct{ ImportA, ExportA, ImportB, ExportB int64 }

// Slot is the truth about a half-hour. It comes from the physical model alone, whatever the meter's log has.
type Slot struct {
	Start   time.Time // UTC
	True    Energies  // between the half-hours of UTC
	Clocked Energies  // between the same half-hours as the meter's clock has them: what a log without a fault has, to the last count; 0
	// where the clock never showed one of the two

	// Wrong names what the meter's log misrepresents of the slot: the log's faults that strike the record at its start or its end;
	// LogReset, TooOld, NotYet and ClockSet for a record that is not there; Zeroed for the record that tells of it; SetBack
	// when registers are in the slot; ClockOff when the clock was 20 s and more off; Rollover when an import register wraps in the slot,
	// which is no fault.
	Wrong []Kind
}

// Truth gives the half-hours of UTC from the one that holds from to the last that begins before to, of the meter that stands at a serial
// (another one when foreign).
func (f *Fleet) Truth(serial string, from, to time.Time) ([]Slot, error) {
	s, err := f.slotOf(serial)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.truth(millis(f.now()), from, to), nil
}

func (f *Fleet) slotOf(serial string) (*slot, error) {
	for i := range f.slots {
		if s := &f.slots[i]; s.serial == serial {
			return s, nil
		}
	}
	return nil, fmt.Errorf("no simulated meter %s", serial)
}

func (m *meter) truth(now int64, from, to time.Time) (all []Slot) {
	log := m.halfHours(now)
	ever := log
	ever.now = max(now, millis(to)+day+abs64(m.setting().drift(now)))
	for u := max(floor(millis(from), slotMillis), 0); u*slotMillis < millis(to); u++ {
		start, end := u*slotMillis, (u+1)*slotMillis
		slot := Slot{Start: emop.Epoch.Add(time.Duration(start) * time.Millisecond), True: m.energies(start, end)}
		slot.wrong(log.wrong(u))
		slot.wrong(log.wrong(u + 1))
		first, ok := ever.moment(u)
		last, too := ever.moment(u + 1)
		if ok && too {
			slot.Clocked = m.energies(first, last)
			if m.wraps(first, last) {
				slot.wrong([]Kind{Rollover})
			}
			if m.setBack(first, last) {
				slot.wrong([]Kind{SetBack})
			}
		}
		all = append(all, slot)
	}
	return all
}

// wraps tells whether the import register wraps between two times.
func (m *meter) wraps(from, to int64) bool {
	began, _ := m.zeroed(from)
	anew, _ := m.zeroed(to)
	return began == anew && !m.setBack(from, to) && m.totalImport(from)/m.unit()>>32 != m.totalImport(to)/m.unit()>>32
}

// Registers gives what the registers of the meter that stands at a serial show at a time, in 0.1 Wh.
func (f *Fleet) Registers(serial string, at time.Time) (Energies, error) {
	s, err := f.slotOf(serial)
	if err != nil {
		return Energies{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	shown := func(l load) int64 { return s.m.count(s.m.stands(l, millis(at))) * s.m.unit() / 100 }
	return Energies{ImportA: shown(s.m.a), ExportA: shown(s.m.export), ImportB: shown(s.m.b)}, nil
}

func (s *Slot) wrong(kinds []Kind) {
	for _, k := range kinds {
		if !slices.Contains(s.Wrong, k) {
			s.Wrong = append(s.Wrong, k)
		}
	}
}

// energies is what the registers moved between two times.
func (m *meter) energies(from, to int64) Energies {
	tenths := m.unit() / 100
	moved := func(l load) int64 {
		return (l.at(to, m.installed)/m.unit() - l.at(from, m.installed)/m.unit()) * tenths
	}
	return Energies{ImportA: moved(m.a), ExportA: moved(m.export), ImportB: moved(m.b)}
}

// wrong names what is wrong with the record of a half-hour.
func (h halfHours) wrong(label int64) (kinds []Kind) {
	ms, shown := h.moment(label)
	reset, wasReset := h.m.resetBefore(h.newest)
	switch {
	case label > h.newest:
		return []Kind{NotYet}
	case label < h.oldest && wasReset && h.oldest == reset, wasReset && label == reset:
		kinds = append(kinds, LogReset)
	case label < h.oldest:
		kinds = append(kinds, TooOld)
	case !shown:
		kinds = append(kinds, ClockSet)
	}
	for _, k := range []Kind{LogHole, LogInvalid, LogFlag, LogGlitch, LogReversal} {
		if h.m.struck(k, label) {
			kinds = append(kinds, k)
		}
	}
	if h.tellsOfZero(label) {
		kinds = append(kinds, Zeroed)
	}
	if shown && abs64(label*slotMillis-ms) >= clockTolerance {
		kinds = append(kinds, ClockOff)
	}
	return kinds
}

func abs64(n int64) int64 { return max(n, -n) }
