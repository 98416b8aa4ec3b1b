package flows

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var eight = time.Date(2026, 3, 4, 8, 17, 0, 0, time.UTC)

// goodMorning is a fleet that needs nobody, at 08:17 UTC.
func goodMorning() Status {
	clock := func(hour, minute int) time.Time { return time.Date(2026, 3, 4, hour, minute, 0, 0, time.UTC) }
	run := func(f Frequency, due time.Time) RunReport {
		return RunReport{Run: Run{Frequency: f, Origin: Schedule, Scheduled: due, Started: due, Finished: due.Add(2 * time.Minute), Meters: 100, Healthy: 97, Unhealthy: 3}}
	}
	hourly, half, daily := clock(8, 5), clock(6, 20), clock(0, 10)
	days := int64(400)
	return Status{
		Time:   eight,
		Meters: MeterCounts{Active: 100, Healthy: 97, Unhealthy: 3, Passive: 1, Maintenance: 5},
		Runs:   []RunReport{run(Hourly, hourly), run(TwelveHourly, half), run(Daily, daily)},
		Ticks:  []Tick{{Frequency: Hourly, Last: hourly}, {Frequency: TwelveHourly, Last: half}, {Frequency: Daily, Last: daily}},
		Jobs:   Jobs{Waiting: 3, Running: 2, Oldest: eight.Add(-59 * time.Minute)},
		Due:    map[Frequency]*time.Time{Hourly: &hourly, TwelveHourly: &half, Daily: &daily},
		Database: Storage{
			DaysLeft: &days,
		},
	}
}

// byCron makes it a fleet that nobody schedules: its last hourly run was so long ago.
func byCron(s *Status, ago time.Duration) {
	s.Ticks = nil
	for i := range s.Runs {
		s.Runs[i].Origin = Command
	}
	s.Runs[0].Scheduled = s.Time.Add(-ago)
}

func hoursAgo(n int) time.Time { return eight.Add(-time.Duration(n) * time.Hour) }

func TestNeeds(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Status)
		want   []Need // of the text only a part
	}{
		{"a good morning needs nobody", func(*Status) {}, nil},
		{"no meter", func(s *Status) { *s = Status{Time: eight} }, []Need{{NeedNoMeters, "register meters: flows meters import FILE", 1}}},
		{"no meter of an ESCO", func(s *Status) { *s = Status{Time: eight, ESCO: "A"} }, []Need{{NeedNoMeters, "no meter of ESCO A is registered; register", 1}}},
		{"only passive meters", func(s *Status) { *s = Status{Time: eight, Meters: MeterCounts{Passive: 2}} }, nil},
		{"no run ever", func(s *Status) { s.Runs, s.Ticks = nil, nil }, []Need{{NeedNeverSynced, "100 meters are registered, but there has been no run; start flows serve, or flows sync --freq hourly", 100}}},
		{"the first run is under way", func(s *Status) {
			s.Runs, s.Ticks = nil, nil
			s.Unfinished = []RunReport{{Run: Run{Frequency: Hourly, Origin: Command, Scheduled: eight.Add(-time.Minute)}}}
		}, nil},

		{"a tick without a run", func(s *Status) { s.Ticks[0].Last = eight.Add(-72 * time.Minute); s.Runs[0].Scheduled = s.Ticks[0].Last },
			[]Need{{NeedTickMissed, "nobody ran the hourly tick of 08:05 UTC: is flows serve --roles scheduler running? The last one run was that of 07:05 UTC", 1}}},
		{"a tick within its grace", func(s *Status) {
			s.Ticks[0].Last = eight.Add(-72 * time.Minute)
			s.Time = s.Time.Add(-10*time.Minute - time.Second)
		}, nil},
		{"a tick of an ESCO", func(s *Status) { s.Ticks[0].Last, s.Ticks[0].ESCO = hoursAgo(24), "A" },
			[]Need{{NeedTickMissed, "the hourly tick of 08:05 UTC of ESCO A: is flows serve --roles scheduler running? The last one run was that of 3 Mar 08:17 UTC", 1}}},
		{"ticks that were missed", func(s *Status) { s.Ticks[0].Missed, s.Ticks[0].LastMissed = 3, hoursAgo(2) },
			[]Need{{NeedTickMissed, "nobody ran 3 hourly ticks in the last 24 h, the last of them that of 06:17 UTC", 3}}},
		{"one tick that was missed", func(s *Status) { s.Ticks[0].Missed, s.Ticks[0].LastMissed = 1, hoursAgo(2) },
			[]Need{{NeedTickMissed, "nobody ran the hourly tick of 06:17 UTC: was flows serve --roles scheduler not running? A later run has made up for it", 1}}},
		{"a frequency that was switched off", func(s *Status) {
			s.Due[Daily], s.Ticks[2].Last, s.Runs[2].Scheduled, s.Runs[2].NotDone = nil, hoursAgo(70), hoursAgo(70), 5
		}, nil},
		{"a scheduler given up for cron", func(s *Status) { s.Ticks[0].Last = hoursAgo(73) }, nil},
		{"a scheduler dead for days", func(s *Status) { s.Ticks[0].Last, s.Runs[0].Scheduled = hoursAgo(73), hoursAgo(73) },
			[]Need{{NeedNotRunning, "no hourly run since 1 Mar 07:17 UTC (3 days 1 h ago)", 1}}},

		{"cron has no ticks to miss", func(s *Status) { byCron(s, 2*time.Hour) }, nil},
		{"cron has stopped", func(s *Status) { byCron(s, 2*time.Hour+time.Second) },
			[]Need{{NeedNotRunning, "no hourly run since 06:16 UTC (2 h ago); start flows serve, or let cron run flows sync --freq hourly", 1}}},
		{"a long schedule in time", func(s *Status) {
			due := hoursAgo(100)
			s.Due[Hourly], s.Ticks[0].Last, s.Runs[0].Scheduled = &due, due, due
		}, nil},
		{"nobody knows the schedule", func(s *Status) { s.Due = nil; s.Runs[0].Scheduled = hoursAgo(3) }, []Need{{NeedNotRunning, "no hourly run since 05:17 UTC", 1}}},

		{"a dead mediator", func(s *Status) {
			s.Runs[0].Healthy, s.Runs[0].Unhealthy, s.Runs[0].NotDone = 0, 0, 100
			s.Runs[0].Reasons = []Reason{{Code: Mediator, Text: "mediator 127.0.0.1:50051 cannot be reached", Count: 100}}
		}, []Need{{NeedNotDone, "100 meters were not read in the hourly run of 08:05 UTC. MEDIATOR: mediator 127.0.0.1:50051 cannot be reached; is flows mediator running?", 100}}},
		{"a dead mediator in a run that goes on", func(s *Status) {
			s.Unfinished = []RunReport{{Run: Run{Frequency: Hourly, Scheduled: eight.Add(-time.Minute), Meters: 100, NotDone: 1},
				Reasons: []Reason{{Code: Mediator, Text: "gone", Count: 1}, {Code: Busy, Text: "busy", Count: 2}, {Text: "nothing to read", Count: 3}}}}
		}, []Need{{NeedNotDone, "1 meter was not read in the hourly run of 08:16 UTC. MEDIATOR: gone", 1}}},
		{"a mediator that is back", func(s *Status) {
			old := s.Runs[0]
			old.Scheduled, old.NotDone, old.Reasons = hoursAgo(1), 1, []Reason{{Code: Mediator, Text: "gone", Count: 1}}
			s.Runs = append(s.Runs, old)
		}, nil},
		{"lost jobs", func(s *Status) { s.Runs[0].NotDone = 2 },
			[]Need{{NeedNotDone, "2 meters were not read in the hourly run of 08:05 UTC, and nobody knows why: their jobs were lost; see the log of flows serve", 2}}},

		{"a run that does not finish", func(s *Status) {
			s.Unfinished = []RunReport{{Run: Run{Frequency: Hourly, Origin: Schedule, Scheduled: hoursAgo(3), Meters: 100, Healthy: 40}}, {Run: Run{Frequency: Hourly, Scheduled: hoursAgo(2)}}}
		}, []Need{{NeedUnfinished, "the hourly run of 05:17 UTC (and 1 more) has not finished: 40 of 100 meters; is flows serve --roles worker running?", 2}}},
		{"a run that has its period still", func(s *Status) {
			s.Unfinished = []RunReport{{Run: Run{Frequency: Daily, Scheduled: hoursAgo(30), Started: hoursAgo(24)}}, {Run: Run{Frequency: TwelveHourly, Scheduled: hoursAgo(12)}}}
		}, nil},
		{"a command that was killed", func(s *Status) {
			byCron(s, 2*time.Hour)
			s.Unfinished = []RunReport{{Run: Run{Frequency: Hourly, Origin: Command, Scheduled: eight.Add(-119 * time.Minute), Meters: 5}}}
		}, []Need{{NeedUnfinished, "the hourly run of 06:18 UTC has not finished: 0 of 5 meters; was flows sync ended before its time? Run it again", 1}}},
		{"a command that was killed and run again", func(s *Status) {
			byCron(s, time.Hour)
			s.Unfinished = []RunReport{{Run: Run{Frequency: Hourly, ESCO: "A", Origin: Command, Scheduled: hoursAgo(2)}}}
		}, nil},

		{"a job that nobody takes", func(s *Status) { s.Jobs.Oldest = eight.Add(-61 * time.Minute) },
			[]Need{{NeedJobWaiting, "3 jobs are waiting, the oldest since 07:16 UTC (1 h 1 min): is flows serve --roles worker running", 3}}},
		{"low success", func(s *Status) {
			s.Runs[1].Healthy, s.Runs[1].Unhealthy = 89, 11
			s.Runs[1].Reasons = []Reason{{Code: Busy, Text: "busy", Count: 9}, {Code: Unreachable, Text: "refused", Count: 8}, {Code: NAK, Text: "NAK 4", Count: 3}}
		}, []Need{{NeedLowSuccess, "only 89 of 100 meters came out healthy in the 12hourly run of 06:20 UTC (89.0 %); 11 meters failed, 8 of them UNREACHABLE: refused; check signal or power", 11}}},
		{"success just high enough", func(s *Status) { s.Runs[1].Healthy, s.Runs[1].Unhealthy = 90, 10 }, nil},
		{"nothing asked", func(s *Status) { s.Runs[1].Healthy, s.Runs[1].Unhealthy, s.Runs[1].Skipped = 0, 0, 100 }, nil},
		{"failing for a day", func(s *Status) {
			s.Failing = []Reason{{Code: ForeignMeter, Text: "another meter answers", Count: 4, Serials: []string{"E1", "E2", "E3", "E4"}}, {Text: "?", Count: 1, Serials: []string{"E5"}}}
		}, []Need{
			{NeedFailingDay, "4 meters have not been healthy for a day and more. FOREIGN_METER: another meter answers; correct their addresses: flows meters import FILE (E1, E2, E3, …)", 4},
			{NeedFailingDay, "1 meter has not been healthy for a day and more. ?; look at one of them: flows meters show SERIAL (E5)", 1},
		}},
		{"half-hours that are as they should be", func(s *Status) {
			s.HalfHours = &HalfHours{Meters: 9, Expected: 96, Unknown: 96, OldestGap: &Gap{Age: 80}, Exceptions: []OpenExceptions{
				{RuleMissing, SeverityError, 7, 0}, {RuleProlongedEstimation, SeverityError, 2, 2}, {RuleClock, SeverityWarning, 3, 0}, {RuleSpike, SeverityInfo, 4, 0}}}
		}, nil},
		{"exceptions", func(s *Status) {
			s.HalfHours = &HalfHours{Exceptions: []OpenExceptions{{RuleReversal, SeverityCritical, 3, 3}, {RuleMissing, SeverityError, 7, 0}, {RuleProlongedEstimation, SeverityError, 5, 4},
				{RuleConflict, SeverityError, 2, 0}, {RuleStatus, SeverityWarning, 2, 0}}}
		}, []Need{{NeedExceptions, "6 half-hour exceptions need a person: 3 REVERSAL, 1 PROLONGED_ESTIMATION, 2 CONFLICT; flows vee list --severity critical,error", 6}}},
		{"an exception of an ESCO", func(s *Status) {
			s.ESCO, s.HalfHours = "A", &HalfHours{Exceptions: []OpenExceptions{{RuleMaxEnergy, SeverityCritical, 1, 0}}}
		}, []Need{{NeedExceptions, "1 half-hour exception needs a person: 1 MAX_ENERGY; flows vee list --severity critical,error --esco A", 1}}},
		{"half-hours that will be lost", func(s *Status) {
			s.HalfHours = &HalfHours{OldestGap: &Gap{Serial: "E1", Day: "2025-12-13", Age: 81}}
		}, []Need{{NeedGap, "half-hours of 2025-12-13 (81 days ago) were never fetched, and are lost after some 90 days: flows backfill --from 2025-12-13, or see why: flows meters show E1", 1}}},
		{"a full disk", func(s *Status) { *s.Database.DaysLeft = 13 }, []Need{{NeedDiskFull, "the database's disk is full in 13 days", 1}}},
		{"two weeks of disk", func(s *Status) { *s.Database.DaysLeft = 14 }, nil},
		{"several things", func(s *Status) { *s.Database.DaysLeft = 0; s.Jobs.Oldest = hoursAgo(2); s.Runs[0].NotDone = 1 },
			[]Need{{NeedNotDone, "1 meter was", 1}, {NeedJobWaiting, "3 jobs", 3}, {NeedDiskFull, "in 0 days", 1}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := goodMorning()
			c.change(&s)
			got := s.Needs()
			if len(got) != len(c.want) {
				t.Fatalf("got %v\nwant %v", got, c.want)
			}
			for i, n := range got {
				if n.Kind != c.want[i].Kind || n.Count != c.want[i].Count || !strings.Contains(n.Text, c.want[i].Text) {
					t.Errorf("got %v\nwant %v", n, c.want[i])
				}
			}
		})
	}
}

func TestMissedCountsTheUnrunTickToo(t *testing.T) {
	s := goodMorning()
	s.Ticks[0].Missed, s.Ticks[0].Last = 2, hoursAgo(1)
	if got := s.Missed(); got != 3 {
		t.Errorf("%d ticks", got)
	}
}

func TestEveryKindOfNeedIsListed(t *testing.T) {
	seen := map[NeedKind]bool{}
	for _, k := range NeedKinds {
		if seen[k] || k == "" {
			t.Errorf("%q comes twice or says nothing", k)
		}
		seen[k] = true
	}
}

func TestDaysLeftNeedGrowth(t *testing.T) {
	day, shrinking := int64(1000), int64(-5)
	for _, c := range []struct {
		name           string
		growth         *int64
		free, wantFree int64
		known          bool
		days           int64
	}{
		{"growing", &day, 10_500, 10_500, true, 10}, {"full", &day, -3, 0, true, 0}, {"growth not known", nil, 7, 7, false, 0}, {"shrinking", &shrinking, 7, 7, false, 0},
	} {
		s := Storage{Growth: c.growth}
		s.SetFree(c.free)
		if *s.Free != c.wantFree || (s.DaysLeft != nil) != c.known || s.DaysLeft != nil && *s.DaysLeft != c.days {
			t.Errorf("%s: %d free, days %v", c.name, *s.Free, s.DaysLeft)
		}
	}
}

func TestRateIsNotRoundedUp(t *testing.T) {
	for r, want := range map[Rate]string{{0, 0}: "-", {0, 5}: "0.0 %", {5, 5}: "100.0 %", {9999, 10000}: "99.9 %", {2, 3}: "66.6 %", {29, 100}: "29.0 %"} {
		if got := r.String(); got != want {
			t.Errorf("%d of %d: %s, want %s", r.Healthy, r.Of, got, want)
		}
	}
	got, err := json.Marshal([]Rate{{}, {3, 4}})
	if want := `[{"healthy":0,"of":0,"ratio":null},{"healthy":3,"of":4,"ratio":0.75}]`; err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
}

func TestStatusSurvivesJSON(t *testing.T) {
	s := goodMorning()
	s.Success = Rate{1, 2}
	s.HalfHours = &HalfHours{Days: []string{"2026-03-03"}, Meters: 9, Judged: 8, Complete: 7, Expected: 400, Estimated: 100, Unknown: 6,
		Exceptions: []OpenExceptions{{RuleReversal, SeverityCritical, 5, 4}}, Gaps: Gaps{3, 2, 1}, OldestGap: &Gap{"E1", "A", Export, "2026-01-02", eight, 61, 7}}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back Status
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, back); diff != "" {
		t.Errorf("%s\n%s", diff, text)
	}
	for _, want := range []string{`"healthy":97`, `"success_24h":{"healthy":1,"of":2,"ratio":0.5}`, `"scheduled_for":"2026-03-04T08:05:00Z"`, `"growth_bytes_per_day":null`,
		`"estimated_share":0.25`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "0 s", 0: "0 s", 97*time.Second + 999*time.Millisecond: "97 s", 2 * time.Minute: "2 min", 59 * time.Minute: "59 min", time.Hour: "1 h",
		185 * time.Minute: "3 h 5 min", 24 * time.Hour: "1 day", 52 * time.Hour: "2 days 4 h", 400 * 24 * time.Hour: "400 days",
	} {
		if got := Span(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

func TestPeriods(t *testing.T) {
	for f, want := range map[Frequency]time.Duration{Hourly: time.Hour, TwelveHourly: 12 * time.Hour, Daily: 24 * time.Hour} {
		if got := f.Period(); got != want {
			t.Errorf("%s: %s", f, got)
		}
	}
}
