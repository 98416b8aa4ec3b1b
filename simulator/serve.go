package simulator

import (
	"cmp"
	"errors"
	"net"
	"os"
	"time"

	"flows/emop"
)

const (
	idle    = 2 * time.Minute        // then a meter closes a connection
	partial = 5 * time.Second        // then it gives up half a request
	between = 500 * time.Microsecond // pieces of an answer
	patient = 5 * time.Second        // with a client that does not read
)

// serve hears requests until the connection ends.
func (f *Fleet) serve(c net.Conn, s *slot) {
	buf := make([]byte, 0, 2*emop.MaxFrame)
	for {
		limit := idle
		if len(buf) > 0 {
			limit = partial
		}
		c.SetReadDeadline(time.Now().Add(limit))
		n, err := c.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) || len(buf) == 0 {
				return
			}
			buf = buf[:0]
			continue
		}
		for done := false; !done; {
			request, n, err := emop.Parse(buf)
			goOn := true
			switch {
			case err == nil:
				goOn = f.exchange(c, s, request)
			case errors.Is(err, emop.ErrIncomplete):
				done = true
			default:
				goOn = s.spoiled(c, buf[:n])
			}
			if !goOn {
				return
			}
			buf = buf[:copy(buf, buf[n:])]
		}
	}
}

// exchange answers one request; false when the connection is over.
func (f *Fleet) exchange(c net.Conn, s *slot, request emop.Frame) bool {
	arrived := f.clock()
	if !s.meant(request.To) {
		return true
	}
	f.requests.Add(1)
	heard := s.hear()
	entry := Answer{
		Serial: s.serial, Object: object(request.Data), EventBlock: -1, Write: isWrite(request.Data), Arrived: arrived,
	}
	if request.Data[0] == emop.FormatEventLog {
		entry.EventBlock = int(request.Data[4])
	}
	entry.Profile = s.m.profileAsked(request.Data)
	if s.early(arrived, f.o.Spacing) {
		f.record(s, entry)
		return true
	}
	if !f.wait(f.o.Latency.sample(s.m.seed, uint64(heard))) {
		return false
	}
	d := s.deliver(request, heard, f.now())
	if request.To == emop.Broadcast {
		f.record(s, entry)
		return true
	}
	entry.NAK, entry.Whole = int(d.answer.NAK), d.whole
	if len(d.values) > 0 {
		entry.Values = d.values
	}
	if entry.Profile != nil {
		entry.Profile.Records = d.records
	}
	if !f.wait(d.wait) {
		return false
	}
	return f.send(c, s, d, entry) && !d.hangUp
}

// meant tells whether the meter listens to this destination.
func (s *slot) meant(to emop.Address) bool {
	n := to.Number()
	return n == 0 || n == s.m.address || to == emop.Broadcast
}

func (s *slot) hear() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard++
	return s.heard
}

// early tells whether the meter refuses whatever comes at time t.
func (s *slot) early(t time.Time, spacing time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return has(s.behaviours, Gap) && t.Sub(s.spoke) < spacing*8/10
}

// refuses tells whether the meter refuses a connection made at time t.
func (s *slot) refuses(t time.Time, spacing time.Duration) bool {
	if s.early(t, spacing) {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return has(s.behaviours, Dead)
}

// deliver makes the answer, as the meter's behaviours have it.
func (s *slot) deliver(request emop.Frame, heard int64, t time.Time) *delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.respond(request.Data, t)
	answer := emop.Frame{To: request.From, From: s.m.own(), Sequence: request.Sequence, NAK: r.nak, Data: r.data}
	frame, err := emop.AppendFrame(make([]byte, 0, len(r.data)+16), answer)
	d := &delivery{s: s, n: heard, at: t, request: request, answer: answer, values: r.values, records: r.records, frame: frame,
		whole: err == nil}
	d.misbehave(s.behaviours)
	return d
}

// respond is the meter's reply, or the NAK that the slot has for the object.
func (s *slot) respond(data []byte, t time.Time) *reply {
	for _, b := range s.behaviours {
		if b.Kind == NAKObject && b.Object == object(data) {
			r := &reply{data: append([]byte(nil), data[:echoed]...)}
			r.refuse(cmp.Or(b.NAK, emop.NAKUnknownObject))
			return r
		}
	}
	return s.m.respond(data, t)
}

// send writes the answer and enters it into the ledger. The last write and the entry are one step for who reads the ledger: an answer
// that a client has received is never missing there. The gap counts from before that write, so that a client that keeps it is never
// refused, however busy the machine.
func (f *Fleet) send(c net.Conn, s *slot, d *delivery, entry Answer) bool {
	if len(d.frame) == 0 {
		entry.Values = nil
		if entry.Profile != nil {
			entry.Profile.Records = nil
		}
		f.record(s, entry)
		return true
	}
	c.SetWriteDeadline(time.Now().Add(patient))
	out := append(d.before, d.frame...)
	for d.piece > 0 && len(out) > d.piece {
		if _, err := c.Write(out[:d.piece]); err != nil || !f.wait(between) {
			entry.Whole = false
			f.record(s, entry)
			return false
		}
		out = out[d.piece:]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spoke = f.clock()
	_, err := c.Write(out)
	entry.Departed = f.clock()
	entry.Whole = entry.Whole && err == nil
	s.enter(entry, f.o.NoLedger)
	return err == nil
}

func (f *Fleet) record(s *slot, entry Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.enter(entry, f.o.NoLedger)
}

// enter adds to the ledger; the caller holds s.mu.
func (s *slot) enter(entry Answer, skip bool) {
	if !skip {
		s.answers = append(s.answers, entry)
	}
}

// spoiled deals with a request whose CRC is wrong, at the end of b: meters say nothing, or NAK 1.
func (s *slot) spoiled(c net.Conn, b []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !has(s.behaviours, NAKCRC) {
		return true
	}
	for i := range b {
		if b[i] != emop.Delimiter || i+1 >= len(b) || i+1+int(b[i+1]) != len(b) {
			continue
		}
		frame := append([]byte(nil), b[i:]...)
		crc := emop.CRC(frame[1 : len(frame)-2])
		frame[len(frame)-2], frame[len(frame)-1] = byte(crc>>8), byte(crc)
		request, _, err := emop.Parse(frame)
		if err != nil {
			continue
		}
		answer, _ := emop.AppendFrame(nil, emop.Frame{To: request.From, From: s.m.own(), Sequence: request.Sequence,
			NAK: emop.NAKCRC, Data: request.Data[:echoed]})
		_, err = c.Write(answer)
		return err == nil
	}
	return true
}
