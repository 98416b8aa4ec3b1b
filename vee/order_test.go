package vee

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"flows"
)

// Whatever comes at one time, the order in which it is given decides nothing.
func TestOfWhatComesAtOneTime(t *testing.T) {
	start := mustTime("2024-06-05T00:00:00Z")
	at := func(minute int) time.Time { return start.Add(time.Duration(minute) * time.Minute) }
	for _, c := range []struct {
		name string
		more []Record // beside 0, 10, -, 30, 40
		rows string
	}{
		{"the smaller value", []Record{{at(60), 25, ValidData, at(100)}, {at(60), 20, ValidData, at(100)}}, "10, 10 CONFLICT!, 10 CONFLICT!, 10"},
		{"the smaller status", []Record{{at(60), 20, ValidData | PowerFail, at(100)}, {at(60), 25, ValidData, at(100)}}, "10, 15 CONFLICT!, 5 CONFLICT!, 10"},
		{"the first to arrive", []Record{{at(60), 20, ValidData, at(101)}, {at(60), 25, ValidData | PowerFail, at(100)}}, "10, 15 CONFLICT!, 5 CONFLICT!, 10"},
		{"one that is valid", []Record{{at(60), 20, 0, at(90)}, {at(60), 25, ValidData, at(100)}}, "10, 15, 5, 10"},
		{"the same value that became valid", []Record{{at(60), 20, 0, at(90)}, {at(60), 20, ValidData, at(100)}}, "10, 10, 10, 10"},
		{"one from the future that came again stays out", []Record{{at(60), 25, ValidData, at(58)}, {at(60), 25, ValidData, at(100)}},
			"10, 10 estimated linear FUTURE, 10 estimated linear FUTURE, 10"},
		{"one from the future and another that is not", []Record{{at(60), 25, ValidData, at(58)}, {at(60), 22, ValidData, at(100)}}, "10, 12, 8, 10"},
		{"one from the future and one that is not valid", []Record{{at(60), 25, ValidData, at(58)}, {at(60), 22, 0, at(100)}},
			"10, 10 estimated linear FUTURE, 10 estimated linear FUTURE, 10"},
	} {
		for range 2 {
			in := tell("2024-06-05T00:00:00Z", "0 10 - 30 40")
			in.Records = append(in.Records, c.more...)
			r := Judge(in)
			if got := rows(r.Intervals); got != c.rows {
				t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.rows)
			}
			out := r.Intervals[1].Reason == string(flows.RuleConflict) || r.Intervals[1].Reason == string(flows.RuleFuture)
			for i, row := range r.Intervals {
				if want := out && (i == 1 || i == 2); row.Withdraws != want {
					t.Errorf("%s: half-hour %d withdraws: %v, want %v", c.name, i, row.Withdraws, want)
				}
			}
			slices.Reverse(c.more)
		}
	}
}

// By the beginning of what they tell of, by rule, by key.
func TestExceptionsAreInOrder(t *testing.T) {
	in := tell("2024-06-05T00:00:00Z", "0 10 20/25 30 x40 50")
	in.AsOf = time.Time{}
	in.Records[5].Status |= PowerFail
	in.Records[2].Status |= CommunicationError | MajorTimeError | PowerFail
	got := []string{}
	for _, e := range Judge(in).Exceptions {
		got = append(got, fmt.Sprint(e.Rule, " ", e.Key))
	}
	want := []string{
		"CONFLICT 2024-06-05T01:00:00Z", "STATUS 2024-06-05 communication error", "STATUS 2024-06-05 major time error", "STATUS 2024-06-05 power fail",
		"STATUS 2024-06-05 no valid data",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A verdict is as old as the youngest of the reads that it took; an edit made by then stands.
func TestAVerdictIsAsOldAsItsYoungestRead(t *testing.T) {
	for _, c := range []struct {
		name, log string
		reads     []int // that decide; the youngest is any of them
		slot      int
	}{
		{"a bad read", "500000 500010 0 500030 500040", []int{1, 2, 3}, 1},
		{"the first of two bad reads", "500000 500010 0 0 500040 500050", []int{1, 2, 3, 4}, 1},
		{"the last of two bad reads", "500000 500010 0 0 500040 500050", []int{1, 2, 3, 4}, 3},
		{"a reset", "500000 500010 r0 10", []int{1, 2}, 1},
		{"a reversal", "500000 500010 400000 400010", []int{1, 2}, 1},
		{"a record that is not valid", "0 10 x20 30", []int{2}, 1},
	} {
		for _, youngest := range c.reads {
			for _, made := range []int{199, 200} {
				in := tell("2024-06-05T00:00:00Z", c.log)
				start := in.Records[0].Time
				for i := range in.Records {
					in.Records[i].Received = start.Add(150 * time.Minute)
				}
				in.Records[youngest].Received = start.Add(200 * time.Minute)
				in.Edits = []Edit{{
					Start: start.Add(time.Duration(c.slot) * flows.SlotLength), Value: 7 * flows.WattHour, Made: start.Add(time.Duration(made) * time.Minute), Reason: "by hand",
				}}
				if got := Judge(in).Intervals[c.slot].Quality == flows.Edited; got != (made == 200) {
					t.Errorf("%s, youngest %d: an edit of minute %d stands: %v", c.name, youngest, made, got)
				}
			}
		}
	}
}
