package simulator

import (
	"net"
	"testing"
	"time"

	"flows/emop"
)

// Whatever bytes arrive, no meter panics, and no answer is longer than a frame.
func FuzzRespond(f *testing.F) {
	f.Add([]byte{1, 0xff, 0xff, 0xfc, 0})
	f.Add([]byte{1, 0x80, 0x08, 0, 1, 23, 8, 6, 21, 0, 1, 0})
	f.Add([]byte{2, 0x63, 0x62, 0, 9})
	f.Add([]byte{1, 0xff, 0xff, 0x1f, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{1, 0xff, 0xff, 0x24, 1, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{3, 0, 8, 0xbb, 0x2d})
	f.Add([]byte{4, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{5, 0, 0, 8, 0xbb, 0x2d, 0, 8, 0xbb, 0x2d, 0xff, 0xff, 0xff, 0xff})
	now := time.Date(2026, 7, 8, 9, 10, 11, 0, time.UTC)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < echoed {
			return // no frame holds less
		}
		for _, hardware := range []string{"C1.w", "B1.w", "P1.cx"} {
			m := build(Spec{Hardware: hardware, Solar: true})
			m.faults = logFaults([]Behaviour{{Kind: LogHole}, {Kind: LogOlder}, {Kind: LogLong}, {Kind: LogReset}})
			same := echoed
			if data[0] == emop.FormatThreePhaseLog {
				same = 1
			}
			if r := m.respond(data, now); len(r.data) > emop.MaxData || string(r.data[:same]) != string(data[:same]) {
				t.Errorf("%s: %x", hardware, r.data)
			}
			m.respond(emop.AppendRead(nil, object(data)), now) // what was written is read back
		}
	})
}

// FuzzConversation feeds a connection; the meter hears it to its end.
func FuzzConversation(f *testing.F) {
	good, _ := emop.AppendFrame(nil, emop.Frame{From: caller, Data: emop.AppendRead(nil, idElementA)})
	f.Add(good)
	f.Add(append([]byte("~~noise"), append(good, good[:9]...)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		fleet := New(Options{Meters: 1, Meter: func(_ int, s *Spec) {
			*s = twinWith(Behaviour{Kind: NAKCRC}, Behaviour{Kind: StaleFirst}, Behaviour{Kind: WrongCRC})
		}})
		fleet.ctx = t.Context()
		ours, theirs := net.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer theirs.Close()
			fleet.serve(theirs, &fleet.slots[0])
		}()
		go func() {
			ours.Write(b)
			ours.Close()
		}()
		for buf := make([]byte, 512); ; {
			if _, err := ours.Read(buf); err != nil {
				break
			}
		}
		<-done
	})
}

func BenchmarkRespond(b *testing.B) {
	m := build(Spec{Hardware: "C1.w", Solar: true})
	data, now := emop.AppendRead(nil, idElementA), time.Now()
	b.ReportAllocs()
	for b.Loop() {
		m.respond(data, now)
	}
}

func BenchmarkExchange(b *testing.B) {
	_, m := one(b, twinWith())
	c := dial(b, m)
	b.ReportAllocs()
	for b.Loop() {
		c.SetDeadline(time.Now().Add(time.Second))
		c.get(idElementA)
	}
}
