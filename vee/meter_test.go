package vee

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
)

func TestRulesOfAMeter(t *testing.T) {
	at := mustTime("2024-06-05T12:00:00Z")
	drift := func(seconds ...int) MeterInput {
		var in MeterInput
		for i, s := range seconds {
			in.Drifts = append(in.Drifts, Drift{Time: at.Add(time.Duration(i) * time.Hour), Diff: time.Duration(s) * time.Second})
		}
		return in
	}
	volts := func(volts ...flows.Voltage) MeterInput {
		var in MeterInput
		for i, v := range volts {
			in.Voltages = append(in.Voltages, VoltageRead{Time: at.Add(time.Duration(i) * time.Hour), Phase: "L1", Value: v})
		}
		return in
	}
	event := func(kind int) MeterInput { return MeterInput{Events: []flows.Event{{Time: at, Type: kind}}} }
	for _, c := range []struct {
		name string
		in   MeterInput
		want string
	}{
		{"20 s are nothing", drift(20, -20), "[]"},
		{"21 s are a warning", drift(3, -21), "[CLOCK warning ×1 map[billable:true worst_seconds:-21]]"},
		{"over three minutes are an error", drift(10, 60, 181), "[CLOCK error ×2 map[billable:true worst_seconds:181]]"},
		{"over a quarter of an hour nothing is billed", drift(1, 901), "[CLOCK error ×1 map[billable:false worst_seconds:901]]"},
		{"and are over when the clock is right again", drift(60, 181, 10), "[]"},
		{"and begin anew", drift(60, 181, 10, 30), "[CLOCK warning ×1 map[billable:true worst_seconds:30]]"},
		{"216.2 to 253.0 V are allowed", volts(2162, 2530), "[]"},
		{"a low and a high voltage", volts(2161, 2100, 2150, 2531, 2600, 2540), "[VOLTAGE warning ×6 map[highest:260.0 L1 lowest:210.0 L1]]"},
		{"the cover was opened", event(4), "[TAMPER warning ×1 map[event:BM_TERMINAL_COVER_REMOVED]]"},
		{"a magnet", event(10), "[TAMPER warning ×1 map[event:BM_MAGNETIC_FRAUD]]"},
		{"reverse energy", event(3), "[REVERSE_ENERGY warning ×1 map[event:BM_REVERSE_ENERGY_DETECT]]"},
		{"another event", event(5), "[]"},
	} {
		got := []string{}
		for _, e := range JudgeMeter(c.in).Exceptions {
			got = append(got, fmt.Sprint(e.Rule, " ", e.Severity, " ×", e.Count, " ", e.Details))
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%s: got %v, want %s", c.name, got, c.want)
		}
	}
	if r := JudgeMeter(MeterInput{NoEvents: true}); len(r.Ran) != 0 || len(r.NotRun) != 4 {
		t.Errorf("with nothing to look at these ran: %v", r.Ran)
	}
}

// Half-hours are out of billing from the last good measurement of the clock to the next one; their values stay.
func TestAClockThatIsFarOffKeepsHalfHoursOutOfBilling(t *testing.T) {
	start := mustTime("2024-06-05T00:00:00Z")
	at := func(minute, seconds int) Drift {
		return Drift{Time: start.Add(time.Duration(minute) * time.Minute), Diff: time.Duration(seconds) * time.Second}
	}
	for _, c := range []struct {
		name   string
		drifts []Drift
		rows   string
	}{
		{"900 s are still billed", []Drift{at(45, 900)}, "10, 10, 10, 10, 10"},
		{"between good measurements", []Drift{at(10, 2), at(45, 60), at(50, -901), at(70, 1200), at(100, 1)}, "10, 10 CLOCK!, 10 CLOCK!, 10 CLOCK!, 10"},
		{"until it is set", []Drift{at(70, 2), at(80, 1200)}, "10, 10, 10 CLOCK!, 10 CLOCK!, 10 CLOCK!"},
		{"never good before", []Drift{at(80, 1200), at(90, 0)}, "10 CLOCK!, 10 CLOCK!, 10 CLOCK!, 10, 10"},
	} {
		in := tell("2024-06-05T00:00:00Z", "0 10 20 30 40 50")
		in.Drifts = c.drifts
		slices.Reverse(in.Drifts)
		if got := rows(Judge(in).Intervals); got != c.rows {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.rows)
		}
	}
}

func TestDaysTellWhatTheLogDoesNotGive(t *testing.T) {
	for _, c := range []struct {
		name, log                                string
		hole                                     string // this boundary and the next: the meter has shown that it has no record
		actual, estimated, never, notLogged, bad int
	}{
		{"none", "0 10 20 30", "", 3, 0, 0, 0, 0},
		{"one that is closed", "0 10 - - 40 50", "", 2, 3, 3, 0, 0},
		{"one that is open", "0 10 - -", "", 1, 0, 2, 0, 0},
		{"one that the meter has, too", "0 10 - - 40 50", "2024-06-05T01:00:00Z", 2, 3, 0, 3, 0},
		{"records that cannot be used", "0 x10 x20 30", "", 0, 3, 0, 0, 3},
		{"a wrong read is no gap", "500000 500010 0 500030", "", 1, 2, 0, 0, 0},
	} {
		in := tell("2024-06-05T00:00:00Z", c.log)
		start := mustTime("2024-06-05T00:00:00Z")
		slots := strings.Count(c.log, " ")
		in.Register.Start, in.Register.End = start, start.Add(time.Duration(slots)*flows.SlotLength)
		in.Span = flows.Period{From: start.Add(-time.Hour), To: start.Add(23 * time.Hour)} // London's summer time
		in.AsOf = start.Add(5 * 24 * time.Hour)
		if c.hole != "" {
			in.Register.Lost = []flows.Period{{From: mustTime(c.hole), To: mustTime(c.hole).Add(2 * flows.SlotLength)}}
		}
		days := Judge(in).Days
		if len(days) != 1 {
			t.Fatalf("%s: %d days", c.name, len(days))
		}
		got := days[0]
		got.Energy, got.Bill, got.Billable = 0, 0, 0
		want := Day{Date: mustTime("2024-06-05T00:00:00Z"), Expected: slots, Actual: c.actual, Estimated: c.estimated,
			NeverReached: c.never, NotLogged: c.notLogged, Invalid: c.bad}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (- want, + got):\n%s", c.name, diff)
		}
	}
}
