package flows

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Need is something that a person must do.
type Need struct {
	Kind  NeedKind `json:"kind"`
	Text  string   `json:"text"`  // what is wrong and what to do about it
	Count int      `json:"count"` // of meters, exceptions, ticks, jobs or runs; at least 1
}

// NeedKind says in one word what a need is about.
type NeedKind string

// Kinds of needs.
const (
	NeedNoMeters    NeedKind = "no_meters"
	NeedNeverSynced NeedKind = "never_synced"
	NeedTickMissed  NeedKind = "tick_missed"
	NeedNotRunning  NeedKind = "not_running"
	NeedNotDone     NeedKind = "not_done"
	NeedUnfinished  NeedKind = "unfinished"
	NeedJobWaiting  NeedKind = "job_waiting"
	NeedLowSuccess  NeedKind = "low_success"
	NeedFailingDay  NeedKind = "failing_day"
	NeedExceptions  NeedKind = "exceptions"
	NeedGap         NeedKind = "gap"
	NeedDiskFull    NeedKind = "disk_full"
)

// NeedKinds lists all of them, in the order of Needs.
var NeedKinds = []NeedKind{NeedNoMeters, NeedNeverSynced, NeedTickMissed, NeedNotRunning, NeedNotDone, NeedUnfinished,
	NeedJobWaiting, NeedLowSuccess, NeedFailingDay, NeedExceptions, NeedGap, NeedDiskFull}

// Thresholds of Needs.
const (
	// TickGrace is how late a scheduler may be: it looks every 15 seconds, and another takes over within a minute when one dies.
	TickGrace = 2 * time.Minute
	// A scheduler that made no run for so long has been given up, for cron, say. It is longer than two periods of every frequency, so
	// that a scheduler which died is still missed: as NeedNotRunning, unless something else runs.
	givenUp = 3 * 24 * time.Hour
	// Periods without a run until that is no delay any more.
	silentPeriods = 2
	// A million meters are read within the hour: who waits longer waits for a worker.
	longestWait = time.Hour
	// A few dead meters are daily life (3 % of a fleet on mobile networks); one in ten has a cause in common.
	lowestSuccess = 0.9
	// Days; ten are enough to fetch what LogReach takes away.
	oldestGap = 80
	// Two weeks are enough to get a larger disk.
	fewestDaysLeft = 14
)

// Needs judges. It is empty when nothing needs a person.
func (s Status) Needs() []Need {
	switch {
	case s.Meters.Total() == 0:
		return append([]Need{{NeedNoMeters, "no meter" + of(s.ESCO) + " is registered; register meters: flows meters import FILE", 1}}, s.disk()...)
	case s.Meters.Active > 0 && len(s.Runs)+len(s.Unfinished)+len(s.Ticks) == 0:
		return append([]Need{{NeedNeverSynced, fmt.Sprintf("%s registered, but there has been no run; start flows serve, or flows sync --freq hourly",
			number(s.Meters.Active, "meter", "is", "are")), s.Meters.Active}}, s.disk()...)
	}
	return slices.Concat(s.ticks(), s.silent(), s.notDone(), s.unfinished(), s.waiting(), s.lowSuccess(), s.failing(), s.exceptions(), s.gap(), s.disk())
}

// Unrun tells of a tick that was due and that no scheduler has made a run of.
func (s Status) Unrun(t Tick) bool {
	due := s.Due[t.Frequency]
	return due != nil && s.scheduled(t) && t.Last.Before(*due) && s.Time.Sub(*due) >= TickGrace
}

// scheduled tells whether there still is a scheduler for it, or should be.
func (s Status) scheduled(t Tick) bool { return s.Time.Sub(t.Last) <= givenUp && !s.off(t.Frequency) }

func (s Status) off(f Frequency) bool {
	due, known := s.Due[f]
	return known && due == nil
}

// Missed counts the ticks of the last 24 hours that nobody ran.
func (s Status) Missed() (n int) {
	for _, t := range s.Ticks {
		n += t.Missed
		if s.Unrun(t) {
			n++
		}
	}
	return n
}

func (s Status) ticks() (needs []Need) {
	for _, t := range s.Ticks {
		if s.Unrun(t) {
			needs = append(needs, Need{NeedTickMissed, fmt.Sprintf("nobody ran the %s tick of %s%s: is flows serve --roles scheduler running? The last one run was that of %s",
				t.Frequency, s.Clock(*s.Due[t.Frequency]), of(t.ESCO), s.Clock(t.Last)), 1})
		}
		switch {
		case t.Missed == 1:
			needs = append(needs, Need{NeedTickMissed, fmt.Sprintf("nobody ran the %s tick of %s%s: was flows serve --roles scheduler not running? A later run has made up for it",
				t.Frequency, s.Clock(t.LastMissed), of(t.ESCO)), 1})
		case t.Missed > 1:
			needs = append(needs, Need{NeedTickMissed, fmt.Sprintf("nobody ran %d %s ticks%s in the last 24 h, the last of them that of %s: was flows serve --roles scheduler not running? A later run has made up for them",
				t.Missed, t.Frequency, of(t.ESCO), s.Clock(t.LastMissed)), t.Missed})
		}
	}
	return needs
}

// silent is about who reads by cron: a scheduler's silence is an unrun tick.
func (s Status) silent() (needs []Need) {
	for _, f := range Frequencies {
		last := s.Newest(f)
		watched := s.Due[f] != nil && slices.ContainsFunc(s.Ticks, func(t Tick) bool { return t.Frequency == f && s.scheduled(t) })
		if last.IsZero() || s.off(f) || watched || s.inTime(f, last) {
			continue
		}
		needs = append(needs, Need{NeedNotRunning, fmt.Sprintf("no %s run since %s (%s ago); start flows serve, or let cron run flows sync --freq %s",
			f, s.Clock(last), Span(s.Time.Sub(last)), f), 1})
	}
	return needs
}

// inTime tells whether a run of that time is not older than it may be, also by a schedule with longer pauses than usual.
func (s Status) inTime(f Frequency, scheduled time.Time) bool {
	due := s.Due[f]
	return s.Time.Sub(scheduled) <= silentPeriods*f.Period() || due != nil && !scheduled.Before(*due)
}

// Newest is when the newest run of the frequency was due; zero when there is none.
func (s Status) Newest(f Frequency) (newest time.Time) {
	for _, r := range slices.Concat(s.Runs, s.Unfinished) {
		if r.Frequency == f && r.Scheduled.After(newest) {
			newest = r.Scheduled
		}
	}
	return newest
}

// notDone looks at the newest run that can tell: one that has finished, or that failed already.
func (s Status) notDone() (needs []Need) {
	for _, f := range Frequencies {
		for _, r := range s.telling(f) {
			known := 0
			for _, why := range r.Reasons {
				if why.Code == "" || why.Code.Owner() != Ours {
					continue
				}
				known += why.Count
				needs = append(needs, Need{NeedNotDone, fmt.Sprintf("%s not read in %s. %s: %s; %s",
					number(why.Count, "meter", "was", "were"), s.run(r.Run), why.Code, why.Text, hint(why.Code)), why.Count})
			}
			if lost := r.NotDone - known; lost > 0 {
				needs = append(needs, Need{NeedNotDone, fmt.Sprintf("%s not read in %s, and nobody knows why: their jobs were lost; see the log of flows serve",
					number(lost, "meter", "was", "were"), s.run(r.Run)), lost})
			}
		}
	}
	return needs
}

// telling gives the newest telling run of each ESCO. Old ones say nothing of today: it is their age that needs a person.
func (s Status) telling(f Frequency) (list []RunReport) {
	all := slices.Concat(s.Runs, s.Unfinished)
	slices.SortStableFunc(all, func(a, b RunReport) int { return b.Scheduled.Compare(a.Scheduled) })
	for _, r := range all {
		known := slices.ContainsFunc(list, func(o RunReport) bool { return o.ESCO == r.ESCO })
		if r.Frequency == f && !known && s.inTime(f, r.Scheduled) && (!r.Finished.IsZero() || r.NotDone > 0) {
			list = append(list, r)
		}
	}
	return list
}

func (s Status) unfinished() (needs []Need) {
	for _, f := range Frequencies {
		var late []Run
		for _, r := range s.Unfinished {
			began := r.Scheduled
			if !r.Started.IsZero() {
				began = r.Started
			}
			if r.Frequency == f && s.Time.Sub(began) > f.Period() && !s.madeUp(r.Run) {
				late = append(late, r.Run)
			}
		}
		if len(late) == 0 {
			continue
		}
		r, others := late[0], ""
		if len(late) > 1 {
			others = fmt.Sprintf(" (and %d more)", len(late)-1)
		}
		do := "is flows serve --roles worker running?"
		if r.Origin == Command {
			do = "was flows sync ended before its time? Run it again"
		}
		needs = append(needs, Need{NeedUnfinished, fmt.Sprintf("%s%s has not finished: %d of %s; %s",
			s.run(r), others, r.Counted(), plural(r.Meters, "meter"), do), len(late)})
	}
	return needs
}

// madeUp tells of a command that was killed and run again since: nothing ever finishes the first.
func (s Status) madeUp(r Run) bool {
	return r.Origin == Command && slices.ContainsFunc(s.Runs, func(o RunReport) bool {
		return o.Frequency == r.Frequency && (o.ESCO == r.ESCO || o.ESCO == "") && o.Scheduled.After(r.Scheduled)
	})
}

func (s Status) waiting() []Need {
	wait := s.Time.Sub(s.Jobs.Oldest)
	if s.Jobs.Oldest.IsZero() || wait <= longestWait {
		return nil
	}
	return []Need{{NeedJobWaiting, fmt.Sprintf("%s waiting, the oldest since %s (%s): is flows serve --roles worker running, with MAX_PARALLEL_JOBS enough for the fleet?",
		number(s.Jobs.Waiting, "job", "is", "are"), s.Clock(s.Jobs.Oldest), Span(wait)), max(s.Jobs.Waiting, 1)}}
}

// lowSuccess leaves out what was not done: that has a need of its own, and says nothing of the meters.
func (s Status) lowSuccess() (needs []Need) {
	for _, r := range s.Runs {
		asked := Rate{r.Healthy, r.Healthy + r.Unhealthy}
		ratio, known := asked.Ratio()
		if !known || ratio >= lowestSuccess || !s.inTime(r.Frequency, r.Scheduled) {
			continue
		}
		why := ""
		for _, reason := range r.Reasons {
			if reason.Code.Owner() == TheMeters {
				why = fmt.Sprintf(", %d of them %s: %s; %s", reason.Count, reason.Code, reason.Text, hint(reason.Code))
				break
			}
		}
		needs = append(needs, Need{NeedLowSuccess, fmt.Sprintf("only %d of %s came out healthy in %s (%s); %s failed%s",
			r.Healthy, plural(asked.Of, "meter"), s.run(r.Run), asked, plural(r.Unhealthy, "meter"), why), r.Unhealthy})
	}
	return needs
}

// FailingMeters counts those of Failing.
func (s Status) FailingMeters() (n int) {
	for _, r := range s.Failing {
		n += r.Count
	}
	return n
}

func (s Status) failing() (needs []Need) {
	for _, r := range s.Failing {
		code := ""
		if r.Code != "" {
			code = string(r.Code) + ": "
		}
		needs = append(needs, Need{NeedFailingDay, fmt.Sprintf("%s not been healthy for a day and more. %s%s; %s (%s)",
			number(r.Count, "meter", "has", "have"), code, r.Text, hint(r.Code), r.Few()), r.Count})
	}
	return needs
}

// Few gives some serials of the reason.
func (r Reason) Few() string {
	const few = 3
	text := strings.Join(r.Serials[:min(few, len(r.Serials))], ", ")
	if r.Count > few {
		text += ", …"
	}
	return text
}

func (s Status) disk() []Need {
	d := s.Database.DaysLeft
	if d == nil || *d >= fewestDaysLeft {
		return nil
	}
	return []Need{{NeedDiskFull, fmt.Sprintf("the database's disk is full in %s; give it a larger one, or delete what is not needed", plural(int(*d), "day")), 1}}
}

// hints say what to do about a code.
var hints = map[Code]string{
	Unreachable: "check signal or power", Timeout: "check signal or power", Closed: "check signal or power",
	ForeignMeter:    "correct their addresses: flows meters import FILE",
	Mediator:        "is flows mediator running?",
	Gateway:         "is the gateway of SOCKS_HOST running?",
	Unauthenticated: "check the certificates: flows certs info",
	Permission:      "check the role in the client's certificate: flows certs info",
	UnknownSerial:   "does the mediator use the same database?",
	Database:        "was the database away?",
}

func hint(c Code) string {
	if text := hints[c]; text != "" {
		return text
	}
	return "look at one of them: flows meters show SERIAL"
}

// run names a run in a sentence.
func (s Status) run(r Run) string {
	return fmt.Sprintf("the %s run of %s%s", r.Frequency, s.Clock(r.Scheduled), of(r.ESCO))
}

// Clock is the time of day in UTC, with the date when that is not today's.
func (s Status) Clock(t time.Time) string {
	t = t.UTC()
	if t.Format(time.DateOnly) == s.Time.UTC().Format(time.DateOnly) {
		return t.Format("15:04 UTC")
	}
	return t.Format("2 Jan 15:04 UTC")
}

func of(esco string) string {
	if esco == "" {
		return ""
	}
	return " of ESCO " + esco
}

// number gives "1 meter is", "3 meters are".
func number(n int, word, one, many string) string {
	if n == 1 {
		return plural(n, word) + " " + one
	}
	return plural(n, word) + " " + many
}
