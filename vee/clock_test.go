package vee

import (
	"slices"
	"testing"
	"time"

	"flows"
)

func TestTimesOfAWrongClock(t *testing.T) {
	start := mustTime("2024-06-05T00:00:00Z")
	at := func(minute, seconds int) Drift {
		return Drift{Time: start.Add(time.Duration(minute) * time.Minute), Diff: time.Duration(seconds) * time.Second}
	}
	for _, c := range []struct {
		name   string
		drifts []Drift
		rows   string
	}{
		{"twice, and good in between", []Drift{at(5, 1), at(10, 1200), at(20, 1), at(70, 1), at(80, 1200), at(85, 2)}, "10 CLOCK!, 10, 10 CLOCK!, 10, 10"},
		{"900 s are the last good measurement", []Drift{at(5, 1), at(65, 900), at(80, 901), at(85, 900)}, "10, 10, 10 CLOCK!, 10, 10"},
		{"of two measurements at one time the larger counts", []Drift{at(5, 1), at(40, 1), at(40, 1200), at(70, 2)}, "10, 10 CLOCK!, 10 CLOCK!, 10, 10"},
	} {
		for range 2 {
			in := tell("2024-06-05T00:00:00Z", "0 10 20 30 40 50")
			in.Drifts = c.drifts
			if got := rows(Judge(in).Intervals); got != c.rows {
				t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.rows)
			}
			slices.Reverse(c.drifts)
		}
	}
}

// From the first measurement since which all were too far off, with the worst of them: the first of equals. The limits themselves are
// allowed.
func TestWhatACLOCKExceptionSays(t *testing.T) {
	start := mustTime("2024-06-05T00:00:00Z")
	for _, c := range []struct {
		name     string
		seconds  []int
		from     int // hours
		severity flows.Severity
		worst    string
		billable string
	}{
		{"good before", []int{50, 1, 30, 40, 35}, 2, flows.SeverityWarning, "40", "true"},
		{"as far ahead as behind", []int{30, -30}, 0, flows.SeverityWarning, "30", "true"},
		{"just three minutes", []int{180}, 0, flows.SeverityWarning, "180", "true"},
		{"just a quarter of an hour", []int{-900}, 0, flows.SeverityError, "-900", "true"},
		{"over a quarter of an hour", []int{901}, 0, flows.SeverityError, "901", "false"},
	} {
		var in MeterInput
		for i, s := range c.seconds {
			in.Drifts = append(in.Drifts, Drift{Time: start.Add(time.Duration(i) * time.Hour), Diff: time.Duration(s) * time.Second})
		}
		found := JudgeMeter(in).Exceptions
		if len(found) != 1 {
			t.Fatalf("%s: %d exceptions", c.name, len(found))
		}
		e := found[0]
		want := flows.Period{From: start.Add(time.Duration(c.from) * time.Hour)}
		if e.Period != want || e.Severity != c.severity || e.Details["worst_seconds"] != c.worst || e.Details["billable"] != c.billable {
			t.Errorf("%s: %+v", c.name, e)
		}
	}
}
