package simulator

import (
	"slices"
	"testing"
	"time"

	"flows/emop"
)

// set writes the clock as a client does.
func set(t *testing.T, m *meter, to, now time.Time) {
	t.Helper()
	payload, err := emop.AppendTime(nil, to)
	if err != nil {
		t.Fatal(err)
	}
	if r := m.respond(emop.AppendWrite(nil, emop.Time.ID, payload), now); r.nak != 0 {
		t.Fatal(r.nak)
	}
}

func TestSettingTheClockLeavesOldRecordsAsTheyWere(t *testing.T) {
	from := noon.Truncate(time.Hour).Add(-10 * time.Hour) // 02:00
	for _, c := range []struct {
		name string
		off  time.Duration
		// of the half-hours after the clock was right, which were made in the time it was off, and which never
		missing []string
	}{
		{"forward", -70 * time.Minute, []string{"14T11:30", "14T12:00"}},
		{"back", 70 * time.Minute, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := atNoon("C1.w")
			m.clockError = c.off.Milliseconds()
			before := dayOf(t, m, from, noon.Add(2*time.Hour), noon)
			set(t, m, noon, noon)
			if now := dayOf(t, m, from, noon.Add(2*time.Hour), noon.Add(time.Second)); !slices.Equal(now, before) {
				t.Errorf("once it was set: %v, were %v", now, before)
			}
			later := noon.Add(3 * time.Hour)
			after := dayOf(t, m, from, later, later)
			if !slices.Equal(after[:len(before)], before) {
				t.Errorf("records changed: %v, were %v", after, before)
			}
			for i := range after[1:] {
				if !after[i+1].Time.After(after[i].Time) {
					t.Errorf("%v after %v", after[i+1], after[i])
				}
			}
			var missing []string
			for u := from; !u.After(later); u = u.Add(30 * time.Minute) {
				if !slices.ContainsFunc(after, func(r emop.Profile1) bool { return r.Time.Equal(u) }) {
					missing = append(missing, u.Format("02T15:04"))
				}
			}
			if !slices.Equal(missing, c.missing) {
				t.Errorf("missing %v, want %v", missing, c.missing)
			}
			// A record made since then is of its own time.
			last := after[len(after)-1]
			if want := mustElement(t, m, emop.ElementA.ID, last.Time).ImportActive; last.ImportA != want || !last.Time.Equal(later.Truncate(30*time.Minute)) {
				t.Errorf("%+v, want %d", last, want)
			}
		})
	}
}

func TestARecordThatIsThereStaysWhatItIs(t *testing.T) {
	m := build(Spec{Hardware: "C1.w", ClockError: time.Minute})
	m.faults = logFaults([]Behaviour{{Kind: LogHole}, {Kind: LogGlitch}, {Kind: LogReversal}, {Kind: LogInvalid}})
	from := noon.Truncate(24*time.Hour).AddDate(0, 0, -3)
	first := dayOf(t, m, from, from.AddDate(0, 0, 1), noon)
	for i := range 5 {
		now := noon.AddDate(0, 0, 7*(i+1))
		set(t, m, now.Add(time.Duration(i-2)*time.Minute), now)
		if again := dayOf(t, m, from, from.AddDate(0, 0, 1), now.Add(time.Hour)); !slices.Equal(first, again) {
			t.Fatalf("%v, later %v", first, again)
		}
	}
}

func TestFloorAndCeilRoundDownAndUp(t *testing.T) {
	for _, c := range []struct{ a, down, up int64 }{{7, 2, 3}, {6, 2, 2}, {0, 0, 0}, {-1, -1, 0}, {-3, -1, -1}, {-4, -2, -1}} {
		if down, up := floor(c.a, 3), ceil(c.a, 3); down != c.down || up != c.up {
			t.Errorf("%d: %d and %d", c.a, down, up)
		}
	}
}
