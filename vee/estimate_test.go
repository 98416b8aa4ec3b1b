package vee

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"flows"

	"pgregory.net/rapid"
)

func TestEstimatesOfShortGaps(t *testing.T) {
	for _, c := range []struct{ name, log, rows string }{
		{"a straight line from before to after", "0 10 - - - 110 150",
			"10, 16 estimated linear MISSING, 22 estimated linear MISSING, 28 estimated linear MISSING, 34 estimated linear MISSING, 40"},
		{"flat without a half-hour before", "0 - 5 10", "3 estimated flat MISSING, 2 estimated flat MISSING, 5"},
		{"flat without a half-hour after", "0 5 - 10", "5, 3 estimated flat MISSING, 2 estimated flat MISSING"},
		{"what is left over goes to the earliest", "0 - - - 10", "3 estimated flat MISSING, 3 estimated flat MISSING, 2 estimated flat MISSING, 2 estimated flat MISSING"},
		{"flat between two half-hours of nothing", "5 5 - 8 8", "0, 2 estimated flat MISSING, 1 estimated flat MISSING, 0"},
		{"zero where nothing flowed", "5 6 - 6 8", "1, 0 estimated linear MISSING, 0 estimated linear MISSING, 2"},
		{"no more than can flow", "0 100 - 30420 30420", "100, 15180 estimated linear MISSING, 15140 estimated linear MISSING, 0"},
	} {
		if got := rows(Judge(tell("2024-06-05T00:00:00Z", c.log)).Intervals); got != c.rows {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.rows)
		}
	}
}

// weeks makes a log of so many days from a local midnight, whose half-hours use what use says of day and half-hour (both local).
func weeks(start time.Time, days int, use func(day, half int) Count) Input {
	in := Input{Zone: london, AsOf: start.AddDate(0, 0, days+1)}
	in.Register = Register{Direction: flows.Import, Unit: flows.WattHour, Rating: Rating{100, 1}}
	cal := newCalendar(london)
	first, _ := cal.local(micros(start))
	value := Count(1000)
	for at := start; !at.After(start.AddDate(0, 0, days)); at = at.Add(flows.SlotLength) {
		in.Records = append(in.Records, Record{at, value, ValidData, at.Add(time.Hour)})
		day, half := cal.local(micros(at))
		value += use(int(day-first), half)
	}
	return in
}

// without drops the records in a time.
func without(in Input, from, to time.Time) Input {
	var kept []Record
	for _, r := range in.Records {
		if !r.Time.After(from) || !r.Time.Before(to) {
			kept = append(kept, r)
		}
	}
	in.Records = kept
	return in
}

func TestLongGapsLookAtLikeDays(t *testing.T) {
	monday := time.Date(2024, 9, 30, 0, 0, 0, 0, london)
	use := func(day, half int) Count { // at weekends 100 Wh a half-hour before 8:00 and 300 after it, else 1000 and 2000
		switch weekend := day%7 >= 5; {
		case weekend && half < 16:
			return 100
		case weekend:
			return 300
		case half < 16:
			return 1000
		}
		return 2000
	}
	for _, c := range []struct {
		name          string
		day           int // of the gap, from 6:00 to 10:00
		before, after flows.Energy
		method        flows.Method
	}{
		{"a weekday like weekdays", 21, 1000, 2000, flows.LikeDay},
		{"a Saturday like three Saturdays", 26, 100, 300, flows.LikeDay},
		{"a Saturday after two like all of the last 14 days", 19, 132, 268, flows.LikeDay}, // 742.9 : 1514.3
		{"a day after two flat", 2, 1500, 1500, flows.Flat},
	} {
		gap := monday.AddDate(0, 0, c.day).Add(6 * time.Hour)
		var before, after flows.Energy
		for _, row := range Judge(without(weeks(monday, c.day+1, use), gap, gap.Add(4*time.Hour))).Intervals {
			switch {
			case row.Quality != flows.Estimated:
				continue
			case row.Method != c.method:
				t.Errorf("%s: method %s", c.name, row.Method)
			case row.Start.Before(gap.Add(2 * time.Hour)):
				before += *row.Value
			default:
				after += *row.Value
			}
		}
		if got, want := [2]flows.Energy{before / 4 / flows.WattHour, after / 4 / flows.WattHour}, [2]flows.Energy{c.before, c.after}; got != want {
			t.Errorf("%s: %v Wh a half-hour before and after 8:00, want %v", c.name, got, want)
		}
		if got, want := before+after, flows.Energy(4*(use(c.day, 0)+use(c.day, 20)))*flows.WattHour; got != want {
			t.Errorf("%s: together %v, want %v", c.name, got, want)
		}
	}
}

// Weights are compared with the reference, which looks at every half-hour of four weeks, on days with the clock change too.
func TestLikeDaysAreThoseOfTheReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := mustTime(rapid.SampledFrom([]string{"2024-03-03T00:00:00Z", "2024-09-29T23:00:00Z", "2024-12-10T00:00:00Z"}).Draw(t, "start"))
		n := rapid.IntRange(3, 34).Draw(t, "days") * 48
		in := Input{Zone: london}
		in.Register = Register{Unit: flows.WattHour, Rating: Rating{rapid.SampledFrom([]int{0, 1, 100}).Draw(t, "fuse"), 1}}
		seed := rapid.Uint32().Draw(t, "seed")
		value := Count(seed)
		gaps := rapid.SliceOfN(rapid.IntRange(1, n-1), 1, 6).Draw(t, "gaps")
		lengths := rapid.SliceOfN(rapid.IntRange(1, 70), len(gaps), len(gaps)).Draw(t, "lengths")
		for i := range n {
			lost := false
			for at, g := range gaps {
				lost = lost || i >= g && i < g+lengths[at]
			}
			at := start.Add(time.Duration(i) * flows.SlotLength)
			if !lost {
				in.Records = append(in.Records, Record{at, value, ValidData, at.Add(time.Hour)})
			}
			seed = seed*1664525 + 1013904223
			value += Count(seed>>16) % 100
		}
		h := history{in: in}
		r := h.refer()
		want := map[int64]*big.Int{}
		for _, g := range r.gaps {
			for k, v := range r.shares(g) {
				want[k] = v
			}
		}
		for _, row := range Judge(in).Intervals {
			if v := want[slotAt(micros(row.Start))]; v != nil && v.Cmp(big.NewInt(int64(*row.Value/flows.WattHour))) != 0 {
				t.Fatalf("%s: %v by %s, want %v", row.Start, *row.Value, row.Method, v)
			}
		}
	})
}

func TestRegisterReadsCutAGap(t *testing.T) {
	const start = "2024-06-05T00:00:00Z"
	at := func(minute int) time.Time { return mustTime(start).Add(time.Duration(minute) * time.Minute) }
	for _, c := range []struct {
		name  string
		log   string
		reads []Read
		want  string
	}{
		{"a read at the half-hour cuts it there", "0 - - - 100", []Read{{at(60), 90, 0}}, "45, 45, 5, 5"},
		{"a read inside a half-hour", "0 - 90", []Read{{at(15), 60, 0}}, "70, 20"}, // 60 + 15·(30/45), 30·(30/45)
		{"two reads", "0 - - - 100", []Read{{at(30), 10, 0}, {at(90), 90, 0}}, "10, 40, 40, 10"},
		{"what is left over is rounded once", "0 - - - 11", []Read{{at(45), 5, 0}}, "3, 3, 3, 2"}, // 3.33 + (1.67 + 1.2) + 2.4 + 2.4
		{"a read above the gap's end is not used", "0 - - - 100", []Read{{at(60), 101, 0}}, "25, 25, 25, 25"},
		{"a read below the gap's start is not used", "50 - - - 150", []Read{{at(60), 49, 0}}, "25, 25, 25, 25"},
		{"two reads that contradict each other are both not used", "0 - - - 100", []Read{{at(30), 60, 0}, {at(60), 40, 0}, {at(90), 70, 0}}, "24, 23, 23, 30"},
		{"two reads between which more flowed than can are not used", "0 - - - 20000", []Read{{at(60), 100, 0}, {at(61), 19000, 0}}, "5000, 5000, 5000, 5000"},
		{"a read that cannot be leaves those that can", "50 - - - 150", []Read{{at(30), 49, 0}, {at(60), 70, 0}, {at(90), 170, 0}}, "10, 10, 40, 40"},
		{"across the counter's end", "4294967286 - - - 90", []Read{{at(60), 80, 0}}, "45, 45, 5, 5"},
	} {
		in := tell(start, c.log)
		in.Reads = c.reads
		var got []string
		for _, row := range Judge(in).Intervals {
			got = append(got, fmt.Sprint(int(*row.Value/flows.WattHour)))
		}
		if got := strings.Join(got, ", "); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// Where no rating bounds what can flow, reads that contradict each other are still found.
func TestContradictionsAreFoundWithoutARating(t *testing.T) {
	in := tell("2024-06-05T00:00:00Z", "0 - - - 100")
	in.Register.Rating = Rating{}
	in.Reads = readsAt("2024-06-05T00:00:00Z", []int{30, 60, 90}, []Count{60, 40, 70})
	if got, want := rows(Judge(in).Intervals), "24 estimated flat MISSING, 23 estimated flat MISSING, 23 estimated flat MISSING, 30 estimated flat MISSING"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestShare(t *testing.T) {
	rats := func(n ...int64) []*big.Rat {
		var all []*big.Rat
		for _, n := range n {
			all = append(all, big.NewRat(n, 1))
		}
		return all
	}
	for _, c := range []struct {
		name                string
		total               int64
		weights, caps, want []*big.Rat
	}{
		{"by weight", 12, rats(1, 2, 3), nil, rats(2, 4, 6)},
		{"nothing", 0, rats(1, 2), rats(5, 5), rats(0, 0)},
		{"no weight at all is flat", 12, rats(0, 0, 0), nil, rats(4, 4, 4)},
		{"what is over the cap goes to the others by weight", 12, rats(1, 1, 10), rats(6, 6, 6), rats(3, 3, 6)},
		{"and again", 12, rats(1, 4, 10), rats(5, 4, 6), rats(2, 4, 6)},
		{"and flat when they have no weight", 12, rats(0, 0, 10), rats(6, 6, 6), rats(3, 3, 6)},
		{"caps without room for the total bind nobody", 12, rats(1, 1, 1), rats(3, 3, 3), rats(4, 4, 4)},
	} {
		got := share(big.NewRat(c.total, 1), c.weights, rats(1, 1, 1), c.caps)
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}
