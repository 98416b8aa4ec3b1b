package simulator

import (
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
	"time"

	"flows/emop"
)

var noon = time.Date(2026, 3, 14, 12, 10, 0, 0, time.UTC) // what these tests take for now

// atNoon is a meter whose clock is right.
func atNoon(hardware string, faults ...Behaviour) *meter {
	m := build(Spec{Hardware: hardware, Solar: true})
	m.clockError, m.clockRate = 0, 0
	m.faults = logFaults(faults)
	return m
}

// log1 asks a meter for profile log 1.
func log1(t testing.TB, m *meter, at, now time.Time) []emop.Profile1 {
	t.Helper()
	r := m.respond(emop.AppendProfile1(nil, at), now)
	records, err := emop.ProfileLog1(r.data[1:], at)
	if err != nil || r.nak != 0 {
		t.Fatalf("asked for %s: %v, %v", at, r.nak, err)
	}
	if len(records) != len(r.records) {
		t.Fatalf("%d records on the wire, %d in the ledger", len(records), len(r.records))
	}
	return records
}

func times(records []emop.Profile1) (all []string) {
	for _, r := range records {
		all = append(all, r.Time.Format("02T15:04"))
	}
	return all
}

func TestTheCapturedProfileAnswerComesOutByteForByte(t *testing.T) {
	first := time.Date(2024, 4, 16, 6, 0, 0, 0, time.UTC)
	m := atNoon("C1.w", Behaviour{Kind: LogReset, At: first}, Behaviour{Kind: LogOlder})
	m.a, m.b, m.installed = load{initial: 1776}, load{initial: 1861}, millis(first)-day
	const want = "030008bb2d60d0b02d0100f00600004507000068d7b02d0080f00600004507000070deb02d0080f00600004507000078e5b02d0080f0060000450700" +
		"0080ecb02d0080f00600004507000034000000000000000000"
	if got := hex.EncodeToString(m.respond(unhex(t, "030008bb2d"), first.Add(2*time.Hour+time.Minute)).data); got != want {
		t.Errorf("%s,\nwant %s", got, want)
	}
}

func TestProfileLog2ComesOutAsOnTheWire(t *testing.T) {
	at := time.Date(2024, 4, 16, 6, 0, 0, 0, time.UTC)
	const one = "60d0b02d" + "0080" + "87d61200" + "b4240400" + "97340100" + "52090000"
	for _, c := range []struct{ hardware, want string }{
		// One record is there, the other places are empty, and the last bytes mean nothing.
		{"B1.w", one + strings.Repeat("ff", 2*22) + "34" + strings.Repeat("00", 13)},
		{"C1.w", one + "00000000" + "ba000000" + "25000000" + strings.Repeat("ff", 34) + "34" + strings.Repeat("00", 11)},
	} {
		m := atNoon(c.hardware)
		m.a, m.b, m.export, m.reactive = load{initial: 2_715_400}, load{initial: 1861}, load{initial: 1_234_567}, 10
		m.volts += 2386 - m.voltage(at, 0)
		m.installed = millis(at) - day
		if c.hardware == "B1.w" {
			m.b = load{}
		}
		got := hex.EncodeToString(m.respond(unhex(t, "0460d0b02d"), at.Add(time.Minute)).data)
		if want := "0460d0b02d" + c.want; got != want {
			t.Errorf("%s: %s,\nwant %s", c.hardware, got, want)
		}
	}
}

// Every half-hour of the log against the registers as they are read at the moment the meter's clock shows it.
func TestALogHoldsWhatTheRegistersStoodAt(t *testing.T) {
	for _, hardware := range []string{"B1.w", "EMA1.w", "C1.w", "1"} {
		m := build(Spec{Hardware: hardware, Solar: true, ClockError: -3*time.Second - 141*time.Millisecond})
		for k := range 300 {
			label := noon.Truncate(30 * time.Minute).Add(-time.Duration(k) * 14 * 30 * time.Minute)
			at := label.Add(3*time.Second + 141*time.Millisecond)
			for !m.clock(at).Equal(label) { // the clock runs at its own rate too
				at = at.Add(label.Sub(m.clock(at)))
			}
			got := log1(t, m, label, noon)[0]
			two, err := emop.ProfileLog2(m.respond(emop.AppendProfile2(nil, label), noon).data[1:], label, emop.ClassOf(hardware))
			if err != nil {
				t.Fatal(err)
			}
			a := mustElement(t, m, emop.ElementA.ID, at)
			var b emop.Registers
			if hardware == "C1.w" {
				b = mustElement(t, m, emop.ElementB.ID, at)
			}
			want := emop.Profile1{Time: label, Status: emop.ValidData, ImportA: a.ImportActive, ImportB: b.ImportActive}
			want2 := emop.Profile2{Time: label, Status: emop.ValidData, ExportA: a.ExportActive, ReactiveImportA: a.ImportReactive,
				ReactiveExportA: a.ExportReactive, Voltage: uint32(m.voltage(at, 0)), ExportB: b.ExportActive, ReactiveImportB: b.ImportReactive,
				ReactiveExportB: b.ExportReactive}
			if got != want || two[0] != want2 {
				t.Fatalf("%s at %s: %+v %+v,\nwant %+v %+v", hardware, label, got, two[0], want, want2)
			}
		}
	}
}

func mustElement(t *testing.T, m *meter, id emop.ID, at time.Time) emop.Registers {
	t.Helper()
	v, err := emop.ElementA.Decode(m.respond(emop.AppendRead(nil, id), at).data[echoed:])
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestALogReachesBackNinetyDaysOrLess(t *testing.T) {
	for _, c := range []struct {
		days int64
		want time.Time
	}{
		{0, noon.Truncate(time.Hour).AddDate(0, 0, -90)}, {91, noon.Truncate(time.Hour).AddDate(0, 0, -90)},
		{7, noon.Truncate(time.Hour).AddDate(0, 0, -7)},
	} {
		m := atNoon("C1.w")
		m.reach = c.days
		for _, asked := range []time.Time{c.want, c.want.Add(-30 * time.Minute), emop.Epoch} {
			if got := log1(t, m, asked, noon)[0].Time; !got.Equal(c.want) {
				t.Errorf("%d days, asked for %s: %s, want %s", c.days, asked, got, c.want)
			}
		}
	}
	m := atNoon("C1.w")
	m.installed = millis(noon) - 5*hour
	if got := log1(t, m, emop.Epoch, noon)[0].Time; !got.Equal(noon.Truncate(time.Hour).Add(-4*time.Hour - 30*time.Minute)) {
		t.Errorf("a meter of five hours has records from %s on", got)
	}
}

func TestALogEndsWithTheLastHalfHourOfTheMetersClock(t *testing.T) {
	m := atNoon("C1.w")
	last := noon.Truncate(30 * time.Minute)
	for _, asked := range []time.Time{last, last.Add(30 * time.Minute), noon.AddDate(1, 0, 0), emop.Epoch.AddDate(140, 0, 0)} {
		if got := log1(t, m, asked, noon); len(got) != 1 || !got[0].Time.Equal(last) {
			t.Errorf("asked for %s: %v, want the one of %s", asked, got, last)
		}
	}
	m.clockError = 50 * hour
	if got := log1(t, m, noon.AddDate(1, 0, 0), noon); len(got) != 1 || !got[0].Time.Equal(last.Add(50*time.Hour)) {
		t.Errorf("a clock two days ahead: %v", got)
	}
}

// A day's 49 half-hours, as often as one must ask for them.
func TestADayTakesItsCalls(t *testing.T) {
	day := noon.Truncate(24*time.Hour).AddDate(0, 0, -2)
	for _, c := range []struct {
		hardware string
		kind     []Behaviour
		format   byte
		want     int
	}{
		{"C1.w", nil, emop.FormatProfile1, 10}, {"C1.w", nil, emop.FormatProfile2, 25}, {"B1.w", nil, emop.FormatProfile2, 17},
		{"C1.w", []Behaviour{{Kind: LogLong}}, emop.FormatProfile1, 3}, {"C1.w", []Behaviour{{Kind: LogLong}}, emop.FormatProfile2, 7},
		{"B1.w", []Behaviour{{Kind: LogLong}}, emop.FormatProfile2, 5},
	} {
		m := atNoon(c.hardware, c.kind...)
		calls := 0
		for next := day; !next.After(day.AddDate(0, 0, 1)); calls++ {
			data := emop.AppendProfile1(nil, next)
			data[0] = c.format
			r := m.respond(data, noon)
			if want := map[bool]int{false: 5 + 80, true: 5 + 238}[c.kind != nil]; len(r.data) != want {
				t.Fatalf("%d bytes, want %d", len(r.data), want)
			}
			if got := r.records[0].Time; got != next.Unix() {
				t.Fatalf("asked for %s, got %s", next, time.Unix(got, 0).UTC())
			}
			next = next.Add(time.Duration(len(r.records)) * 30 * time.Minute)
		}
		if calls != c.want {
			t.Errorf("%s log %d %v: %d calls, want %d", c.hardware, c.format-2, c.kind, calls, c.want)
		}
	}
}

func TestTheLedgerHasEveryQuestionToALogAndItsRecords(t *testing.T) {
	f, m := one(t, twinWith())
	c := dial(t, m)
	at := time.Now().UTC().Truncate(30 * time.Minute).Add(-48 * time.Hour)
	for i, data := range [][]byte{emop.AppendProfile1(nil, at), emop.AppendProfile2(nil, at), emop.AppendThreePhaseLog(nil, at, at.Add(time.Hour))} {
		c.ask(uint8(i), data)
		if got, err := c.next(); err != nil || (got.NAK == 0) != (i < 2) {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	all := f.Ledger()
	if len(all) != 3 {
		t.Fatalf("%d entries", len(all))
	}
	for i, want := range []struct {
		records int
		values  []string
		to      time.Time
	}{
		{5, []string{"import_a", "import_b"}, time.Time{}},
		{2, []string{"export_a", "reactive_import_a", "reactive_export_a", "voltage", "export_b", "reactive_import_b", "reactive_export_b"}, time.Time{}},
		{0, nil, at.Add(time.Hour)},
	} {
		a := all[i]
		p := a.Profile
		if a.Object != 0 || a.EventBlock != -1 || a.Values != nil || !a.Whole || a.Write || p == nil || int(p.Format) != i+3 ||
			!p.From.Equal(at) || !p.To.Equal(want.to) || len(p.Records) != want.records || (a.NAK == 0) != (want.records > 0) {
			t.Fatalf("entry %d: %+v, %+v", i, a, p)
		}
		for k, r := range p.Records {
			var names []string
			for _, v := range p.Values(k) {
				names = append(names, v.Name)
			}
			if r.Time != at.Unix()+int64(k)*1800 || r.Status != 0x80 || !reflect.DeepEqual(names, want.values) {
				t.Errorf("entry %d, record %d: %+v %v", i, k, r, names)
			}
		}
	}
	if v := all[0].Profile.Values(1)[0]; v.Unit != "Wh" || v.Number == 0 {
		t.Errorf("import %+v", v)
	}
	if err := f.SetBehaviours(m.Serial, Behaviour{Kind: Silent}); err != nil {
		t.Fatal(err)
	}
	c.ask(1, emop.AppendProfile1(nil, at))
	c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	c.next()
	if a := f.Ledger()[3]; a.Profile == nil || a.Profile.Records != nil || a.Whole || !a.Departed.IsZero() {
		t.Errorf("a question that was not answered: %+v", a)
	}
	if f.Requests() != 4 {
		t.Errorf("%d requests", f.Requests())
	}
}

func TestALogCanBeRefused(t *testing.T) {
	_, m := one(t, twinWith(Behaviour{Kind: NAKObject}))
	c := dial(t, m)
	c.ask(1, emop.AppendProfile1(nil, noon))
	if got, err := c.next(); err != nil || got.NAK != emop.NAKUnknownObject || len(got.Data) != echoed {
		t.Errorf("%+v, %v", got, err)
	}
	if got := c.get(idCSQ); got.NAK != 0 {
		t.Errorf("csq: %v", got.NAK)
	}
}

func TestAMeterStaysSmall(t *testing.T) {
	if got := reflect.TypeFor[slot]().Size(); got > 700 {
		t.Errorf("%d bytes a meter", got)
	}
}
