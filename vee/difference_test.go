package vee

import (
	"math/big"
	"testing"
	"time"

	"flows"

	"pgregory.net/rapid"
)

func TestDifference(t *testing.T) {
	most := Rating{100, 1}.Most(flows.SlotLength, flows.WattHour)
	if most.Counts != 15180 {
		t.Fatalf("E_max of 100 A, one phase, half an hour is %d Wh, want 15180", most.Counts)
	}
	for _, c := range []struct {
		name string
		x, y Count
		most Limit
		d    Count
		step Step
	}{
		{"nothing flowed", 5, 5, most, 0, Forward},
		{"all that can", 0, 15180, most, 15180, Forward},
		{"one more", 0, 15181, most, 15181, Excess},
		{"no bound known", 0, 1<<32 - 1, Limit{}, 1<<32 - 1, Forward},
		{"round the counter", 1<<32 - 10, 5, most, 15, Rollover},
		{"all that can, round the counter", 1<<32 - 10, 15170, most, 15180, Rollover},
		{"too far round", 1<<32 - 10, 15171, most, 15181, Fall},
		{"back", 100, 99, most, 1<<32 - 1, Fall},
		{"never round without a bound", 1<<32 - 1, 0, Limit{}, 1, Fall},
		{"never round when a whole round can have flowed", 100, 99, Limit{1 << 32, true}, 1<<32 - 1, Fall},
	} {
		if d, step := Difference(c.x, c.y, c.most); d != c.d || step != c.step {
			t.Errorf("%s: got %d, step %d; want %d, step %d", c.name, d, step, c.d, c.step)
		}
	}
}

// What A says, in integers that do not wrap.
func TestDifferenceIsWhatTheRulesSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := rapid.Uint32().Draw(t, "x"), rapid.Uint32().Draw(t, "y")
		if rapid.Bool().Draw(t, "near") {
			y = x + rapid.Uint32Range(0, 100_000).Draw(t, "on") - 50_000
		}
		most := Limit{Counts: rapid.Uint64Range(0, 60_000).Draw(t, "most"), Known: rapid.Bool().Draw(t, "known")}
		d := new(big.Int).Sub(big.NewInt(int64(y)), big.NewInt(int64(x)))
		want := Fall
		if d.Sign() >= 0 {
			if want = Forward; most.Known && d.Cmp(new(big.Int).SetUint64(most.Counts)) > 0 {
				want = Excess
			}
		} else if d.Add(d, wrap); most.Known && d.Cmp(new(big.Int).SetUint64(most.Counts)) <= 0 {
			want = Rollover
		}
		got, step := Difference(Count(x), Count(y), most)
		if step != want || d.Cmp(bigCount(got)) != 0 {
			t.Fatalf("from %d to %d: %d, step %d; want %d, step %d", x, y, got, step, d, want)
		}
	})
}

func TestRatings(t *testing.T) {
	six, two := 6, 2
	for _, c := range []struct {
		hardware     string
		fuse, phases *int
		want         Rating
	}{
		{"6Cw", nil, nil, Rating{100, 1}},
		{"", nil, nil, Rating{100, 1}},
		{"P1.ax", nil, nil, Rating{100, 3}},
		{"AX", nil, nil, Rating{100, 3}},
		{"P1.cx", nil, nil, Rating{0, 3}},
		{"CX", &six, nil, Rating{6, 3}},
		{"C1.w", &six, &two, Rating{6, 2}},
	} {
		if got := RatingOf(c.hardware, c.fuse, c.phases); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.hardware, got, c.want)
		}
	}
	if got := (Rating{1, 1}).Most(flows.SlotLength, flows.DeciWattHour); got.Counts != 1520 {
		t.Errorf("151.8 Wh are rounded up to whole Wh: got %d tenths", got.Counts)
	}
	if got := (Rating{100, 3}).Most(24*time.Hour, flows.WattHour); got.Counts != 2185920 {
		t.Errorf("a day of three phases: got %d", got.Counts)
	}
	if got := (Rating{100, 1}).Most(1500*time.Millisecond, flows.WattHour); got.Counts != 17 {
		t.Errorf("two seconds begun: got %d", got.Counts)
	}
	if (Rating{}).Most(time.Hour, flows.WattHour).Known {
		t.Error("a bound without a fuse")
	}
}
