package vee

import (
	"strings"
	"testing"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
)

// A day with half-hours of every kind. An edited half-hour is billed whatever is wrong with the reads at its ends.
func TestWhatADayCameTo(t *testing.T) {
	const start = "2024-06-04T23:00:00Z" // a local midnight
	at := func(slot int) time.Time { return mustTime(start).Add(time.Duration(slot) * flows.SlotLength) }
	in := tell(start, "m0 10 20/25 30 - 50 60")
	in.Register.Start, in.Register.End = at(0), at(7)
	in.Register.Lost = []flows.Period{{From: at(6)}}
	in.Reads = []Read{{at(7), 72, 0}}
	in.Edits = []Edit{{Start: at(2), Value: 7 * flows.WattHour, Made: at(100), Reason: "by hand"}}
	in.Span = flows.Period{From: at(0), To: at(48)}
	in.AsOf = at(500)
	want := []Day{{
		Date: mustTime("2024-06-05T00:00:00Z"), Energy: 69 * flows.WattHour, Bill: 49 * flows.WattHour, Expected: 7,
		Actual: 3, Derived: 1, Estimated: 2, Edited: 1, Billable: 5, NeverReached: 2, NotLogged: 1,
	}}
	if diff := cmp.Diff(want, Judge(in).Days); diff != "" {
		t.Errorf("- want, + got:\n%s", diff)
	}
}

func TestDaysAreWhollyInTheSpanAndHaveBegun(t *testing.T) {
	midnight := func(day int) time.Time { return mustTime("2024-06-02T23:00:00Z").AddDate(0, 0, day) } // of June 3rd and so on
	noon := func(day int) time.Time { return midnight(day).Add(12 * time.Hour) }
	in := weeks(midnight(0), 5, func(int, int) Count { return 10 })
	for _, c := range []struct {
		name           string
		from, to, asOf time.Time
		want           string
	}{
		{"whole days", midnight(0), midnight(2), midnight(9), "3 4 "},
		{"the first in part", noon(0), midnight(2), midnight(9), "4 "},
		{"the last in part", midnight(0), noon(2), midnight(9), "3 4 "},
		{"some of them to come", midnight(0), midnight(4), noon(1), "3 4 "},
		{"one that begins", midnight(0), midnight(4), midnight(1), "3 4 "},
		{"nobody says what time it is", midnight(0), midnight(4), time.Time{}, "3 4 5 6 "},
	} {
		in.Span, in.AsOf = flows.Period{From: c.from, To: c.to}, c.asOf
		got := ""
		for _, d := range Judge(in).Days {
			got += d.Date.Format("2 ")
		}
		if got != c.want {
			t.Errorf("%s: days %s, want %s", c.name, got, c.want)
		}
	}
}

func TestWhatTheLogLacks(t *testing.T) {
	const start = "2024-06-04T23:00:00Z"
	at := func(slot int) time.Time { return mustTime(start).Add(time.Duration(slot) * flows.SlotLength) }
	for _, c := range []struct {
		name             string
		log              string
		change           func(*Input)
		never, notLogged int
	}{
		{"an open end", "0 10 - - -", func(*Input) {}, 3, 0},
		{"nothing while the meter is passive", "0 10 - - -", func(in *Input) { in.Register.Passive = []flows.Period{{From: at(2), To: at(3)}} }, 2, 0},
		{"what is due since just now", "0 10 - - -", func(in *Input) { in.AsOf = at(3).Add(14 * time.Hour) }, 2, 0},
		{"where the log is fetched hourly", "0 10 - - -", func(in *Input) { in.AsOf, in.Register.LogEvery = at(3).Add(3*time.Hour), time.Hour }, 2, 0},
		{"all of it when nobody says what time it is", "0 10 - - -", func(in *Input) { in.AsOf = time.Time{} }, 3, 0},
		{"what can be fetched comes before what cannot", "0 10 - - 40", func(in *Input) { in.Register.Lost = []flows.Period{{From: at(2), To: at(2).Add(time.Minute)}} }, 2, 1},
		{"a half-hour without a value where there is no log", "- - - - - -", func(in *Input) {
			in.Register.NoLog = true
			in.Reads = []Read{{at(0), 5, 0}, {at(2), 9, 0}}
		}, 3, 0},
		{"a break without a value", "500000 - 3", func(*Input) {}, 2, 0},
	} {
		in := tell(start, c.log)
		in.Register.Start, in.Register.End = at(0), at(strings.Count(c.log, " "))
		in.Span = flows.Period{From: at(0), To: at(48)}
		in.AsOf = at(500)
		c.change(&in)
		d := Judge(in).Days[0]
		if d.NeverReached != c.never || d.NotLogged != c.notLogged {
			t.Errorf("%s: %d never reached, %d not logged; want %d, %d", c.name, d.NeverReached, d.NotLogged, c.never, c.notLogged)
		}
	}
	in := weeks(mustTime(start), 1, func(int, int) Count { return 10 })
	in.Span, in.AsOf = flows.Period{From: at(0), To: at(48)}, at(500)
	if d := Judge(in).Days[0]; d.NeverReached != 0 {
		t.Errorf("a log up to midnight lacks %d half-hours of the day", d.NeverReached)
	}
}

// Averages are made of days of which every half-hour is known, by whatever it is known.
func TestOnlyDaysThatAreKnownMakeAnAverage(t *testing.T) {
	for _, c := range []struct {
		name                               string
		actual, derived, estimated, edited int
		ran                                bool
	}{
		{"of every kind", 12, 11, 10, 15, true},
		{"without one half-hour", 11, 11, 10, 15, false},
	} {
		in, today := ordinaryMonth()
		for d := 2; d <= 29; d++ {
			in.Past = append(in.Past, Day{
				Date: today.AddDate(0, 0, -d).Add(time.Hour), Energy: 60 * flows.KiloWattHour, Expected: 48,
				Actual: c.actual, Derived: c.derived, Estimated: c.estimated, Edited: c.edited,
			})
		}
		in.Context.From = today.AddDate(0, 0, -1)
		r := Judge(in)
		if ran := whyNot(r.NotRun, flows.RuleHighLow) == ""; ran != c.ran {
			t.Errorf("%s: ran %v, want %v", c.name, ran, c.ran)
		}
	}
}

// A day is known when the context begins with it, or with the register.
func TestDaysAtTheBeginningOfTheContext(t *testing.T) {
	in, today := ordinaryMonth()
	in.Context.From = today.AddDate(0, 0, -1)
	for d := 2; d <= 30; d++ {
		in.Past = append(in.Past, Day{Date: today.AddDate(0, 0, -d).Add(time.Hour), Expected: 48, Actual: 48})
	}
	if why := whyNot(Judge(in).NotRun, flows.RuleProlongedEstimation); why != "" {
		t.Errorf("from a midnight on: %s", why)
	}
	in, _ = ordinaryMonth()
	in.Register.Start = today.AddDate(0, 0, -3).Add(10 * time.Hour)
	in.Context.From = in.Register.Start
	if why := whyNot(Judge(in).NotRun, flows.RuleProlongedEstimation); why != "" {
		t.Errorf("from the register's start on: %s", why)
	}
}

// The day before the span is held against those before it too: its last half-hours are given out again.
func TestTheDayBeforeTheSpanIsShown(t *testing.T) {
	in, today := ordinaryMonth()
	reuse(&in, today.AddDate(0, 0, -1), func(at time.Time) Count {
		if at.Before(today) {
			return 1100
		}
		return 250
	})
	if e := only(t, Judge(in), flows.RuleHighLow, "2024-06-30"); e.Rule == "" {
		t.Error("says nothing of the day before")
	}
}

// Where the data end at a midnight nothing is said of the day that begins there, and of an empty span nothing at all.
func TestDaysEndWithWhatIsShown(t *testing.T) {
	midnight := mustTime("2024-06-02T23:00:00Z")
	in := weeks(midnight, 2, func(int, int) Count { return 10 })
	in.Span = flows.Period{From: midnight.AddDate(0, 0, 1), To: midnight.AddDate(0, 0, 2)}
	in.AsOf = midnight.AddDate(0, 0, 5)
	if got := found(Judge(in).Exceptions, flows.RuleMissing); got != "" {
		t.Errorf("a log up to midnight: %s", got)
	}
	noon := midnight.Add(12 * time.Hour)
	r := Judge(Input{Zone: london, Span: flows.Period{From: noon, To: noon}, AsOf: in.AsOf})
	if len(r.Exceptions) != 0 || len(r.Days) != 0 {
		t.Errorf("an empty span: %+v, %+v", r.Exceptions, r.Days)
	}
}
