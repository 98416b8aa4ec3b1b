package simulator

import (
	"slices"
	"testing"
	"time"

	"flows/emop"
)

// What the registers show at half-hours from three hours before noon on, of a meter to which this happens at 10:40.
func turned(t *testing.T, hardware string, kinds ...Kind) (f *Fleet, serial string, shown []Energies) {
	t.Helper()
	spec := Spec{Hardware: hardware, Solar: true}
	for _, k := range kinds {
		spec.Behaviours = append(spec.Behaviours, Behaviour{Kind: k, At: noon.Truncate(time.Hour).Add(-80 * time.Minute)})
	}
	f, _, serial = fleetOf(spec)
	for i := range 7 {
		e, err := f.Registers(serial, noon.Truncate(time.Hour).Add(-3*time.Hour+time.Duration(i)*30*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		shown = append(shown, e)
	}
	return f, serial, shown
}

func TestRegistersTurnAndTheTruthGoesOn(t *testing.T) {
	for _, hardware := range []string{"C1.w", "P1.ax", "P1.cx"} {
		_, _, want := turned(t, hardware)
		for _, kind := range []Kind{Zeroed, SetBack} {
			f, serial, got := turned(t, hardware, kind)
			if !slices.Equal(got[:4], want[:4]) {
				t.Errorf("%s %s: before %v, want %v", hardware, kind, got[:4], want[:4])
			}
			if kind == Zeroed && (got[4].ImportA <= 0 || got[4].ImportA > want[4].ImportA-want[3].ImportA) {
				t.Errorf("%s: 20 min after it began anew it stands at %d", hardware, got[4].ImportA)
			}
			if kind == SetBack {
				day, err := f.Registers(serial, noon.Truncate(time.Hour).Add(-80*time.Minute-25*time.Hour))
				if least := day.ImportA; err != nil || got[4].ImportA < least || got[4].ImportA > least+want[4].ImportA-want[3].ImportA {
					t.Errorf("%s: set back to %d, stood at %d a day and an hour before; %v", hardware, got[4].ImportA, least, err)
				}
			}
			truth := mustTruth(t, f, serial, noon.Truncate(time.Hour).Add(-3*time.Hour), noon.Truncate(time.Hour))
			for i, s := range truth {
				shown := Energies{want[i+1].ImportA - want[i].ImportA, want[i+1].ExportA - want[i].ExportA, want[i+1].ImportB - want[i].ImportB, 0}
				if s.True != shown {
					t.Errorf("%s %s, half-hour %d: truth %+v, want %+v", hardware, kind, i, s.True, shown)
				}
				if after := got[i+1].ImportA - got[i].ImportA; (after != shown.ImportA) != (i == 3) {
					t.Errorf("%s %s, half-hour %d: the register moves by %d, truth %d", hardware, kind, i, after, shown.ImportA)
				}
				named := i == 3 || i == 4 && kind == Zeroed // whose record is not valid
				if slices.Contains(s.Wrong, kind) != named || slices.Contains(s.Wrong, Rollover) {
					t.Errorf("%s %s, half-hour %d: %v", hardware, kind, i, s.Wrong)
				}
			}
		}
	}
}

func TestTheFirstRecordSinceTheZeroSaysSo(t *testing.T) {
	from := noon.Truncate(time.Hour).Add(-3 * time.Hour)
	m := atNoon("C1.w", Behaviour{Kind: Zeroed, At: from.Add(100 * time.Minute)})
	for i, r := range dayOf(t, m, from, from.Add(3*time.Hour), noon) {
		want := emop.ValidData
		if i == 4 {
			want = emop.LogReset
		}
		if e := mustElement(t, m, emop.ElementA.ID, r.Time); r.Status != want || r.ImportA != e.ImportActive || (i < 4) != (r.ImportA > 1000) {
			t.Errorf("%s: %v, %d Wh; read then %d Wh", r.Time, r.Status, r.ImportA, e.ImportActive)
		}
	}
}

func TestRegistersTurnAboutEveryOtherMonth(t *testing.T) {
	for _, kind := range []Kind{Zeroed, SetBack} {
		m := atNoon("B1.w", Behaviour{Kind: kind})
		m.installed = millis(noon) - 720*day
		falls := 0
		for ms, last := m.installed, int64(0); ms < millis(noon); ms += hour {
			now := m.stands(m.a, ms)
			if now < last {
				falls++
			}
			last = now
		}
		if falls < 10 || falls > 14 {
			t.Errorf("%s: %d times in two years", kind, falls)
		}
	}
}

func TestADemoBetweenTwoTimesHasItsFaultsThere(t *testing.T) {
	to := noon.Add(7 * time.Minute)
	for _, days := range []int{2, 16} {
		from := to.AddDate(0, 0, -days)
		o := DemoBetween(30, 5, from, to)
		o.Now = func() time.Time { return to }
		f := New(o)
		for _, m := range f.Meters() {
			seen, outside := map[Kind]int{}, 0
			for _, s := range mustTruth(t, f, m.Serial, from.AddDate(0, 0, -20), to) {
				for _, k := range s.Wrong {
					if strikes[k] == nil || k == LogReset {
						continue
					}
					if seen[k]++; s.Start.Before(from) {
						outside++
					}
				}
			}
			if outside > 0 {
				t.Errorf("%d days, %s %v: %d faults before", days, m.Serial, m.Behaviour, outside)
			}
			for k, at := range strikes {
				has := slices.Contains(m.Behaviour, string(k))
				least := 0
				for _, s := range at {
					n := 1
					if s.weekly {
						n = max(days/7, 1)
					}
					least += n * max(s.records, 1)
				}
				if k != LogReset && has != (seen[k] > 0) || has && k != LogReset && seen[k] < least {
					t.Errorf("%d days, %s %v: %s in %d half-hours, want %d at least", days, m.Serial, m.Behaviour, k, seen[k], least)
				}
			}
		}
	}
}

func TestRowsThatSayTheyHoldNothingAreInTheLedger(t *testing.T) {
	from := noon.Truncate(time.Hour).Add(-4 * time.Hour)
	m := atNoon("P1.ax", Behaviour{Kind: LogHole, At: from.Add(30 * time.Minute), Records: 2})
	m.who = 1
	r := m.respond(emop.AppendThreePhaseLog(nil, from, from.Add(2*time.Hour)), noon)
	if len(r.records) != 5 {
		t.Fatalf("%d records", len(r.records))
	}
	for i, rec := range r.records {
		empty := i == 1 || i == 2
		if (rec.Status == uint16(emop.PowerFail)) != empty || (rec.numbers[1] == 0) != empty || rec.Time != from.Unix()+int64(i)*1800 {
			t.Errorf("%d: %+v", i, rec)
		}
	}
}
