package vee

import (
	"math/big"
	"testing"
	"time"

	"flows"

	"pgregory.net/rapid"
)

func readsAt(start string, minutes []int, values []Count) []Read {
	var reads []Read
	for i, m := range minutes {
		reads = append(reads, Read{mustTime(start).Add(time.Duration(m) * time.Minute), values[i], time.Second})
	}
	return reads
}

func TestRegisterReadsAloneGiveDerivedHalfHours(t *testing.T) {
	const start = "2024-06-05T00:00:00Z"
	for _, c := range []struct {
		name    string
		minutes []int
		values  []Count
		rows    string
	}{
		{"on the straight line between hourly reads, whole half-hours only", []int{5, 65, 125}, []Count{0, 60, 180},
			"null MISSING, 30 derived interpolation, 55 derived interpolation, 60 derived interpolation, null MISSING"},
		{"two hours apart are still known", []int{0, 120}, []Count{0, 10},
			"2 derived interpolation, 3 derived interpolation, 2 derived interpolation, 3 derived interpolation"},
		{"further apart are estimated", []int{0, 150}, []Count{0, 11},
			"3 estimated flat MISSING, 2 estimated flat MISSING, 2 estimated flat MISSING, 2 estimated flat MISSING, 2 estimated flat MISSING"},
		{"a read that is wrong is gone round", []int{0, 60, 120}, []Count{500000, 0, 500040},
			"10 derived interpolation, 10 derived interpolation, 10 derived interpolation, 10 derived interpolation"},
		{"nothing across a reset", []int{0, 60, 120}, []Count{500000, 0, 40},
			"null RESET, null RESET, 20 derived interpolation, 20 derived interpolation"},
		{"round the counter", []int{0, 60}, []Count{1<<32 - 20, 20}, "20 derived interpolation ROLLOVER, 20 derived interpolation ROLLOVER"},
	} {
		in := tell(start, "")
		in.Register.NoLog = true
		in.Reads = readsAt(start, c.minutes, c.values)
		if got := rows(Judge(in).Intervals); got != c.rows {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.rows)
		}
	}
}

// Where the log is lost for good, register reads serve from its last record on; where it may still come, nothing is written.
func TestRegisterReadsServeWhereTheLogIsLost(t *testing.T) {
	const start = "2024-06-05T00:00:00Z"
	in := tell(start, "0 10 - - - -")
	in.Reads = readsAt(start, []int{60, 120, 150}, []Count{30, 70, 100})
	in.Span.To = mustTime(start).Add(150 * time.Minute)
	if got, want := rows(Judge(in).Intervals), "10, null MISSING, null MISSING, null MISSING, null MISSING"; got != want {
		t.Errorf("an open gap:\n got %s\nwant %s", got, want)
	}
	in.Register.Lost = []flows.Period{{From: mustTime(start).Add(30 * time.Minute)}}
	if got, want := rows(Judge(in).Intervals), "10, 20 derived interpolation, 20 derived interpolation, 20 derived interpolation, 30 derived interpolation"; got != want {
		t.Errorf("a lost log:\n got %s\nwant %s", got, want)
	}
	broken := in
	broken.Reads = readsAt(start, []int{60, 120, 180}, []Count{500000, 500060, 500120})
	if got, want := rows(Judge(broken).Intervals), "10, null MAX_ENERGY, 30 derived interpolation, 30 derived interpolation, 30 derived interpolation, 30 derived interpolation"; got != want {
		t.Errorf("a lost log and reads that do not fit:\n got %s\nwant %s", got, want)
	}
	in.Records = append(in.Records, tell("2024-06-05T02:30:00Z", "100").Records...)
	if got, want := rows(Judge(in).Intervals), "10, 20 estimated flat MISSING, 20 estimated flat MISSING, 20 estimated flat MISSING, 30 estimated flat MISSING"; got != want {
		t.Errorf("between two records the log counts:\n got %s\nwant %s", got, want)
	}
}

// In a lost log the two ways through the reads, with register reads and without, do not tell the same thing twice, and register reads
// do not fill what lies between two reads of the log.
func TestABreakInALostLogIsToldOnce(t *testing.T) {
	const start = "2024-06-05T00:00:00Z"
	in := tell(start, "500000 - - 400000 400010")
	in.Register.Lost = []flows.Period{{From: mustTime(start)}}
	in.Reads = readsAt(start, []int{30, 60}, []Count{500010, 500020})
	r := Judge(in)
	if got, want := rows(r.Intervals), "null REVERSAL, null REVERSAL, null REVERSAL, 10 REVERSAL!"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	in = tell(start, "500000 500010 400000 400010")
	in.Register.Lost = []flows.Period{{From: mustTime(start)}}
	if got, want := found(Judge(in).Exceptions, flows.RuleReversal), "REVERSAL critical ×1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A log may be lost from the middle of a half-hour on.
func TestALogLostInTheMiddleOfAHalfHour(t *testing.T) {
	const start = "2024-06-05T00:00:00Z"
	in := tell(start, "0 10")
	in.Register.Lost = []flows.Period{{From: mustTime(start).Add(45 * time.Minute)}}
	in.Reads = readsAt(start, []int{40, 60}, []Count{20, 30})
	if got, want := rows(Judge(in).Intervals), "10, 20 derived interpolation"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The register at each half-hour is what the straight line says, rounded down, so that any run adds up to it.
func TestDerivedIsTheStraightLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := mustTime("2024-10-26T20:00:00Z")
		var minutes []int
		var values []Count
		m, v := rapid.IntRange(0, 59).Draw(t, "first"), Count(rapid.Uint32().Draw(t, "value"))
		for range rapid.IntRange(2, 30).Draw(t, "reads") {
			minutes, values = append(minutes, m), append(values, v)
			m += rapid.IntRange(1, 120).Draw(t, "minutes")
			v += Count(rapid.Uint32Range(0, 200).Draw(t, "used"))
		}
		in := Input{Register: Register{NoLog: true, Unit: flows.DeciWattHour, Rating: Rating{100, 1}}}
		in.Reads = readsAt("2024-10-26T20:00:00Z", minutes, values)
		at := func(half time.Time) *big.Int {
			minute := int64(half.Sub(start) / time.Minute)
			for i := 1; i < len(minutes); i++ {
				a, b := int64(minutes[i-1]), int64(minutes[i])
				if minute >= a && minute <= b {
					line := new(big.Int).Mul(bigCount(values[i]-values[i-1]), big.NewInt(minute-a))
					line.Quo(line, big.NewInt(b-a))
					return line.Add(line, bigCount(values[i-1]-values[0]))
				}
			}
			return nil
		}
		for _, row := range Judge(in).Intervals {
			a, b := at(row.Start), at(row.Start.Add(flows.SlotLength))
			switch {
			case a == nil || b == nil:
				if row.Value != nil {
					t.Fatalf("%s: %v and not wholly covered", row.Start, *row.Value)
				}
			case row.Value == nil || b.Sub(b, a).Cmp(big.NewInt(int64(*row.Value))) != 0:
				t.Fatalf("%s: %v, want %v", row.Start, row.Value, b)
			}
		}
	})
}
