package simulator

import (
	"encoding/binary"
	"time"

	"flows/emop"
)

// Data fields start with five bytes that every answer echoes: format, object id or its like, and read/write flag or block.
const (
	echoed     = 5
	flagWrite  = 1
	idEventLog = emop.ID(0x636200) // [P]
)

// object is the object id of a data field; 0 of a profile log, which has none.
func object(data []byte) emop.ID {
	if isProfile(data) {
		return 0
	}
	return emop.ID(binary.BigEndian.Uint32(data) & 0xffffff)
}

// isWrite tells a data field that changes something: the three phase log is reset by asking for another profile than 0.
func isWrite(data []byte) bool {
	switch data[0] {
	case emop.FormatDefault:
		return data[4] == flagWrite
	case emop.FormatThreePhaseLog:
		return data[1] != 0
	}
	return false
}

// respond makes the meter's reply to the data field of a request (of five bytes at least) at time t. Only a write changes the meter.
func (m *meter) respond(data []byte, t time.Time) *reply {
	r := &reply{data: append(make([]byte, 0, 48), data[:echoed]...)}
	switch {
	case data[0] == emop.FormatEventLog:
		m.eventBlock(data, t, r)
	case data[0] == emop.FormatProfile1, data[0] == emop.FormatProfile2:
		m.profileLog(data, millis(t), r)
	case data[0] == emop.FormatThreePhaseLog:
		m.intervalLog(data, millis(t), r)
	case data[0] != emop.FormatDefault || data[4] > flagWrite:
		r.refuse(emop.NAKFormat)
	case data[4] == flagWrite:
		r.refuse(m.write(object(data), data[echoed:], t))
	case len(data) != echoed:
		r.refuse(emop.NAKLength)
	default:
		m.read(object(data), t, r)
	}
	return r
}

// read answers with one object.
func (m *meter) read(id emop.ID, t time.Time, r *reply) {
	o, ok := lookup(id)
	switch {
	case !ok || o.on&m.kind == 0:
		r.refuse(emop.NAKUnknownObject)
	case o.read == nil:
		r.refuse(emop.NAKSecurity)
	default:
		o.read(m, t, r)
	}
}

// write takes one object.
func (m *meter) write(id emop.ID, payload []byte, t time.Time) emop.NAK {
	o, ok := lookup(id)
	switch {
	case !ok || o.on&m.kind == 0:
		return emop.NAKUnknownObject
	case o.write == nil:
		return emop.NAKSecurity
	}
	return o.write(m, t, payload)
}

// reply is the data field of an answer and, beside it, what it means.
type reply struct {
	data    []byte
	values  []Value
	records []Record // of a profile log
	nak     emop.NAK
}

// refuse leaves nothing but the echo. NAK 0 is a write that was accepted.
func (r *reply) refuse(nak emop.NAK) {
	r.data, r.values, r.records, r.nak = r.data[:echoed], nil, nil, nak
}

func (r *reply) note(name, unit string, n int64) {
	r.values = append(r.values, Value{Name: name, Unit: unit, Number: n})
}

func (r *reply) noteText(name, text string) {
	r.values = append(r.values, Value{Name: name, Text: text})
}

func (r *reply) u8(name, unit string, n int64) {
	r.data = append(r.data, byte(n))
	r.note(name, unit, n)
}

func (r *reply) u16(name, unit string, n int64) {
	r.data = append(r.data, byte(n), byte(n>>8))
	r.note(name, unit, n)
}

// u32 encodes signed numbers too.
func (r *reply) u32(name, unit string, n int64) {
	r.data = append(r.data, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	r.note(name, unit, n)
}

// seconds encodes a time of the meter's clock and notes it as Unix time.
func (r *reply) seconds(name string, unix int64) {
	n := unix - emop.Epoch.Unix()
	r.data = append(r.data, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	r.note(name, "s", unix)
}

// padded encodes a text of a fixed width. Meters pad with NUL or with space.
func (r *reply) padded(text string, width int, pad byte) {
	r.data = append(r.data, text...)
	for n := len(text); n < width; n++ {
		r.data = append(r.data, pad)
	}
}
