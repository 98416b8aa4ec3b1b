// Package vee judges half-hours: it takes everything raw that is known of one register and gives what may be billed, exact where the
// meter gave both ends, estimated where a total is known, null where nobody knows, with the exceptions it found on the way. Nothing here
// looks at a clock, a file or a database, and the rows depend on the raw reads alone: any order of arrival and any number of runs give
// the same.
//
// Judge gives rows for the Span it is asked for, and some more: a changed read changes what becomes of those around it, so it widens the
// span by six accepted reads to each side, and by more if wrong ones lie after it (Result.Span). It must see some of the past: five reads
// in a row to be in step, the local day, and, only if a gap of more than two hours is estimated, the 28 days before. A caller gives a day
// and asks again with more when Result.Wanted says so.
//
// A row of Result is what shall stand. It replaces what stands if its rank is not lower, if Withdraws is set, or if what stands is neither
// edited nor actual (estimates make way for better estimates, and for null). Where the two differ, what stood is the withdrawn value.
// What stands in the span that was asked for and has no row in Result lies outside the register's life and is withdrawn too. A caller who
// holds the register's lock from reading to writing may take the rows as they are: edited values go in as Edits and come out again.
package vee

import (
	"cmp"
	"slices"
	"time"

	"flows"
)

// LookBack is how long before a half-hour an estimate looks. When records of the past arrive, estimates of gaps up to this long after
// them (methods like_day and flat) have to be judged again too.
const LookBack = 28 * 24 * time.Hour

// NotRun is a rule that could not look.
type NotRun struct {
	Rule flows.Rule
	Why  string
}

// Result is what Judge found.
type Result struct {
	Span       flows.Period // what the rows cover
	Intervals  []flows.Interval
	Days       []Day // those wholly in the span that was asked for, as the ESCO's zone has them
	Exceptions []flows.Exception
	Ran        []flows.Rule
	NotRun     []NotRun

	// Wanted is set when the context was too short: judge again with records of all this period, and store nothing of this result.
	Wanted *flows.Period
}

// judgement is one run of Judge.
type judgement struct {
	in     *Input
	limits Thresholds
	unit   flows.Energy
	most   Limit // of a half-hour
	picks  []Pick

	start, end             int64 // the register's
	contextFrom, contextTo int64
	cal                    *calendar

	screened
	main  chain          // through the log, or through the reads where there is no log
	side  chain          // through log and reads together, where the log is lost
	clock []clockTrouble // when the meter's clock was too wrong for billing
	why   map[int64]flows.Rule

	from, to int64 // what is given out, µs
	first    int64 // number of slots[0]
	slots    []slot
	like     *likeness

	outliers  []outlier
	zerosFrom int64 // how far back zeros have to be followed; 0 = not beyond the context
	bracketed int   // reads that could be held against the log

	tallies map[int64]*tally

	rule   *rule // the one that is running
	result Result
}

// Judge judges one register in one direction.
func Judge(in Input) Result {
	j := newJudgement(&in)
	j.screen()
	j.difference()
	j.extend()
	j.fill()
	j.flag()
	j.bracketReads()
	j.settleEdits()
	j.estimateGaps()
	j.derive()
	j.give()
	j.listDays()
	j.runRules()
	j.want()
	return j.result
}

func newJudgement(in *Input) *judgement {
	j := &judgement{in: in, limits: in.Thresholds, unit: in.Register.Unit, cal: newCalendar(in.Zone)}
	if j.limits == (Thresholds{}) {
		j.limits = Defaults()
	}
	if j.unit == 0 {
		j.unit = flows.WattHour
	}
	j.most = j.mostIn(slotMicros)
	j.start, j.end = bounds(flows.Period{From: in.Register.Start, To: in.Register.End})
	j.contextFrom, j.contextTo = bounds(in.Context)
	j.picks = slices.Clone(in.Picks)
	slices.SortFunc(j.picks, func(a, b Pick) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Value, b.Value)) })
	return j
}

func (j *judgement) mostIn(micros int64) Limit {
	return j.in.Register.Rating.Most(time.Duration(micros)*time.Microsecond, j.unit)
}

// difference takes the register's way through its reads. Readings at an exchange are its ends, unless the log knows better.
func (j *judgement) difference() {
	points := j.log
	if j.in.Register.NoLog {
		points = j.readPoints()
	}
	w := walker{j.mostIn, j.restarted}
	j.main = w.walk(j.withReadings(points))
	if len(j.in.Register.Lost) > 0 && !j.in.Register.NoLog {
		j.side = w.walk(j.withReadings(j.readPoints()))
	}
}

func (j *judgement) withReadings(points []point) []point {
	r := j.in.Register
	if r.Initial != nil && j.start >= j.contextFrom && j.start < j.contextTo && !hasPoint(points, j.start) {
		points = slices.Insert(points, 0, point{t: j.start, v: *r.Initial, received: j.start})
	}
	if r.Final != nil && j.end >= j.contextFrom && j.end < j.contextTo && !hasPoint(points, j.end) {
		points = append(points, point{t: j.end, v: *r.Final, received: j.end})
	}
	return points
}

// readPoints are register reads and the log's own together, the log's first where both have a time.
func (j *judgement) readPoints() []point {
	points := make([]point, 0, len(j.log)+len(j.reads))
	points = append(points, j.log...)
	for _, r := range j.reads {
		points = append(points, r.point)
	}
	slices.SortStableFunc(points, func(a, b point) int { return int(min(max(a.t-b.t, -1), 1)) })
	return slices.CompactFunc(points, func(a, b point) bool { return a.t == b.t })
}

func (j *judgement) restarted(after, upTo int64) bool {
	i, _ := slices.BinarySearch(j.resets, after+1)
	if i < len(j.resets) && j.resets[i] <= upTo {
		return true
	}
	return slices.ContainsFunc(j.in.Register.Restarts, func(at time.Time) bool { return micros(at) > after && micros(at) <= upTo })
}
