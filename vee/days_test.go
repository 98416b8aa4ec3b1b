package vee

import (
	"testing"
	"time"

	"flows"
)

// A local day has 46, 48 or 50 half-hours; a day without any data misses all of them.
func TestLocalDaysAreCountedByTheClockOnTheWall(t *testing.T) {
	for _, c := range []struct {
		name, day string
		zone      string
		missing   string
	}{
		{"an ordinary day", "2024-06-05", "Europe/London", "48"},
		{"the last Sunday of March", "2024-03-31", "Europe/London", "46"},
		{"the last Sunday of October", "2024-10-27", "Europe/London", "50"},
		{"the last day of the year", "2024-12-31", "Europe/London", "48"},
		{"a leap day", "2024-02-29", "Europe/London", "48"},
		{"a zone a quarter off", "2024-06-05", "Asia/Kathmandu", "48"},
		{"a zone that shifts by half an hour", "2024-10-06", "Australia/Lord_Howe", "47"},
	} {
		zone := mustLoad(c.zone)
		from, err := time.ParseInLocation(time.DateOnly, c.day, zone)
		if err != nil {
			t.Fatal(err)
		}
		to := from.AddDate(0, 0, 1)
		in := Input{Zone: zone, Span: flows.Period{From: from, To: to}, AsOf: to.Add(40 * time.Hour)}
		in.Register = Register{Start: from.AddDate(0, 0, -3), Rating: Rating{100, 1}}
		in.Records = []Record{
			{from.AddDate(0, 0, -1).Truncate(flows.SlotLength), 100, ValidData, from},
			{to.AddDate(0, 0, 1).Truncate(flows.SlotLength), 100, ValidData, from.AddDate(0, 0, 2)},
		}
		in.Records = in.Records[:1]
		e := only(t, Judge(in), flows.RuleMissing, c.day)
		if e.Details["missing"] != c.missing || e.Details["expected"] != c.missing || e.Severity != flows.SeverityError {
			t.Errorf("%s: %s %v, want %s missing, error", c.name, e.Severity, e.Details, c.missing)
		}
		if !e.Period.From.Equal(from) || !e.Period.To.Equal(to) {
			t.Errorf("%s: from %s to %s", c.name, e.Period.From, e.Period.To)
		}
	}
}

// only gives the rule's exception with that key; without one, an empty one.
func only(t *testing.T, r Result, rule flows.Rule, key string) flows.Exception {
	t.Helper()
	var all []flows.Exception
	for _, e := range r.Exceptions {
		if e.Rule == rule && e.Key == key {
			all = append(all, e)
		}
	}
	if len(all) > 1 {
		t.Fatalf("%d exceptions of %s for %s", len(all), rule, key)
	}
	if all == nil {
		return flows.Exception{}
	}
	return all[0]
}

func TestMissing(t *testing.T) {
	midnight := mustTime("2024-12-31T00:00:00Z")
	whole := func() Input {
		in := weeks(midnight, 2, func(int, int) Count { return 10 })
		in.Span = flows.Period{From: midnight, To: midnight.AddDate(0, 0, 1)}
		in.Register.Start = midnight.AddDate(0, -1, 0)
		in.AsOf = midnight.Add(72 * time.Hour)
		return in
	}
	hours := func(from, to int) flows.Period {
		return flows.Period{From: midnight.Add(time.Duration(from) * time.Hour), To: midnight.Add(time.Duration(to) * time.Hour)}
	}
	for _, c := range []struct {
		name                        string
		change                      func(*Input)
		missing, surplus, estimated string
		severity                    flows.Severity
	}{
		{"nothing", func(*Input) {}, "", "", "", ""},
		{"the end of the log", func(in *Input) { in.Records = in.Records[:44] }, "5", "0", "0", flows.SeverityError},
		{"a warning within a day of when it was due", func(in *Input) {
			in.Records, in.AsOf = in.Records[:44], midnight.Add(59*time.Hour)
		}, "5", "0", "0", flows.SeverityWarning},
		{"only what is due", func(in *Input) {
			in.Records, in.AsOf = in.Records[:44], midnight.Add((22*60+30+14*60)*time.Minute)
		}, "2", "0", "0", flows.SeverityWarning},
		{"what is estimated is not missing", func(in *Input) { *in = without(*in, hours(3, 5).From, hours(3, 5).To) }, "", "", "", ""},
		{"not before the register's start", func(in *Input) {
			in.Records, in.Register.Start = in.Records[20:], hours(8, 0).From
		}, "4", "0", "0", flows.SeverityError},
		{"not while the meter is passive", func(in *Input) {
			in.Records, in.Register.Passive = in.Records[:44], []flows.Period{hours(22, 48)}
		}, "1", "0", "0", flows.SeverityError},
		{"not what a reset makes null", func(in *Input) {
			in.Records[40].Status, in.Records[40].Value = ValidData|LogReset, 0
			in.Records = in.Records[:44]
			for i := 41; i < 44; i++ {
				in.Records[i].Value = Count(i)
			}
		}, "5", "0", "0", flows.SeverityError},
		{"surplus is not netted with it", func(in *Input) {
			in.Records, in.Register.End = in.Records[:44:44], hours(23, 0).From
			for n := range 3 {
				in.Records = append(in.Records, Record{hours(23, 0).From.Add(time.Duration(n+1) * time.Minute * 15), 5, ValidData, hours(40, 0).From})
			}
		}, "3", "3", "0", flows.SeverityError},
	} {
		in := whole()
		c.change(&in)
		e := only(t, Judge(in), flows.RuleMissing, "2024-12-31")
		if e.Details["missing"] != c.missing || e.Details["surplus"] != c.surplus || e.Details["estimated"] != c.estimated || e.Severity != c.severity {
			t.Errorf("%s: %s %v", c.name, e.Severity, e.Details)
		}
	}
	in := whole()
	in.AsOf = time.Time{}
	if whyNot(Judge(in).NotRun, flows.RuleMissing) == "" {
		t.Error("ran without knowing what is due")
	}
}

// A year's end in London is no border for the differences.
func TestTheYearsEnd(t *testing.T) {
	in := tell("2024-12-31T23:00:00Z", "100 110 121 133 146")
	if got, want := rows(Judge(in).Intervals), "10, 11, 12, 13"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// When a clock goes back its half-hours of 1:00 come twice, and both are like the one of another day.
func TestTheHourThatComesTwiceIsLikeItself(t *testing.T) {
	cal := newCalendar(london)
	for _, c := range []struct {
		at   string
		day  string
		half int
	}{
		{"2024-10-27T00:00:00Z", "2024-10-27", 2},
		{"2024-10-27T01:00:00Z", "2024-10-27", 2},
		{"2024-10-27T01:30:00Z", "2024-10-27", 3},
		{"2024-10-26T23:00:00Z", "2024-10-27", 0},
		{"2024-03-31T00:30:00Z", "2024-03-31", 1},
		{"2024-03-31T01:00:00Z", "2024-03-31", 4},
		{"2024-06-04T22:59:59Z", "2024-06-04", 47},
	} {
		day, half := cal.local(micros(mustTime(c.at)))
		if dayName(day) != c.day || half != c.half {
			t.Errorf("%s: %s, half-hour %d; want %s, %d", c.at, dayName(day), half, c.day, c.half)
		}
	}
}

func TestAnExchangeCutsTheRegistersLife(t *testing.T) {
	const start = "2024-06-05T00:00:00Z"
	final, initial := Count(125), Count(1000)
	for _, c := range []struct {
		name   string
		log    string
		change func(*Register)
		rows   string
	}{
		{"without readings the half-hour of the exchange is null", "100 110 120 999999",
			func(r *Register) { r.End = mustTime(start).Add(70 * time.Minute) }, "10, 10, null MISSING"},
		{"with its final read the old register's part is known", "100 110 120 999999",
			func(r *Register) { r.End, r.Final = mustTime(start).Add(70*time.Minute), &final }, "10, 10, 5 derived reading"},
		{"a gap up to the exchange is closed by it", "100 - - 999999",
			func(r *Register) { r.End, r.Final = mustTime(start).Add(70*time.Minute), &final },
			"11 estimated flat MISSING, 11 estimated flat MISSING, 3 estimated flat MISSING"}, // 25 Wh in 70 min: 10.71, 10.71, 3.57
		{"a record at the exchange is worth more than the reading", "100 110 120 999999",
			func(r *Register) { r.End, r.Final = mustTime(start).Add(60*time.Minute), &final }, "10, 10"},
		{"the new register begins with its initial read", "3 3 1010 1020",
			func(r *Register) { r.Start, r.Initial = mustTime(start).Add(40*time.Minute), &initial }, "10 derived reading, 10"},
		{"without an initial read with its first half-hour", "3 3 1010 1020",
			func(r *Register) { r.Start = mustTime(start).Add(40 * time.Minute) }, "null MISSING, 10"},
	} {
		in := tell(start, c.log)
		c.change(&in.Register)
		in.Span = flows.Period{From: mustTime(start), To: mustTime(start).Add(90 * time.Minute)}
		r := Judge(in)
		if got := rows(r.Intervals); got != c.rows {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.rows)
		}
		if got := found(r.Exceptions, verdicts...); got != "" {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}
