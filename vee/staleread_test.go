package vee

import (
	"testing"
	"time"

	"flows"
)

// A register read and the log's reads are held together as far as the uncertainty allows: what moved only at the edges may not have moved.
func TestReadsThatStandStill(t *testing.T) {
	const start = "2024-06-05T00:00:00Z"
	at := func(minute int) time.Time { return mustTime(start).Add(time.Duration(minute) * time.Minute) }
	for _, c := range []struct {
		name        string
		moves       []int // half-hours, by 1 Wh
		reads       []Count
		minute      int // of the first read
		uncertainty time.Duration
		want        string
	}{
		{"the log moves in between", []int{5}, []Count{0, 0, 0, 0, 0, 0}, 0, time.Second, "reads"},
		{"in the first half-hour", []int{2}, []Count{0, 0, 0, 0, 0, 0}, 0, time.Second, ""},
		{"in the first half-hour, surely", []int{2}, []Count{0, 0, 0, 0, 0, 0}, 0, 0, "reads"},
		{"in the last half-hour", []int{11}, []Count{0, 0, 0, 0, 0, 0}, 0, time.Second, ""},
		{"in the last half-hour, surely", []int{11}, []Count{0, 0, 0, 0, 0, 0}, 0, 0, "reads"},
		{"before and after", []int{1, 12}, []Count{0, 0, 0, 0, 0, 0}, 0, 0, ""},
		{"after a read that moved", []int{5}, []Count{1, 0, 0, 0, 0, 0}, 10, time.Second, ""},
		{"two that stand still", []int{5}, []Count{0, 1, 2, 3, 4, 4}, 10, time.Second, ""},
		{"the log stands still and they do not", nil, []Count{0, 0, 0, 0, 0, 1}, 0, time.Second, "log"},
		{"they move with the half-hour before", []int{1}, []Count{0, 1, 1, 1, 1, 1}, 0, time.Second, ""},
		{"they move with the half-hour after", []int{12}, []Count{0, 0, 0, 0, 0, 1}, 0, time.Second, ""},
		{"they move by more than the log", []int{5}, []Count{0, 1, 2, 3, 4, 5}, 10, time.Second, ""},
	} {
		in := Input{Register: Register{Rating: Rating{100, 1}}}
		value := Count(0)
		for i := range 20 {
			in.Records = append(in.Records, Record{at(i*30 - 60), value, ValidData, at(i * 30)})
			for _, m := range c.moves {
				if m == i {
					value++
				}
			}
		}
		for i, v := range c.reads {
			in.Reads = append(in.Reads, Read{at(c.minute + i*60), v, c.uncertainty})
		}
		if got := only(t, Judge(in), flows.RuleStaleRead, "2024-06-05").Details["still"]; got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
