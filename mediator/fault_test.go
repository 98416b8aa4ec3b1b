package mediator

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"flows/emop"
)

func mustAddress(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// spoil gives the answer's bytes with something done to them.
func spoil(f emop.Frame, change func(b []byte) []byte) []byte { return change(encode(good(f))) }

// firstly does one thing at the first request and answers the others well.
func firstly(do func(f emop.Frame, conn net.Conn) bool) func(int, emop.Frame, net.Conn) bool {
	return func(n int, f emop.Frame, conn net.Conn) bool {
		if n == 1 {
			return do(f, conn)
		}
		return answerWell(n, f, conn)
	}
}

// always does the same at every request.
func always(do func(f emop.Frame, conn net.Conn) bool) func(int, emop.Frame, net.Conn) bool {
	return func(_ int, f emop.Frame, conn net.Conn) bool { return do(f, conn) }
}

// sends writes bytes made from the good answer and stays connected.
func sends(change func(b []byte) []byte) func(f emop.Frame, conn net.Conn) bool {
	return func(f emop.Frame, conn net.Conn) bool { conn.Write(spoil(f, change)); return true }
}

// answers writes a changed answer and stays connected.
func answers(change func(f *emop.Frame)) func(f emop.Frame, conn net.Conn) bool {
	return func(f emop.Frame, conn net.Conn) bool {
		a := good(f)
		change(&a)
		conn.Write(encode(a))
		return true
	}
}

func wrongCRC(b []byte) []byte { b[len(b)-1] ^= 0xff; return b }

func refusing(n emop.NAK) func(f emop.Frame, conn net.Conn) bool {
	return answers(func(f *emop.Frame) { f.NAK, f.Data = n, f.Data[:5] })
}

// faults is what a read comes to under each misbehaviour: its reason ("" is read), the requests on the wire, and the most time.
var faults = []struct {
	name   string
	do     func(n int, f emop.Frame, conn net.Conn) bool
	reason string
	wire   int
	most   time.Duration
}{
	{"one byte at a time", always(func(f emop.Frame, conn net.Conn) bool {
		for _, c := range encode(good(f)) {
			conn.Write([]byte{c})
			time.Sleep(100 * time.Millisecond)
		}
		return true
	}), "", 1, 3 * time.Second},
	{"an old answer and the answer at once", always(func(f emop.Frame, conn net.Conn) bool {
		old := good(f)
		old.Sequence = (old.Sequence + 7) % 8
		conn.Write(append(encode(old), encode(good(f))...))
		return true
	}), "", 1, 0},
	{"an old answer, the answer later", always(func(f emop.Frame, conn net.Conn) bool {
		old := good(f)
		old.Sequence = (old.Sequence + 7) % 8
		conn.Write(encode(old))
		time.Sleep(8 * time.Second)
		return answerWell(0, f, conn)
	}), "", 1, 8 * time.Second},
	{"noise before the answer", always(sends(func(b []byte) []byte { return append([]byte("\x7e\x00noise\x7e\x01"), b...) })), "", 1, 0},
	{"noise that looks like a longer frame before the answer", always(sends(func(b []byte) []byte { return append([]byte("\x7e\xff"), b...) })),
		"", 1, quiet},
	{"the answer, then EOF", always(func(f emop.Frame, conn net.Conn) bool { answerWell(0, f, conn); return false }), "", 1, 0},
	{"once a wrong CRC", firstly(sends(wrongCRC)), "", 2, DefaultSpacing},
	{"always a wrong CRC", always(sends(wrongCRC)), "BAD_ANSWER", maxTries, 4 * DefaultSpacing},
	{"once silence", firstly(func(emop.Frame, net.Conn) bool { return true }), "", 2, DefaultTimeout + 2*DefaultSpacing},
	{"always silence", silence, "TIMEOUT", 3, 3 * DefaultTimeout},
	{"always only old answers", always(answers(func(f *emop.Frame) { f.Sequence ^= 1 })), "TIMEOUT", 3, 3 * DefaultTimeout},
	{"always another object", always(answers(func(f *emop.Frame) { f.Data[3]++ })), "TIMEOUT", 3, 3 * DefaultTimeout},
	{"always for another caller", always(answers(func(f *emop.Frame) { f.To++ })), "TIMEOUT", 3, 3 * DefaultTimeout},
	{"always a write's answer", always(answers(func(f *emop.Frame) { f.Data[4] = 1 })), "TIMEOUT", 3, 3 * DefaultTimeout},
	{"always half a frame", always(sends(func(b []byte) []byte { return b[:9] })), "BAD_ANSWER", 3, 3 * DefaultTimeout},
	{"always noise", always(sends(func([]byte) []byte { return []byte("noise") })), "BAD_ANSWER", 3, 3 * DefaultTimeout},
	{"once EOF", firstly(func(emop.Frame, net.Conn) bool { return false }), "", 2, 2 * DefaultSpacing},
	{"always EOF", hangUp, "CLOSED", maxTries, 3 * DefaultTimeout},
	{"always EOF inside the answer", always(func(f emop.Frame, conn net.Conn) bool {
		conn.Write(encode(good(f))[:9])
		return false
	}), "CLOSED", maxTries, 3 * DefaultTimeout},
	{"once NAK 1", firstly(refusing(emop.NAKCRC)), "", 2, DefaultSpacing},
	{"always NAK 1", always(refusing(emop.NAKCRC)), "NAK", maxTries, 4 * DefaultSpacing},
	{"NAK 2", always(refusing(emop.NAKFormat)), "NAK", 1, 0},
	{"NAK 3", always(refusing(emop.NAKLength)), "NAK", 1, 0},
	{"NAK 4", always(refusing(emop.NAKTooLarge)), "NAK", 1, 0},
	{"NAK 5", always(refusing(emop.NAKUnknownObject)), "NAK", 1, 0},
	{"NAK 6", always(refusing(emop.NAKSecurity)), "NAK", 1, 0},
	{"NAK 7", always(refusing(emop.NAKAddress)), "NAK", 1, 0},
	{"once later than the time-out", firstly(func(f emop.Frame, conn net.Conn) bool {
		time.Sleep(DefaultTimeout + time.Second)
		return answerWell(0, f, conn)
	}), "", 2, DefaultTimeout + 2*DefaultSpacing},
}

func TestAReadUnderEachFault(t *testing.T) {
	for _, c := range faults {
		t.Run(c.name, func(t *testing.T) {
			onBench(t, &fake{do: c.do}, func(t *testing.T, b bench) {
				begun := time.Now()
				payload, err := b.read(t.Context(), csq)
				took := time.Since(begun)
				if reason, _ := reasonOf(t, err); reason != c.reason {
					t.Errorf("reason %q, want %q: %v", reason, c.reason, err)
				}
				if err == nil && string(payload) != "\xff\xfd\x1d" {
					t.Errorf("payload %x", payload)
				}
				if took > c.most+50*time.Millisecond {
					t.Errorf("took %s, want at most %s", took, c.most)
				}
				time.Sleep(DefaultTimeout) // the fake may be answering still
				seen := b.meter.requests()
				if len(seen) != c.wire {
					t.Errorf("%d requests on the wire, want %d", len(seen), c.wire)
				}
				spaced(t, seen, DefaultSpacing)
			})
		})
	}
}

func TestABatchUnderEachFaultAnswersEveryItem(t *testing.T) {
	for _, c := range faults {
		t.Run(c.name, func(t *testing.T) {
			onBench(t, &fake{do: c.do}, func(t *testing.T, b bench) {
				replies, err := b.batch(t.Context(), csq, backlight, 0x0c0700)
				if err != nil || len(replies) != 3 {
					t.Fatalf("%d replies, %v", len(replies), err)
				}
				for i, r := range replies {
					if got := r.GetError().GetReason(); got != c.reason {
						t.Errorf("item %d: %q, want %q", i, got, c.reason)
					}
				}
				time.Sleep(DefaultTimeout)
				spaced(t, b.meter.requests(), DefaultSpacing)
			})
		})
	}
}
