package vee

import (
	"testing"
	"time"

	"flows"
)

// An edit that a younger measurement of the clock puts in doubt makes way for what the register says.
func TestAClockThatIsFarOffWithdrawsAnEdit(t *testing.T) {
	in := tell("2024-06-05T00:00:00Z", "0 10 20 30 40 50")
	start := in.Records[0].Time
	at := func(minute int) time.Time { return start.Add(time.Duration(minute) * time.Minute) }
	in.Edits = []Edit{
		{Start: at(30), Value: 7 * flows.WattHour, Made: at(80), Reason: "early"},
		{Start: at(60), Value: 7 * flows.WattHour, Made: at(500), Reason: "late"},
		{Start: at(6000), Value: 7 * flows.WattHour, Made: at(500), Reason: "elsewhere"},
	}
	in.Drifts = []Drift{{Time: at(35), Diff: time.Second}, {Time: at(81), Diff: 20 * time.Minute}, {Time: at(85), Diff: time.Second}}
	r := Judge(in)
	if got, want := rows(r.Intervals), "10, 10 CLOCK!, 7 edited edit late, 10, 10"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for i, row := range r.Intervals {
		if row.Withdraws != (i == 1) {
			t.Errorf("half-hour %d: withdraws %v", i, row.Withdraws)
		}
	}
}
