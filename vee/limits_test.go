package vee

import (
	"fmt"
	"testing"
	"time"

	"flows"
)

// A limit itself is allowed; what is one more is not.
func TestLimitsThemselvesAreAllowed(t *testing.T) {
	const day = "2024-07-01"
	_, today := ordinaryMonth()
	at := func(minutes int) time.Time { return today.Add(time.Duration(minutes) * time.Minute) }
	zeros := func(in *Input) { reuse(in, today, func(time.Time) Count { return 0 }) }
	zerosAround := func(in *Input, from, to time.Time) {
		reuse(in, from, func(t time.Time) Count {
			if t.Before(to) {
				return 0
			}
			return 250
		})
	}
	still := func(n int, uncertainty time.Duration) func(*Input) {
		return func(in *Input) {
			for i := range n {
				in.Reads = append(in.Reads, Read{at(i * 60), 357_352, uncertainty})
			}
		}
	}
	for _, c := range []struct {
		name   string
		change func(*Input)
		rule   flows.Rule
		key    string
		want   string
	}{
		{"a record 60 s ahead", func(in *Input) { in.Records[29*48+4].Received = at(119) }, flows.RuleFuture, day, ""},
		{"a record 61 s ahead", func(in *Input) { in.Records[29*48+4].Received = at(119).Add(-time.Second) }, flows.RuleFuture, day, "error ×1"},

		{"exactly four times the average", func(in *Input) { reuse(in, today, func(time.Time) Count { return 1024 }) }, flows.RuleHighLow, day, ""},
		{"exactly a quarter of it", func(in *Input) { reuse(in, today, func(time.Time) Count { return 64 }) }, flows.RuleHighLow, day, ""},
		{"a day of four times after a week", func(in *Input) {
			reuse(in, today, func(time.Time) Count { return 1030 })
			in.Records = in.Records[22*48:]
		}, flows.RuleHighLow, day, "warning ×1"},
		{"after six days", func(in *Input) {
			reuse(in, today, func(time.Time) Count { return 1030 })
			in.Records = in.Records[23*48:]
		}, flows.RuleHighLow, day, ""},
		{"after days of nothing", func(in *Input) {
			reuse(in, in.Records[0].Time, func(at time.Time) Count {
				if at.Before(today) {
					return 0
				}
				return 250
			})
		}, flows.RuleHighLow, day, ""},
		{"28 days back and no further", func(in *Input) { // the 29th is as high as all others together
			reuse(in, in.Records[0].Time, func(at time.Time) Count {
				switch {
				case at.Before(today.AddDate(0, 0, -28)):
					return 5000
				case at.Before(today):
					return 100
				}
				return 401
			})
		}, flows.RuleHighLow, day, "warning ×1"},

		{"zeros where 504 Wh were used a day", func(in *Input) {
			reuse(in, in.Records[0].Time, func(at time.Time) Count { return Count(at.Minute() / 30 * 21) })
			zeros(in)
		}, flows.RuleZeroRun, "zero", "warning ×48"},
		{"zeros where just half a kWh was used a day", func(in *Input) {
			reuse(in, in.Records[0].Time, func(at time.Time) Count {
				if m := at.Sub(in.Records[0].Time) / time.Minute % 1440; m < 750 {
					return 20
				}
				return 0
			})
			zeros(in)
		}, flows.RuleZeroRun, "zero", ""},
		{"zeros from the day before on", func(in *Input) { zerosAround(in, at(-120), at(23*60)) }, flows.RuleZeroRun, "zero", "warning ×50"},
		{"zeros of 23.5 hours from the day before on", func(in *Input) { zerosAround(in, at(-120), at(21*60+30)) }, flows.RuleZeroRun, "zero", ""},
		{"credit that runs out as the zeros begin", func(in *Input) {
			zeros(in)
			in.Balances = append(in.Balances, Balance{Time: at(0)})
		}, flows.RuleZeroRun, "zero", ""},
		{"credit that runs out as they end", func(in *Input) {
			zeros(in)
			in.Balances = append(in.Balances, Balance{Time: at(24 * 60)})
		}, flows.RuleZeroRun, "zero", ""},
		{"a last balance of nothing before the zeros", func(in *Input) {
			zeros(in)
			in.Balances = []Balance{{Time: at(-30)}, {Time: at(-60), Amount: flows.Pound}}
		}, flows.RuleZeroRun, "zero", ""},
		{"a balance of nothing before the last one", func(in *Input) {
			zeros(in)
			in.Balances = []Balance{{Time: at(-60)}, {Time: at(-30), Amount: flows.Pound}, {Time: at(-90)}, {Time: at(24*60 + 1)}}
		}, flows.RuleZeroRun, "zero", "warning ×48"},
		{"no balance before the zeros", func(in *Input) {
			zeros(in)
			in.Balances = []Balance{{Time: at(24*60 + 1), Amount: flows.Pound}}
		}, flows.RuleZeroRun, "zero", ""},
		{"a power-down half an hour before the zeros", func(in *Input) {
			zeros(in)
			in.Events = []flows.Event{{Time: at(-30), Type: 85}}
		}, flows.RuleZeroRun, "zero", ""},
		{"a power-down as they end", func(in *Input) {
			zeros(in)
			in.Events = []flows.Event{{Time: at(24 * 60), Type: 85}}
		}, flows.RuleZeroRun, "zero", ""},
		{"power-downs long before and after them", func(in *Input) {
			zeros(in)
			in.Events = []flows.Event{{Time: at(-31), Type: 34}, {Time: at(24*60 + 1), Type: 85}, {Time: at(60), Type: 35}}
		}, flows.RuleZeroRun, "zero", "warning ×48"},

		{"six reads that stand still", still(6, time.Second), flows.RuleStaleRead, day, "warning ×1"},
		{"five reads that stand still", still(5, time.Second), flows.RuleStaleRead, day, ""},
		{"reads that stand still as far as one can tell", func(in *Input) {
			reuse(in, today, func(t time.Time) Count { // moves in the first and in the last half-hour
				if t.Equal(at(0)) || t.Equal(at(300)) {
					return 250
				}
				return 0
			})
			still(6, time.Second)(in)
		}, flows.RuleStaleRead, day, ""},
		{"reads that stand still while the log moves in between", func(in *Input) {
			reuse(in, today, func(t time.Time) Count {
				if t.Equal(at(30)) {
					return 250
				}
				return 0
			})
			still(6, time.Second)(in)
		}, flows.RuleStaleRead, day, "warning ×1"},

		{"more than a tenth of estimates by one", func(in *Input) {
			*in = without(*in, today.AddDate(0, 0, -6), today.AddDate(0, 0, -3).Add(30*time.Minute))
		}, flows.RuleProlongedEstimation, "2024-06", "error ×145"},
		{"an actual half-hour up to the midnight before a week ago", func(in *Input) { in.Records = in.Records[:23*48+1] },
			flows.RuleProlongedEstimation, "no actual", "error ×1"},
		{"an actual half-hour on the day a week ago", func(in *Input) { in.Records = in.Records[:23*48+2] },
			flows.RuleProlongedEstimation, "no actual", ""},
		{"nothing to be expected", func(in *Input) {
			in.Records = in.Records[:len(in.Records)-1-7*48-6]
			in.Register.Passive = []flows.Period{{From: today.AddDate(0, 0, -1), To: at(0)}}
		}, flows.RuleProlongedEstimation, "no actual", ""},
		{"a span of long ago", func(in *Input) {
			in.Records = in.Records[:len(in.Records)-1-7*48-6]
			in.Span = flows.Period{From: today.AddDate(0, 0, -10), To: today.AddDate(0, 0, -9)}
		}, flows.RuleProlongedEstimation, "no actual", ""},
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
	}
}
