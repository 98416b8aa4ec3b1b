package ledger

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"flows"
)

// NullSpan is half-hours in a row of which nobody knows what flowed.
type NullSpan struct {
	Serial    string          `json:"serial"`
	Element   string          `json:"element"`
	Direction flows.Direction `json:"direction"`
	From      time.Time       `json:"from"`
	To        time.Time       `json:"to"`
	Slots     int             `json:"half_hours"`
	Reason    string          `json:"reason"`    // stored with the first; "" = not in the log
	Registers string          `json:"registers"` // what the readings at its ends say went through it
	Truth     string          `json:"truth_kwh"`
}

func (n NullSpan) String() string {
	const minute = "2006-01-02T15:04Z"
	return fmt.Sprintf("%s %s %-6s %s to %s  %3d  %-8s %s; in truth %s kWh", n.Serial, n.Element, n.Direction, n.From.Format(minute), n.To.Format(minute),
		n.Slots, cmp.Or(n.Reason, "-"), n.Registers, n.Truth)
}

// sums holds what the half-hours between two readings add up to against the readings' difference: of every run without a null, and inside it
// from each true reading to the next.
func (l *line) sums() {
	for from := l.first; from < l.last; from++ {
		if !l.filled(from) {
			continue
		}
		to := from
		for to < l.last && l.filled(to) {
			to++
		}
		l.run(from, to)
		from = to
	}
}

func (l *line) filled(k int64) bool { return l.rows[k].Quality != flows.NoQuality }

// sound says that there is a reading and that it is the register's.
func (l *line) sound(k int64) bool {
	return l.read(k) && !(l.is(k-1, "log_glitch", "log_reversal") && l.is(k, "log_glitch", "log_reversal"))
}

// run is half-hours without a null. Energy that stands outside all readings has come from nowhere.
func (l *line) run(from, to int64) {
	a, z := from, to
	for ; a < to && !l.read(a); a++ {
	}
	for ; z > a && !l.read(z); z-- {
	}
	for _, loose := range [][2]int64{{from, a}, {z, to}} {
		if n := loose[1] - loose[0]; n > 0 && !l.told(loose[0], loose[1]) {
			l.wrongRun(loose[0], fmt.Sprintf("%s in %d half-hours", kWh(l.sum(loose[0], loose[1])), n), None, "no reading stands at their end")
		}
	}
	if a == z {
		return
	}
	l.report.Runs++
	last := a
	var sum, moved flows.Energy
	for k := a + 1; k <= z; k++ {
		if k == z || l.sound(k) {
			s, m := l.segment(last, k)
			sum, moved, last = sum+s, moved+m, k
		}
	}
	l.report.sum, l.report.moved = l.report.sum+sum, l.report.moved+moved
	l.report.astray += max(sum-moved, moved-sum)
}

func (l *line) sum(from, to int64) (sum flows.Energy) {
	for k := from; k < to; k++ {
		sum += *l.rows[k].Value
	}
	return sum
}

// segment is half-hours between a reading and the next true one: what they add up to, and what the register moved.
func (l *line) segment(from, to int64) (sum, moved flows.Energy) {
	sum, moved = l.sum(from, to), l.difference(from, to)
	if sum != moved && !l.told(from, to) {
		l.wrongRun(from, fmt.Sprintf("%s in %d half-hours", kWh(sum), to-from), kWh(moved), "not what the register moved between the readings at both ends")
	}
	return sum, moved
}

// told says that one of these half-hours has been reported.
func (l *line) told(from, to int64) bool {
	for k := from; k < to; k++ {
		if l.named[k] {
			return true
		}
	}
	return false
}

// nulls lists the half-hours without a value, with what the readings at their ends say. Where the register can be followed nothing may be
// lost.
func (l *line) nulls() {
	for from := l.first; from < l.last; from++ {
		if l.filled(from) {
			continue
		}
		to := from
		n := NullSpan{Serial: l.Serial, Element: l.Element, Direction: l.Direction, From: startOf(from), Reason: l.rows[from].Reason}
		var truth flows.Energy
		for ; to < l.last && !l.filled(to); to++ {
			truth += l.moved(to)
			n.Slots++
		}
		n.To, n.Truth = startOf(to), kWh(truth)
		n.Registers = l.says(from, to)
		l.report.Nulls = append(l.report.Nulls, n)
		if p, q, ok := l.followed(from, to); ok {
			if !l.told(from, to) {
				l.wrongRun(from, strings.TrimSpace(fmt.Sprintf("null in %d half-hours %s", n.Slots, n.Reason)), "a value", "readings before and behind say what went through")
			}
			for k := p; k < q; k++ {
				l.named[k] = true
			}
		}
		from = to
	}
}

// followed says that the next true readings around half-hours tell what truly went through between them, and which they are.
func (l *line) followed(from, to int64) (p, q int64, ok bool) {
	for p = from; p > l.first && !l.sound(p); p-- {
	}
	for q = to; q < l.last && !l.sound(q); q++ {
	}
	var truth flows.Energy
	for k := p; k < q; k++ {
		switch {
		case l.whole(k):
			truth += l.moved(k)
		case l.read(k) && l.read(k+1): // of which one is the register's own end
			truth += l.difference(k, k+1)
		default:
			return p, q, false
		}
	}
	return p, q, l.sound(p) && l.sound(q) && l.difference(p, q) == truth
}

// says is what two readings tell of the time between.
func (l *line) says(from, to int64) string {
	a, begins := l.reads[from]
	z, ends := l.reads[to]
	switch {
	case !begins:
		return "no reading before"
	case !ends:
		return "no reading behind"
	case z.value < a.value:
		return fmt.Sprintf("the register fell from %s to %s kWh", kWh(a.value), kWh(z.value))
	}
	return kWh(z.value-a.value) + " kWh by the register"
}
