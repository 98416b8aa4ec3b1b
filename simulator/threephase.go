package simulator

import (
	"encoding/binary"

	"flows/emop"
)

// The three phase interval log; all of it is [P]. Rows are told apart by their place alone, so a hole is rows too.
const (
	intervalRequest = 14
	longestInterval = 24 * 3600 // s, a request
)

// intervalChannels are what a row holds: the import of the half-hour before, then the totals. One that takes a row's first number for
// a register is wrong.
var intervalChannels = [...]emop.ID{0xd79600, 0x010800, 0x020800, 0x030800, 0x040800}

// intervalRow is the size of a row.
const intervalRow = 2 + 4*len(intervalChannels)

// intervalLog answers with the rows of a range, both ends included. A range before the first row has the first, one behind the last has
// the last. What does not fit in a frame, ten rows, is refused.
func (m *meter) intervalLog(data []byte, now int64, r *reply) {
	switch {
	case m.kind&threePhase == 0:
		r.refuse(emop.NAKUnknownObject)
		return
	case len(data) != intervalRequest:
		r.refuse(emop.NAKLength)
		return
	case data[1] != 0: // would reset the log
		r.refuse(emop.NAKSecurity)
		return
	}
	from, to := int64(binary.LittleEndian.Uint32(data[2:])), int64(binary.LittleEndian.Uint32(data[6:]))
	if to < from || string(data[10:]) != "\xff\xff\xff\xff" {
		r.refuse(emop.NAKFormat)
		return
	}
	h := m.halfHours(now)
	first, last := ceil(from, 1800), floor(to, 1800)
	first = max(min(first, h.newest), h.oldest)
	last = max(min(last, h.newest), first)
	if h.newest < h.oldest {
		last = first - 1
	}
	head := 7 + 3*len(intervalChannels)
	if to-from > longestInterval || head+int(last-first+1)*intervalRow > emop.MaxData {
		r.refuse(emop.NAKTooLarge)
		return
	}
	r.data = binary.LittleEndian.AppendUint32(r.data[:1], uint32(first*1800))
	r.data = append(r.data, 30, byte(len(intervalChannels)))
	for _, id := range intervalChannels {
		r.data = append(r.data, byte(id>>16), byte(id>>8), byte(id))
	}
	for label := first; label <= last; label++ {
		r.row(h, label)
	}
}

// row encodes a row and notes it. Some meters leave a hole's rows as memory is before it is written, others fill in zeros and say that
// the power failed.
func (r *reply) row(h halfHours, label int64) {
	m := h.m
	if !h.has(label) {
		if m.who%2 == 0 {
			for range intervalRow {
				r.data = append(r.data, 0xff)
			}
			return
		}
		r.data = append(r.data, 0, byte(emop.PowerFail))
		r.data = append(r.data, make([]byte, intervalRow-2)...)
		r.records = append(r.records, Record{Time: emop.Epoch.Unix() + label*1800, Status: uint16(emop.PowerFail)})
		return
	}
	rec := Record{Time: emop.Epoch.Unix() + label*1800, Status: h.status(label)}
	ms, zero := h.shown(label)
	if !zero {
		for i, milli := range []func(*meter, int64) int64{(*meter).totalImport, (*meter).totalExport, (*meter).totalReactiveImport,
			(*meter).totalReactiveExport} {
			rec.numbers[1+i] = uint32(m.count(milli(m, ms)))
		}
		if before, ok := h.moment(label - 1); ok {
			now, _ := h.moment(label)
			rec.numbers[0] = uint32(m.count(m.totalImport(now)) - m.count(m.totalImport(before)))
		}
	}
	r.data = append(r.data, byte(rec.Status>>8), byte(rec.Status))
	for _, n := range rec.numbers[:len(intervalChannels)] {
		r.data = binary.LittleEndian.AppendUint32(r.data, n)
	}
	r.records = append(r.records, rec)
}
