package vee

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"flows"
)

// told writes exceptions of a rule as the times they are kept under, counted in minutes.
func told(all []flows.Exception, rule flows.Rule, start time.Time) string {
	var words []string
	for _, e := range all {
		if e.Rule == rule {
			at, _ := time.Parse(time.RFC3339, e.Key)
			words = append(words, fmt.Sprint(int(at.Sub(start)/time.Minute)))
		}
	}
	return strings.Join(words, " ")
}

// A wrong register read is told of where the log is lost; where it is not, BRACKET tells of it. A wrong record is told of once.
func TestWrongReadsInALostLog(t *testing.T) {
	const start = "2024-06-05T00:00:00Z"
	at := func(minute int) time.Time { return mustTime(start).Add(time.Duration(minute) * time.Minute) }
	in := tell(start, "0 10 20 999999 40 - - - - 90 999999 110")
	in.Register.Lost = []flows.Period{{From: at(150), To: at(600)}}
	in.Reads = readsAt(start, []int{35, 155, 165, 180, 250}, []Count{900000, 52, 900000, 60, 83})
	in.Records = append(in.Records, Record{at(200), 900000, ValidData, at(400)})
	r := Judge(in)
	if got, want := told(r.Exceptions, flows.RuleBadRead, mustTime(start)), "90 165 200 300"; got != want {
		t.Errorf("wrong reads at %s, want %s", got, want)
	}
	if got, want := told(r.Exceptions, flows.RuleBracket, mustTime(start)), "35 165 200"; got != want {
		t.Errorf("outliers at %s, want %s", got, want)
	}
}

// Breaks between register reads are told of where the log is lost.
func TestBreaksInALostLog(t *testing.T) {
	const start = "2024-06-05T00:00:00Z"
	at := func(minute int) time.Time { return mustTime(start).Add(time.Duration(minute) * time.Minute) }
	reads := readsAt(start, []int{65, 75, 135, 165, 195}, []Count{500025, 400000, 500050, 400000, 400010})
	for _, c := range []struct {
		name string
		lost []flows.Period
		want string
	}{
		{"not lost", nil, ""},
		{"lost", []flows.Period{{From: at(120)}}, "165"},
		{"lost up to the break", []flows.Period{{From: at(120), To: at(135)}}, ""},
		{"lost from the break on", []flows.Period{{From: at(165)}}, ""},
	} {
		in := tell(start, "500000 500010 500020 500030 500040 - - -")
		in.Reads, in.Register.Lost = reads, c.lost
		in.Span.To = at(210)
		if got := told(Judge(in).Exceptions, flows.RuleReversal, mustTime(start)); got != c.want {
			t.Errorf("%s: breaks at %q, want %q", c.name, got, c.want)
		}
	}
}

// What lies wholly outside the rows is not told of.
func TestOnlyBreaksThatAreShownAreToldOf(t *testing.T) {
	const start = "2024-06-05T00:00:00Z"
	at := func(slot int) time.Time { return mustTime(start).Add(time.Duration(slot) * flows.SlotLength) }
	for _, c := range []struct {
		name     string
		from, to int // span; the rows go six half-hours further
		reset    string
		bad      string
	}{
		{"all", 0, 60, "300", "1200"},
		{"from where the break ends", 16, 20, "", ""},
		{"from the half-hour of the break on", 15, 20, "300", ""},
		{"up to the wrong read", 20, 35, "", "1200"},
		{"up to the half-hour before it", 20, 34, "", ""},
	} {
		in := Input{Span: flows.Period{From: at(c.from), To: at(c.to)}}
		in.Register.Rating = Rating{100, 1}
		for i := range 61 {
			r := Record{at(i), Count(500_000 + 10*i), ValidData, at(i + 2)}
			switch {
			case i == 40:
				r.Value = 7
			case i == 10:
				r.Value, r.Status = 10, ValidData|LogReset
			case i > 10:
				r.Value = Count(10 * i)
			}
			in.Records = append(in.Records, r)
		}
		r := Judge(in)
		if got := told(r.Exceptions, flows.RuleReset, mustTime(start)); got != c.reset {
			t.Errorf("%s: resets at %q, want %q", c.name, got, c.reset)
		}
		if got := told(r.Exceptions, flows.RuleBadRead, mustTime(start)); got != c.bad {
			t.Errorf("%s: wrong reads at %q, want %q", c.name, got, c.bad)
		}
	}
}

func TestWhatABreakSaysOfWhatCanFlow(t *testing.T) {
	start := mustTime("2024-06-05T00:00:00Z")
	for _, c := range []struct {
		name   string
		rating Rating
		days   int
		rule   flows.Rule
		want   string
	}{
		{"nothing without a rating", Rating{}, 1, flows.RuleReversal, ""},
		{"more than the counter holds", Rating{4000, 3}, 60, flows.RuleResetSuspected, "4294967.295"},
		{"a day", Rating{1, 1}, 1, flows.RuleResetSuspected, "7.287"},
	} {
		in := Input{Register: Register{Rating: c.rating}}
		in.Records = []Record{{start, 500, ValidData, start}, {start.AddDate(0, 0, c.days), 400, ValidData, start.AddDate(0, 0, c.days)}}
		e := only(t, Judge(in), c.rule, start.AddDate(0, 0, c.days).Format(time.RFC3339))
		if most, said := e.Details["most_kwh"]; e.Rule == "" || most != c.want || said != (c.want != "") {
			t.Errorf("%s: %+v", c.name, e)
		}
	}
}

// Records outside the register's life show use there when they are neighbours on one side of it.
func TestUseOutsideTheRegistersLife(t *testing.T) {
	const start = "2024-06-05T00:00:00Z"
	at := func(minute int) time.Time { return mustTime(start).Add(time.Duration(minute) * time.Minute) }
	for _, c := range []struct {
		name     string
		log      string
		from, to int // span
		want     string
	}{
		{"10 Wh are none", "0 10 20 30 40 50 60 70 80", 0, 600, ""},
		{"11 Wh", "0 11 20 30 40 50 60 71 81", 0, 600, "USE_WHILE_OFF error ×2"},
		{"from the span's beginning on and not at its end", "0 11 22 30 40 50 60 71 82", 30, 210, "USE_WHILE_OFF error ×2"},
		{"before its end", "0 11 22 30 40 50 60 71 82", 31, 211, "USE_WHILE_OFF error ×2"},
		{"round the counter", "4294967290 5 10 30 40 50 60 70 80", 0, 600, "USE_WHILE_OFF error ×1"},
		{"not what nobody knows", "0 99999 99999 30 40 50 60 3 3", 0, 600, ""},
	} {
		in := tell(start, c.log)
		in.Register.Start, in.Register.End = at(80), at(160)
		in.Span = flows.Period{From: at(c.from), To: at(c.to)}
		if got := found(Judge(in).Exceptions, flows.RuleUseWhileOff); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// Without a day before a run of zeros nobody can say whether it is odd.
func TestZerosAfterDaysThatNobodyKnows(t *testing.T) {
	in, today := ordinaryMonth()
	reuse(&in, today, func(time.Time) Count { return 0 })
	in.Context.From = today
	r := Judge(in)
	if got, want := whyNot(r.NotRun, flows.RuleZeroRun), "no complete day is known before a run of zeros"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestDifferenceWithHighLimits(t *testing.T) {
	if _, step := Difference(1<<32-10, 5, Limit{3 << 30, true}); step != Rollover {
		t.Errorf("less than a whole round: step %d", step)
	}
	if _, step := Difference(1<<32-10, 5, Limit{1<<32 - 1, true}); step != Rollover {
		t.Errorf("just less than a whole round: step %d", step)
	}
}

func TestWhatCanFlowInNoTime(t *testing.T) {
	for _, c := range []struct {
		rating Rating
		d      time.Duration
		want   Limit
	}{
		{Rating{100, 1}, 0, Limit{0, true}},
		{Rating{100, 1}, 1, Limit{9, true}}, // a second begun: 8.43 Wh
		{Rating{100, 1}, time.Second, Limit{9, true}},
		{Rating{100, 1}, time.Second + 1, Limit{17, true}},
		{Rating{100, 1}, 7 * time.Second, Limit{60, true}}, // 59.03 Wh
		{Rating{100, 1}, -1, Limit{}},
		{Rating{100, 0}, time.Hour, Limit{}},
		{Rating{0, 1}, time.Hour, Limit{}},
		{Rating{-1, 1}, time.Hour, Limit{}},
	} {
		if got := c.rating.Most(c.d, flows.WattHour); got != c.want {
			t.Errorf("%v in %s: %+v, want %+v", c.rating, c.d, got, c.want)
		}
	}
}

// A rule that cannot look says why.
func TestWhyARuleCouldNotLook(t *testing.T) {
	in := tell("2024-06-05T00:00:00Z", "")
	in.Register.NoLog = true
	in.AsOf = time.Time{}
	r := Judge(in)
	for _, c := range []struct {
		rule flows.Rule
		why  string
	}{
		{flows.RuleStatus, "the meter keeps no log"},
		{flows.RuleOffGrid, "the meter keeps no log"},
		{flows.RuleFuture, "the meter keeps no log"},
		{flows.RuleBracket, "the meter keeps no log"},
		{flows.RuleStaleRead, "the meter keeps no log"},
		{flows.RuleClock, "the meter's clock was never measured"},
		{flows.RuleMissing, "nobody said what time it is"},
		{flows.RuleSpike, "no window of half-hours is wholly known"},
		{flows.RuleHighLow, "no day with enough complete days before it"},
		{flows.RuleZeroRun, "no balance is known"},
	} {
		if got := whyNot(r.NotRun, c.rule); got != c.why {
			t.Errorf("%s: %q, want %q", c.rule, got, c.why)
		}
	}
}

// The least that the meter counts is export, and nothing is none.
func TestTheLeastExport(t *testing.T) {
	in := tell("2024-06-05T00:00:00Z", "0 0 1 1 2")
	in.Register.Unit, in.Register.Direction, in.Register.NoExport = flows.DeciWattHour, flows.Export, true
	if got, want := found(Judge(in).Exceptions, flows.RuleReverseEnergy), "REVERSE_ENERGY warning ×2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
