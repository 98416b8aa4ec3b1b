package vee

import (
	"maps"
	"math/big"
	"math/rand"
	"slices"
	"testing"

	"flows"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func sortedKeys[V any](m map[int64]V) []int64 { return slices.Sorted(maps.Keys(m)) }

func bigCount(c Count) *big.Int { return new(big.Int).SetUint64(uint64(c)) }

// The rows of random histories are those that the rules, said again in reference_test.go, give.
func TestRowsAreThoseOfTheReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := draw(t)
		h.in.Reads = nil
		h.in.Records = withoutOffGrid(h.in.Records)
		r := h.refer()
		want := map[int64]*big.Int{}
		for k, v := range r.actual {
			want[k] = v
		}
		for _, g := range r.gaps {
			maps.Copy(want, r.shares(g))
		}
		unit := big.NewInt(int64(h.in.Register.Unit))
		for _, row := range Judge(h.in).Intervals {
			k := slotAt(micros(row.Start))
			v := want[k]
			switch {
			case v == nil && row.Value != nil, v != nil && row.Value == nil:
				t.Fatalf("%s: value %v, want %v (%+v)", row.Start, row.Value, v, row)
			case v != nil && new(big.Int).Mul(v, unit).Cmp(big.NewInt(int64(*row.Value))) != 0:
				t.Fatalf("%s: value %v, want %v counts (%+v)", row.Start, row.Value, v, row)
			}
			if isActual := r.actual[k] != nil; isActual != (row.Quality == flows.Actual) {
				t.Fatalf("%s: quality %s, actual %v", row.Start, row.Quality, isActual)
			}
			if rule := r.unknown[k]; rule != "" && row.Reason != string(rule) {
				t.Fatalf("%s: reason %s, want %s", row.Start, row.Reason, rule)
			}
			delete(want, k)
		}
		if len(want) != 0 {
			t.Fatalf("no rows for %v", sortedKeys(want))
		}
	})
}

func withoutOffGrid(records []Record) []Record {
	return slices.DeleteFunc(records, func(r Record) bool { return micros(r.Time)%slotMicros != 0 })
}

// Energy is neither invented nor lost: a run of half-hours with values adds up to what the register's reads at its ends say.
func TestEveryRunAddsUpToTheRegister(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := draw(t)
		h.in.Reads = drawReads(t, h)
		first := firstValues(h.in.Records)
		res := Judge(h.in)
		for i := 0; i < len(res.Intervals); i++ {
			from := i
			var sum flows.Energy
			for ; i < len(res.Intervals) && res.Intervals[i].Value != nil; i++ {
				row := res.Intervals[i]
				if *row.Value < 0 {
					t.Fatalf("negative: %+v", row)
				}
				if most := h.in.Register.Rating.Most(flows.SlotLength, 1); most.Known && int64(*row.Value) > int64(most.Counts) {
					t.Fatalf("%+v is over E_max %d", row, most.Counts)
				}
				sum += *row.Value
			}
			if from == i {
				continue
			}
			a, aKnown := first[micros(res.Intervals[from].Start)]
			b, bKnown := first[micros(res.Intervals[i-1].Start)+slotMicros]
			if !aKnown || !bKnown {
				t.Fatalf("a run from %s to %s hangs on no read", res.Intervals[from].Start, res.Intervals[i-1].Start)
			}
			if got, want := Count(sum/h.in.Register.Unit), b-a; got != want || sum%h.in.Register.Unit != 0 {
				t.Fatalf("run from %s: sum %v, register %d", res.Intervals[from].Start, sum, want)
			}
		}
	})
}

// firstValues are the values of the first valid records that did not come from the future.
func firstValues(records []Record) map[int64]Count {
	values, arrived := map[int64]Count{}, map[int64]Record{}
	for _, r := range records {
		t := micros(r.Time)
		old, seen := arrived[t]
		if r.Status.Has(ValidData) && r.Time.Before(r.Received) || r.Time.Equal(r.Received) && r.Status.Has(ValidData) {
			if !seen || r.Received.Before(old.Received) {
				arrived[t], values[t] = r, r.Value
			}
		}
	}
	return values
}

// drawReads reads the register hourly, now and then wrongly.
func drawReads(t *rapid.T, h history) []Read {
	var reads []Read
	offset := int64(rapid.IntRange(1, 29).Draw(t, "minute")) * 60e6
	for i := 0; i+1 < len(h.truth); i += 2 {
		v := h.truth[i]
		if d := h.truth[i+1] - h.truth[i]; d < 1<<31 && rapid.Bool().Draw(t, "half way") {
			v += d / 2
		}
		switch rapid.IntRange(0, 9).Draw(t, "read") {
		case 0:
			continue
		case 1:
			v += Count(rapid.IntRange(-500, 500).Draw(t, "wrong"))
		}
		reads = append(reads, Read{Time: timeOf((h.first+int64(i))*slotMicros + offset), Value: v, Uncertainty: 2e9})
	}
	return reads
}

// What the truth says: a half-hour between two reads that arrived as they were is actual and right, unless a wrong read makes a right one
// look wrong; and whatever is actual between such reads is right.
func TestActualIsTrue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := draw(t)
		for _, row := range Judge(h.in).Intervals {
			k := slotAt(micros(row.Start))
			if row.Quality != flows.Actual || !h.clean[k] || !h.clean[k+1] {
				continue
			}
			i := k - h.first
			if got, want := *row.Value, flows.Energy(h.truth[i+1]-h.truth[i])*h.in.Register.Unit; got != want {
				t.Fatalf("%s: actual %v, truth %v", row.Start, got, want)
			}
		}
	})
}

func TestOrderOfArrivalAndDuplicatesChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := draw(t)
		h.in.Reads = drawReads(t, h)
		want := Judge(h.in)
		shuffled := h.in
		shuffled.Records = slices.Concat(h.in.Records, h.in.Records)
		shuffled.Reads = slices.Concat(h.in.Reads, h.in.Reads)
		rng := rand.New(rand.NewSource(rapid.Int64().Draw(t, "order")))
		rng.Shuffle(len(shuffled.Records), func(a, b int) {
			shuffled.Records[a], shuffled.Records[b] = shuffled.Records[b], shuffled.Records[a]
		})
		rng.Shuffle(len(shuffled.Reads), func(a, b int) { shuffled.Reads[a], shuffled.Reads[b] = shuffled.Reads[b], shuffled.Reads[a] })
		got := Judge(shuffled)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("another order, another result:\n%s", diff)
		}
		if diff := cmp.Diff(want, Judge(h.in)); diff != "" {
			t.Fatalf("another run, another result:\n%s", diff)
		}
	})
}
