package ledger

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"flows"
)

// town is some meters with two days of half-hours, the second of which has 46, and an honest head-end. HOUSE has every fault of a log but
// for a reset, which SUN has; CT counts tenths with a clock that is twenty minutes off, OLD gives way to NEW at 10:10 of the first day.
type town struct{ HalfHours }

var (
	townStart = time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC)
	exchanged = townStart.Add(10*time.Hour + 10*time.Minute)
)

const townSlots = 94

// slotNo is the i-th half-hour.
func slotNo(i int) time.Time { return townStart.Add(time.Duration(i) * flows.SlotLength) }

// tale is one register in one direction: what flowed, and what became of its log.
type tale struct {
	*rand.Rand
	Stored
	moved    []flows.Energy        // by half-hour
	read     []flows.ProfileRecord // by boundary; a zero Time is no record
	wrong    [][]string            // by half-hour
	unit     flows.Energy
	billable bool
}

func newTale(seed uint64, serial string, d flows.Direction, unit, stand flows.Energy) *tale {
	t := &tale{Rand: rand.New(rand.NewPCG(seed, 3)), Stored: Stored{Serial: serial, Element: "A", Direction: d, Start: townStart}, unit: unit, billable: true}
	for i := range townSlots + 1 {
		t.read = append(t.read, flows.ProfileRecord{Time: slotNo(i), Value: stand % (unit << 32), Status: validData, Received: slotNo(townSlots + 2)})
		if i < townSlots {
			t.moved, t.wrong = append(t.moved, flows.Energy(50+t.IntN(500))*unit), append(t.wrong, nil)
			stand += t.moved[i]
		}
	}
	return t
}

// at notes what is wrong with the record of a boundary.
func (t *tale) at(boundary int, kind string, change func(*flows.ProfileRecord)) {
	change(&t.read[boundary])
	t.wrong[boundary-1], t.wrong[boundary] = append(t.wrong[boundary-1], kind), append(t.wrong[boundary], kind)
}

// lower takes something off all records from a boundary on.
func (t *tale) lower(boundary int, by flows.Energy) {
	for i := boundary; i < len(t.read); i++ {
		t.read[i].Value -= by
	}
}

func (t *tale) say(from, to int, rules ...flows.Rule) {
	for _, r := range rules {
		t.Exceptions = append(t.Exceptions, flows.Exception{Rule: r, Period: flows.Period{From: slotNo(from), To: slotNo(to)}, Count: to - from})
	}
}

// put stores half-hours: exact ones from the truth, and a total in equal parts, the rest with the first, where there is one.
func (t *tale) put(from, to int, q flows.Quality) {
	var total flows.Energy
	for k := from; k < to; k++ {
		total += t.moved[k]
	}
	n := flows.Energy(to - from)
	for k := from; k < to; k++ {
		i := flows.Interval{Start: slotNo(k), Quality: q, Billable: t.billable}
		switch {
		case q == flows.NoQuality:
			i.Billable, i.Reason = false, "RESET"
		case q == flows.Estimated:
			i.Value = new(total / t.unit / n * t.unit)
			if k == from {
				*i.Value += total - *i.Value*n
			}
		default:
			i.Value = new(t.moved[k])
		}
		t.Intervals = append(t.Intervals, i)
	}
}

// house has every fault.
func house(seed uint64) *tale {
	t := newTale(seed, "HOUSE", flows.Import, flows.WattHour, (1<<32-1200)*flows.WattHour)
	round, k := t.read[0].Value, 0
	for ; t.read[k+1].Value > round; k++ {
		round = t.read[k+1].Value
	}
	t.wrong[k] = append(t.wrong[k], "rollover")
	t.say(k, k+1, flows.RuleRollover)
	t.put(0, 11, flows.Actual)
	for b := 12; b < 15; b++ {
		t.at(b, "log_hole", func(r *flows.ProfileRecord) { *r = flows.ProfileRecord{} })
	}
	t.Gaps = append(t.Gaps, flows.Period{From: slotNo(0), To: slotNo(48)})
	t.put(11, 15, flows.Estimated)
	t.put(15, 19, flows.Actual)
	t.at(20, "log_invalid", func(r *flows.ProfileRecord) { r.Status, r.Value = 0, 7 })
	t.say(20, 20, flows.RuleStatus)
	t.put(19, 21, flows.Estimated)
	t.put(21, 29, flows.Actual)
	t.at(26, "log_flag", func(r *flows.ProfileRecord) { r.Status |= 0x0020 })
	t.say(26, 26, flows.RuleStatus)
	t.at(30, "log_glitch", func(r *flows.ProfileRecord) { r.Value = 0 })
	t.say(29, 31, flows.RuleBadRead)
	t.put(29, 31, flows.Estimated)
	t.put(31, 39, flows.Actual)
	t.at(40, "log_reversal", func(r *flows.ProfileRecord) { r.Value -= 5 * flows.KiloWattHour })
	t.say(39, 41, flows.RuleBadRead)
	t.put(39, 41, flows.Estimated)
	t.put(41, 60, flows.Actual)
	t.lower(61, t.read[60].Value)
	t.at(61, "zeroed", func(r *flows.ProfileRecord) { r.Status = logReset })
	t.say(60, 62, flows.RuleReset, flows.RuleStatus)
	t.put(60, 62, flows.NoQuality)
	t.put(62, 80, flows.Actual)
	t.lower(81, t.read[81].Value-9*flows.WattHour)
	t.wrong[80] = append(t.wrong[80], "set_back")
	t.say(80, 81, flows.RuleReversal)
	t.put(80, 81, flows.NoQuality)
	t.put(81, townSlots, flows.Actual)
	for i := range t.Intervals {
		if k := int(t.Intervals[i].Start.Sub(townStart) / flows.SlotLength); k == 79 || k == 81 {
			t.Intervals[i].Billable = false
		}
	}
	return t
}

// reset lost the first half-hours.
func reset(seed uint64) *tale {
	t := newTale(seed, "SUN", flows.Export, flows.WattHour, 77*flows.WattHour)
	for k := range 11 {
		t.read[k] = flows.ProfileRecord{}
		t.wrong[k] = append(t.wrong[k], "log_reset")
	}
	t.read[10] = flows.ProfileRecord{Time: slotNo(10), Status: logReset, Received: slotNo(96)}
	t.say(10, 10, flows.RuleStatus)
	t.put(11, townSlots, flows.Actual)
	return t
}

// part is a register that began or ended at the exchange, in the half-hour 20.
func part(seed uint64, serial string) *tale {
	t := newTale(seed, serial, flows.Import, flows.WattHour, 10*flows.KiloWattHour)
	in := t.moved[20] / 30 * 10 // in the first ten minutes
	if serial == "OLD" {
		t.End, t.Final = exchanged, new(t.read[20].Value+in)
		t.put(0, 20, flows.Actual)
		t.moved[20] = in
	} else {
		t.Follows, t.Start, t.Initial = true, exchanged, new(t.read[20].Value+in)
		t.moved[20] -= in
	}
	t.put(20, 21, flows.Derived)
	if serial == "NEW" {
		t.put(21, townSlots, flows.Actual)
	}
	return t
}

func tellTown(seed uint64) *town {
	w := &town{HalfHours{Truth: map[string][]Slot{}, Zone: london, OfMeter: map[string][]flows.Exception{
		"CT": {{Rule: flows.RuleClock, Period: flows.Period{From: slotNo(95), To: slotNo(95)}, Count: 1}},
	}, Faults: map[string][]string{"HOUSE": {"log_hole", "log_glitch", "rollover", "log_older"}}}}
	for _, m := range []Meter{{Serial: "HOUSE", Hardware: "B1.w"}, {Serial: "SUN", Hardware: "1"}, {Serial: "CT", Hardware: "P1.cx"}, {Serial: "OLD", Hardware: "EMA1.w"}, {Serial: "NEW", Hardware: "EMA1.w"}} {
		m.Reachable, m.Active = true, true
		w.Meters = append(w.Meters, m)
	}
	ct := newTale(seed+9, "CT", flows.Import, flows.DeciWattHour, 1<<32-700)
	ct.billable = false
	ct.put(0, townSlots, flows.Actual)
	w.Answers = append(w.Answers, Answer{Serial: "CT", Whole: true, Values: []Value{{Name: "drift", Number: -1_200_400}}})
	for i, t := range []*tale{house(seed), reset(seed + 1), ct, part(seed+2, "OLD"), part(seed+3, "NEW")} {
		w.tell(t, i == 1)
	}
	return w
}

// tell adds a register to what is known of its meter.
func (w *town) tell(t *tale, export bool) {
	for i, e := range t.moved {
		if i == len(w.Truth[t.Serial]) {
			w.Truth[t.Serial] = append(w.Truth[t.Serial], Slot{Start: slotNo(i)})
		}
		s := &w.Truth[t.Serial][i]
		if export {
			s.Moved.ExportA = int64(e)
		} else {
			s.Moved.ImportA = int64(e)
		}
		s.Wrong = append(s.Wrong, t.wrong[i]...)
	}
	value, log := "import_a", byte(3)
	if export {
		value, log = "export_a", 4
	}
	a := Answer{Serial: t.Serial, Block: -1, Whole: true, Arrived: slotNo(95), Departed: slotNo(95), Profile: &Profile{Log: log, From: townStart}}
	for _, r := range t.read {
		if !r.Time.IsZero() {
			a.Profile.Records = append(a.Profile.Records, Record{r.Time, r.Status, []Value{{Name: value, Unit: "0.1 Wh", Number: int64(r.Value)}}})
			t.Records = append(t.Records, r)
		}
	}
	w.Answers = append(w.Answers, a)
	w.Stored = append(w.Stored, t.Stored)
}

var london, _ = time.LoadLocation("Europe/London")

func TestAnHonestHeadEndIsFoundRight(t *testing.T) {
	for seed := range uint64(20) {
		w := tellTown(seed)
		r := w.Compare()
		for _, f := range r.Wrong {
			t.Errorf("seed %d: %s", seed, f)
		}
		var all Report
		all.Expected, all.Stored = map[string]int{}, map[string]int{}
		if all.Logs(w.Meters, w.Answers, w.Stored); len(all.Mismatches) > 0 {
			t.Errorf("seed %d: %s", seed, all)
		}
		if r.Astray != "0" || r.Sum != r.Moved || r.Registers != 5 || len(r.Nulls) != 3 || r.Runs != 7 {
			t.Errorf("seed %d: %s kWh astray of %s and %s, %d registers, %d nulls, %d runs", seed, r.Astray, r.Sum, r.Moved, r.Registers, len(r.Nulls), r.Runs)
		}
		for _, f := range r.Faults {
			if f.Seen != 1 || f.Found != 1 {
				t.Errorf("seed %d: %+v", seed, f)
			}
		}
		if len(r.Faults) != len(faults) || len(r.Clocks) != 1 || r.Clocks[0] != (Clock{"CT", -1200, townSlots, 0}) {
			t.Errorf("seed %d: %v, clocks %v", seed, r.Faults, r.Clocks)
		}
	}
}

// Each is done to a random half-hour of those that it fits, leaves the others alone, and must be named by register and time.
var spoilings = map[string]func(w *town, s *Stored, i *flows.Interval) bool{
	"a count more": func(_ *town, _ *Stored, i *flows.Interval) bool { return known(i) && add(i, 1) },
	"a kWh more":   func(_ *town, _ *Stored, i *flows.Interval) bool { return known(i) && add(i, flows.KiloWattHour) },
	"lost":         func(_ *town, _ *Stored, i *flows.Interval) bool { return known(i) && null(i) },
	"said of an actual": func(_ *town, _ *Stored, i *flows.Interval) bool {
		return i.Quality == flows.Actual && to(i, flows.Estimated)
	},
	"said to be actual": func(_ *town, _ *Stored, i *flows.Interval) bool {
		return i.Quality == flows.Derived && to(i, flows.Actual)
	},
	"invented": func(_ *town, _ *Stored, i *flows.Interval) bool {
		if known(i) {
			return false
		}
		i.Value, i.Quality = new(flows.Energy(0)), flows.Estimated
		return true
	},
	"not judged": func(_ *town, s *Stored, i *flows.Interval) bool {
		s.Unjudged = append(s.Unjudged, i.Start)
		return true
	},
	"billed by a clock that is off": func(_ *town, s *Stored, i *flows.Interval) bool {
		if s.Serial == "CT" {
			i.Billable = true
		}
		return i.Billable && s.Serial == "CT"
	},
	"withheld": func(_ *town, s *Stored, i *flows.Interval) bool {
		calm := s.Serial == "SUN" && i.Start.After(slotNo(12)) && i.Start.Before(slotNo(townSlots-1))
		i.Billable = i.Billable && !calm
		return calm
	},
}

func known(i *flows.Interval) bool { return i.Quality != flows.NoQuality }

func add(i *flows.Interval, e flows.Energy) bool {
	i.Value = new(*i.Value + e)
	return true
}

func null(i *flows.Interval) bool {
	*i = flows.Interval{Start: i.Start}
	return true
}

func to(i *flows.Interval, q flows.Quality) bool {
	i.Quality = q
	return true
}

func TestEveryWrongHalfHourIsNamed(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for name, spoil := range spoilings {
		for range 60 {
			w := tellTown(random.Uint64())
			s := &w.Stored[random.IntN(len(w.Stored))]
			i := &s.Intervals[random.IntN(len(s.Intervals))]
			for !spoil(w, s, i) {
				s = &w.Stored[random.IntN(len(w.Stored))]
				i = &s.Intervals[random.IntN(len(s.Intervals))]
			}
			r := w.Compare()
			if len(r.Wrong) != 1 {
				t.Errorf("%s: %d are named for %s %s %s: %v", name, len(r.Wrong), s.Serial, s.Direction, i.Start, r.Wrong)
				continue
			}
			// Of half-hours that share a total the first one is named.
			f := r.Wrong[0]
			if near := i.Start.Sub(f.Start); f.Serial != s.Serial || f.Direction != s.Direction || f.Element != s.Element || near < 0 || near >= 2*time.Hour {
				t.Errorf("%s: %s is named for %s %s %s", name, f, s.Serial, s.Direction, i.Start)
			}
		}
	}
}

func TestAWrongHalfHourIsNamedWithItsLocalTime(t *testing.T) {
	w := tellTown(4)
	s := &w.Stored[1]
	i := &s.Intervals[len(s.Intervals)-1]
	want := fmt.Sprintf("half-hour of SUN A export at 2026-03-29 23:30 BST (2026-03-29T22:30:00Z): stored %s actual, expected %s actual: not what went through the register",
		kWh(*i.Value+10), kWh(*i.Value))
	*i.Value += 10
	if got := w.Compare().Wrong; len(got) != 1 || got[0].String() != want {
		t.Errorf("got %v,\nwant %s", got, want)
	}
}

func TestEnergyInsideAGapMayLieAnywhereButNotMoveOut(t *testing.T) {
	w := tellTown(5)
	at := func(k int) *flows.Interval {
		all := w.Stored[0].Intervals
		return &all[slices.IndexFunc(all, func(i flows.Interval) bool { return i.Start.Equal(slotNo(k)) })]
	}
	add(at(11), -20)
	add(at(14), 20)
	if got := w.Compare().Wrong; len(got) != 0 {
		t.Errorf("moved inside a gap: %v", got)
	}
	add(at(14), -20)
	add(at(19), 20)
	if got := w.Compare(); len(got.Wrong) != 2 || got.Astray != "0" {
		t.Errorf("moved from one gap to another: %v, %s kWh astray", got.Wrong, got.Astray)
	}
}

// What must be found of a fault is missed when it is not, whichever it is.
func TestEveryFaultThatNobodyFoundIsNamed(t *testing.T) {
	for n, s := range tellTown(1).Stored {
		for i, e := range s.Exceptions {
			w := tellTown(1)
			w.Stored[n].Exceptions = slices.Delete(w.Stored[n].Exceptions, i, i+1)
			got := w.Compare().Wrong
			// The record that tells of the zero is invalid too, and nothing is asked of that.
			if e.Rule == flows.RuleStatus && e.Count == 2 {
				continue
			}
			if len(got) != 1 || !strings.Contains(got[0].Expected, string(e.Rule)) || got[0].Start.After(e.Period.From) || e.Period.From.Sub(got[0].Start) > time.Hour {
				t.Errorf("without %s of %s: %v", e.Rule, e.Period.From, got)
			}
		}
	}
	for name, spoil := range map[string]func(w *town){
		"log_hole": func(w *town) { w.Stored[0].Gaps = nil },
		"nobody came to them": func(w *town) { // the last day
			for i := range w.Stored[1].Records {
				if w.Stored[1].Records[i].Time.After(slotNo(48)) {
					w.Stored[1].Records = w.Stored[1].Records[:i]
					break
				}
			}
			a := &w.Answers[2]
			for i, r := range a.Profile.Records {
				if r.Time.After(slotNo(48)) {
					a.Profile.Records = a.Profile.Records[:i]
					break
				}
			}
			w.Stored[1].Intervals = w.Stored[1].Intervals[:48-11]
		},
		"1200 s off":    func(w *town) { w.OfMeter = nil },
		"does not show": func(w *town) { w.Faults["CT"] = []string{"log_glitch"} },
	} {
		w := tellTown(1)
		spoil(w)
		if got := w.Compare().Wrong; len(got) != 1 || !strings.Contains(got[0].Why, name) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestNothingStandsOutsideARegistersLife(t *testing.T) {
	for n, k := range map[int]int{0: townSlots, 3: 21, 4: 19} { // behind the last reading, behind the exchange, before it
		w := tellTown(2)
		s := &w.Stored[n]
		s.Intervals = append(s.Intervals, flows.Interval{Start: slotNo(k), Value: new(flows.Energy(10)), Quality: flows.Actual, Billable: true})
		if got := w.Compare().Wrong; len(got) != 1 || !got[0].Start.Equal(slotNo(k)) {
			t.Errorf("%s at %d: %v", s.Serial, k, got)
		}
	}
}
