package postgres

import (
	"fmt"
	"strings"

	"flows"
)

// sorting is an order of meters: by a value, those without one last, and by serial where values are equal.
type sorting struct {
	expression, kind string // SQL; "" = by serial alone
	down             bool
	from             flows.Cursor
}

func sorted(q flows.MeterQuery) sorting {
	s := sorting{expression: "null", down: q.Down, from: q.From}
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
	return s
}

// order is the ORDER BY clause; on the way back it is the other way round.
func (s sorting) order() string {
	way := func(down bool) string {
		if down {
			return " desc"
		}
		return ""
	}
	if s.kind == "" {
		return "r.serial" + way(s.down != s.from.Back)
	}
	nulls := " nulls last"
	if s.from.Back {
		nulls = " nulls first"
	}
	return s.expression + way(s.down != s.from.Back) + nulls + ", r.serial" + way(s.from.Back)
}

// after is the condition for what comes behind the cursor, or before it; "" without one. A key that is none of ours is before all.
func (s sorting) after(args *[]any) string {
	value, serial, found := strings.Cut(s.from.Key, "|")
	if i := strings.LastIndexByte(s.from.Key, '|'); i >= 0 {
		value, serial = s.from.Key[:i], s.from.Key[i+1:] // a name may have the sign, a serial in the field has not
	}
	if !found || s.kind != "" && !s.valid(value) {
		return ""
	}
	bind := func(v string) string {
		*args = append(*args, v)
		return fmt.Sprintf("$%d", len(*args))
	}
	than := map[bool]string{true: "<", false: ">"}
	at := bind(serial)
	if s.kind == "" {
		return "r.serial " + than[s.down != s.from.Back] + " " + at
	}
	behind := "r.serial " + than[s.from.Back] + " " + at
	if value == "" {
		if s.from.Back {
			return fmt.Sprintf("(%s is not null or %s)", s.expression, behind)
		}
		return fmt.Sprintf("(%s is null and %s)", s.expression, behind)
	}
	v := bind(value) + "::text::" + s.kind
	sql := fmt.Sprintf("%s %s %s or %[1]s = %[3]s and %s", s.expression, than[s.down != s.from.Back], v, behind)
	if !s.from.Back {
		sql += " or " + s.expression + " is null"
	}
	return "(" + sql + ")"
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
