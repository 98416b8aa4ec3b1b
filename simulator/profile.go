package simulator

import (
	"encoding/binary"
	"time"

	"flows/emop"
)

// Profile is a request of a profile log and the records it was answered with.
type Profile struct {
	Format   byte      // emop.FormatProfile1, FormatProfile2 or FormatThreePhaseLog
	From, To time.Time // what was asked for; To of the three phase log only
	Records  []Record  // nil with a NAK or no answer

	fields []field
}

// Record is one record of an answer, before it was encoded. Its registers come from Profile.Values.
type Record struct {
	Time    int64  // Unix, by the meter's clock
	Status  uint16 // as on the wire, the first byte in the high one
	numbers [maxFields]uint32
}

const maxFields = 7

// field is one number of a record.
type field struct{ name, unit string }

// Values gives the registers of the i-th record: import_a, import_b (Wh) of profile log 1; export_a, reactive_import_a,
// reactive_export_a, voltage and, with two elements, export_b, reactive_import_b, reactive_export_b of profile log 2; interval_import,
// import_a, export_a, reactive_import_a, reactive_export_a of the three phase log (0.1 Wh and 0.1 varh on P1.cx).
func (p *Profile) Values(i int) []Value {
	all := make([]Value, len(p.fields))
	for j, f := range p.fields {
		all[j] = Value{Name: f.name, Unit: f.unit, Number: int64(p.Records[i].numbers[j])}
	}
	return all
}

var (
	profile1Fields = []field{{"import_a", "Wh"}, {"import_b", "Wh"}}
	profile2Fields = []field{{"export_a", "Wh"}, {"reactive_import_a", "varh"}, {"reactive_export_a", "varh"}, {"voltage", "0.1 V"},
		{"export_b", "Wh"}, {"reactive_import_b", "varh"}, {"reactive_export_b", "varh"}}
	threePhaseFields = []field{{"interval_import", "Wh"}, {"import_a", "Wh"}, {"export_a", "Wh"}, {"reactive_import_a", "varh"},
		{"reactive_export_a", "varh"}}
	tenthFields = []field{{"interval_import", "0.1 Wh"}, {"import_a", "0.1 Wh"}, {"export_a", "0.1 Wh"}, {"reactive_import_a", "0.1 varh"},
		{"reactive_export_a", "0.1 varh"}}
)

func isProfile(data []byte) bool {
	return data[0] == emop.FormatProfile1 || data[0] == emop.FormatProfile2 || data[0] == emop.FormatThreePhaseLog
}

// fields are the numbers of a record of this log.
func (m *meter) fields(format byte) []field {
	switch {
	case format == emop.FormatProfile1:
		return profile1Fields
	case format == emop.FormatProfile2 && m.kind == twin:
		return profile2Fields
	case format == emop.FormatProfile2:
		return profile2Fields[:4]
	case m.kind == ctOperated:
		return tenthFields
	}
	return threePhaseFields
}

// profileAsked is what a request asks a profile log for; nil when it asks something else.
func (m *meter) profileAsked(data []byte) *Profile {
	if !isProfile(data) {
		return nil
	}
	p := &Profile{Format: data[0], fields: m.fields(data[0])}
	switch {
	case data[0] != emop.FormatThreePhaseLog:
		p.From = timestamp(data[1:])
	case len(data) >= 10:
		p.From, p.To = timestamp(data[2:]), timestamp(data[6:])
	}
	return p
}

func timestamp(b []byte) time.Time {
	return emop.Epoch.Add(time.Duration(binary.LittleEndian.Uint32(b)) * time.Second)
}

// Sizes of the answers of profile logs 1 and 2: bytes behind the time, whatever they hold.
const (
	usualRoom = 80
	longRoom  = 238
)

// profileLog answers with records of profile log 1 or 2: as many as there is room for and the meter has, from the time asked for on or
// from another. Places without a record are all FF or all 00; the last bytes, where no record fits, mean nothing.
func (m *meter) profileLog(data []byte, now int64, r *reply) {
	switch {
	case m.kind&singlePhase == 0:
		r.refuse(emop.NAKUnknownObject)
		return
	case len(data) != echoed:
		r.refuse(emop.NAKLength)
		return
	}
	room := usualRoom
	if has(m.faults, LogLong) {
		room = longRoom
	}
	size := 6 + 4*len(m.fields(data[0]))
	h := m.halfHours(now)
	label, ok := h.start(int64(binary.LittleEndian.Uint32(data[1:])))
	for ; ok && room >= size; room -= size {
		r.record(data[0], h, label)
		label, ok = h.next(label + 1)
	}
	var empty byte
	if m.who%2 == 0 {
		empty = 0xff
	}
	for ; room >= size; room -= size {
		for range size {
			r.data = append(r.data, empty)
		}
	}
	for i := range room {
		junk := byte(0)
		if i == 0 {
			junk = 0x34
		}
		r.data = append(r.data, junk)
	}
}

// record encodes a record of profile log 1 or 2 and notes it.
func (r *reply) record(format byte, h halfHours, label int64) {
	m := h.m
	seconds := label * 1800
	rec := Record{Time: emop.Epoch.Unix() + seconds, Status: h.status(label)}
	ms, zero := h.shown(label)
	if !zero {
		a, b := m.element(ms, m.a, m.export), m.element(ms, m.b, load{})
		if format == emop.FormatProfile1 {
			rec.numbers = [maxFields]uint32{uint32(a.in), uint32(b.in)}
		} else {
			volts := m.voltage(emop.Epoch.Add(time.Duration(ms)*time.Millisecond), 0)
			rec.numbers = [maxFields]uint32{uint32(a.out), uint32(a.reactiveIn), uint32(a.reactiveOut), uint32(volts), uint32(b.out),
				uint32(b.reactiveIn), uint32(b.reactiveOut)}
		}
	}
	r.data = binary.LittleEndian.AppendUint32(r.data, uint32(seconds))
	r.data = append(r.data, byte(rec.Status>>8), byte(rec.Status))
	for _, n := range rec.numbers[:len(m.fields(format))] {
		r.data = binary.LittleEndian.AppendUint32(r.data, n)
	}
	r.records = append(r.records, rec)
}
