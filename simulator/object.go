package simulator

import (
	"encoding/hex"
	"time"

	"flows/emop"
)

const (
	idCSQ      = emop.ID(0xfffd1d)
	idHardware = emop.ID(0x608000)
)

// entry is how meters answer for one object. Without read it is write-only, without write read-only.
type entry struct {
	on    kind
	read  func(m *meter, t time.Time, r *reply)
	write func(m *meter, t time.Time, payload []byte) emop.NAK
}

// lookup finds an object.
func lookup(id emop.ID) (entry, bool) {
	if e, ok := objects[id]; ok {
		return e, true
	}
	if e, ok := tariffObjects[id]; ok {
		return e, true
	}
	return pricingCell(id)
}

// objects are those that are not of the tariff.
var objects = map[emop.ID]entry{
	0x800800: {on: every, read: (*meter).readClock, write: (*meter).setClock},
	0x600100: {on: singlePhase, read: (*meter).readSerial},
	0xd7ff10: {on: threePhase, read: (*meter).readSerial},
	0x608000: {on: every, read: (*meter).readHardware},
	0xd7ff11: {on: threePhase, read: (*meter).readConfiguration},
	0x000201: {on: every, read: func(m *meter, _ time.Time, r *reply) {
		r.data = append(r.data, m.firmware...)
		r.noteText("firmware", m.firmwareName())
	}},
	0xfffd1d: {on: every, read: func(m *meter, t time.Time, r *reply) {
		csq := m.csq(t)
		r.data = append(r.data, byte(m.operator<<5|csq))
		r.note("csq", "", csq)
		r.note("operator", "", m.operator)
	}},

	0x0c0700: u16(singlePhase, "voltage", "0.1 V", func(m *meter, t time.Time) int64 { return m.voltage(t, 0) }),
	0x200700: u16(threePhase, "voltage", "0.1 V", func(m *meter, t time.Time) int64 { return m.voltage(t, 1) }),
	0x340700: u16(threePhase, "voltage", "0.1 V", func(m *meter, t time.Time) int64 { return m.voltage(t, 2) }),
	0x480700: u16(threePhase, "voltage", "0.1 V", func(m *meter, t time.Time) int64 { return m.voltage(t, 3) }),
	0x0b0700: u16(singlePhase, "current", "0.1 A", (*meter).current),
	0x010700: u16(singlePhase, "power", "W", (*meter).power),
	0x030700: u16(singlePhase, "power", "var", func(m *meter, t time.Time) int64 { return m.power(t) * m.reactive / 100 }),
	0x0d0700: u16(singlePhase, "power_factor", "0.01", func(m *meter, t time.Time) int64 { return m.slow(t, 20, 90, 100) }),
	0x0e0700: u16(singlePhase, "frequency", "0.1 Hz", func(m *meter, t time.Time) int64 { return m.slow(t, 21, 498, 502) }),
	0x0c1800: u16(singlePhase, "voltage", "0.1 V", func(m *meter, _ time.Time) int64 { return m.volts + 1 }),
	0x0b1800: u16(singlePhase, "current", "0.1 A", func(m *meter, _ time.Time) int64 { return 2 * (m.a.half + m.b.half) * 100 / m.volts }),
	0x0e1800: u16(singlePhase, "frequency", "0.1 Hz", func(*meter, time.Time) int64 { return 500 }),
	0x150700: u16(singlePhase, "power", "W", func(m *meter, t time.Time) int64 { return m.a.watts(millis(t)) }),
	0x290700: u16(twin, "power", "W", func(m *meter, t time.Time) int64 { return m.b.watts(millis(t)) }),

	0xfffffc: {on: singlePhase, read: func(m *meter, t time.Time, r *reply) { m.readElement(t, r, m.a, m.export) }},
	0xfffff8: {on: twin, read: func(m *meter, t time.Time, r *reply) { m.readElement(t, r, m.b, load{}) }},
	0x010800: total("Wh", (*meter).totalImport),
	0x020800: total("Wh", (*meter).totalExport),
	0x030800: total("varh", (*meter).totalReactiveImport),
	0x040800: total("varh", (*meter).totalReactiveExport),
	0x090800: total("VAh", func(m *meter, ms int64) int64 { return m.totalImport(ms) * 103 / 100 }),
	0x100800: total("VAh", func(m *meter, ms int64) int64 { return m.totalExport(ms) * 102 / 100 }),

	0xffff0e: u8(singlePhase, "daylight_saving", func(m *meter) int64 { return m.daylight }),
	0xffff10: {on: every, read: func(m *meter, _ time.Time, r *reply) {
		r.u8("backlight", "", m.backlight)
		r.values[0].Text = m.backlightName()
	}},
	0xffff11: {on: singlePhase, read: func(m *meter, _ time.Time, r *reply) { // [P]
		r.u8("load_switch", "", m.loadSwitch)
		r.values[0].Text = loadSwitchNames[m.loadSwitch]
	}},
	0x0d0000: {on: singlePhase, read: func(m *meter, _ time.Time, r *reply) { m.readSwitches(r, 30) }},
	0x0d00ff: {on: twin, read: func(m *meter, _ time.Time, r *reply) { m.readSwitches(r, 31) }},

	0xffff0d: {on: singlePhase, read: (*meter).readPrepay, write: (*meter).setPrepay},
	0xffc802: {on: singlePhase, read: func(m *meter, t time.Time, r *reply) { r.u32("balance", "1/100000 GBP", m.balance(t)) }},
	0xffc803: {on: singlePhase, write: (*meter).enterToken},
	0xffc83e: {on: singlePhase, read: (*meter).readTransactions},
	0xffc840: {on: singlePhase, read: (*meter).readTransaction},
}

// u16 is an object of one number.
func u16(on kind, name, unit string, value func(*meter, time.Time) int64) entry {
	return entry{on: on, read: func(m *meter, t time.Time, r *reply) { r.u16(name, unit, value(m, t)) }}
}

// u8 is an object of one setting.
func u8(on kind, name string, value func(*meter) int64) entry {
	return entry{on: on, read: func(m *meter, _ time.Time, r *reply) { r.u8(name, "", value(m)) }}
}

// total is a register of a three phase meter. CT operated ones count tenths.
func total(unit string, milli func(m *meter, ms int64) int64) entry {
	return entry{on: threePhase, read: func(m *meter, t time.Time, r *reply) {
		n := m.count(milli(m, millis(t)))
		if m.kind == ctOperated {
			r.u32("total", "0.1 "+unit, n)
			return
		}
		r.u32("total", unit, n)
	}}
}

// Totals of a three phase meter, in thousandths.
func (m *meter) totalImport(ms int64) int64         { return m.stands(m.a, ms) }
func (m *meter) totalExport(ms int64) int64         { return m.stands(m.export, ms) }
func (m *meter) totalReactiveImport(ms int64) int64 { return m.totalImport(ms) * m.reactive / 100 }
func (m *meter) totalReactiveExport(ms int64) int64 { return m.totalImport(ms) / 50 }

// unit is what the meter counts in, in mWh.
func (m *meter) unit() int64 {
	if m.kind == ctOperated {
		return 100
	}
	return 1000
}

// count is a register that shows so many thousandths.
func (m *meter) count(milli int64) int64 { return register(milli / m.unit()) }

// register is a counter of 32 bits: it wraps.
func register(n int64) int64 { return n & 0xffffffff }

func (m *meter) readElement(t time.Time, r *reply, in, out load) {
	e := m.element(millis(t), in, out)
	r.u32("import_active", "Wh", e.in)
	r.u32("export_active", "Wh", e.out)
	r.u32("import_reactive", "varh", e.reactiveIn)
	r.u32("export_reactive", "varh", e.reactiveOut)
}

// element is the registers of one element, Wh and varh.
type element struct{ in, out, reactiveIn, reactiveOut int64 }

func (m *meter) element(ms int64, in, out load) element {
	a, b := m.stands(in, ms)/1000, m.stands(out, ms)/1000
	return element{register(a), register(b), register(a * m.reactive / 100), register((a + b) / 50)}
}

func (m *meter) readSerial(_ time.Time, r *reply) {
	r.padded(m.serial, 16, m.pad)
	r.noteText("serial", m.serial)
}

func (m *meter) readHardware(_ time.Time, r *reply) {
	name := m.hardware
	if m.kind&threePhase != 0 {
		name = ""
	} else {
		r.padded(m.text, 4, m.pad)
	}
	r.noteText("hardware", name)
	r.noteText("text", m.text)
}

func (m *meter) readConfiguration(_ time.Time, r *reply) {
	var n int64 // [P]
	if m.kind == ctOperated {
		n = 1
	}
	r.u8("configuration", "", n)
	r.noteText("hardware", m.hardware)
}

// readSwitches gives 80 bytes that mean something to the meter only.
func (m *meter) readSwitches(r *reply, which uint64) {
	for i := range uint64(80) {
		r.data = append(r.data, byte(mix(mix(m.seed, which), i)))
	}
	r.noteText("switches", hex.EncodeToString(r.data[echoed:]))
}
