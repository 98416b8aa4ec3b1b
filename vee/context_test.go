package vee

import (
	"testing"
	"time"

	"flows"
)

// The rows go six reads over the span to each side, to whole half-hours, and not over the register's life.
func TestWhatIsGivenOut(t *testing.T) {
	start := mustTime("2024-06-05T00:00:00Z")
	at := func(minute int) time.Time { return start.Add(time.Duration(minute) * time.Minute) }
	for _, c := range []struct {
		name           string
		from, to       int
		first, last    int // the register's life
		wantFrom, want int
	}{
		{"a half-hour", 600, 630, -600, 6000, 420, 780},
		{"a time inside one", 610, 620, -600, 6000, 450, 780},
		{"at the register's start", 500, 630, 590, 6000, 570, 780},
		{"at its end", 600, 640, -600, 640, 420, 660},
		{"at the log's beginning", 10, 20, -600, 6000, 0, 180},
		{"at the log's end", 1190, 1300, -600, 6000, 1020, 1320},
	} {
		in := Input{Span: flows.Period{From: at(c.from), To: at(c.to)}}
		for i := range 41 {
			in.Records = append(in.Records, Record{at(i * 30), Count(i * 10), ValidData, at(i*30 + 60)})
		}
		in.Register = Register{Rating: Rating{100, 1}, Start: at(c.first), End: at(c.last)}
		r := Judge(in)
		if want := (flows.Period{From: at(c.wantFrom), To: at(c.want)}); r.Span != want {
			t.Errorf("%s: %s to %s, want %s to %s", c.name, r.Span.From, r.Span.To, want.From, want.To)
		}
		if got, want := len(r.Intervals), (c.want-c.wantFrom)/30; got != want {
			t.Errorf("%s: %d rows, want %d", c.name, got, want)
		}
	}
	in := tell("2024-06-05T00:00:00Z", "- - 5")
	in.Span.From = start
	if got, want := rows(Judge(in).Intervals), "null MISSING, null MISSING"; got != want {
		t.Errorf("up to the only read: %s, want %s", got, want)
	}
}

// How much more context is wanted: the local days whole, six reads to each side and those that they depend on, and never more than there
// can be.
func TestWhatContextIsWanted(t *testing.T) {
	midnight := mustTime("2024-06-04T23:00:00Z")
	at := func(hours float64) time.Time { return midnight.Add(time.Duration(hours * float64(time.Hour))) }
	const all = -1e6 // no bound
	for _, c := range []struct {
		name             string
		from, to         float64 // span
		after, before    float64 // context
		change           func(*Input)
		wantFrom, wantTo float64 // both 0: nothing is wanted
	}{
		{"enough", 3, 24, -2.5, 29.5, nil, 0, 0},
		{"all that is known", 3, 24, all, all, nil, 0, 0},
		{"the rest of the day", 3, 17, -2.5, 22.5, nil, -2.5, 24},
		{"the rest of the day from an unbounded context", 3, 17, all, 22.5, nil, all, 24},
		{"one read more after the span", 3, 24, -2.5, 29, nil, -2.5, 29 + 2*5 + 24},
		{"reads after the span", 3, 24, -2.5, 23, nil, -2.5, 23 + 24},
		{"one read more before the span", 3, 24, -2, 29.5, nil, -2 - 2*5 - 24, 29.5},
		{"one read more before the span in an unbounded context", 3, 24, -2, all, nil, -2 - 2*5 - 24, all},
		{"reads before the span", 3, 24, 4, 29.5, nil, 4 - 24, 29.5},
		{"the day of the first row", 2.5, 24, -3, 29.5, nil, -24, 29.5},
		{"four weeks before a long gap", 3, 24, -2.5, 29.5, func(in *Input) { *in = without(*in, at(10), at(14)) }, 10 - 29*24, 29.5},
		{"no further back for a gap that was given out before", 3, 24, -24, 29.5, func(in *Input) { *in = without(*in, at(-20), at(-16)) }, 0, 0},
		{"not before the register's start", 3, 24, -2, 29.5, func(in *Input) { in.Register.Start = at(-2) }, 0, 0},
		{"up to the register's start", 3, 24, -2, 29.5, func(in *Input) { in.Register.Start = at(-2.5) }, -2.5, 29.5},
		{"not after the register's end", 3, 24, -2.5, 26, func(in *Input) { in.Register.End = at(25) }, 0, 0},
		{"up to the end when that is all there can be", 3, 24, -2.5, 26, func(in *Input) { in.AsOf = at(26 + 2*2 + 24 - 1) }, -2.5, all},
		{"up to the end after four weeks without a read", 3, 24, -2.5, 24 + 250, func(in *Input) { *in = without(*in, at(24), at(1e5)) }, -2.5, all},
	} {
		in := weeks(midnight.AddDate(0, 0, -9), 20, func(int, int) Count { return 10 })
		in.AsOf = at(1e4)
		if c.change != nil {
			c.change(&in)
		}
		bound := func(hours float64) time.Time {
			if hours == all {
				return time.Time{}
			}
			return at(hours).UTC()
		}
		in.Span = flows.Period{From: at(c.from), To: at(c.to)}
		in.Context = flows.Period{From: bound(c.after), To: bound(c.before)}
		var want flows.Period
		if c.wantFrom != 0 {
			want = flows.Period{From: bound(c.wantFrom), To: bound(c.wantTo)}
		}
		var got flows.Period
		r := Judge(in)
		if r.Wanted != nil {
			got = *r.Wanted
		}
		if got != want || (r.Wanted != nil) != (c.wantFrom != 0) {
			t.Errorf("%s: wants %+v, want %+v", c.name, r.Wanted, want)
		}
	}
}

// No meter can show a time before 2000, so nothing from before it is wanted.
func TestNothingIsWantedFromBefore2000(t *testing.T) {
	in := tell("2000-01-01T20:00:00Z", "0 10 20 30 40 50 60 70 80 90")
	in.Span = flows.Period{From: in.Records[1].Time, To: in.Records[2].Time}
	in.Context.From = in.Records[0].Time
	if r := Judge(in); r.Wanted == nil || !r.Wanted.From.Equal(mustTime("2000-01-01T00:00:00Z")) {
		t.Errorf("wants %+v", r.Wanted)
	}
}

// A context that begins in the middle of reads that are right and wrong in turn may take the wrong ones for right, and must not be content.
func TestAContextThatBeginsWithWrongReadsIsNotEnough(t *testing.T) {
	start := mustTime("2024-06-05T00:00:00Z")
	at := func(i int) time.Time { return start.Add(time.Duration(i) * flows.SlotLength) }
	for _, until := range []int{60, 80} {
		in := Input{Register: Register{Rating: Rating{100, 1}}, Span: flows.Period{From: at(60), To: at(62)}}
		for i := range 80 {
			v := Count(100_000 + 10*i)
			if i > 40 && i < until && i%2 == 1 {
				v += 500_000
			}
			in.Records = append(in.Records, Record{at(i), v, ValidData, at(100)})
		}
		in.Context.From = at(43)
		if r := Judge(in); r.Wanted == nil {
			t.Errorf("up to %d: is content with a context that begins with a wrong read", until)
		}
	}
}
