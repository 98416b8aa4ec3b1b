package vee

import (
	"slices"
	"testing"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
)

func TestJudgeChangesNothingOfItsInput(t *testing.T) {
	make := func() (Input, MeterInput) {
		at := func(minute int) time.Time {
			return mustTime("2024-06-05T12:00:00Z").Add(-time.Duration(minute) * time.Minute)
		}
		in := tell("2024-06-05T00:00:00Z", "0 10 20/25 x30 40 50/55 - - 80 90")
		in.Zone = nil
		in.Register.Lost = []flows.Period{{From: at(60), To: at(0)}, {From: at(720), To: at(660)}}
		in.Register.Passive = []flows.Period{{From: at(20), To: at(10)}, {From: at(120), To: at(110)}}
		in.Register.LoadOff = slices.Clone(in.Register.Passive)
		in.Register.Restarts = []time.Time{at(10), at(100)}
		in.Reads = []Read{{at(500), 45, 0}, {at(600), 40, 0}, {at(550), 43, 0}}
		in.Drifts = []Drift{{Time: at(500), Diff: 50}, {Time: at(600), Diff: 2000 * time.Second}, {Time: at(550), Diff: 3}}
		in.Balances = []Balance{{Time: at(500), Amount: 50}, {Time: at(600), Amount: 2}, {Time: at(550)}}
		in.Events = []flows.Event{{Time: at(500), Type: 34}, {Time: at(600), Type: 3}}
		in.Edits = []Edit{{Start: at(540), Value: 5, Made: at(100)}, {Start: at(540), Value: 7, Made: at(200)}, {Start: at(600), Value: 5, Made: at(300)}}
		in.Picks = []Pick{{in.Records[8].Time, 55}, {in.Records[2].Time, 25}}
		in.Exported = []flows.Interval{{Start: at(600)}, {Start: at(660)}}
		in.Past = []Day{{Date: mustTime("2024-06-04T00:00:00Z")}, {Date: mustTime("2024-06-03T00:00:00Z")}}
		slices.Reverse(in.Records)
		volts := []VoltageRead{{Time: at(5), Value: 2700}, {Time: at(6), Value: 2000}, {Time: at(5), Value: 2600}}
		return in, MeterInput{Drifts: in.Drifts, Events: in.Events, Voltages: volts}
	}
	in, meter := make()
	Judge(in)
	JudgeMeter(meter)
	wantIn, wantMeter := make()
	if diff := cmp.Diff(wantIn, in); diff != "" {
		t.Errorf("Judge (- before, + after):\n%s", diff)
	}
	if diff := cmp.Diff(wantMeter, meter); diff != "" {
		t.Errorf("JudgeMeter (- before, + after):\n%s", diff)
	}
}

// A context holds its beginning and not its end; the register's life holds both.
func TestWhichRawDataCount(t *testing.T) {
	const start = "2024-06-05T00:00:00Z"
	at := func(slot int) time.Time { return mustTime(start).Add(time.Duration(slot) * flows.SlotLength) }
	log := func(in *Input) {}
	reads := func(in *Input) {
		in.Register.NoLog = true
		for _, r := range in.Records {
			in.Reads = append(in.Reads, Read{r.Time, r.Value, time.Second})
		}
	}
	for _, c := range []struct {
		name   string
		raw    func(*Input)
		change func(*Input)
		rows   string
	}{
		{"the log's context", log, func(in *Input) { in.Context = flows.Period{From: at(1), To: at(4)} }, "10, 10"},
		{"the reads' context", reads, func(in *Input) { in.Context = flows.Period{From: at(1), To: at(4)} }, "10 derived interpolation, 10 derived interpolation"},
		{"the log in the register's life", log, func(in *Input) { in.Register.Start, in.Register.End = at(1), at(3) }, "10, 10"},
		{"the reads in the register's life", reads, func(in *Input) { in.Register.Start, in.Register.End = at(1), at(3) }, "10 derived interpolation, 10 derived interpolation"},
		{"of two reads of a time the more certain one", reads, func(in *Input) {
			in.Reads = append(in.Reads, Read{at(2), 25, 0}, Read{at(2), 28, 2 * time.Second}, Read{at(4), 42, time.Second})
		}, "10 derived interpolation, 15 derived interpolation, 5 derived interpolation, 10 derived interpolation"},
	} {
		in := tell(start, "0 10 20 30 40")
		c.raw(&in)
		c.change(&in)
		if got := rows(Judge(in).Intervals); got != c.rows {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.rows)
		}
	}
}

// A record that is not on a half-hour is a register read of its own time; one of which nobody knows when it came is not from the future.
func TestOddTimes(t *testing.T) {
	in := tell("2024-06-05T00:00:00Z", "0 - - - 100")
	at := in.Records[0].Time
	in.Records = append(in.Records, Record{at.Add(75 * time.Minute), 90, ValidData, at.Add(24 * time.Hour)})
	if got, want := values(Judge(in).Intervals), "36, 36, 21, 7"; got != want {
		t.Errorf("a record off the grid: got %s, want %s", got, want)
	}
	in = tell("2024-06-05T00:00:00Z", "0 10 20")
	in.Records[1].Received = time.Time{}
	if got, want := rows(Judge(in).Intervals), "10, 10"; got != want {
		t.Errorf("a record that came nobody knows when: got %s, want %s", got, want)
	}
}

// An exchange that keeps the register may start its counter anew, from just after the read before it up to the read after it.
func TestARegisterThatIsKeptMayStartAnew(t *testing.T) {
	const start = "2024-06-05T00:00:00Z"
	for _, c := range []struct {
		name   string
		minute int
		want   string
	}{
		{"in the half-hour", 45, "10, null RESET, 10"},
		{"at its end", 60, "10, null RESET, 10"},
		{"at its beginning", 30, "10 REVERSAL!, null REVERSAL, 10 REVERSAL!"},
		{"after it", 61, "10 REVERSAL!, null REVERSAL, 10 REVERSAL!"},
	} {
		in := tell(start, "500000 500010 400000 400010")
		in.Register.Restarts = []time.Time{mustTime(start).Add(time.Duration(c.minute) * time.Minute)}
		if got := rows(Judge(in).Intervals); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	// Nor does one explain more than can flow.
	in := tell(start, "1000 1010 r50000 50010")
	if got, want := rows(Judge(in).Intervals), "10, null MAX_ENERGY, 10"; got != want {
		t.Errorf("a reset upwards: %s, want %s", got, want)
	}
}

// Register reads widen nothing where the log is not lost, and are told of once where there is no log to be lost.
func TestRegisterReadsBesideTheLog(t *testing.T) {
	const start = "2024-06-05T00:00:00Z"
	in := tell(start, "0 10 20")
	in.Reads = readsAt(start, []int{100, 200}, []Count{30, 40})
	if got, want := rows(Judge(in).Intervals), "10, 10"; got != want {
		t.Errorf("reads after the log's end: %s, want %s", got, want)
	}
	in = tell(start, "")
	in.Register.NoLog, in.Register.Lost = true, []flows.Period{{}}
	in.Reads = readsAt(start, []int{0, 60, 120, 180}, []Count{500000, 0, 500040, 500060})
	if got, want := found(Judge(in).Exceptions, flows.RuleBadRead), "BAD_READ warning ×1"; got != want {
		t.Errorf("no log: %s, want %s", got, want)
	}
}

// A record at the register's start is worth more than the reading.
func TestARecordAtTheRegistersStart(t *testing.T) {
	in := tell("2024-06-05T00:00:00Z", "0 10 20")
	initial := Count(3)
	in.Register.Start, in.Register.Initial = in.Records[0].Time, &initial
	if got, want := rows(Judge(in).Intervals), "10, 10"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Readings at an exchange count in the context that holds them.
func TestReadingsAtTheEdgeOfTheContext(t *testing.T) {
	const start = "2024-06-05T00:00:00Z"
	at := func(minute int) time.Time { return mustTime(start).Add(time.Duration(minute) * time.Minute) }
	initial, final := Count(5), Count(65)
	for _, c := range []struct {
		name     string
		from, to int
		want     string
	}{
		{"both inside", 10, 161, "5 derived reading, 10, 10, 10, 10, 15 derived reading"},
		{"before the end", 10, 160, "5 derived reading, 10, 10, 10, 10, null MISSING"},
		{"after the beginning", 11, 161, "null MISSING, 10, 10, 10, 10, 15 derived reading"},
	} {
		in := tell(start, "0 10 20 30 40 50 60")
		in.Register.Start, in.Register.End, in.Register.Initial, in.Register.Final = at(10), at(160), &initial, &final
		in.Span = flows.Period{From: at(10), To: at(160)}
		in.Context = flows.Period{From: at(c.from), To: at(c.to)}
		if got := rows(Judge(in).Intervals); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// A person's answer counts when it names one of the values that arrived; of two answers the first one of them.
func TestPicks(t *testing.T) {
	for _, c := range []struct {
		name     string
		picks    []Count
		rows     string
		conflict string
	}{
		{"none", nil, "10, 10 CONFLICT!, 10 CONFLICT!", "CONFLICT error ×2"},
		{"the first", []Count{120}, "10, 10, 10", ""},
		{"another", []Count{128}, "10, 18, 2", ""},
		{"one that never arrived", []Count{999}, "10, 10 CONFLICT!, 10 CONFLICT!", "CONFLICT error ×2"},
		{"one that never arrived, and one that did", []Count{999, 125}, "10, 15, 5", ""},
	} {
		in := tell("2024-06-05T00:00:00Z", "100 110 120/125/128 130")
		in.Picks = []Pick{{in.Records[0].Time, 128}}
		for _, v := range c.picks {
			in.Picks = append(in.Picks, Pick{in.Records[2].Time, v})
		}
		r := Judge(in)
		if got := rows(r.Intervals); got != c.rows {
			t.Errorf("%s: %s, want %s", c.name, got, c.rows)
		}
		if got := found(r.Exceptions, flows.RuleConflict); got != c.conflict {
			t.Errorf("%s: %s, want %s", c.name, got, c.conflict)
		}
	}
}
