package vee

import (
	"testing"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// A day's context is enough unless a long gap is estimated; then four weeks are wanted, and the rows are those of all that is known.
func TestNoMoreContextIsWantedThanIsNeeded(t *testing.T) {
	for _, c := range []struct {
		name    string
		gap     int
		context time.Duration // before the span
		wants   time.Duration // 0: is content
	}{
		{"a whole log", 0, 3 * time.Hour, 23 * time.Hour}, // what is given out begins on the day before, which is counted whole
		{"a whole log and the day before", 0, 24 * time.Hour, 0},
		{"a short gap", 4, 24 * time.Hour, 0},
		{"a long gap", 20, 24 * time.Hour, 0},
	} {
		in := dayOf(29, c.gap)
		from := in.Span.From
		all := Judge(in)
		if all.Wanted != nil {
			t.Fatalf("%s: 29 days are not enough: %+v", c.name, *all.Wanted)
		}
		in.Context.From = from.Add(-c.context)
		r := Judge(in)
		long := c.gap > few
		switch {
		case c.wants == 0 && !long && r.Wanted != nil:
			t.Errorf("%s: wants %+v", c.name, *r.Wanted)
		case c.wants > 0 && (r.Wanted == nil || from.Sub(r.Wanted.From) < c.wants):
			t.Errorf("%s: wants %+v, want at least %s", c.name, r.Wanted, c.wants)
		case long && (r.Wanted == nil || from.Sub(r.Wanted.From) < LookBack):
			t.Errorf("%s: wants %+v, want four weeks", c.name, r.Wanted)
		}
		for n := 0; r.Wanted != nil; n++ {
			if n == 3 {
				t.Fatalf("%s: still wants %+v", c.name, *r.Wanted)
			}
			in.Context = *r.Wanted
			r = Judge(in)
		}
		if diff := cmp.Diff(all.Intervals, r.Intervals); diff != "" {
			t.Errorf("%s: other rows with less context:\n%s", c.name, diff)
		}
	}
}

// A meter that was silent for months: the context grows in steps until the gap's beginning is in it.
func TestContextGrowsUntilTheLastReadIsFound(t *testing.T) {
	in := dayOf(2, 0)
	old := in.Span.From.AddDate(0, -5, 0)
	for i := range 12 {
		at := old.Add(time.Duration(i) * flows.SlotLength)
		in.Records = append(in.Records, Record{at, Count(100 + i), ValidData, at})
	}
	var kept []Record
	for _, r := range in.Records {
		if r.Time.Before(old.AddDate(0, 1, 0)) || !r.Time.Before(in.Span.From.Add(time.Hour)) {
			kept = append(kept, r)
		}
	}
	in.Records, in.Context.To = kept, time.Time{}
	for n := 0; ; n++ {
		r := Judge(in)
		if r.Wanted == nil {
			if !r.Span.From.Before(old.Add(6 * time.Hour)) {
				t.Errorf("the gap is not given out whole: %+v", r.Span)
			}
			break
		}
		if n == 8 {
			t.Fatalf("still wants %+v", *r.Wanted)
		}
		in.Context = *r.Wanted
	}
}

// The span of a register that has nothing at all, or is not in service then, is no trouble.
func TestNothingToJudge(t *testing.T) {
	at := mustTime("2024-06-05T00:00:00Z")
	day := flows.Period{From: at, To: at.AddDate(0, 0, 1)}
	for _, c := range []struct {
		name string
		in   Input
		rows int
	}{
		{"nothing is known", Input{}, 0},
		{"no data in a day", Input{Span: day}, 48},
		{"before the register's life", Input{Span: day, Register: Register{Start: at.AddDate(0, 1, 0)}}, 0},
		{"after it", Input{Span: day, Register: Register{End: at.AddDate(0, -1, 0)}}, 0},
		{"an empty span", Input{Span: flows.Period{From: at, To: at}}, 0},
		{"a span turned round", Input{Span: flows.Period{From: at.Add(time.Hour), To: at}}, 0},
		{"one read", tell("2024-06-05T00:00:00Z", "5"), 0},
	} {
		r := Judge(c.in)
		if len(r.Intervals) != c.rows || r.Wanted != nil {
			t.Errorf("%s: %d rows, want %d; wants %+v", c.name, len(r.Intervals), c.rows, r.Wanted)
		}
	}
}

// Whatever context is given: if no more is wanted, the rows are those of all that is known. The local day ends at any time.
func TestEnoughContextGivesTheSameRows(t *testing.T) {
	enough := 0
	rapid.Check(t, func(t *rapid.T) {
		start := mustTime("2024-06-05T00:00:00Z")
		in := Input{Register: Register{Rating: Rating{100, 1}}}
		value, wrong := Count(20_000), 0
		const n = 120
		for i := range n {
			value += 10
			r := Record{start.Add(time.Duration(i) * flows.SlotLength), value, ValidData, start.Add(100 * time.Hour)}
			switch rapid.IntRange(0, 19).Draw(t, "spoil") {
			case 0:
				r.Value = 0
			case 1:
				r.Value += 40_000
			case 2:
				r.Value -= 15
			case 3:
				r.Status = 0
			case 4:
				wrong = rapid.IntRange(2, 5).Draw(t, "wrong")
			}
			if wrong > 0 {
				wrong--
				r.Value = max(r.Value, 15_000) - 15_000
			}
			in.Records = append(in.Records, r)
		}
		at := func(i int) time.Time { return start.Add(time.Duration(i) * flows.SlotLength) }
		in.Zone = time.FixedZone("", rapid.IntRange(-24, 23).Draw(t, "zone")*1800)
		from := rapid.IntRange(40, 80).Draw(t, "from")
		to := from + rapid.IntRange(1, 8).Draw(t, "to")
		in.Span = flows.Period{From: at(from), To: at(to)}
		want := Judge(in)
		in.Context = flows.Period{From: at(from - rapid.IntRange(0, 60).Draw(t, "before")), To: at(to + rapid.IntRange(0, 60).Draw(t, "after"))}
		if r := Judge(in); r.Wanted == nil {
			enough++
			if diff := cmp.Diff(want.Intervals, r.Intervals); diff != "" {
				t.Fatalf("less context, other rows:\n%s", diff)
			}
		}
	})
	if enough == 0 {
		t.Error("no context was ever enough")
	}
}

// Where the data end there is nothing more to give, and it is not asked for again.
func TestContextEndsWithTheData(t *testing.T) {
	in := dayOf(2, 0)
	in.Context.To = in.Span.To.Add(time.Hour)
	n := 0
	for r := Judge(in); r.Wanted != nil; r = Judge(in) {
		if n++; n > 3 {
			t.Fatalf("still wants %+v", *r.Wanted)
		}
		in.Context = *r.Wanted
	}
	if n == 0 {
		t.Error("an hour after the span was enough")
	}
}
