package simulator

import (
	"slices"
	"testing"
	"time"

	"flows/emop"
)

// fleetOf is a fleet of one meter at noon.
func fleetOf(s Spec) (*Fleet, *meter, string) {
	f := New(Options{Meters: 1, Seed: 8, Now: func() time.Time { return noon }, Meter: func(_ int, to *Spec) { *to = s }})
	return f, &f.slots[0].m, f.slots[0].serial
}

func mustTruth(t *testing.T, f *Fleet, serial string, from, to time.Time) []Slot {
	t.Helper()
	all, err := f.Truth(serial, from, to)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// What the log says of each half-hour, where it says anything, against the truth, over 90 days of every fault at once.
func TestWhatALogSaysIsTheTruthOrNamedAsWrong(t *testing.T) {
	faults := []Behaviour{{Kind: LogHole}, {Kind: LogInvalid}, {Kind: LogGlitch}, {Kind: LogReversal}, {Kind: LogFlag}, {Kind: Rollover}}
	for _, hardware := range []string{"B1.w", "C1.w", "P1.ax", "P1.cx"} {
		f, m, serial := fleetOf(Spec{Hardware: hardware, Solar: true, Behaviours: faults, ClockError: 3 * time.Second})
		from := noon.Truncate(time.Hour).AddDate(0, 0, -90)
		said := readAll(t, m, from, noon)
		truth := mustTruth(t, f, serial, from, noon.Truncate(30*time.Minute))
		if len(truth) != 90*48 {
			t.Fatalf("%d slots", len(truth))
		}
		right, named := 0, map[Kind]int{}
		for _, s := range truth {
			for _, k := range s.Wrong {
				named[k]++
			}
			a, okA := said[s.Start.Unix()]
			b, okB := said[s.Start.Unix()+1800]
			says := Energies{b.ImportA - a.ImportA, b.ExportA - a.ExportA, b.ImportB - a.ImportB, b.ExportB - a.ExportB}
			if says.ImportA < -1<<31 {
				says.ImportA += (1 << 32) * m.unit() / 100
			}
			harmless := len(s.Wrong) == 0 || len(s.Wrong) == 1 && (s.Wrong[0] == Rollover || s.Wrong[0] == LogFlag)
			switch {
			case harmless && (!okA || !okB || says != s.Clocked):
				t.Fatalf("%s %s: the log says %+v (%t %t), truth %+v", hardware, s.Start, says, okA, okB, s)
			case harmless:
				right++
			case okA && okB && says == s.Clocked:
				t.Errorf("%s %s: right, but named %v", hardware, s.Start, s.Wrong)
			}
			if d := s.Clocked.ImportA - s.True.ImportA; abs(d) > 40+s.True.ImportA/50 {
				t.Errorf("%s %s: three seconds make %d of %d", hardware, s.Start, d, s.True.ImportA)
			}
		}
		if right < 2000 || named[Rollover] != 1 {
			t.Errorf("%s: %d right, wrong %v", hardware, right, named)
		}
		for _, k := range []Kind{LogHole, LogInvalid, LogGlitch, LogReversal, LogFlag} {
			if named[k] == 0 {
				t.Errorf("%s: no %s in 90 days", hardware, k)
			}
		}
	}
}

// readAll is all that a meter's logs say, in 0.1 Wh, by Unix time, records that are not valid left out.
func readAll(t *testing.T, m *meter, from, to time.Time) map[int64]Energies {
	t.Helper()
	all := map[int64]Energies{}
	tenths := m.unit() / 100
	for at := from; !at.After(to); at = at.Add(30 * time.Minute) {
		if m.kind&threePhase != 0 {
			for _, row := range block(t, m, at, at, noon).Rows {
				if row.Status.Has(emop.ValidData) {
					all[row.Time.Unix()] = Energies{ImportA: int64(row.Values[1]) * tenths, ExportA: int64(row.Values[2]) * tenths}
				}
			}
			continue
		}
		two, err := emop.ProfileLog2(m.respond(emop.AppendProfile2(nil, at), noon).data[1:], at, emop.ClassOf(m.hardware))
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range log1(t, m, at, noon)[:1] {
			if r.Status.Has(emop.ValidData) {
				all[r.Time.Unix()] = Energies{int64(r.ImportA) * tenths, int64(two[i].ExportA) * tenths, int64(r.ImportB) * tenths, int64(two[i].ExportB) * tenths}
			}
		}
	}
	return all
}

func TestSlotsAddUpToWhatTheRegistersMoved(t *testing.T) {
	f, m, serial := fleetOf(Spec{Hardware: "C1.w", Solar: true})
	from, to := noon.Truncate(time.Hour).AddDate(0, 0, -400), noon.Truncate(time.Hour)
	var sum Energies
	for _, s := range mustTruth(t, f, serial, from, to) {
		sum.ImportA += s.True.ImportA
		sum.ImportB += s.True.ImportB
		sum.ExportA += s.True.ExportA
	}
	moved := func(id emop.ID) (in, out int64) {
		a, b := mustElement(t, m, id, from), mustElement(t, m, id, to)
		return int64(b.ImportActive-a.ImportActive) * 10, int64(b.ExportActive-a.ExportActive) * 10
	}
	importA, exportA := moved(emop.ElementA.ID)
	importB, _ := moved(emop.ElementB.ID)
	if want := (Energies{ImportA: importA, ExportA: exportA, ImportB: importB}); sum != want || importB == 0 || exportA == 0 {
		t.Errorf("%+v, want %+v", sum, want)
	}
}

func TestTruthNamesWhatIsNotInTheLog(t *testing.T) {
	last := noon.Truncate(30 * time.Minute)
	hour := func(h int) time.Time { return noon.Truncate(time.Hour).Add(time.Duration(h) * time.Hour) }
	set := func(off time.Duration) func(*meter) {
		return func(m *meter) {
			m.clockError, m.clockRate = -off.Milliseconds(), 0
			at := hour(-5)
			m.setClock(at, []byte{26, 3, 14, 7, 0, 0, 0})
		}
	}
	for _, c := range []struct {
		name   string
		faults []Behaviour
		set    func(*meter)
		at     time.Time
		want   []Kind
	}{
		{"too old", nil, nil, hour(-90*24 - 1), []Kind{TooOld}},
		{"the oldest", nil, nil, last.AddDate(0, 0, -90), nil},
		{"the last", nil, nil, last.Add(-30 * time.Minute), nil},
		{"begun", nil, nil, last, []Kind{NotYet}},
		{"a month ahead", nil, nil, hour(30 * 24), []Kind{NotYet}},
		{"before the reset", []Behaviour{{Kind: LogReset, At: hour(-9)}}, nil, hour(-30), []Kind{LogReset}},
		{"up to the reset", []Behaviour{{Kind: LogReset, At: hour(-9)}}, nil, hour(-9).Add(-30 * time.Minute), []Kind{LogReset}},
		{"from the reset", []Behaviour{{Kind: LogReset, At: hour(-9)}}, nil, hour(-9), []Kind{LogReset}},
		{"behind the reset", []Behaviour{{Kind: LogReset, At: hour(-9)}}, nil, hour(-9).Add(30 * time.Minute), nil},
		{"a glitch at its end", []Behaviour{{Kind: LogGlitch, At: hour(-3)}}, nil, hour(-3).Add(-30 * time.Minute), []Kind{LogGlitch}},
		{"a glitch at its start in a hole", []Behaviour{{Kind: LogGlitch, At: hour(-3)}, {Kind: LogHole, At: hour(-3), Records: 2}}, nil, hour(-3), []Kind{LogHole, LogGlitch}},
		{"a clock twenty seconds off", nil, func(m *meter) { m.clockError, m.clockRate = 20_000, 0 }, hour(-3), []Kind{ClockOff}},
		{"a clock less off", nil, func(m *meter) { m.clockError, m.clockRate = -19_999, 0 }, hour(-3), nil},
		{"before the clock was set", nil, set(time.Hour), hour(-7), []Kind{ClockOff}},
		{"while the clock was set forward", nil, set(2 * time.Hour), hour(-6), []Kind{ClockSet}},
		{"after the clock was set", nil, set(time.Hour), hour(-4), nil},
	} {
		f, m, serial := fleetOf(Spec{Hardware: "C1.w", Behaviours: c.faults})
		if c.set != nil {
			c.set(m)
		}
		got := mustTruth(t, f, serial, c.at, c.at.Add(time.Minute))
		if len(got) != 1 || !slices.Equal(got[0].Wrong, c.want) || !got[0].Start.Equal(c.at) || got[0].True.ImportA <= 0 {
			t.Errorf("%s: %+v, want %v", c.name, got, c.want)
		}
		if never := slices.Contains(c.want, ClockSet); len(got) == 1 && (got[0].Clocked == Energies{}) != never {
			t.Errorf("%s: by the meter's clock %+v", c.name, got[0].Clocked)
		}
	}
}

func TestTruthHasTheHalfHoursThatARangeTouches(t *testing.T) {
	f, _, serial := fleetOf(Spec{Hardware: "B1.w"})
	from := noon.Truncate(time.Hour)
	for _, c := range []struct {
		from, to time.Duration
		want     int
	}{{0, 0, 0}, {0, time.Second, 1}, {time.Minute, 30 * time.Minute, 1}, {29 * time.Minute, 31 * time.Minute, 2}, {0, 24 * time.Hour, 48}, {time.Hour, 0, 0}} {
		if got := mustTruth(t, f, serial, from.Add(c.from), from.Add(c.to)); len(got) != c.want {
			t.Errorf("%v to %v: %d, want %d", c.from, c.to, len(got), c.want)
		}
	}
	if _, err := f.Truth("EML0", from, from); err == nil {
		t.Error("a meter that is not there has a truth")
	}
	if got := mustTruth(t, f, serial, time.Time{}, emop.Epoch.Add(time.Hour)); len(got) != 2 || (got[0].True != Energies{}) {
		t.Errorf("before the meter was there: %+v", got)
	}
}
