package vee

import (
	"testing"
	"time"

	"flows"
)

func TestEditsAndVerdicts(t *testing.T) {
	const start = "2024-06-05T00:00:00Z"
	for _, c := range []struct {
		name  string
		log   string
		slot  int
		value flows.Energy // Wh
		made  time.Duration
		rows  string
	}{
		{"an edit beats an actual", "0 10 20", 1, 7, time.Hour, "10, 7 edited edit by hand"},
		{"an edit beats null", "500000 500010 r0 10", 1, 7, 24 * time.Hour, "10, 7 edited edit by hand, 10"},
		{"an estimate leaves room for it", "0 - - 90", 1, 50, time.Hour, "20 estimated flat MISSING, 50 edited edit by hand, 20 estimated flat MISSING"},
		{"an edit that does not go into the total leaves the estimates to the register", "0 - - 90", 1, 91, time.Hour,
			"30 estimated flat MISSING, 91 edited edit by hand, 30 estimated flat MISSING"},
		{"a younger bad read withdraws it", "500000 500010 0 500030 500040", 1, 7, time.Hour,
			"10, 10 estimated linear BAD_READ, 10 estimated linear BAD_READ, 10"},
		{"a bad read that was known when it was made does not", "500000 500010 0 500030 500040", 1, 7, 24 * time.Hour,
			"10, 7 edited edit by hand, 13 estimated linear BAD_READ, 10"},
		{"a bad read is known when the read after it has come", "500000 500010 0 500030 500040", 1, 7, 135 * time.Minute,
			"10, 10 estimated linear BAD_READ, 10 estimated linear BAD_READ, 10"},
		{"a younger reset withdraws what ends in it", "500000 500010 r0 10", 1, 7, time.Hour, "10, null RESET, 10"},
		{"and what begins in it", "500000 500010 r0 10", 2, 7, time.Hour, "10, null RESET, 10"},
		{"and not what is next to that", "500000 500010 r0 10", 0, 7, time.Hour, "7 edited edit by hand, null RESET, 10"},
		{"a younger reversal withdraws it", "500000 500010 499900 499910", 2, 7, time.Hour, "10 REVERSAL!, null REVERSAL, 10 REVERSAL!"},
		{"a younger record that is not valid withdraws it", "0 10 x15 20", 2, 7, time.Hour, "10, 5 estimated flat STATUS, 5 estimated flat STATUS"},
		{"too much energy says nothing of an edit", "0 10 20000", 1, 7, time.Hour, "10, 7 edited edit by hand"},
	} {
		in := tell(start, c.log)
		at := mustTime(start)
		in.Edits = []Edit{{Start: at.Add(time.Duration(c.slot) * flows.SlotLength), Value: c.value * flows.WattHour, Made: at.Add(c.made), Reason: "by hand"}}
		r := Judge(in)
		if got := rows(r.Intervals); got != c.rows {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.rows)
		}
	}
}

func TestAnEditThatIsNotOnAHalfHourIsNone(t *testing.T) {
	in := tell("2024-06-05T00:00:00Z", "0 10 20")
	at := in.Records[0].Time
	in.Edits = []Edit{{Start: at.Add(time.Minute), Value: 70, Made: at.Add(time.Hour), Reason: "by hand"}}
	if got, want := rows(Judge(in).Intervals), "10, 10"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTheLastEditCounts(t *testing.T) {
	in := tell("2024-06-05T00:00:00Z", "0 10")
	at := in.Records[0].Time
	in.Edits = []Edit{{Start: at, Value: 70, Made: at.Add(2 * time.Hour), Reason: "second"}, {Start: at, Value: 60, Made: at.Add(time.Hour), Reason: "first"}}
	if got, want := rows(Judge(in).Intervals), "7 edited edit second"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// What a verdict touches is withdrawn whatever its rank; nothing else is.
func TestWithdrawsMarksWhatAVerdictTouches(t *testing.T) {
	for _, c := range []struct{ name, log, withdraws string }{
		{"nothing in a plain log", "0 10 20 30 40", "...."},
		{"nothing in a gap", "0 10 - 30 40", "...."},
		{"both sides of a bad read", "500000 500010 0 500030 500040", ".xx."},
		{"both sides of a reset", "500000 500010 r0 10 20", ".xx."},
		{"both sides of both reads of a reversal", "500000 500010 500020 400000 400010 400020", ".xxx."},
		{"both sides of a record that is not valid", "0 10 x20 30 40", ".xx."},
		{"where more than can flow", "0 10 50000 50010", ".x."},
	} {
		got := ""
		for _, row := range Judge(tell("2024-06-05T00:00:00Z", c.log)).Intervals {
			if row.Withdraws {
				got += "x"
			} else {
				got += "."
			}
		}
		if got != c.withdraws {
			t.Errorf("%s: %s, want %s", c.name, got, c.withdraws)
		}
	}
}

// Of two verdicts at the ends of a half-hour the younger decides, whichever end it is at.
func TestTheYoungerOfTwoVerdictsDecides(t *testing.T) {
	for _, younger := range []int{1, 2} {
		in := tell("2024-06-05T00:00:00Z", "0 x10 x20 30")
		in.Records[1].Received = in.Records[0].Time.Add(2 * time.Hour)
		in.Records[2].Received = in.Records[0].Time.Add(2 * time.Hour)
		in.Records[younger].Received = in.Records[0].Time.Add(4 * time.Hour)
		in.Edits = []Edit{{Start: in.Records[1].Time, Value: 70, Made: in.Records[0].Time.Add(3 * time.Hour), Reason: "by hand"}}
		if got := Judge(in).Intervals[1].Quality; got != flows.Estimated {
			t.Errorf("an edit between two verdicts is %s", got)
		}
		in.Edits[0].Made = in.Records[0].Time.Add(4 * time.Hour)
		if got := Judge(in).Intervals[1].Quality; got != flows.Edited {
			t.Errorf("an edit after two verdicts is %s", got)
		}
	}
}
