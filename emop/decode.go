package emop

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

func u8(r *reader) uint8            { return r.u8() }
func u16(r *reader) uint16          { return r.u16() }
func u32(r *reader) uint32          { return r.u32() }
func i32(r *reader) int32           { return int32(r.u32()) }
func timestamp(r *reader) time.Time { return r.timestamp() }

// yesNo takes only 1 for yes: 255 is memory that was never written.
func yesNo(r *reader) bool { return r.u8() == 1 }

// opaque is what nobody knows the meaning of. It aliases the payload.
func opaque(r *reader) []byte { return r.rest() }

// clock reads year-2000, month, day, hour, minute, second and the day of the week, which is not looked at.
func clock(r *reader) time.Time {
	b := r.take(7)
	if b == nil {
		return time.Time{}
	}
	t := time.Date(2000+int(b[0]), time.Month(b[1]), int(b[2]), int(b[3]), int(b[4]), int(b[5]), 0, time.UTC)
	if t.Month() != time.Month(b[1]) || b[3] > 23 || b[4] > 59 || b[5] > 59 {
		r.fail("% x is no date and time", b)
		return time.Time{}
	}
	return t
}

// padded is ASCII with spaces or NULs behind it. ok is false when nothing is left or it is not printable.
func padded(b []byte) (s string, ok bool) {
	s = strings.TrimRight(string(b), " \x00")
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' {
			return "", false
		}
	}
	return s, s != ""
}

func serial(r *reader) string {
	b := r.rest()
	s, ok := padded(b)
	if !ok {
		r.fail("%q is no serial number", b)
	}
	return s
}

// hardwareNames by what a single phase meter says of itself.
var hardwareNames = map[string]string{"6C": "C1.w", "6Cw": "C1.w", "6Bw": "B1.w", "3Aw": "EMA1.w"}

// hardware gives "" for the empty payload of a three phase meter, and what it does not know as read.
func hardware(r *reader) string {
	b := r.rest()
	s, ok := padded(b)
	if name := hardwareNames[s]; name != "" {
		return name
	}
	if !ok {
		return hex.EncodeToString(b)
	}
	return s
}

// threePhaseHardware numbers are [P].
func threePhaseHardware(r *reader) string { return named(r.u8(), "P1.ax", "P1.cx") }

// backlight numbers are [P].
func backlight(r *reader) string {
	return named(r.u8(), "normal_sp", "always_on_sp", "always_off_sp", "always_on_3p", "always_off_3p", "30_seconds_turn_off_3p")
}

// loadSwitch numbers are [P].
func loadSwitch(r *reader) string {
	return named(r.u8(), "normal_button_always", "no_button_prepay_mode", "no_button_credit_mode", "never_button_required")
}

// named never fails: a number without a name is "unknown 9".
func named(n uint8, names ...string) string {
	if int(n) < len(names) {
		return names[n]
	}
	return fmt.Sprintf("unknown %d", n)
}

// firmware writes the four digits of single phase 3032 as 3_03_2; everything else is three phase and becomes hex.
func firmware(r *reader) string {
	b := r.rest()
	if len(b) == 0 {
		r.fail("no version in the answer")
		return ""
	}
	if len(b) != 4 {
		return hex.EncodeToString(b)
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return hex.EncodeToString(b)
		}
	}
	return string([]byte{b[0], '_', b[1], b[2], '_', b[3]})
}

// Signal is what the modem hears.
type Signal struct {
	CSQ      int // 0..31, as the modem gives it
	Operator int // 0..7
}

func (s Signal) String() string { return fmt.Sprintf("csq %d, operator %d", s.CSQ, s.Operator) }

func signal(r *reader) Signal {
	b := r.u8()
	return Signal{CSQ: int(b & 0x1f), Operator: int(b >> 5)}
}

// Registers of one element: Wh and varh since the meter was new, modulo 2^32.
type Registers struct {
	ImportActive, ExportActive, ImportReactive, ExportReactive uint32
}

func (g Registers) String() string {
	return fmt.Sprintf("import %s kWh, export %s kWh, reactive import %s kvarh, reactive export %s kvarh", decimal(int64(g.ImportActive), 3),
		decimal(int64(g.ExportActive), 3), decimal(int64(g.ImportReactive), 3), decimal(int64(g.ExportReactive), 3))
}

func registers(r *reader) Registers {
	return Registers{r.u32(), r.u32(), r.u32(), r.u32()}
}

// transactionCount is sent as the number less one, so that FFFF is none.
func transactionCount(r *reader) uint16 { return r.u16() + 1 }

// Transaction is a top-up the meter took.
type Transaction struct {
	Time  time.Time
	Value int32 // 1/100000 GBP
}

func (t Transaction) String() string {
	return when(t.Time, "UTC") + ": " + decimal(int64(t.Value), 5) + " GBP"
}

// transaction starts with 8 bytes of unknown meaning.
func transaction(r *reader) Transaction {
	r.take(8)
	return Transaction{Time: r.timestamp(), Value: int32(r.u32())}
}

// RateMask has rate 1 in bit 0 to rate 8 in bit 7.
type RateMask uint8

// Has tells whether rate 1..8 is in the mask.
func (m RateMask) Has(rate int) bool { return 1 <= rate && rate <= 8 && m>>(rate-1)&1 == 1 }

func (m RateMask) String() string {
	var rates []string
	for rate := 1; rate <= 8; rate++ {
		if m.Has(rate) {
			rates = append(rates, fmt.Sprint(rate))
		}
	}
	if rates == nil {
		return "no rate"
	}
	return "rate " + strings.Join(rates, ", ")
}

func rateMask(r *reader) RateMask { return RateMask(r.u8()) }

func thresholds(r *reader) (v [7]uint16) {
	for i := range v {
		v[i] = r.u16()
	}
	return v
}
