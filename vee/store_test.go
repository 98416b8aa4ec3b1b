package vee

import (
	"slices"
	"testing"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// table stands for the database: raw records, the trigger that writes A.1, and rows that Judge's replace by the rule of the package comment.
type table struct {
	register Register
	records  []Record
	reads    []Read
	edits    []Edit
	asOf     time.Time
	rows     map[int64]flows.Interval
	history  int
	stingy   bool // gives a little of the context that is wanted, and is asked again
}

// store takes a batch of raw data, runs the trigger and judges what has changed.
func (s *table) store(t rapid.TB, zone *time.Location, records []Record, reads []Read) {
	s.records, s.reads = append(s.records, records...), append(s.reads, reads...)
	from, to := int64(distantFuture), int64(distantPast)
	touch := func(at time.Time) { from, to = min(from, micros(at)), max(to, micros(at)+1) }
	stored := firstStored(s.records)
	for _, r := range records {
		touch(r.Time)
		s.trigger(stored, slotAt(micros(r.Time))-1)
		s.trigger(stored, slotAt(micros(r.Time)))
	}
	for _, r := range reads {
		touch(r.Time)
	}
	s.judge(t, zone, from, to)
	first, last := int64(distantFuture), int64(distantPast)
	for k, row := range s.rows { // estimates that may look back on what has changed
		if at := k * slotMicros; (row.Method == flows.LikeDay || row.Method == flows.Flat) && at > to && at < to+29*24*3600e6 {
			first, last = min(first, at), max(last, at+slotMicros)
		}
	}
	if first < last {
		s.judge(t, zone, first, last)
	}
}

// judge gives a day's context at first, and what is wanted after that.
func (s *table) judge(t rapid.TB, zone *time.Location, from, to int64) {
	in := Input{Register: s.register, Zone: zone, Records: s.records, Reads: s.reads, Edits: s.edits, Span: period(from, to), AsOf: s.asOf}
	in.Context = period(from-3*slotMicros, to+3*slotMicros)
	for range 400 {
		r := Judge(in)
		if r.Wanted == nil {
			s.apply(r.Intervals)
			return
		}
		if a, b := bounds(*r.Wanted); a >= micros(in.Context.From) && b <= micros(in.Context.To) {
			t.Fatalf("wants no more than it has: %+v of %+v", r.Wanted, in.Context)
		}
		in.Context = s.give(in.Context, *r.Wanted)
	}
	t.Fatal("never satisfied")
}

// give gives the context that is wanted, or a little of it.
func (s *table) give(has, wanted flows.Period) flows.Period {
	if !s.stingy {
		return wanted
	}
	from, to := bounds(has)
	a, b := bounds(wanted)
	if b == distantFuture {
		to = b
	}
	return period(max(a, from-4*slotMicros-(from-a)/8), min(b, to+4*slotMicros+(b-to)/8))
}

// trigger writes the difference of neighbours: both valid, neither of them the low side of a fall nor directly after one.
func (s *table) trigger(stored []Record, k int64) {
	i := slices.IndexFunc(stored, func(r Record) bool { return micros(r.Time) == k*slotMicros })
	if i < 0 || i+1 == len(stored) || micros(stored[i+1].Time) != (k+1)*slotMicros {
		return
	}
	fell := func(n int) bool { return n > 0 && stored[n].Value < stored[n-1].Value }
	if fell(i-1) || fell(i) || fell(i+1) {
		return
	}
	d, step := Difference(stored[i].Value, stored[i+1].Value, s.register.Rating.Most(flows.SlotLength, s.register.Unit))
	if old := s.rows[k]; step == Forward && old.Quality.Rank() < flows.Actual.Rank() {
		v := flows.Energy(d) * s.register.Unit
		s.rows[k] = flows.Interval{Start: timeOf(k * slotMicros), Value: &v, Quality: flows.Actual, Method: flows.Difference}
	}
}

// firstStored are the valid records the way the raw table keeps them: the first of each time.
func firstStored(records []Record) []Record {
	byTime := map[int64]Record{}
	for _, r := range records {
		t := micros(r.Time)
		if old, seen := byTime[t]; r.Status.Has(ValidData) && (!seen || r.Received.Before(old.Received)) {
			byTime[t] = r
		}
	}
	var stored []Record
	for _, t := range sortedKeys(byTime) {
		stored = append(stored, byTime[t])
	}
	return stored
}

func (s *table) apply(rows []flows.Interval) {
	for _, row := range rows {
		k := slotAt(micros(row.Start))
		old, stands := s.rows[k]
		mine := old.Quality != flows.Edited && old.Quality != flows.Actual
		if !stands || row.Withdraws || mine || row.Quality.Rank() >= old.Quality.Rank() {
			if stands && old.Value != nil && !cmp.Equal(old.Value, row.Value) {
				s.history++
			}
			s.rows[k] = row
		}
	}
}

// However the raw data come in, batch by batch, with the trigger in between and each time judged with no more context than is wanted, the
// table ends up with the rows of one judgement of everything.
func TestAnyOrderOfArrivalEndsInTheSameRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := draw(t)
		h.in.Reads = drawReads(t, h)
		switch rapid.IntRange(0, 5).Draw(t, "log") {
		case 0:
			h.in.Register.NoLog, h.in.Records = true, nil
		case 1:
			h.in.Register.Lost = []flows.Period{{From: timeOf((h.first + int64(rapid.IntRange(0, 60).Draw(t, "lost"))) * slotMicros)}}
		}
		s := &table{register: h.in.Register, asOf: h.in.AsOf, stingy: rapid.IntRange(0, 9).Draw(t, "stingy") == 9, rows: map[int64]flows.Interval{}}
		records := slices.Clone(h.in.Records)
		slices.SortStableFunc(records, func(a, b Record) int { return a.Received.Compare(b.Received) })
		if rapid.Bool().Draw(t, "shuffle") {
			records = rapid.Permutation(records).Draw(t, "order")
		}
		reads := slices.Clone(h.in.Reads)
		for len(records)+len(reads) > 0 {
			n := min(rapid.IntRange(1, 12).Draw(t, "batch"), len(records))
			m := min(rapid.IntRange(0, 6).Draw(t, "reads"), len(reads))
			if n+m == 0 {
				m = len(reads)
			}
			s.store(t, h.in.Zone, records[:n], reads[:m])
			records, reads = records[n:], reads[m:]
		}
		s.check(t, h.in)
	})
}

// check compares the table with one judgement of everything.
func (s *table) check(t rapid.TB, in Input) {
	t.Helper()
	for _, want := range Judge(in).Intervals {
		got, stands := s.rows[slotAt(micros(want.Start))]
		if !stands && want.Value == nil {
			continue
		}
		want.Withdraws, got.Withdraws = false, false
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("a row that depends on the order (- all at once, + step by step):\n%s", diff)
		}
	}
}
