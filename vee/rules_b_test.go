package vee

import (
	"fmt"
	"testing"
	"time"

	"flows"
)

// month is 30 days of 10 and 12 Wh in turn, the last of them judged.
func ordinaryMonth() (Input, time.Time) {
	first := mustTime("2024-06-01T23:00:00Z")
	in := weeks(first, 30, func(_, half int) Count { return Count(250 + half%2*12) })
	today := first.AddDate(0, 0, 29)
	in.Span = flows.Period{From: today, To: today.AddDate(0, 0, 1)}
	in.AsOf = today.Add(26 * time.Hour)
	in.Balances = []Balance{{Time: today.Add(-time.Hour), Amount: 5 * flows.Pound}}
	in.Drifts = []Drift{{Time: first.Add(-time.Hour), Diff: time.Second}}
	return in, today
}

// reuse gives the records from a time on what use says instead.
func reuse(in *Input, from time.Time, use func(at time.Time) Count) {
	for i := 1; i < len(in.Records); i++ {
		if !in.Records[i].Time.Before(from.Add(flows.SlotLength)) {
			in.Records[i].Value = in.Records[i-1].Value + use(in.Records[i-1].Time)
		}
	}
}

func TestRules(t *testing.T) {
	const day = "2024-07-01"
	_, today := ordinaryMonth()
	at := func(minutes int) time.Time { return today.Add(time.Duration(minutes) * time.Minute) }
	hour := func(from, to int) flows.Period { return flows.Period{From: at(from * 60), To: at(to * 60)} }
	value := func(in *Input, at time.Time) Count {
		for _, r := range in.Records {
			if r.Time.Equal(at) {
				return r.Value
			}
		}
		return 0
	}
	hourly := func(in *Input, read func(n int, v Count) Count) {
		for n := range 24 {
			in.Reads = append(in.Reads, Read{at(n*60 + 1), read(n, value(in, at(n*60))+5), 2 * time.Second})
		}
	}
	inSlot := func(t time.Time, use Count) func(time.Time) Count {
		return func(at time.Time) Count {
			if at.Equal(t) {
				return use
			}
			return Count(250 + at.Minute()/30*12)
		}
	}
	same := func(_ int, v Count) Count { return v }
	for _, c := range []struct {
		name   string
		change func(*Input)
		rule   flows.Rule
		key    string
		want   string // severity and count; "" for none
	}{
		{"a read between its neighbours", func(in *Input) { hourly(in, same) }, flows.RuleBracket, at(61).Format(time.RFC3339), ""},
		{"a read over the log", func(in *Input) { hourly(in, func(_ int, v Count) Count { return v + 300 }) }, flows.RuleBracket, at(61).Format(time.RFC3339), "error ×1"},
		{"a read under the log", func(in *Input) { hourly(in, func(_ int, v Count) Count { return v - 300 }) }, flows.RuleBracket, at(61).Format(time.RFC3339), "error ×1"},
		{"a read whose time is too uncertain to say", func(in *Input) {
			in.Reads = []Read{{at(61), value(in, at(60)) + 300, time.Hour}}
		}, flows.RuleBracket, at(61).Format(time.RFC3339), ""},

		{"a spike", func(in *Input) { reuse(in, today, inSlot(at(600), 2000)) }, flows.RuleSpike, day, "info ×1"},
		{"a half-hour a little higher is none", func(in *Input) { reuse(in, today, inSlot(at(600), 300)) }, flows.RuleSpike, day, ""},

		{"nothing is a spike where most half-hours are the same", func(in *Input) {
			reuse(in, today.AddDate(0, 0, -2), func(at time.Time) Count {
				if at.Equal(today.Add(10 * time.Hour)) {
					return 2000
				}
				return 10
			})
		}, flows.RuleSpike, day, ""},

		{"a read across a reset cannot be held against the log", func(in *Input) {
			for i, r := range in.Records {
				if r.Time.After(at(60)) {
					in.Records[i].Value, in.Records[i].Status = Count(i), ValidData|LogReset
				}
			}
			in.Reads = []Read{{at(75), 5, time.Second}}
		}, flows.RuleBracket, at(75).Format(time.RFC3339), ""},

		{"a day like the others", func(*Input) {}, flows.RuleHighLow, day, ""},
		{"a day of 3.9 times the average", func(in *Input) { reuse(in, today, func(time.Time) Count { return 998 }) }, flows.RuleHighLow, day, ""},
		{"a day of over four times the average", func(in *Input) { reuse(in, today, func(time.Time) Count { return 1030 }) }, flows.RuleHighLow, day, "warning ×1"},
		{"a day that the register did not live to the end of", func(in *Input) { in.Register.End = at(120) }, flows.RuleHighLow, day, ""},
		{"a day under a quarter of it", func(in *Input) { reuse(in, today, func(time.Time) Count { return 63 }) }, flows.RuleHighLow, day, "warning ×1"},

		{"a day of zeros with credit", func(in *Input) { reuse(in, today, func(time.Time) Count { return 0 }) }, flows.RuleZeroRun, "zero", "warning ×48"},
		{"23.5 hours of zeros", func(in *Input) {
			reuse(in, today, func(t time.Time) Count {
				if t.Equal(today) {
					return 100
				}
				return 0
			})
		}, flows.RuleZeroRun, "zero", ""},
		{"zeros after the credit ran out", func(in *Input) {
			reuse(in, today, func(time.Time) Count { return 0 })
			in.Balances = append(in.Balances, Balance{Time: at(60)})
		}, flows.RuleZeroRun, "zero", ""},
		{"zeros after a power-down", func(in *Input) {
			reuse(in, today, func(time.Time) Count { return 0 })
			in.Events = []flows.Event{{Time: today.Add(time.Minute), Type: 34}}
		}, flows.RuleZeroRun, "zero", ""},
		{"zeros with the load off", func(in *Input) {
			reuse(in, today, func(time.Time) Count { return 0 })
			in.Register.LoadOff = []flows.Period{hour(0, 3)}
		}, flows.RuleZeroRun, "zero", ""},
		{"zeros where little was ever used", func(in *Input) {
			reuse(in, in.Records[0].Time, func(time.Time) Count { return 1 })
			reuse(in, today, func(time.Time) Count { return 0 })
		}, flows.RuleZeroRun, "zero", ""},

		{"use while the meter is passive", func(in *Input) { in.Register.Passive = []flows.Period{hour(1, 2)} }, flows.RuleUseWhileOff, day, "error ×2"},
		{"use while the load is off", func(in *Input) {
			in.Register.LoadOff = []flows.Period{{From: at(59), To: at(119)}}
		}, flows.RuleUseWhileOff, day, "error ×1"},
		{"10 Wh while the load is off", func(in *Input) {
			reuse(in, today, func(time.Time) Count { return 10 })
			in.Register.LoadOff = []flows.Period{hour(0, 24)}
		}, flows.RuleUseWhileOff, day, ""},
		{"before and after the register's life are not neighbours", func(in *Input) {
			in.Register.Start, in.Register.End = at(10*60), at(23*60)
			*in = without(*in, at(-48*60), at(9*60+30))
			*in = without(*in, at(23*60), at(24*60))
		}, flows.RuleUseWhileOff, day, ""},
		{"use after the register's end", func(in *Input) { in.Register.End = at(23 * 60) }, flows.RuleUseWhileOff, day, "error ×1"},

		{"reads that stand still while the log moves", func(in *Input) {
			hourly(in, func(n int, v Count) Count { return value(in, at(0)) })
		}, flows.RuleStaleRead, day, "warning ×19"},
		{"five that stand still and move on", func(in *Input) {
			hourly(in, func(n int, v Count) Count { return v - min(Count(n), 4)*512 })
		}, flows.RuleStaleRead, day, ""},
		{"reads that stand still like the log", func(in *Input) {
			reuse(in, today, func(time.Time) Count { return 0 })
			hourly(in, func(int, Count) Count { return value(in, at(0)) })
		}, flows.RuleStaleRead, day, ""},
		{"reads that move while the log stands still", func(in *Input) {
			reuse(in, today, func(time.Time) Count { return 0 })
			hourly(in, func(n int, _ Count) Count { return value(in, at(0)) + Count(n) })
		}, flows.RuleStaleRead, day, "warning ×19"},

		{"import is no export", func(in *Input) { in.Register.NoExport = true }, flows.RuleReverseEnergy, day, ""},
		{"export where none is allowed", func(in *Input) {
			in.Register.NoExport, in.Register.Direction = true, flows.Export
		}, flows.RuleReverseEnergy, day, "warning ×48"},
		{"export where it is allowed", func(in *Input) { in.Register.Direction = flows.Export }, flows.RuleReverseEnergy, day, ""},

		{"three days of estimates in a month", func(in *Input) {
			*in = without(*in, today.AddDate(0, 0, -6), today.AddDate(0, 0, -2))
		}, flows.RuleProlongedEstimation, "2024-06", "error ×192"},
		{"just a tenth of estimates in a month", func(in *Input) {
			*in = without(*in, today.AddDate(0, 0, -6), today.AddDate(0, 0, -3))
		}, flows.RuleProlongedEstimation, "2024-06", ""},
		{"two hours of estimates", func(in *Input) { *in = without(*in, hour(-4, -2).From, hour(-4, -2).To) }, flows.RuleProlongedEstimation, "2024-06", ""},
		{"a week without an actual", func(in *Input) { in.Records = in.Records[:len(in.Records)-1-7*48-6] }, flows.RuleProlongedEstimation, "no actual", "error ×1"},
		{"six days without an actual", func(in *Input) { in.Records = in.Records[:len(in.Records)-1-6*48] }, flows.RuleProlongedEstimation, "no actual", ""},

		{"a week without an actual in a life of six days", func(in *Input) {
			in.Records, in.Register.Start = in.Records[:len(in.Records)-1-7*48-6], today.AddDate(0, 0, -5)
		}, flows.RuleProlongedEstimation, "no actual", ""},

		{"an actual for an estimate that has been exported", func(in *Input) {
			v := flows.WattHour
			in.Exported = []flows.Interval{{Start: at(60), Value: &v, Quality: flows.Estimated}}
		}, flows.RuleReplacedAfterExport, day, "warning ×1"},
		{"an actual that has been exported as it is", func(in *Input) {
			v := 250 * flows.WattHour
			in.Exported = []flows.Interval{{Start: at(60), Value: &v, Quality: flows.Estimated}}
		}, flows.RuleReplacedAfterExport, day, ""},
	} {
		in, _ := ordinaryMonth()
		c.change(&in)
		r := Judge(in)
		got := ""
		if e := only(t, r, c.rule, c.key); e.Rule != "" {
			got = fmt.Sprintf("%s ×%d", e.Severity, e.Count)
		}
		if got != c.want {
			t.Errorf("%s: %s %q, want %q (%+v)", c.name, c.rule, got, c.want, r.NotRun)
		}
		if r.Wanted != nil {
			t.Errorf("%s: wants %+v", c.name, *r.Wanted)
		}
	}
}

// "Found nothing" is not "never looked".
func TestARuleThatCannotLookSaysSo(t *testing.T) {
	for _, c := range []struct {
		rule   flows.Rule
		change func(*Input)
	}{
		{flows.RuleMaxEnergy, func(in *Input) { in.Register.Rating = Rating{} }},
		{flows.RuleRollover, func(in *Input) { in.Register.Rating = Rating{} }},
		{flows.RuleClock, func(in *Input) { in.Drifts = nil }},
		{flows.RuleBracket, func(in *Input) { in.Reads = nil }},
		{flows.RuleStaleRead, func(in *Input) { in.Reads = nil }},
		{flows.RuleZeroRun, func(in *Input) { in.Balances = nil }},
		{flows.RuleHighLow, func(in *Input) { in.Context.From = in.Span.From.Add(-24 * time.Hour) }},
		{flows.RuleProlongedEstimation, func(in *Input) { in.Context.From = in.Span.From.Add(-24 * time.Hour) }},
		{flows.RuleSpike, func(in *Input) { in.Records = in.Records[:3] }},
		{flows.RuleMissing, func(in *Input) { in.AsOf = time.Time{} }},
		{flows.RuleStatus, func(in *Input) { in.Register.NoLog = true }},
		{flows.RuleOffGrid, func(in *Input) { in.Register.NoLog = true }},
		{flows.RuleFuture, func(in *Input) { in.Register.NoLog = true }},
	} {
		in, today := ordinaryMonth()
		in.Span.From = in.Span.From.Add(-24 * time.Hour)
		for n := range 8 {
			v := in.Records[29*48+2*n].Value
			in.Reads = append(in.Reads, Read{today.Add(time.Duration(n)*time.Hour + time.Minute), v + 2, time.Second})
		}
		if why := whyNot(Judge(in).NotRun, c.rule); why != "" {
			t.Errorf("%s could not look: %s", c.rule, why)
		}
		c.change(&in)
		if whyNot(Judge(in).NotRun, c.rule) == "" {
			t.Errorf("%s does not say that it could not look", c.rule)
		}
	}
}

func TestPastDaysServeTheDailyRules(t *testing.T) {
	in, today := ordinaryMonth()
	for d := 1; d <= 29; d++ {
		in.Past = append(in.Past, Day{Date: today.AddDate(0, 0, -d), Energy: 60 * flows.KiloWattHour, Expected: 48, Actual: 40, Estimated: 8})
	}
	in.Past = append(in.Past, Day{Date: today, Energy: flows.WattHour, Expected: 48, Actual: 48}) // the context knows better
	in.Context.From = today.AddDate(0, 0, -1)
	r := Judge(in)
	if e := only(t, r, flows.RuleHighLow, "2024-07-01"); e.Details["kwh"] != "12.288" {
		t.Errorf("a day of a fifth of the average: %+v", e)
	}
	if why := whyNot(r.NotRun, flows.RuleProlongedEstimation); why != "" {
		t.Error(why)
	}
}

func TestEveryRuleHasOneRowInTheTable(t *testing.T) {
	seen := map[flows.Rule]int{}
	for _, r := range rules {
		seen[r.name]++
		if r.register == nil && r.meter == nil {
			t.Errorf("%s does nothing", r.name)
		}
	}
	for name, n := range seen {
		if n != 1 {
			t.Errorf("%s has %d rows", name, n)
		}
	}
	if len(seen) != 23 {
		t.Errorf("%d rules, want 23", len(seen))
	}
	in, _ := ordinaryMonth()
	r := Judge(in)
	meter := JudgeMeter(MeterInput{})
	if got, want := len(r.Ran)+len(r.NotRun), 21; got != want {
		t.Errorf("%d rules of registers are told of, want %d", got, want)
	}
	if got, want := len(meter.Ran)+len(meter.NotRun), 4; got != want {
		t.Errorf("%d rules of meters are told of, want %d", got, want)
	}
}

// What a judgement says of days it does not give out, or of days that its context holds only in part, would be said wrongly.
func TestOnlyWholeDaysThatAreShownAreSpokenOf(t *testing.T) {
	in, today := ordinaryMonth()
	in.Records[5*48].Status |= PowerFail
	in.AsOf = today.AddDate(0, 0, 3)
	r := Judge(in)
	if e := only(t, r, flows.RuleStatus, "2024-06-07 power fail"); e.Rule != "" {
		t.Errorf("speaks of three weeks ago: %+v", e)
	}
	in.Span = flows.Period{From: today.AddDate(0, 0, -1), To: today}
	in.Context.To = today.Add(4 * time.Hour)
	for _, e := range Judge(in).Exceptions {
		if e.Rule == flows.RuleMissing {
			t.Errorf("speaks of a day that it has not seen all of: %+v", e)
		}
	}
}

func TestThresholdsAreTheESCOs(t *testing.T) {
	in, today := ordinaryMonth()
	in.Register.LoadOff = []flows.Period{in.Span}
	if e := only(t, Judge(in), flows.RuleUseWhileOff, "2024-07-01"); e.Count != 48 {
		t.Errorf("by default %d half-hours of over 10 Wh, want 48", e.Count)
	}
	in.Thresholds = Defaults()
	in.Thresholds.OffUse = 250 * flows.WattHour
	if e := only(t, Judge(in), flows.RuleUseWhileOff, "2024-07-01"); e.Count != 24 {
		t.Errorf("%d half-hours of over 250 Wh, want 24", e.Count)
	}
	in.Thresholds.FutureBy = 2 * time.Hour
	in.Records[29*48+4].Received = today.Add(time.Hour)
	if got := found(Judge(in).Exceptions, flows.RuleFuture); got != "" {
		t.Errorf("an hour ahead is allowed: %s", got)
	}
}
