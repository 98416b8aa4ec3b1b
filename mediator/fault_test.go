package mediator

import (
	"net"
	"net/netip"
	"time"

	"flows/emop"
)

func mustAddress(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// fault is what a meter does with a request instead of answering it well; false closes the connection.
type fault func(f emop.Frame, conn net.Conn) bool

// always does the same at every request.
func always(do fault) func(int, emop.Frame, net.Conn) bool {
	return func(_ int, f emop.Frame, conn net.Conn) bool { return do(f, conn) }
}

// every makes a meter that does the same at every request, once one that does it at the first request only.
func every(do fault) func() *fake { return func() *fake { return &fake{do: always(do)} } }

func once(do fault) func() *fake {
	return func() *fake {
		return &fake{do: func(n int, f emop.Frame, conn net.Conn) bool {
			if n == 1 {
				return do(f, conn)
			}
			return answerWell(n, f, conn)
		}}
	}
}

// sends writes bytes made from the good answer and stays connected.
func sends(change func(b []byte) []byte) fault {
	return func(f emop.Frame, conn net.Conn) bool { conn.Write(change(encode(good(f)))); return true }
}

// answers writes a changed answer and stays connected.
func answers(change func(f *emop.Frame)) fault {
	return func(f emop.Frame, conn net.Conn) bool {
		a := good(f)
		change(&a)
		conn.Write(encode(a))
		return true
	}
}

// then does what the fault does and closes the connection.
func then(end func(conn net.Conn), do fault) fault {
	return func(f emop.Frame, conn net.Conn) bool { do(f, conn); end(conn); return false }
}

func eof(net.Conn) {}

// reset makes closing the connection an RST.
func reset(conn net.Conn) { conn.(interface{ SetLinger(int) error }).SetLinger(0) }

func mute(emop.Frame, net.Conn) bool { return true }

func well(f emop.Frame, conn net.Conn) bool { return answerWell(0, f, conn) }

func after(d time.Duration, do fault) fault {
	return func(f emop.Frame, conn net.Conn) bool { time.Sleep(d); return do(f, conn) }
}

func both(first, second fault) fault {
	return func(f emop.Frame, conn net.Conn) bool { return first(f, conn) && second(f, conn) }
}

func byteByByte(f emop.Frame, conn net.Conn) bool {
	for _, c := range encode(good(f)) {
		time.Sleep(100 * time.Millisecond)
		conn.Write([]byte{c})
	}
	return true
}

func endless(_ emop.Frame, conn net.Conn) bool {
	for {
		if _, err := conn.Write([]byte("~")); err != nil {
			return false
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func wrongCRC(b []byte) []byte { b[len(b)-1] ^= 0xff; return b }

func half(b []byte) []byte { return b[:9] }

func behind(noise string) func(b []byte) []byte {
	return func(b []byte) []byte { return append([]byte(noise), b...) }
}

// Wrong answers; each is right but for one thing.
func older(f *emop.Frame)         { f.Sequence = (f.Sequence + 7) % 8 }
func ofAnother(f *emop.Frame)     { f.Data[3]++ }
func toAnother(f *emop.Frame)     { f.To++ }
func otherwayRound(f *emop.Frame) { f.Data[4] ^= 1 }

func refusing(n emop.NAK) fault {
	return answers(func(f *emop.Frame) { f.NAK, f.Data = n, f.Data[:5] })
}

// twoAtOnce sends the changed answer and the good one in one piece.
func twoAtOnce(change func(f *emop.Frame), spoil func(b []byte) []byte) fault {
	return func(f emop.Frame, conn net.Conn) bool {
		first := good(f)
		change(&first)
		conn.Write(append(spoil(encode(first)), encode(good(f))...))
		return true
	}
}

func unchanged(*emop.Frame)     {}
func unspoiled(b []byte) []byte { return b }

// upTo is true for the first n.
func upTo(n int) func(int) bool { return func(i int) bool { return i <= n } }

const ever = 1 << 30

// Faults of connecting, with the first n connections.
func refuses(n int) func() *fake { return func() *fake { return &fake{refuse: upTo(n)} } }

func hangs(n int) func() *fake { return func() *fake { return &fake{hang: upTo(n)} } }

// endsAfter makes a meter that closes its first n connections when it has taken so many bytes of the request.
func endsAfter(bytes, n int) func() *fake {
	return func() *fake {
		return &fake{greet: func(dial int, conn net.Conn) bool {
			if dial > n {
				return true
			}
			if bytes > 0 {
				conn.Read(make([]byte, bytes))
			}
			return false
		}}
	}
}

// meters makes the meter of each row of the matrix.
var meters = map[string]func() *fake{
	"refuse":                        refuses(ever),
	"connecting takes for ever":     hangs(ever),
	"EOF before the request":        endsAfter(0, ever),
	"EOF inside the request":        endsAfter(7, ever),
	"silence":                       every(mute),
	"EOF before the answer":         every(then(eof, mute)),
	"EOF inside the answer":         every(then(eof, sends(half))),
	"EOF after the answer":          every(then(eof, well)),
	"connection reset":              every(then(reset, mute)),
	"reset inside the answer":       every(then(reset, sends(half))),
	"one byte at a time":            every(byteByByte),
	"two frames at once":            every(twoAtOnce(unchanged, unspoiled)),
	"wrong CRC":                     every(sends(wrongCRC)),
	"wrong CRC, then the answer":    every(twoAtOnce(unchanged, wrongCRC)),
	"stale answer alone":            every(answers(older)),
	"stale answer, then the answer": every(twoAtOnce(older, unspoiled)),
	"stale answer, the answer late": every(both(answers(older), after(8*time.Second, well))),
	"wrong object":                  every(answers(ofAnother)),
	"for another caller":            every(answers(toAnother)),
	"a read's for a write's":        every(answers(otherwayRound)),
	"NAK 1":                         every(refusing(emop.NAKCRC)),
	"NAK 2":                         every(refusing(emop.NAKFormat)),
	"NAK 3":                         every(refusing(emop.NAKLength)),
	"NAK 4":                         every(refusing(emop.NAKTooLarge)),
	"NAK 5":                         every(refusing(emop.NAKUnknownObject)),
	"NAK 6":                         every(refusing(emop.NAKSecurity)),
	"NAK 7":                         every(refusing(emop.NAKAddress)),
	"garbage before the frame":      every(sends(behind("\x7e\x00noise\x7e\x01"))),
	"garbage alone":                 every(sends(func([]byte) []byte { return []byte("noise") })),
	"garbage without end":           every(endless),
	"oversized length":              every(sends(func(b []byte) []byte { b[1] = 0xff; return b })),
	"oversized, then the answer":    every(sends(behind("\x7e\xff"))),
	"slow, but in time":             every(after(9*time.Second, well)),
	"slow beyond the time-out":      every(after(DefaultTimeout+time.Second, well)),

	"once refuse":                   refuses(1),
	"twice refuse":                  refuses(2),
	"once connecting for ever":      hangs(1),
	"once EOF before the request":   endsAfter(0, 1),
	"once EOF inside the request":   endsAfter(7, 1),
	"once silence":                  once(mute),
	"once EOF before the answer":    once(then(eof, mute)),
	"once EOF inside the answer":    once(then(eof, sends(half))),
	"once connection reset":         once(then(reset, mute)),
	"once wrong CRC":                once(sends(wrongCRC)),
	"once stale answer alone":       once(answers(older)),
	"once wrong object":             once(answers(ofAnother)),
	"once NAK 1":                    once(refusing(emop.NAKCRC)),
	"once garbage alone":            once(sends(func([]byte) []byte { return []byte("noise") })),
	"once slow beyond the time-out": once(after(DefaultTimeout+time.Second, well)),
}
