package postgres

import (
	"fmt"
	"strings"

	"flows"
)

// sorting is an order of meters: by a value, those without one last, and by serial where values are equal.
type sorting struct {
	expression, kind string // SQL; kind "" = by serial alone
	down, back       bool
	begun            bool   // there is a cursor
	at, serial       string // the cursor's value and serial
}

func sorted(q flows.MeterQuery) sorting {
	s := sorting{expression: "null", down: q.Down, back: q.From.Back}
	switch q.Sort {
	case flows.SortName:
		s.expression, s.kind = "r.name", "text"
	case flows.SortHealthy:
		s.expression, s.kind = "s.last_healthy_at", "timestamptz"
	case flows.SortBalance:
		s.expression, s.kind = "s.balance", "numeric"
	case flows.SortSignal:
		s.expression, s.kind = "s.csq", "integer"
	case flows.SortDrift:
		s.expression, s.kind = "abs(s.clock_time_diff_seconds)", "numeric"
	}
	if i := strings.LastIndexByte(q.From.Key, '|'); i >= 0 { // a name may have the sign, a serial in the field has not
		s.at, s.serial = q.From.Key[:i], q.From.Key[i+1:]
		s.begun = s.kind == "" || s.valid(s.at) // a key that is none of ours is before all
	}
	return s
}

func (s sorting) ofShadow() bool { return strings.Contains(s.expression, "s.") }

// desc tells which way it is read.
func (s sorting) desc() bool { return s.down != s.back }

// way is that of ORDER BY.
func way(desc bool) string {
	if desc {
		return " desc"
	}
	return ""
}

// order is the ORDER BY clause; on the way back it is the other way round.
func (s sorting) order() string {
	if s.kind == "" {
		return "r.serial" + way(s.desc())
	}
	nulls := " nulls last"
	if s.back {
		nulls = " nulls first"
	}
	return s.expression + way(s.desc()) + nulls + ", r.serial" + way(s.back)
}

func bind(args *[]any, v string) string {
	*args = append(*args, v)
	return fmt.Sprintf("$%d", len(*args))
}

// than is what the next ones are to those before.
func than(desc bool) string {
	if desc {
		return "<"
	}
	return ">"
}

// after is the condition for what comes behind the cursor, or before it; "" without one.
func (s sorting) after(args *[]any) string {
	if !s.begun {
		return ""
	}
	at := bind(args, s.serial)
	if s.kind == "" {
		return "r.serial " + than(s.desc()) + " " + at
	}
	behind := "r.serial " + than(s.back) + " " + at
	if s.at == "" {
		if s.back {
			return fmt.Sprintf("(%s is not null or %s)", s.expression, behind)
		}
		return fmt.Sprintf("(%s is null and %s)", s.expression, behind)
	}
	sql := fmt.Sprintf("%s %s %s or %[1]s = %[3]s and %s", s.expression, than(s.desc()), s.bind(args, s.at), behind)
	if !s.back {
		sql += " or " + s.expression + " is null"
	}
	return "(" + sql + ")"
}

// value is what it is sorted by first.
func (s sorting) value() string {
	if s.kind == "" {
		return "r.serial"
	}
	return s.expression
}

// bind gives a value as SQL.
func (s sorting) bind(args *[]any, value string) string {
	if s.kind == "" {
		return bind(args, value)
	}
	return bind(args, value) + "::text::" + s.kind
}

// near is the condition for those that share the cursor's value or come behind it, and have one. Ok is false where none has.
func (s sorting) near(args *[]any) (value, condition string, ok bool) {
	value = s.value()
	at := s.at
	if s.kind == "" {
		at = s.serial
	}
	switch {
	case !s.begun:
		return value, value + " is not null", true
	case at == "":
		return value, "", false
	}
	return value, value + " " + than(s.desc()) + "= " + s.bind(args, at), true
}

// valid tells whether PostgreSQL would read the value: an address that somebody has changed must not become trouble.
func (s sorting) valid(value string) bool {
	switch {
	case value == "" || s.kind == "text":
		return true
	case s.kind == "timestamptz":
		return len(value) >= len("2006-01-02 15:04:05+00") && strings.Trim(value, "0123456789-: .+") == "" && value[4] == '-'
	}
	return strings.Trim(value, "0123456789.-") == "" && strings.ContainsAny(value, "0123456789") && strings.LastIndexByte(value, '-') <= 0 && strings.Count(value, ".") <= 1
}
