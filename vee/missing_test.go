package vee

import (
	"fmt"
	"testing"
	"time"

	"flows"
)

func TestWhatCountsAsMissingAndSurplus(t *testing.T) {
	midnight := mustTime("2024-12-31T00:00:00Z")
	at := func(minutes int) time.Time { return midnight.Add(time.Duration(minutes) * time.Minute) }
	surplus := func(minutes ...int) func(*Input) {
		return func(in *Input) {
			in.Register.End = at(20 * 60)
			in.Span = flows.Period{From: at(21 * 60), To: at(22 * 60)}
			in.Records = in.Records[:41]
			for _, m := range minutes {
				in.Records = append(in.Records, Record{at(m), 7, ValidData, at(6000)})
			}
		}
	}
	for _, c := range []struct {
		name   string
		change func(*Input)
		want   string // severity, missing, surplus, estimated
	}{
		{"the estimated are told of too", func(in *Input) {
			in.Records = in.Records[:44]
			*in = without(*in, at(180), at(300))
		}, "error 5 0 4"},
		{"while the meter was passive only", func(in *Input) {
			in.Records = in.Records[:44]
			in.Register.Passive = []flows.Period{{From: at(-600), To: at(60)}}
		}, "error 5 0 0"},
		{"a surplus of the span alone", surplus(20*60+59, 21*60, 21*60+59, 22*60), "warning 0 2 0"},
		{"no surplus in the span", surplus(20*60+59, 22*60), "  "},
		{"a day that the context holds to its end", func(in *Input) {
			in.Register.End, in.Context.To = at(23*60), at(24*60)
			in.Records = in.Records[:44]
		}, "error 3 0 0"},
		{"a day that it does not", func(in *Input) {
			in.Register.End, in.Context.To = at(23*60), at(24*60-1)
			in.Records = in.Records[:44]
		}, "  "},
		{"since just a day overdue", func(in *Input) { in.Records, in.AsOf = in.Records[:44], at(22*60+38*60) }, "error 5 0 0"},
		{"nearly a day overdue", func(in *Input) { in.Records, in.AsOf = in.Records[:44], at(22*60+38*60-1) }, "warning 5 0 0"},
		{"just due", func(in *Input) { in.Records, in.AsOf = in.Records[:44], at(22*60+14*60) }, "warning 1 0 0"},
		{"nearly due", func(in *Input) { in.Records, in.AsOf = in.Records[:44], at(22*60+14*60-1) }, "  "},
	} {
		in := weeks(midnight, 1, func(int, int) Count { return 10 })
		in.Span = flows.Period{From: midnight, To: at(24 * 60)}
		in.AsOf = at(72 * 60)
		c.change(&in)
		e := only(t, Judge(in), flows.RuleMissing, "2024-12-31")
		got := fmt.Sprint(e.Severity, " ", e.Details["missing"], " ", e.Details["surplus"])
		if e.Rule != "" {
			got += " " + e.Details["estimated"]
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// The bits are the meter's: of the first byte bit 0, of the second from bit 7 down.
func TestStatusBits(t *testing.T) {
	got := []Status{LogReset, ValidData, PowerFail, MinorTimeError, MajorTimeError, CommunicationError}
	if want := []Status{0x0100, 0x80, 0x40, 0x20, 0x10, 0x08}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %#04x, want %#04x", got, want)
	}
}
