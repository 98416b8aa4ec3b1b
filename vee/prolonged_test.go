package vee

import (
	"testing"
	"time"

	"flows"
)

func TestHowLongARegisterHasGivenNothing(t *testing.T) {
	_, today := ordinaryMonth()
	const nobodyKnows = "not all of the last days are known"
	silent := func(in *Input) { in.Records = in.Records[:20*48] }
	for _, c := range []struct {
		name   string
		change func(*Input)
		from   time.Time // of the exception; zero for none
		to     time.Time
		why    string
	}{
		{"up to now", silent, today.AddDate(0, 0, -7).Add(26 * time.Hour), today.Add(26 * time.Hour), ""},
		{"up to the register's end", func(in *Input) {
			silent(in)
			in.Register.End = today.Add(12 * time.Hour)
		}, today.AddDate(0, 0, -7).Add(12 * time.Hour), today.Add(12 * time.Hour), ""},
		{"in a life of just a week", func(in *Input) {
			silent(in)
			in.Register.Start = today.AddDate(0, 0, -7).Add(26 * time.Hour)
		}, today.AddDate(0, 0, -7).Add(26 * time.Hour), today.Add(26 * time.Hour), ""},
		{"in a life of less", func(in *Input) {
			silent(in)
			in.Register.Start = today.AddDate(0, 0, -7).Add(26*time.Hour + time.Second)
		}, time.Time{}, time.Time{}, ""},
		{"a span that ends 36 hours ago", func(in *Input) {
			silent(in)
			in.Span = flows.Period{From: today.AddDate(0, 0, -2), To: today.Add(-10 * time.Hour)}
		}, today.AddDate(0, 0, -7).Add(26 * time.Hour), today.Add(26 * time.Hour), ""},
		{"a span that ends before that", func(in *Input) {
			silent(in)
			in.Span = flows.Period{From: today.AddDate(0, 0, -2), To: today.Add(-11 * time.Hour)}
		}, time.Time{}, time.Time{}, ""},
		{"earlier days that nobody knows", func(in *Input) {
			silent(in)
			in.Context.From = today.AddDate(0, 0, -1)
		}, time.Time{}, time.Time{}, nobodyKnows},
		{"earlier days with something", func(in *Input) {
			silent(in)
			in.Context.From = today.AddDate(0, 0, -1)
			for d := 2; d < 31; d++ {
				in.Past = append(in.Past, Day{Date: today.AddDate(0, 0, 1-d).Add(time.Hour), Expected: 48, Actual: 1})
			}
		}, time.Time{}, time.Time{}, ""},
		{"earlier days of the month that nobody knows", func(in *Input) {
			in.Context.From = today.AddDate(0, 0, -1)
			for d := 2; d < 10; d++ {
				in.Past = append(in.Past, Day{Date: today.AddDate(0, 0, 1-d).Add(time.Hour), Expected: 48, Actual: 48})
			}
		}, time.Time{}, time.Time{}, "not all earlier days of the month are known"},
		{"nobody says what time it is", func(in *Input) {
			silent(in)
			in.AsOf = time.Time{}
		}, time.Time{}, time.Time{}, "nobody said what time it is"},
		{"derived from register reads where there is no log", func(in *Input) {
			in.Register.NoLog = true
			in.Reads = []Read{{today, 5, 0}, {today.Add(time.Hour), 9, 0}}
		}, time.Time{}, time.Time{}, ""},
		{"some days ago", func(in *Input) {
			in.Register.NoLog = true
			in.Reads = []Read{{today.AddDate(0, 0, -5), 5, 0}, {today.AddDate(0, 0, -5).Add(time.Hour), 9, 0}}
		}, time.Time{}, time.Time{}, ""},
		{"estimated from register reads where there is no log", func(in *Input) {
			in.Register.NoLog = true
			in.Reads = []Read{{today, 5, 0}, {today.Add(4 * time.Hour), 9, 0}}
		}, today.AddDate(0, 0, -7).Add(26 * time.Hour), today.Add(26 * time.Hour), ""},
	} {
		in, _ := ordinaryMonth()
		c.change(&in)
		r := Judge(in)
		e := only(t, r, flows.RuleProlongedEstimation, "no actual")
		if !e.Period.From.Equal(c.from) || !e.Period.To.Equal(c.to) {
			t.Errorf("%s: %s from %s to %s", c.name, e.Rule, e.Period.From, e.Period.To)
		}
		if got := whyNot(r.NotRun, flows.RuleProlongedEstimation); got != c.why {
			t.Errorf("%s: could not look: %q, want %q", c.name, got, c.why)
		}
	}
}

// A month is judged from its first day on, by what is known of it so far.
func TestTheFirstDayOfAMonth(t *testing.T) {
	in, today := ordinaryMonth()
	in = without(in, today.Add(time.Hour), today.Add(20*time.Hour))
	in.Thresholds = Defaults()
	in.Thresholds.ProlongedPercent = 2
	if e := only(t, Judge(in), flows.RuleProlongedEstimation, "2024-07"); e.Count != 38 || e.Details["half_hours"] != "1488" {
		t.Errorf("got %+v", e)
	}
}
