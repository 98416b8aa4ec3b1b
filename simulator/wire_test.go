package simulator

import (
	"bytes"
	"encoding/hex"
	"testing"
	"time"

	"flows/emop"
)

// build is a meter outside any fleet.
func build(s Spec) *meter {
	m := newMeter(3, 0, s)
	return &m
}

// Payloads captured from real meters or worked out by hand from the layout of the wire.
func TestPayloadsComeOutAsOnTheWire(t *testing.T) {
	new2024 := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name string
		id   emop.ID
		spec Spec
		set  func(*meter)
		at   time.Time
		want string
	}{
		{"serial padded with spaces", 0x600100, Spec{Hardware: "C1.w"}, func(m *meter) { m.serial, m.pad = "EML2137580761", ' ' }, new2024, "454d4c32313337353830373631202020"},
		{"serial padded with NUL", 0xd7ff10, Spec{Hardware: "P1.ax"}, func(m *meter) { m.serial, m.pad = "EML2137580761", 0 }, new2024, "454d4c32313337353830373631000000"},
		{"hardware 6Cw", 0x608000, Spec{Hardware: "C1.w"}, func(m *meter) { m.text, m.pad = "6Cw", ' ' }, new2024, "36437720"},
		{"hardware 6C", 0x608000, Spec{Hardware: "C1.w"}, func(m *meter) { m.text, m.pad = "6C", 0 }, new2024, "36430000"},
		{"hardware 3Aw", 0x608000, Spec{Hardware: "EMA1.w"}, func(m *meter) { m.pad = ' ' }, new2024, "33417720"},
		{"hardware 6Bw", 0x608000, Spec{Hardware: "B1.w"}, func(m *meter) { m.pad = ' ' }, new2024, "36427720"},
		{"hardware of three phase is empty", 0x608000, Spec{Hardware: "P1.cx"}, nil, new2024, ""},
		{"P1.ax is 0", 0xd7ff11, Spec{Hardware: "P1.ax"}, nil, new2024, "00"},
		{"P1.cx is 1", 0xd7ff11, Spec{Hardware: "P1.cx"}, nil, new2024, "01"},
		{"clock on a Sunday", 0x800800, Spec{Hardware: "C1.w"}, func(m *meter) { m.clockError, m.clockRate = 0, 0 }, time.Date(2023, 8, 6, 21, 0, 1, 999_000_000, time.UTC), "17080615000100"},
		{"clock two hours behind", 0x800800, Spec{Hardware: "C1.w"}, func(m *meter) { m.clockError, m.clockRate = -2*hour, 0 }, time.Date(2023, 8, 6, 23, 0, 1, 0, time.UTC), "17080615000100"},
		{"csq 16, operator 1", 0xfffd1d, Spec{Hardware: "C1.w"}, func(m *meter) { steadyCSQ(m, new2024, 16); m.operator = 1 }, new2024, "30"},
		{"csq 12, operator 2", 0xfffd1d, Spec{Hardware: "P1.ax"}, func(m *meter) { steadyCSQ(m, new2024, 12); m.operator = 2 }, new2024, "4c"},
		{"balance 3.00", 0xffc802, Spec{Hardware: "C1.w"}, func(m *meter) { m.opened = 300_000 }, new2024, "e0930400"},
		{"balance -333.264", 0xffc802, Spec{Hardware: "C1.w", CreditMode: true}, func(m *meter) { m.opened = -33_326_400 }, new2024, "c07a03fe"},
		{"prepay disabled", 0xffff0d, Spec{Hardware: "C1.w", CreditMode: true}, nil, new2024, "00"},
		{"prepay enabled", 0xffff0d, Spec{Hardware: "C1.w"}, nil, new2024, "01"},
		{"voltage 238.6", 0x0c0700, Spec{Hardware: "B1.w"}, func(m *meter) { m.volts += 2386 - m.voltage(new2024, 0) }, new2024, "5209"},
		{"voltage L3 239.7", 0x480700, Spec{Hardware: "P1.cx"}, func(m *meter) { m.volts += 2397 - m.voltage(new2024, 3) }, new2024, "5d09"},
		{"firmware 3032", 0x000201, Spec{Hardware: "C1.w"}, func(m *meter) { m.firmware = "3032" }, new2024, "33303332"},
		{"firmware of three phase", 0x000201, Spec{Hardware: "P1.ax"}, func(m *meter) { m.firmware = "\x01\x02\x03\x04\x05" }, new2024, "0102030405"},
		{"rates 1 and 6", 0xffff20, Spec{Hardware: "C1.w"}, func(m *meter) { m.tariff.mask = 0x21 }, new2024, "21"},
		{"standing charge 0.07650", 0xffff22, Spec{Hardware: "C1.w"}, func(m *meter) { m.tariff.standing = 7650 }, new2024, "e21d0000"},
		{"element A 12345.678 and 1234.567 kWh", 0xfffffc, Spec{Hardware: "B1.w", Solar: true}, func(m *meter) { m.a.initial, m.export.initial, m.reactive = 12_345_678, 1_234_567, 10 }, new2024, "4e61bc0087d612" + "0087d61200" + "f4240400"},
		{"element B exports nothing", 0xfffff8, Spec{Hardware: "C1.w"}, func(m *meter) { m.b.initial, m.reactive = 12_345_678, 1 }, new2024, "4e61bc0000000000" + "40e20100" + "81c40300"},
		{"a register wraps at 32 bits", 0x010800, Spec{Hardware: "P1.ax"}, func(m *meter) { m.a.initial = 1<<32 + 5 }, new2024, "05000000"},
		{"CT operated counts tenths", 0x010800, Spec{Hardware: "P1.cx"}, func(m *meter) { m.a.initial = 1000 }, new2024, "10270000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := build(c.spec)
			m.installed = millis(new2024) // where registers stand as set
			m.clockSet = m.installed
			if c.set != nil {
				c.set(m)
			}
			r := m.respond(emop.AppendRead(nil, c.id), c.at)
			if got := hex.EncodeToString(r.data[echoed:]); got != c.want || r.nak != 0 {
				t.Errorf("%s, %v, want %s", got, r.nak, c.want)
			}
		})
	}
}

// steadyCSQ makes the signal at t what it should be.
func steadyCSQ(m *meter, t time.Time, csq int64) { m.signal += csq - m.csq(t) }

func TestATimestampIsSecondsSince2000(t *testing.T) {
	var r reply
	r.seconds("", time.Date(2024, 2, 29, 12, 34, 56, 0, time.UTC).Unix())
	if got := hex.EncodeToString(r.data); got != "7036732d" {
		t.Errorf("%s, want 7036732d", got)
	}
}

// What each hardware answers, written out from the facts of the wire.
func TestHardwareAnswersItsObjectsAndNAKsTheRest(t *testing.T) {
	common := []emop.ID{0x800800, 0x608000, 0x000201, 0xfffd1d, 0xffff10}
	three := []emop.ID{0xd7ff10, 0xd7ff11, 0x200700, 0x340700, 0x480700, 0x010800, 0x020800, 0x030800, 0x040800, 0x090800, 0x100800}
	twins := []emop.ID{0xfffff8, 0x290700, 0x0d00ff}
	single := []emop.ID{0x600100, 0x0c0700, 0x0b0700, 0x010700, 0x030700, 0x0d0700, 0x0e0700, 0x0c1800, 0x0b1800, 0x0e1800, 0x150700, 0xfffffc,
		0xffff0d, 0xffc802, 0xffc83e, 0xffc840, 0xffff22, 0xffff20, 0xffff1e, 0xfff901, 0xfff940, 0xfff701, 0xfff704, 0xffff2e, 0xffff4d,
		0xffff2c, 0xffff2b, 0xffff4b, 0xffff2d, 0xffff4c, 0xffff4e, 0xffc805, 0xffc806, 0xffc807, 0xffc964, 0xffff23, 0xffff21, 0xffff1f,
		0xffff4f, 0xffff24, 0xfff801, 0xfff839, 0xfff840, 0xfff601, 0xfff604, 0xffc808, 0xffc809, 0xffc80a, 0xffc965, 0x0d0000, 0xffff0e, 0xffff11}
	nowhere := []emop.ID{0x800309, 0xfff900, 0xfff941, 0xfff800, 0xfff705, 0xfff600, 0x000000, 0xffffff}
	for hardware, has := range map[string][][]emop.ID{
		"B1.w": {common, single}, "EMA1.w": {common, single}, "1": {common, single}, "C1.w": {common, single, twins},
		"P1.ax": {common, three}, "P1.cx": {common, three},
	} {
		answers := map[emop.ID]bool{}
		for _, list := range has {
			for _, id := range list {
				answers[id] = true
			}
		}
		m := build(Spec{Hardware: hardware})
		for _, list := range [][]emop.ID{common, three, twins, single, nowhere} {
			for _, id := range list {
				r := m.respond(emop.AppendRead(nil, id), time.Now())
				if got := r.nak == 0; got != answers[id] || !got && r.nak != emop.NAKUnknownObject {
					t.Errorf("%s %s: %v", hardware, id, r.nak)
				}
				if r.nak == 0 && r.values == nil || r.nak != 0 && r.values != nil {
					t.Errorf("%s %s: values %v with %v", hardware, id, r.values, r.nak)
				}
			}
		}
	}
}

func TestRequestsThatAreWrongGetTheirNAK(t *testing.T) {
	for _, c := range []struct {
		name, hardware, data string
		want                 emop.NAK
	}{
		{"unknown format", "C1.w", "09ffc80200", emop.NAKFormat},
		{"neither read nor write", "C1.w", "01ffc80202", emop.NAKFormat},
		{"read with a payload", "C1.w", "01ffc8020000", emop.NAKLength},
		{"write to a read-only object", "C1.w", "01fffffc01", emop.NAKSecurity},
		{"read of a write-only object", "C1.w", "01ffc80300", emop.NAKSecurity},
		{"write to an unknown object", "C1.w", "01123456010000", emop.NAKUnknownObject},
		{"write to an object of other hardware", "P1.ax", "01ffff230100000000", emop.NAKUnknownObject},
		{"clock of six bytes", "C1.w", "0180080001170806150001", emop.NAKLength},
		{"clock at the 31st of June", "C1.w", "018008000117061f15000100", emop.NAKFormat},
		{"token that is no number", "C1.w", "01ffc8030131373434363334393436313235383931363132" + "78", emop.NAKFormat},
		{"token too short", "C1.w", "01ffc8030131", emop.NAKLength},
		{"event block 10", "C1.w", "026362000a", emop.NAKFormat},
		{"event log of three phase", "P1.cx", "0263620000", emop.NAKUnknownObject},
		{"event log of another id", "C1.w", "0263630000", emop.NAKUnknownObject},
		{"event log with a payload", "C1.w", "026362000000", emop.NAKLength},
	} {
		data := unhex(t, c.data)
		r := build(Spec{Hardware: c.hardware}).respond(data, time.Now())
		if r.nak != c.want || !bytes.Equal(r.data, data[:echoed]) {
			t.Errorf("%s: %v %x, want %v and the echo", c.name, r.nak, r.data, c.want)
		}
	}
}

func TestPrepayIsRefusedBelowTenPounds(t *testing.T) {
	m := build(Spec{Hardware: "C1.w", CreditMode: true})
	now := time.Now()
	m.opened += 10*pound - 1 - m.balance(now)
	on := emop.AppendWrite(nil, 0xffff0d, []byte{1})
	if got := m.respond(on, now).nak; got != emop.NAKSecurity || !m.credit {
		t.Errorf("at 9.99999: %v", got)
	}
	m.opened++
	if got := m.respond(on, now).nak; got != 0 || m.credit {
		t.Errorf("at 10.00: %v", got)
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	m := build(Spec{Hardware: "B1.w"})
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		id      emop.ID
		payload string
	}{
		{0xffff21, "00"}, {0xffff1f, "0000000000000000000000000000"}, {0xffff4f, "00"}, {0xfff839, "e21d0000"}, {0xfff601, "e21d0000"},
		{0xffc808, "e21d0000"}, {0xffc809, "e21d0000"}, {0xffc80a, "e21d0000"}, {0xffc965, "00000000"}, {0xffff23, "e21d0000"},
		{0xffff24, "7036732d"}, {0x800800, "17080615000100"},
	} {
		if r := m.respond(emop.AppendWrite(nil, c.id, unhex(t, c.payload)), now); r.nak != 0 || len(r.data) != echoed {
			t.Errorf("write %s: %v %x", c.id, r.nak, r.data)
		}
		if got := hex.EncodeToString(m.respond(emop.AppendRead(nil, c.id), now).data[echoed:]); got != c.payload {
			t.Errorf("%s reads back as %s, want %s", c.id, got, c.payload)
		}
	}
	if got := m.drift(now.Add(time.Hour)) - m.drift(now); got != 0 {
		t.Errorf("an hour after it was set the clock had drifted by %d ms more", got)
	}
}
