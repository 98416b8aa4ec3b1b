package vee

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"flows"
)

// What edited half-hours leave of a gap's total goes to the others, as long as it can have flowed there.
func TestEditsInAGap(t *testing.T) {
	const start = "2024-06-05T00:00:00Z"
	for _, c := range []struct {
		name   string
		log    string
		rating Rating
		slot   int
		value  flows.Energy
		rows   string // values alone
	}{
		{"they take all of it", "0 - - 90", Rating{100, 1}, 1, 90 * flows.WattHour, "0, 90, 0"},
		{"without a rating", "0 - - 90", Rating{}, 1, 50 * flows.WattHour, "20, 50, 20"},
		{"they leave just what can flow", "0 - - 30360", Rating{100, 1}, 1, 0, "15180, 0, 15180"},
		{"they leave more than can flow", "0 - - 30361", Rating{100, 1}, 1, 0, "10121, 0, 10120"},
		{"they leave a part of a count", "0 - - 90", Rating{100, 1}, 1, 50*flows.WattHour + flows.WattHour/2, "30, 50.500, 30"},
		{"an edited half-hour is no actual neighbour", "0 10 - - 91 131", Rating{100, 1}, 0, 10 * flows.WattHour, "10, 27, 27, 27, 40"},
		{"the others keep their weights", "0 10 - - 91 131", Rating{100, 1}, 2, 26 * flows.WattHour, "10, 19, 26, 36, 40"}, // 17.5 to 32.5
	} {
		in := tell(start, c.log)
		in.Register.Rating = c.rating
		in.Edits = []Edit{{Start: mustTime(start).Add(time.Duration(c.slot) * flows.SlotLength), Value: c.value, Made: mustTime(start).AddDate(0, 1, 0), Reason: "by hand"}}
		if got := values(Judge(in).Intervals); got != c.rows {
			t.Errorf("%s: got %s, want %s", c.name, got, c.rows)
		}
	}
}

// values writes them in Wh.
func values(intervals []flows.Interval) string {
	words := make([]string, len(intervals))
	for i, row := range intervals {
		words[i] = "null"
		if row.Value != nil {
			words[i] = fmt.Sprint(int64(*row.Value / flows.WattHour))
			if part := *row.Value % flows.WattHour; part != 0 {
				words[i] += fmt.Sprintf(".%03d", part*1000/flows.WattHour)
			}
		}
	}
	return strings.Join(words, ", ")
}

// Two register reads between which all flowed that can are used, and two between which one more did are not.
func TestWhatCanFlowBetweenTwoReadsInAGap(t *testing.T) {
	const start = "2024-06-05T00:00:00Z"
	for _, c := range []struct {
		name   string
		rating Rating
		unit   flows.Energy
		most   Count // in a minute
	}{
		{"one phase", Rating{100, 1}, flows.WattHour, 506},
		{"three phases in tenths", Rating{100, 3}, flows.DeciWattHour, 15180},
	} {
		for _, more := range []Count{0, 1} {
			in := tell(start, "0 - - - "+fmt.Sprint(20*c.most))
			in.Register.Rating, in.Register.Unit = c.rating, c.unit
			in.Reads = readsAt(start, []int{60, 61}, []Count{10, 10 + c.most + more})
			got := *Judge(in).Intervals[0].Value == 5*c.unit
			if want := more == 0; got != want {
				t.Errorf("%s and %d more: reads are used: %v, want %v", c.name, more, got, want)
			}
		}
	}
}

func TestWhichRegisterReadsCutAGap(t *testing.T) {
	const start = "2024-06-05T00:00:00Z"
	for _, c := range []struct {
		name    string
		log     string
		minutes []int
		values  []Count
		want    string
	}{
		{"one that has not moved", "0 - - - 100", []int{60}, []Count{0}, "0, 0, 50, 50"},
		{"not two of which the last contradicts the first", "0 - - - 100", []int{30, 60}, []Count{60, 40}, "25, 25, 25, 25"},
		{"those around two that cannot be", "0 - - - 20000", []int{30, 60, 61, 90}, []Count{1000, 5000, 19000, 19500}, "1000, 9250, 9250, 500"},
		{"not those that cannot be without the two between them", "0 - - - 20000", []int{59, 60, 61, 62}, []Count{100, 200, 1500, 1700}, "5000, 5000, 5000, 5000"},
		{"not one that cannot be without the two before it", "0 - - - 20000", []int{1, 2, 3}, []Count{100, 1650, 1700}, "5000, 5000, 5000, 5000"},
	} {
		in := tell(start, c.log)
		in.Reads = readsAt(start, c.minutes, c.values)
		if got := values(Judge(in).Intervals); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// What can flow in a gap is rounded up to whole Wh, between reads it is not: without reads there is nothing to leave out.
func TestAllThatCanFlowInAGap(t *testing.T) {
	const start = "2024-06-05T00:00:00Z"
	in := tell(start, "0 - 304")
	in.Register.Rating = Rating{1, 1}
	if got, want := values(Judge(in).Intervals), "152, 152"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	in.Reads = readsAt(start, []int{20}, []Count{200})
	if got, want := values(Judge(in).Intervals), "152, 152"; got != want {
		t.Errorf("with a read that cannot be: got %s, want %s", got, want)
	}
}

func TestShareUpToTheCaps(t *testing.T) {
	whole := func(n ...int64) (all []*big.Rat) {
		for _, n := range n {
			all = append(all, big.NewRat(n, 1))
		}
		return all
	}
	got := share(big.NewRat(9, 1), whole(1, 1, 10), whole(1, 1, 1), whole(2, 3, 4))
	if want := whole(2, 3, 4); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A register read at the very end of a gap says nothing that the log does not know better.
func TestRegisterReadsAtTheEndsOfAGap(t *testing.T) {
	const start = "2024-06-05T00:00:00Z"
	in := tell(start, "0 - - 90")
	in.Register.Rating = Rating{}
	in.Reads = readsAt(start, []int{0, 90}, []Count{30, 60})
	if got, want := values(Judge(in).Intervals), "30, 30, 30"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A piece between two register reads that like days say used nothing is shared out flat.
func TestAPieceOfAGapWithoutWeight(t *testing.T) {
	midnight := mustTime("2024-06-02T23:00:00Z")
	at := func(hour int) time.Time { return midnight.AddDate(0, 0, 7).Add(time.Duration(hour) * time.Hour) }
	for _, c := range []struct {
		early, late Count // a half-hour before and after 8:00
		half        int   // in which 40 Wh more were used on the day of the gap
		want        string
	}{
		{0, 100, 12, "10, 10, 10, 10, 100, 100, 100, 100"},
		{100, 0, 16, "100, 100, 100, 100, 10, 10, 10, 10"},
	} {
		in := weeks(midnight, 8, func(day, half int) Count {
			use := c.late
			if half < 16 {
				use = c.early
			}
			if day == 7 && half == c.half {
				use += 40
			}
			return use
		})
		in.Reads = []Read{{at(8), in.Records[7*48+16].Value, 0}}
		in = without(in, at(6), at(10))
		in.Span = flows.Period{From: at(6), To: at(10)}
		if got := values(Judge(in).Intervals); !strings.Contains(got, c.want) {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

// A reading at an exchange is no record of the log, even on a half-hour.
func TestReadingsOnAHalfHour(t *testing.T) {
	const start = "2024-06-05T00:00:00Z"
	at := func(minute int) time.Time { return mustTime(start).Add(time.Duration(minute) * time.Minute) }
	initial, final := Count(5), Count(65)
	in := tell(start, "- - 20 30 40 -")
	in.Register.Start, in.Register.End, in.Register.Initial, in.Register.Final = at(30), at(150), &initial, &final
	in.Span = flows.Period{From: at(30), To: at(150)}
	if got, want := rows(Judge(in).Intervals), "15 derived reading, 10, 10, 25 derived reading"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
