package simulator

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"flows/emop"
)

// block asks a meter for rows of its three phase log.
func block(t testing.TB, m *meter, from, to, now time.Time) emop.ThreePhaseBlock {
	t.Helper()
	r := m.respond(emop.AppendThreePhaseLog(nil, from, to), now)
	b, err := emop.ThreePhaseLog(r.data[1:])
	if err != nil || r.nak != 0 {
		t.Fatalf("asked for %s to %s: %v, %v", from, to, r.nak, err)
	}
	return b
}

func TestAThreePhaseBlockComesOutAsOnTheWire(t *testing.T) {
	at := time.Date(2024, 4, 16, 6, 0, 0, 0, time.UTC)
	for hardware, want := range map[string]string{
		"P1.ax": "87d61200" + "e8030000" + "40e20100" + "73600000",
		"P1.cx": "4661bc00" + "10270000" + "87d61200" + "81c40300",
	} {
		m := atNoon(hardware)
		m.a, m.export, m.reactive, m.installed = load{initial: 1_234_567}, load{initial: 1000}, 10, millis(at)-day
		row := "0080" + "00000000" + want
		all := "05" + "60d0b02d" + "1e" + "05" + "d79600" + "010800" + "020800" + "030800" + "040800" + row + row
		data := unhex(t, "05"+"00"+"60d0b02d"+"68d7b02d"+"ffffffff")
		if got := hex.EncodeToString(m.respond(data, at.Add(time.Hour)).data); got != all {
			t.Errorf("%s: %s,\nwant %s", hardware, got, all)
		}
	}
}

func TestRowsOfAThreePhaseLogAreTheRegistersOfTheirTime(t *testing.T) {
	for _, hardware := range []string{"P1.ax", "P1.cx"} {
		m := atNoon(hardware)
		from := noon.Truncate(time.Hour).AddDate(0, 0, -90)
		for k := range 100 {
			start := from.Add(time.Duration(k) * 21 * time.Hour)
			b := block(t, m, start, start.Add(4*time.Hour), noon)
			if len(b.Rows) != 9 || !b.Start.Equal(start) {
				t.Fatalf("%s: %d rows from %s, asked for nine from %s", hardware, len(b.Rows), b.Start, start)
			}
			for i, row := range b.Rows {
				at := start.Add(time.Duration(i) * 30 * time.Minute)
				read := func(id emop.ID, at time.Time) uint32 {
					v, err := emop.TotalImportActive.Decode(m.respond(emop.AppendRead(nil, id), at).data[echoed:])
					if err != nil {
						t.Fatal(err)
					}
					return v
				}
				for j, id := range b.Channels {
					want := uint32(0)
					if id == 0xd79600 {
						want = read(0x010800, at) - read(0x010800, at.Add(-30*time.Minute))
					} else {
						want = read(id, at)
					}
					if row.Values[j] != want || !row.Time.Equal(at) || row.Status != emop.ValidData {
						t.Fatalf("%s at %s, %s: %d %v, want %d", hardware, at, id, row.Values[j], row.Status, want)
					}
				}
			}
		}
	}
}

func TestARangeOutsideAThreePhaseLogHasItsFirstOrLastRow(t *testing.T) {
	last := noon.Truncate(30 * time.Minute)
	first := last.AddDate(0, 0, -90)
	for _, c := range []struct {
		name           string
		from, to, want time.Time
		rows           int
	}{
		{"before", first.Add(-9 * time.Hour), first.Add(-5 * time.Hour), first, 1},
		{"before and into", first.Add(-time.Hour), first.Add(time.Hour), first, 3},
		{"behind", last.Add(time.Hour), last.Add(5 * time.Hour), last, 1},
		{"behind and from within", last.Add(-time.Hour), last.Add(time.Hour), last.Add(-time.Hour), 3},
		{"between two half-hours", last.Add(-50 * time.Minute), last.Add(-40 * time.Minute), last.Add(-30 * time.Minute), 1},
		{"one", last, last, last, 1},
	} {
		b := block(t, atNoon("P1.ax"), c.from, c.to, noon)
		if len(b.Rows) != c.rows || !b.Rows[0].Time.Equal(c.want) {
			t.Errorf("%s: %d rows from %s, want %d from %s", c.name, len(b.Rows), b.Start, c.rows, c.want)
		}
	}
	young := atNoon("P1.ax")
	young.installed = millis(noon)
	if b := block(t, young, first, last, noon); len(b.Rows) != 0 {
		t.Errorf("a meter of no half-hour has %v", b.Rows)
	}
}

func TestAHoleOfAThreePhaseLogHasNoValidRows(t *testing.T) {
	from := noon.Truncate(time.Hour).Add(-10 * time.Hour)
	hole := Behaviour{Kind: LogHole, At: from.Add(time.Hour), Records: 3}
	for who, want := range []struct {
		rows   int
		status emop.ProfileStatus // of the hole's, when there are any
	}{{6, 0}, {9, emop.PowerFail}} {
		m := atNoon("P1.cx", hole)
		m.who = who
		b := block(t, m, from, from.Add(4*time.Hour), noon)
		if len(b.Rows) != want.rows {
			t.Fatalf("%d rows, want %d", len(b.Rows), want.rows)
		}
		for _, row := range b.Rows {
			status := emop.ValidData
			switch i := row.Time.Sub(from) / (30 * time.Minute); {
			case i >= 2 && i < 5:
				status = want.status
			case i == 5:
				status |= emop.PowerFail
			}
			if row.Status != status {
				t.Errorf("%s: %v, want %v", row.Time, row.Status, status)
			}
		}
	}
}

func TestRequestsToLogsThatAreWrongGetTheirNAK(t *testing.T) {
	const ask = "0500" + "30aeb72d"
	end := func(hours int) string { // from the 2024-04-21T11:00 of ask
		at := time.Date(2024, 4, 21, 11, 0, 0, 0, time.UTC).Add(time.Duration(hours) * time.Hour)
		return hex.EncodeToString(emop.AppendProfile1(nil, at)[1:])
	}
	for _, c := range []struct {
		name, hardware, data string
		want                 emop.NAK
	}{
		{"profile log 1 of three phase", "P1.ax", "030008bb2d", emop.NAKUnknownObject},
		{"profile log 2 of three phase", "P1.cx", "040008bb2d", emop.NAKUnknownObject},
		{"profile log 1 with more", "C1.w", "030008bb2d00", emop.NAKLength},
		{"three phase log of single phase", "C1.w", ask + end(4) + "ffffffff", emop.NAKUnknownObject},
		{"three phase log cut short", "P1.ax", ask + end(4) + "ffffff", emop.NAKLength},
		{"three phase log with another end", "P1.ax", ask + end(4) + "ffffff00", emop.NAKFormat},
		{"the reset of a three phase log", "P1.cx", "0501" + ask[4:] + end(4) + "ffffffff", emop.NAKSecurity},
		{"an end before the start", "P1.cx", ask + end(-1) + "ffffffff", emop.NAKFormat},
		{"eight hours", "P1.cx", ask + end(8) + "ffffffff", emop.NAKTooLarge},
		{"two days", "P1.cx", ask + end(48) + "ffffffff", emop.NAKTooLarge},
		{"four hours", "P1.cx", ask + end(4) + "ffffffff", 0},
	} {
		data := unhex(t, c.data)
		m := build(Spec{Hardware: c.hardware})
		m.installed = first2024
		r := m.respond(data, time.Date(2024, 4, 24, 0, 0, 0, 0, time.UTC))
		if r.nak != c.want || c.want != 0 && (!bytes.Equal(r.data, data[:echoed]) || r.records != nil) {
			t.Errorf("%s: %v %x, want %v", c.name, r.nak, r.data, c.want)
		}
	}
}

func TestTheLedgerCallsAResetOfALogAWrite(t *testing.T) {
	f, m := one(t, Spec{Hardware: "P1.cx"})
	c := dial(t, m)
	for i, number := range []byte{0, 1} {
		data := emop.AppendThreePhaseLog(nil, noon, noon)
		data[1] = number
		c.ask(1, data)
		if _, err := c.next(); err != nil {
			t.Fatal(err)
		}
		if a := f.Ledger()[i]; a.Write != (number > 0) || a.Profile == nil {
			t.Errorf("profile number %d: %+v", number, a)
		}
	}
	p := f.Ledger()[0].Profile
	var names []string
	for _, v := range p.Values(0) {
		names = append(names, v.Name+" "+v.Unit)
	}
	if got, want := strings.Join(names, ", "), "interval_import 0.1 Wh, import_a 0.1 Wh, export_a 0.1 Wh, reactive_import_a 0.1 varh, reactive_export_a 0.1 varh"; got != want {
		t.Errorf("%s", got)
	}
}
