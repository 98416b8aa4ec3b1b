package ledger

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"flows"
)

// Report is the outcome of a comparison. Rows are counted by table; in tables of present state a meter's row counts when it holds
// anything.
type Report struct {
	Answered   int            `json:"values_answered"` // physical values that a metric wants, once per run
	Expected   map[string]int `json:"rows_expected"`
	Stored     map[string]int `json:"rows_stored"`
	Mismatches []Mismatch     `json:"differences,omitempty"`
}

// Mismatch is one value that is not as it should be. Time is that of the row, or of the reading in tables of present state.
type Mismatch struct {
	Table  string    `json:"table"`
	Serial string    `json:"serial"`
	Column string    `json:"column"`
	Time   time.Time `json:"time"`
	Want   string    `json:"want"`
	Got    string    `json:"got"`
	Why    string    `json:"why"`
}

// None stands in Want and Got where there is no value at all, Null where there is a null.
const (
	None = "nothing"
	Null = "null"
)

func (m Mismatch) String() string {
	return fmt.Sprintf("%s.%s of %s at %s: want %s, got %s: %s", m.Table, m.Column, m.Serial, clock(m.Time), m.Want, m.Got, m.Why)
}

// String has a line for each mismatch.
func (r Report) String() string {
	var b strings.Builder
	for _, m := range r.Mismatches {
		fmt.Fprintln(&b, m)
	}
	return b.String()
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999999Z") }

// sort brings the mismatches into the order of meters and times.
func (r *Report) sort() {
	slices.SortStableFunc(r.Mismatches, func(a, b Mismatch) int {
		return cmp.Or(cmp.Compare(a.Serial, b.Serial), a.Time.Compare(b.Time), cmp.Compare(a.Table, b.Table), cmp.Compare(a.Column, b.Column))
	})
}

func (r *Report) add(serial, key string, at time.Time, want, got, why string) {
	table, column, _ := strings.Cut(key, ".")
	r.Mismatches = append(r.Mismatches, Mismatch{table, serial, column, at, want, got, why})
}

// unexpected reports a stored value that nothing asked for.
func (r *Report) unexpected(f flows.Fact, at time.Time, why string) {
	r.add(f.Serial, keyOf(f), at, None, textOf(f), why)
}

// count adds the rows that the facts make up.
func (r *Report) count(rows map[string]int, facts []flows.Fact) {
	type row struct {
		table, serial, column string
		at                    int64
	}
	seen := make(map[row]bool, len(facts))
	for _, f := range facts {
		k := row{table: f.Table, serial: f.Serial}
		if !isPresent(f.Table) {
			k.at = f.Time.UnixNano()
		} else if f.Null {
			continue
		}
		if narrow(f.Table) {
			k.column = f.Column
		}
		if !seen[k] {
			seen[k] = true
			rows[f.Table]++
		}
	}
}

// expect counts the rows that must be there: of one visit, or of one meter's present state.
func (r *Report) expect(rows map[string]*want) { r.count(r.Expected, rowsOf(rows)) }

func rowsOf(wants map[string]*want) []flows.Fact {
	var facts []flows.Fact
	for key, w := range wants {
		if table, column, _ := strings.Cut(key, "."); !w.absent && (!w.null || !isPresent(table)) {
			facts = append(facts, flows.Fact{Table: table, Column: column})
		}
	}
	return facts
}

// isPresent tells the tables of present state, with one row a meter, from history.
func isPresent(table string) bool { return table == "meter_shadows" || table == "meter_registry" }

// narrow tells the tables whose rows have one value each. The others have several columns.
func narrow(table string) bool { return !isPresent(table) && table != "meter_3p_voltage" }

func keyOf(f flows.Fact) string { return f.Table + "." + f.Column }

func textOf(f flows.Fact) string {
	if f.Null {
		return Null
	}
	return f.Value
}
