package vee

import (
	"testing"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
)

// The numbers of the rules, in seconds, tenths of a Wh and tenths of a volt.
func TestDefaultsAreThoseOfTheRules(t *testing.T) {
	second := func(n int) time.Duration { return time.Duration(n) * time.Second }
	want := Thresholds{
		FutureBy:     second(60),
		ClockWarning: second(20), ClockError: second(180), ClockUnbillable: second(900),
		MissingAfter: second(7200), MissingError: second(86400),
		SpikeWindow: 25, SpikeFactor: 88956, // 6 · 1.4826
		LowPercent: 25, HighPercent: 400, EarlierDays: 7,
		ZeroRun: second(86400), ZeroRunUse: 5000,
		OffUse:           100,
		StaleReads:       6,
		ProlongedPercent: 10, ProlongedGap: second(604800),
		VoltageLow: 2162, VoltageHigh: 2530,
	}
	if diff := cmp.Diff(want, Defaults()); diff != "" {
		t.Errorf("- want, + got:\n%s", diff)
	}
	if flows.WattHour != 10 {
		t.Errorf("a Wh is %d tenths", flows.WattHour)
	}
}
