package vee

import (
	"slices"
	"testing"
	"time"

	"flows"

	"pgregory.net/rapid"
)

// The half-hours told of are those of which the formula, said again with fractions of 12 half-hours to each side, says so.
func TestSpikesAreThoseOfTheFormula(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := mustTime("2024-06-05T00:00:00Z")
		at := func(k int) time.Time { return start.Add(time.Duration(k) * flows.SlotLength) }
		use := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) int {
			if rapid.IntRange(0, 19).Draw(t, "spike") == 0 {
				return rapid.IntRange(0, 400).Draw(t, "much")
			}
			return rapid.IntRange(20, 28).Draw(t, "little")
		}), 40, 70).Draw(t, "use")
		in := Input{Register: Register{Unit: flows.DeciWattHour, Rating: Rating{100, 1}}}
		value := Count(0)
		for i := range len(use) + 1 {
			in.Records = append(in.Records, Record{at(i), value, ValidData, at(i + 2)})
			if i < len(use) {
				value += Count(use[i])
			}
		}
		from := rapid.IntRange(0, len(use)-1).Draw(t, "from")
		in.Span = flows.Period{From: at(from), To: at(from + rapid.IntRange(1, len(use)-from).Draw(t, "to"))}
		r := Judge(in)
		var got, want []string
		for _, e := range r.Exceptions {
			if e.Rule == flows.RuleSpike {
				for name := range e.Details {
					got = append(got, name)
				}
			}
		}
		slices.Sort(got)
		for k := 12; k+12 < len(use); k++ {
			if at(k).Before(r.Span.From) || !at(k).Before(r.Span.To) {
				continue
			}
			median := func(all []int) int {
				slices.Sort(all)
				return all[12]
			}
			window := slices.Clone(use[k-12 : k+13])
			middle := median(window)
			for i := range window {
				window[i] = max(window[i]-middle, middle-window[i])
			}
			if mad := median(window); mad > 0 && float64(max(use[k]-middle, middle-use[k])) > 6*1.4826*float64(mad) {
				want = append(want, at(k).Format(time.RFC3339))
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

// 8.8956 · 250 Wh are 2223.9 Wh.
func TestASpikeIsOverTheLimit(t *testing.T) {
	for more, want := range []string{"", "SPIKE info ×1"} {
		in := Input{Register: Register{Unit: flows.DeciWattHour, Rating: Rating{100, 1}}}
		value := Count(0)
		for i := range 26 {
			at := mustTime("2024-06-05T00:00:00Z").Add(time.Duration(i) * flows.SlotLength)
			in.Records = append(in.Records, Record{at, value, ValidData, at})
			if value += Count(27_500 + i%3*2500); i == 12 {
				value += Count(2500 + 22_239 + more)
			}
		}
		if got := found(Judge(in).Exceptions, flows.RuleSpike); got != want {
			t.Errorf("%d more: %q, want %q", more, got, want)
		}
	}
}
