package simulator

import (
	"slices"
	"testing"
	"time"

	"flows/emop"
)

// day is the half-hours of profile log 1 from a time to another, as a client that goes from answer to answer gets them.
func dayOf(t *testing.T, m *meter, from, to, now time.Time) (all []emop.Profile1) {
	t.Helper()
	for next := from; !next.After(to); {
		got := log1(t, m, next, now)
		if len(got) == 0 || got[len(got)-1].Time.Before(next) {
			return all
		}
		for _, r := range got {
			if !r.Time.Before(from) && !r.Time.After(to) {
				all = append(all, r)
			}
		}
		next = got[len(got)-1].Time.Add(30 * time.Minute)
	}
	return all
}

func TestFaultsOfALogShowOnTheWire(t *testing.T) {
	from := time.Date(2026, 3, 13, 10, 0, 0, 0, time.UTC)
	to, strike := from.Add(4*time.Hour), from.Add(90*time.Minute) // the fourth of nine
	want := dayOf(t, atNoon("C1.w"), from, to, noon)
	if len(want) != 9 {
		t.Fatalf("%d records", len(want))
	}
	before := log1(t, atNoon("C1.w"), strike.Add(-25*time.Hour), noon)
	for _, c := range []struct {
		fault  Behaviour
		change func(all []emop.Profile1) []emop.Profile1
	}{
		{Behaviour{Kind: LogHole, Records: 3}, func(all []emop.Profile1) []emop.Profile1 {
			all[6].Status |= emop.PowerFail
			return slices.Delete(all, 3, 6)
		}},
		{Behaviour{Kind: LogHole}, func(all []emop.Profile1) []emop.Profile1 {
			all[4].Status |= emop.PowerFail
			return slices.Delete(all, 3, 4)
		}},
		{Behaviour{Kind: LogInvalid, Records: 2}, func(all []emop.Profile1) []emop.Profile1 {
			all[3].Status, all[4].Status = 0, 0
			return all
		}},
		{Behaviour{Kind: LogReset}, func(all []emop.Profile1) []emop.Profile1 {
			all[3].Status = emop.LogReset
			return all[3:]
		}},
		{Behaviour{Kind: LogGlitch}, func(all []emop.Profile1) []emop.Profile1 {
			all[3].ImportA, all[3].ImportB = 0, 0
			return all
		}},
		{Behaviour{Kind: LogReversal, Records: 2}, func(all []emop.Profile1) []emop.Profile1 {
			for i := range 2 {
				all[3+i].ImportA, all[3+i].ImportB = before[i].ImportA, before[i].ImportB
				if all[3+i].ImportA >= all[2].ImportA || all[3+i].ImportB >= all[2].ImportB {
					t.Error("a reversal is not lower than what came before")
				}
			}
			return all
		}},
	} {
		c.fault.At = strike
		t.Run(string(c.fault.Kind), func(t *testing.T) {
			got, want := dayOf(t, atNoon("C1.w", c.fault), from, to, noon), c.change(slices.Clone(want))
			if !slices.Equal(got, want) {
				t.Errorf("got %v,\nwant %v", got, want)
			}
		})
	}
}

func TestFlagsAreOfEveryKindOnValidRecords(t *testing.T) {
	m := atNoon("C1.w", Behaviour{Kind: LogFlag, At: noon.AddDate(0, 0, -3), Records: 96})
	seen := map[emop.ProfileStatus]bool{}
	for _, r := range dayOf(t, m, noon.Truncate(30*time.Minute).AddDate(0, 0, -3), noon, noon) {
		seen[r.Status] = true
	}
	for _, want := range []emop.ProfileStatus{emop.ValidData, emop.ValidData | emop.MinorTimeError, emop.ValidData | emop.MajorTimeError,
		emop.ValidData | emop.CommunicationError} {
		if !seen[want] {
			t.Errorf("no record with %v", want)
		}
	}
	if len(seen) != 4 {
		t.Errorf("%v", seen)
	}
}

func TestAskedForAHoleAMeterAnswersWithAnotherTime(t *testing.T) {
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 3, day, hour, minute, 0, 0, time.UTC) }
	hole := Behaviour{Kind: LogHole, At: at(13, 10, 0), Records: 20} // to 20:00
	for _, c := range []struct {
		name  string
		kind  []Behaviour
		asked time.Time
		first func(got time.Time) bool
	}{
		{"the next", nil, at(13, 10, 0), at(13, 20, 0).Equal},
		{"the next, off the half-hour", nil, at(13, 9, 10), at(13, 9, 30).Equal},
		{"the nearest, before", []Behaviour{{Kind: LogNearest}}, at(13, 10, 30), at(13, 9, 30).Equal},
		{"the nearest, after", []Behaviour{{Kind: LogNearest}}, at(13, 17, 0), at(13, 20, 0).Equal},
		{"one of days ago", []Behaviour{{Kind: LogOlder}}, at(13, 12, 0), func(got time.Time) bool {
			return got.Before(at(11, 12, 1)) && got.After(at(4, 11, 59)) && got.Hour() == 12
		}},
		{"the oldest of all when that is none", []Behaviour{{Kind: LogOlder}, {Kind: LogReset, At: at(12, 0, 0)}}, at(13, 12, 0), at(12, 0, 0).Equal},
		{"what is there is answered by all", []Behaviour{{Kind: LogOlder}}, at(13, 9, 30), at(13, 9, 30).Equal},
	} {
		m := atNoon("C1.w", append(c.kind, hole)...)
		got := log1(t, m, c.asked, noon)
		if !c.first(got[0].Time) {
			t.Errorf("%s: asked for %s, answered from %s", c.name, c.asked, got[0].Time)
		}
	}
	// Records behind each other in an answer may have a hole between them.
	got := log1(t, atNoon("C1.w", hole), at(13, 9, 0), noon)
	if want := []string{"13T09:00", "13T09:30", "13T20:00", "13T20:30", "13T21:00"}; !slices.Equal(times(got), want) {
		t.Errorf("%v, want %v", times(got), want)
	}
}

func TestARegisterWrapsInItsLog(t *testing.T) {
	for _, hardware := range []string{"C1.w", "P1.ax", "P1.cx"} {
		f := New(Options{Meters: 1, Seed: 4, Now: func() time.Time { return noon }, Meter: func(_ int, s *Spec) {
			*s = Spec{Hardware: hardware, Behaviours: []Behaviour{{Kind: Rollover}}}
		}})
		m := &f.slots[0].m
		var wraps []time.Time
		var last int64
		for u := noon.Truncate(30*time.Minute).AddDate(0, 0, -90); u.Before(noon); u = u.Add(30 * time.Minute) {
			n := m.count(m.a.at(millis(u), m.installed))
			if n < last {
				wraps = append(wraps, u)
				if step := n - last + 1<<32; step <= 0 || step > 500_000 || n > 500_000 {
					t.Errorf("%s: from %d to %d", hardware, last, n)
				}
			}
			last = n
		}
		if len(wraps) != 1 {
			t.Errorf("%s: wraps %v", hardware, wraps)
		}
		earlier := New(Options{Meters: 1, Seed: 4, Now: func() time.Time { return noon.Add(-500 * time.Hour) }, Meter: f.o.Meter})
		if a, b := m.a, earlier.slots[0].m.a; a != b {
			t.Errorf("%s: built three weeks earlier the register is another: %d, %d Wh", hardware, a.initial, b.initial)
		}
	}
}

func TestARolloverCanBeHadAtATime(t *testing.T) {
	at := noon.Add(-7 * time.Hour)
	f := New(Options{Meters: 1, Now: func() time.Time { return noon }, Meter: func(_ int, s *Spec) {
		*s = Spec{Hardware: "P1.cx", Behaviours: []Behaviour{{Kind: Rollover, At: at}}}
	}})
	m := &f.slots[0].m
	if before, after := m.count(m.totalImport(millis(at)-60_000)), m.count(m.totalImport(millis(at))); before < 1<<32-100_000 || after > 10 {
		t.Errorf("from %d to %d", before, after)
	}
}

func TestAClockThatIsOffCutsTheHalfHoursElsewhere(t *testing.T) {
	for _, c := range []struct {
		delay, want time.Duration
		meter       int
	}{{0, 20 * time.Minute, 0}, {0, -20 * time.Minute, 1}, {-3 * time.Hour, -3 * time.Hour, 0}} {
		f := New(Options{Meters: 2, Now: func() time.Time { return noon }, Meter: func(_ int, s *Spec) {
			*s = Spec{Hardware: "B1.w", Behaviours: []Behaviour{{Kind: ClockOff, Delay: c.delay}}}
		}})
		m := &f.slots[c.meter].m
		m.clockRate = 0
		label := noon.Truncate(time.Hour).Add(-6 * time.Hour)
		got := log1(t, m, label, noon)[0]
		if want := mustElement(t, m, emop.ElementA.ID, label.Add(-c.want)).ImportActive; got.ImportA != want || !got.Time.Equal(label) {
			t.Errorf("%v: %+v, want %d", c.want, got, want)
		}
	}
}

func TestASeedStrikesNowAndThen(t *testing.T) {
	for kind, often := range logKinds {
		if often.days == 0 || kind == LogReset || kind.built() {
			continue
		}
		m := atNoon("C1.w", Behaviour{Kind: kind})
		struck, runs, longest, run := int64(0), int64(0), int64(0), int64(0)
		crossed := false
		const days = 2000
		for label := int64(100_000); label < 100_000+days*slotsADay; label++ {
			if !m.struck(kind, label) {
				run = 0
				continue
			}
			struck++
			if run++; run == 1 {
				runs++
			}
			crossed = crossed || run > 1 && label%slotsADay == 0
			longest = max(longest, run)
		}
		if want := days / often.days; runs < want*7/10 || runs > want*13/10 {
			t.Errorf("%s: %d strikes in %d days, want about %d", kind, runs, days, want)
		}
		if longest < often.most || longest > often.most+slotsADay { // two may touch
			t.Errorf("%s: %d half-hours at most, want %d", kind, longest, often.most)
		}
		if struck == 0 || crossed != (often.most > 1) {
			t.Errorf("%s: %d half-hours, over midnight %t", kind, struck, crossed)
		}
	}
}

func TestALogIsResetAboutOnceAMonth(t *testing.T) {
	m := atNoon("C1.w", Behaviour{Kind: LogReset})
	resets := map[int64]bool{}
	var last int64
	for label := int64(400_000); label < 400_000+365*slotsADay; label++ {
		at, ok := m.resetBefore(label)
		if !ok || at > label || at < last || label-at > 60*slotsADay {
			t.Fatalf("at %d the last reset is %d, before %d", label, at, last)
		}
		last = at
		resets[at] = true
	}
	if n := len(resets); n < 12 || n > 14 {
		t.Errorf("%d resets in a year", n)
	}
}

// A seed that somebody has noted makes the same fleet as before there were faults of logs.
func TestFaultsOfLogsLeaveOldFleetsAsTheyWere(t *testing.T) {
	struck := 0
	found := map[Kind][]int{}
	for i := range 60 {
		o := Options{Seed: 3, Faults: FaultShares{Dead: .1, Pieces: .3, WrongCRC: .2, LogHole: .5, ClockOff: .5, LogLong: .5}}
		for _, b := range draw(o, i).Behaviours {
			found[b.Kind] = append(found[b.Kind], i)
			if _, log := logKinds[b.Kind]; log {
				struck++
			}
		}
	}
	for kind, want := range map[Kind][]int{Dead: {8, 13, 26, 28, 33, 35, 44, 58}, WrongCRC: {5, 7, 19, 22, 23, 38, 39, 42}} {
		if !slices.Equal(found[kind], want) {
			t.Errorf("%s: meters %v, want %v", kind, found[kind], want)
		}
	}
	if struck < 65 || struck > 115 {
		t.Errorf("%d faults of logs in 60 meters, want about 90", struck)
	}
}

func TestFaultsOfALogCanBeChangedAndUndone(t *testing.T) {
	f, m := one(t, twinWith(Behaviour{Kind: ClockOff}))
	s := &f.slots[0]
	hole := Behaviour{Kind: LogHole, At: time.Now().AddDate(0, 0, -2), Records: 3}
	label := ceil(millis(hole.At), slotMillis)
	for _, c := range []struct {
		set  []Behaviour
		want bool
	}{{nil, true}, {[]Behaviour{hole}, false}, {[]Behaviour{{Kind: Pieces}}, true}} {
		if err := f.SetBehaviours(m.Serial, c.set...); err != nil {
			t.Fatal(err)
		}
		if got := s.m.halfHours(millis(time.Now())).has(label); got != c.want {
			t.Errorf("%v: the record is there: %t", c.set, got)
		}
		if !has(s.behaviours, ClockOff) {
			t.Errorf("%v: the clock is no longer off", c.set)
		}
	}
	if err := f.SetBehaviours(m.Serial, Behaviour{Kind: Rollover}); err == nil {
		t.Error("the register of a running meter was changed")
	}
}
