package vee

import (
	"slices"
	"testing"

	"flows"

	"pgregory.net/rapid"
)

// A register that only counts up, and of which up to four records in a row are too low, as often as may be: no half-hour is lost, and what
// was given out up to a record that is right is what the register says there. So no way back from a wrong record is consumption.
func TestWrongLowReadsAreNoConsumption(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := mustTime("2024-06-05T00:00:00Z")
		in := Input{Register: Register{Rating: Rating{100, 1}}}
		value := Count(rapid.IntRange(100_000, 900_000).Draw(t, "value"))
		var right []bool
		var truth []Count
		for wrong, low, i := 0, Count(0), 0; i < 60; i++ {
			at := timeOf(micros(start) + int64(i)*slotMicros)
			r := Record{at, value, ValidData, at.Add(flows.SlotLength)}
			if wrong == 0 && i > 0 && i < 50 && right[i-1] && rapid.IntRange(0, 3).Draw(t, "spoil") == 0 {
				wrong, low = rapid.IntRange(1, mostWrong).Draw(t, "wrong"), Count(rapid.IntRange(10_000, 1_000_000).Draw(t, "by"))
			}
			right = append(right, wrong == 0)
			if wrong > 0 {
				wrong--
				r.Value = max(value, low) - low
			}
			truth = append(truth, value)
			value += Count(rapid.IntRange(0, 1000).Draw(t, "use"))
			in.Records = append(in.Records, r)
		}
		var sum flows.Energy
		for i, row := range Judge(in).Intervals {
			if row.Value == nil || !row.Billable || row.Withdraws != (!right[i] || !right[i+1]) {
				t.Fatalf("half-hour %d: %+v", i, row)
			}
			if sum += *row.Value; right[i+1] && sum != flows.Energy(truth[i+1]-truth[0])*flows.WattHour {
				t.Fatalf("up to %s it adds up to %s of %d Wh", row.Start, sum, truth[i+1]-truth[0])
			}
		}
	})
}

// Whichever of the records comes last, what the trigger and a judgement without it wrote makes way.
func TestWrongLowReadsOfWhichOneComesLate(t *testing.T) {
	for _, log := range []string{
		"500000 500010 490000 490010 500040 500050", "500000 500010 0 0 500040 500050", "500000 500010 0 0 0 0 500060 500070 500080",
		"500000 500010 490000 490010 490020 490030 490040 500070 500080 500090",
	} {
		in := tell("2024-06-05T00:00:00Z", log)
		for late := range in.Records {
			s := &table{register: in.Register, asOf: in.AsOf, rows: map[int64]flows.Interval{}}
			early := in
			early.Records = slices.Delete(slices.Clone(in.Records), late, late+1)
			s.store(t, in.Zone, early.Records, nil)
			s.check(t, early)
			s.store(t, in.Zone, in.Records[late:late+1], nil)
			s.check(t, in)
		}
	}
}

// Low reads with a day between them and the way back may be those of a register that was set back and went on.
func TestLowReadsForADay(t *testing.T) {
	for hours, want := range map[int]flows.Rule{24: flows.RuleBadRead, 25: flows.RuleReversal} {
		in := Input{Register: Register{Rating: Rating{100, 1}}}
		for h, v := range map[int]Count{0: 500_000, 1: 490_000, 2: 490_010, hours: 500_500} {
			at := timeOf(micros(mustTime("2024-06-05T00:00:00Z")) + int64(h)*2*slotMicros)
			in.Records = append(in.Records, Record{at, v, ValidData, at})
		}
		if got := found(Judge(in).Exceptions, flows.RuleBadRead, flows.RuleReversal); got == "" || got[:len(want)] != string(want) {
			t.Errorf("%d hours: %s, want %s", hours, got, want)
		}
	}
}
