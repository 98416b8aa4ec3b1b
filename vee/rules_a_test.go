package vee

import (
	"strings"
	"testing"
	"time"

	"flows"
)

// Rules A, told as a log and what comes of it.
func TestDifferencesOfALog(t *testing.T) {
	const start = "2024-06-05T00:00:00Z"
	for _, c := range []struct{ name, log, rows, found string }{
		{"neighbours are actual", "100 110 125 125", "10, 15, 0", ""},
		{"a gap is not booked into the next half-hour", "100 110 - - 140 150",
			"10, 10 estimated linear MISSING, 10 estimated linear MISSING, 10 estimated linear MISSING, 10", ""},
		{"an open gap stays empty", "100 110 - -", "10, null MISSING, null MISSING", ""},
		{"round the counter", "4294967290 5 10", "11 ROLLOVER, 5", "ROLLOVER info ×1"},
		{"round the counter in a gap", "4294967290 - 6 10", "6 estimated flat ROLLOVER, 6 estimated flat ROLLOVER, 4", "ROLLOVER info ×2"},
		{"a flagged reset", "500000 500010 r0 5 10", "10, null RESET, 5, 5", "RESET warning ×1"},
		{"a flagged reset to a value that could have been used", "500000 500010 r20000 20005 20010", "10, null RESET, 5, 5", "RESET warning ×1"},
		{"a reset flagged by a record that is not valid", "500000 500010 xr0 40000 40010", "10, null RESET, null RESET, 10", "RESET warning ×2, STATUS error ×1"},
		{"a reset flagged by the read before says nothing", "500000 r500010 20000 20010", "10 REVERSAL!, null REVERSAL, 10 REVERSAL!", "REVERSAL critical ×1"},
		{"a reset that nobody flagged", "500000 500010 3 5 10", "10, null RESET, 2, 5", "RESET warning ×1"},
		{"a restart at 0 that the next read has not confirmed yet", "500000 500010 3", "10, null RESET_SUSPECTED", "RESET_SUSPECTED error ×1"},
		{"no spike after a fall to 0", "500000 500010 0 500030 500040",
			"10, 10 estimated linear BAD_READ, 10 estimated linear BAD_READ, 10", "BAD_READ warning ×1"},
		{"no spike after a fall to 0 of a young register", "500 510 0 530 540",
			"10, 10 estimated linear BAD_READ, 10 estimated linear BAD_READ, 10", "BAD_READ warning ×1"},
		{"a restart confirmed by no read", "500000 3 1", "null RESET_SUSPECTED, null RESET_SUSPECTED", "RESET_SUSPECTED error ×1, RESET_SUSPECTED error ×1"},
		{"the meter ran backwards", "500000 500010 499900 499910 499920",
			"10 REVERSAL!, null REVERSAL, 10 REVERSAL!, 10", "REVERSAL critical ×1"},
		{"a read too low", "500000 500010 499900 500030 500040",
			"10, 10 estimated linear BAD_READ, 10 estimated linear BAD_READ, 10", "BAD_READ warning ×1"},
		{"two reads too low", "500000 500010 490000 490010 500040 500050",
			"10, 10 estimated linear BAD_READ, 10 estimated linear BAD_READ, 10 estimated linear BAD_READ, 10", "BAD_READ warning ×1, BAD_READ warning ×1"},
		{"two reads of 0", "500000 500010 0 0 500040 500050",
			"10, 10 estimated linear BAD_READ, 10 estimated linear BAD_READ, 10 estimated linear BAD_READ, 10", "BAD_READ warning ×1, BAD_READ warning ×1"},
		{"two reads of 0 of a young register", "500 510 0 0 540 550",
			"10, 10 estimated linear BAD_READ, 10 estimated linear BAD_READ, 10 estimated linear BAD_READ, 10", "BAD_READ warning ×1, BAD_READ warning ×1"},
		{"a read too low and one too high", "500000 500010 490000 900000 500040 500050",
			"10, 10 estimated linear BAD_READ, 10 estimated linear BAD_READ, 10 estimated linear BAD_READ, 10", "BAD_READ warning ×1, BAD_READ warning ×1"},
		{"two reads too low with the next not known yet", "500000 500010 490000 490010", "10 REVERSAL!, null REVERSAL, 10 REVERSAL!", "REVERSAL critical ×1"},
		{"four reads too low", "500000 500010 490000 - 490010 490020 490030 500080 500090",
			"10, " + strings.Repeat("12 estimated flat BAD_READ, ", 4) + strings.Repeat("11 estimated flat BAD_READ, ", 2) + "10", strings.Repeat("BAD_READ warning ×1, ", 3) + "BAD_READ warning ×1"},
		{"five pass for the register's", "500000 500010 490000 490010 490020 490030 490040 500070 500080",
			"10 REVERSAL!, null REVERSAL, 10 REVERSAL!, 10, 10, 10, 10030, 10", "REVERSAL critical ×1"},
		{"two reads too low round the counter", "4294967280 4294967290 4294960000 4294960010 14 24",
			"10, 7 estimated linear ROLLOVER, 7 estimated linear ROLLOVER, 6 estimated linear ROLLOVER, 10",
			"BAD_READ warning ×1, BAD_READ warning ×1, ROLLOVER info ×3"},
		{"a register that was set back and comes up to where it was", "500000 500010 499900 499960 500020 500080",
			"10 REVERSAL!, null REVERSAL, 60 REVERSAL!, 60, 60", "REVERSAL critical ×1"},
		{"a register that was set back and jumps half the way", "500000 500010 499910 499960 500020 500080",
			"10, 2 estimated linear BAD_READ, 3 estimated linear BAD_READ, 5 estimated linear BAD_READ, 60", "BAD_READ warning ×1, BAD_READ warning ×1"},
		{"a restart at 0 that comes up to where it was", "500 510 0 200 400 600 800", "10, null RESET, 200, 200, 200, 200", "RESET warning ×1"},
		{"a flagged reset between low reads", "500000 500010 490000 r490010 500040 500050", "10 REVERSAL!, null REVERSAL, 10 REVERSAL!, 10030, 10", "REVERSAL critical ×1"},
		{"more than can flow", "1000 1010 50000 50010 50020", "10, null MAX_ENERGY, 10, 10", "MAX_ENERGY critical ×1"},
		{"a read too high", "1000 1010 50000 1030 1040",
			"10, 10 estimated linear BAD_READ, 10 estimated linear BAD_READ, 10", "BAD_READ warning ×1"},
		{"a read too high that the next has not confirmed yet", "1000 1010 50000", "10, null MAX_ENERGY", "MAX_ENERGY critical ×1"},
		{"a read too high at the counter's end", "4294967290 60000 5 10",
			"6 estimated flat ROLLOVER, 5 estimated flat ROLLOVER, 5", "BAD_READ warning ×1, ROLLOVER info ×2"},
		{"no value from a record without the valid bit", "100 110 x999 130 140",
			"10, 10 estimated linear STATUS, 10 estimated linear STATUS, 10", "STATUS error ×1"},
		{"of two reasons at a half-hour's ends the wrong read is the better one", "500000 500010 0 x500030 500040 500050",
			"10, 10 estimated linear BAD_READ, 10 estimated linear BAD_READ, 10 estimated linear STATUS, 10", "BAD_READ warning ×1, STATUS error ×1"},
		{"null because of a record without the valid bit", "100 110 x120", "10, null STATUS", "STATUS error ×1"},
		{"a meter in major time error is not billed", "100 110 m120 130 140", "10, 10 STATUS!, 10 STATUS!, 10", "STATUS error ×1"},
		{"of two values for a time the first stays and neither is billed", "100 110 120/125 130 140",
			"10, 10 CONFLICT!, 10 CONFLICT!, 10", "CONFLICT error ×1"},
		{"the same value twice is no conflict", "100 110 120/120 130", "10, 10, 10", ""},
	} {
		in := tell(start, c.log)
		in.Span = flows.Period{From: in.Records[0].Time, To: mustTime(start).Add(time.Duration(len(strings.Fields(c.log))-1) * flows.SlotLength)}
		r := Judge(in)
		if got := rows(r.Intervals); got != c.rows {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.rows)
		}
		if got := found(r.Exceptions, verdicts...); got != c.found {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.found)
		}
	}
}

func TestWithoutARatingThereIsNoUpperBound(t *testing.T) {
	for _, c := range []struct{ name, log, rows, found string }{
		{"no MAX_ENERGY", "0 4000000000 4000000001", "4000000000, 1", ""},
		{"no rollover", "4294967290 5 10", "null REVERSAL, 5 REVERSAL!", "REVERSAL critical ×1"},
		{"the three-point test has no bound", "100 50 90000000", "44999950 estimated flat BAD_READ, 44999950 estimated flat BAD_READ", "BAD_READ warning ×1"},
		{"a flagged reset", "100 r50 60", "null RESET, 10", "RESET warning ×1"},
	} {
		in := tell("2024-06-05T00:00:00Z", c.log)
		in.Register.Rating = RatingOf("P1.cx", nil, nil)
		r := Judge(in)
		if got := rows(r.Intervals); got != c.rows {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.rows)
		}
		if got := found(r.Exceptions, verdicts...); got != c.found {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.found)
		}
		if got := whyNot(r.NotRun, flows.RuleMaxEnergy); got == "" {
			t.Errorf("%s: MAX_ENERGY ran without a rating", c.name)
		}
	}
}

func whyNot(notRun []NotRun, rule flows.Rule) string {
	for _, n := range notRun {
		if n.Rule == rule {
			return n.Why
		}
	}
	return ""
}

// P1.cx counts tenths of a Wh and runs round at 429 496.7295 kWh.
func TestTenthsOfWattHoursRunRound(t *testing.T) {
	in := tell("2024-06-05T00:00:00Z", "4294967285 4294967295 4 14")
	in.Register.Unit, in.Register.Rating = flows.DeciWattHour, Rating{6, 3}
	r := Judge(in)
	if got, want := rows(r.Intervals), "1, 0.5 ROLLOVER, 1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestWhatIsOffTheGridOrFromTheFutureMakesNoInterval(t *testing.T) {
	in := tell("2024-06-05T00:00:00Z", "100 110 120 130")
	in.Records[1].Time = in.Records[1].Time.Add(60e9)
	in.Records[2].Received = in.Records[2].Time.Add(-61e9)
	r := Judge(in)
	// The record of 00:31 cuts the 30 Wh: 10 Wh in 31 min, 20 Wh in 59 min, so 9.68 + (0.32 + 9.83) + 10.17.
	if got, want := rows(r.Intervals), "10 estimated flat MISSING, 10 estimated flat FUTURE, 10 estimated flat FUTURE"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := found(r.Exceptions, verdicts...), "OFF_GRID warning ×1, FUTURE error ×1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAPersonPicksOneOfTwoValues(t *testing.T) {
	in := tell("2024-06-05T00:00:00Z", "100 110 120/125 130")
	in.Picks = []Pick{{in.Records[2].Time, 125}}
	r := Judge(in)
	if got, want := rows(r.Intervals), "10, 15, 5"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := found(r.Exceptions, flows.RuleConflict); got != "" {
		t.Errorf("still a conflict: %s", got)
	}
}
