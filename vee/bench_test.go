package vee

import (
	"fmt"
	"testing"
	"time"

	"flows"
)

// dayOf is a register's day with some context, as a caller gives it. What is left out makes gaps of so many half-hours.
func dayOf(days int, gap int) Input {
	start := mustTime("2024-06-03T23:00:00Z") // a local midnight
	in := Input{Zone: london, Span: flows.Period{From: start, To: start.Add(24 * time.Hour)}, AsOf: start.Add(36 * time.Hour)}
	in.Register = Register{Direction: flows.Import, Unit: flows.WattHour, Rating: Rating{100, 1}, Start: start.Add(-400 * 24 * time.Hour)}
	in.Context.From = start.Add(-time.Duration(days) * 24 * time.Hour)
	value := Count(1_000_000)
	for i := 0; i <= (days+1)*48+12; i++ {
		at := in.Context.From.Add(time.Duration(i) * flows.SlotLength)
		value += Count(100 + i*7919%900)
		if since := at.Sub(start); since > 8*time.Hour && since < 8*time.Hour+time.Duration(gap)*flows.SlotLength {
			continue
		}
		in.Records = append(in.Records, Record{at, value, ValidData, at.Add(6 * time.Hour)})
	}
	for i := range 24 {
		at := start.Add(time.Duration(i)*time.Hour + 5*time.Minute)
		j := max(min(int(at.Sub(in.Context.From)/flows.SlotLength), len(in.Records)-1), 0)
		in.Reads = append(in.Reads, Read{at, in.Records[j].Value, 2 * time.Second})
		in.Drifts = append(in.Drifts, Drift{Time: at, Diff: 3 * time.Second})
		in.Balances = append(in.Balances, Balance{Time: at, Amount: 10 * flows.Pound})
	}
	return in
}

// One register's day. 10 000 of them in 10 s are 1 ms each.
func BenchmarkDay(b *testing.B) {
	for _, c := range []struct{ days, gap int }{{1, 0}, {1, 3}, {28, 0}, {29, 20}} {
		b.Run(fmt.Sprintf("context=%dd,gap=%d", c.days, c.gap), func(b *testing.B) {
			in := dayOf(c.days, c.gap)
			if r := Judge(in); r.Wanted != nil {
				b.Fatalf("wants %+v", *r.Wanted)
			}
			for b.Loop() {
				Judge(in)
			}
		})
	}
}
