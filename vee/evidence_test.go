package vee

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"flows"
)

// known is the evidence of a register whose log rises by 10 Wh a half-hour from a midnight on; -1 days of it are not there.
func known(days int, without ...int) flows.Evidence {
	start := mustTime("2024-06-05T00:00:00Z")
	e := flows.Evidence{Direction: flows.Import, Hardware: "B1.w", Zone: "UTC", Start: start, AsOf: start.AddDate(0, 0, days).Add(12 * time.Hour)}
	e.Span = flows.Period{From: start, To: start.AddDate(0, 0, days+1)}
	e.Context.From = start.AddDate(0, 0, -1)
	for i := range days*48 + 1 {
		for _, day := range without {
			if i > day*48 && i < (day+1)*48 {
				i = -1
				break
			}
		}
		if i >= 0 {
			at := start.Add(time.Duration(i) * flows.SlotLength)
			e.Records = append(e.Records, flows.ProfileRecord{Time: at, Value: flows.Energy(i) * 10 * flows.WattHour, Status: uint16(ValidData), Received: at})
		}
	}
	return e
}

func TestSettledIsWhatIsCompleteButForYesterday(t *testing.T) {
	start := mustTime("2024-06-05T00:00:00Z")
	for _, c := range []struct {
		name string
		e    flows.Evidence
		want int // days from the start
	}{
		{"all of it", known(9), 8},
		{"a day of two days ago is not", known(9, 7), 7},
		{"nor one of four days ago", known(9, 5), 5},
		{"what is older waits for nothing but itself", known(9, 3), 5},
		{"yesterday is not complete either", known(9, 8), 8},
	} {
		if got := Settle(c.e).Next; !got.Equal(start.AddDate(0, 0, c.want)) {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}

// Records behind a gap change what stands in it, and what was said of its days.
func TestAGapIsJudgedWithAllOfItsDays(t *testing.T) {
	e := known(9, 4, 5)
	from := e.Span.From
	e.Span.From = from.AddDate(0, 0, 7)
	if j := Settle(e); j.Wanted != nil {
		t.Errorf("a day behind wants %+v", j.Wanted)
	}
	e.Span.From, e.Context.From = from.AddDate(0, 0, 6), from.AddDate(0, 0, 3)
	j := Settle(e)
	if j.Wanted == nil || !j.Wanted.Span.From.Equal(from.AddDate(0, 0, 3)) || j.Wanted.Context.From.After(from.AddDate(0, 0, 2)) || !j.Wanted.Span.To.Equal(e.Span.To) {
		t.Fatalf("wanted %+v", j.Wanted)
	}
	e.Span, e.Context = j.Wanted.Span, j.Wanted.Context
	for range 10 {
		if j = Settle(e); j.Wanted == nil {
			break
		}
		e.Span, e.Context = j.Wanted.Span, j.Wanted.Context
	}
	if len(j.Days) < 6 || j.Days[1].Estimated != 48 || j.Days[1].NeverReached != 48 || j.Days[0].Actual != 48 {
		t.Errorf("days %+v", j.Days)
	}
}

func TestExceptionsAreThoseOfTheSpanAndOfTheFuture(t *testing.T) {
	e := known(9)
	e.Records[30].Value = 0 // a glitch on the first day
	e.Records = append(e.Records, flows.ProfileRecord{Time: e.AsOf.AddDate(30, 0, 0), Status: uint16(ValidData), Received: e.AsOf})
	rules := func() (list string) {
		for _, x := range Settle(e).Exceptions {
			if x.Rule == flows.RuleBadRead || x.Rule == flows.RuleFuture {
				list += string(x.Rule) + " "
			}
		}
		return list
	}
	if got := rules(); got != "BAD_READ FUTURE " {
		t.Errorf("all days: %s", got)
	}
	e.Span.From = e.Span.From.AddDate(0, 0, 3)
	if got := rules(); got != "FUTURE " {
		t.Errorf("later days: %s", got)
	}
}

func TestEvidenceIsCountedInTheMetersUnit(t *testing.T) {
	e := known(1)
	e.Hardware = "P1.cx"
	e.Records[1].Value = 7 // 0.1 Wh
	if v := Settle(e).Intervals[0].Value; v == nil || *v != 7 {
		t.Errorf("got %v", v)
	}
	e.Hardware, e.Records[1].Value = "B1.w", 10
	if v := Settle(e).Intervals[0].Value; v == nil || *v != 10 {
		t.Errorf("got %v", v)
	}
}

func TestThresholdsHaveNamesAndForms(t *testing.T) {
	set, err := ParseThresholds(json.RawMessage(`{"clock_warning": "30s", "spike_window": 27, "low_percent": "20", "off_use": "0.02", "voltage_high": 254.5}`))
	want := Defaults()
	want.ClockWarning, want.SpikeWindow, want.LowPercent, want.OffUse, want.VoltageHigh = 30*time.Second, 27, 20, 20*flows.WattHour, 2545
	if err != nil || set != want {
		t.Errorf("%+v, %v", set, err)
	}
	for text, says := range map[string]string{
		`[]`: "no JSON object", `{"clock": "1s"}`: `no threshold "clock"`, `{"clock_error": "5"}`: "a time such as", `{"clock_error": "-5s"}`: "a time such as",
		`{"off_use": "-1"}`: "kWh such as", `{"voltage_low": "0"}`: "volts such as", `{"stale_reads": 0}`: "a number of reads", `{"low_percent": 1.5}`: "whole number of percent",
	} {
		if set, err := ParseThresholds(json.RawMessage(text)); err == nil || !strings.Contains(err.Error(), says) || set != Defaults() {
			t.Errorf("%s: %v", text, err)
		}
	}
	if len(ThresholdNames()) != len(thresholds) {
		t.Error("names are missing")
	}
}
