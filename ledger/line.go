package ledger

import (
	"fmt"
	"slices"
	"time"

	"flows"
)

// line is the half-hours of one register in one direction. They are numbered from 1970; the number of a time on a half-hour is that of
// the half-hour it begins.
type line struct {
	Stored
	report *HalfHourReport
	unit   flows.Energy // of one count
	zone   *time.Location
	clock  *Clock

	truth       map[int64]Slot
	raw         map[int64]logged // what the meter answered
	reads       map[int64]logged // of that what a difference may be taken of, and the readings at the register's ends
	rows        map[int64]flows.Interval
	first, last int64          // half-hours of the register's life, up to its last reading
	named       map[int64]bool // those that have been reported
}

const slotSeconds = int64(flows.SlotLength / time.Second)

func slotOf(t time.Time) int64 { return t.Unix() / slotSeconds }

func startOf(k int64) time.Time { return time.Unix(k*slotSeconds, 0).UTC() }

// Bits of a record's status.
const (
	logReset  = 0x0100
	validData = 0x0080
	trouble   = 0x0038 // minor and major time error, communication error
	notAhead  = time.Minute
)

func newLine(r *HalfHourReport, h HalfHours, m Meter, s Stored, pages []page, off *Clock) *line {
	l := &line{Stored: s, report: r, unit: flows.WattHour, zone: h.Zone, clock: off, truth: map[int64]Slot{}, raw: map[int64]logged{},
		reads: map[int64]logged{}, rows: map[int64]flows.Interval{}, named: map[int64]bool{}}
	if m.Hardware == "P1.cx" || m.Hardware == "CX" {
		l.unit = flows.DeciWattHour
	}
	for _, slot := range h.Truth[m.Serial] {
		l.truth[slotOf(slot.Start)] = slot
	}
	for _, i := range s.Intervals {
		l.rows[slotOf(i.Start)] = i
	}
	l.listen(pages)
	r.Registers++
	return l
}

// listen takes the readings that the meter gave, and finds the register's life. Its start is the one it has, or its first reading if that is
// earlier and no other register was there before.
func (l *line) listen(pages []page) {
	received := map[time.Time]time.Time{}
	for _, rec := range l.Records {
		received[rec.Time.UTC()] = rec.Received
	}
	answered, due := due(pages, newest(l.Records))
	start, end := l.Start, l.End
	for _, t := range due {
		a := answered[t]
		if !t.Equal(t.Truncate(flows.SlotLength)) || !end.IsZero() && t.After(end) {
			continue
		}
		l.raw[slotOf(t)] = a
		if at, ok := received[t]; ok {
			a.heard = at
		}
		if a.status&validData == 0 || t.Sub(a.heard) > notAhead || l.Follows && t.Before(l.Start) {
			continue
		}
		if t.Before(start) {
			start = t
		}
		l.reads[slotOf(t)] = a
	}
	l.first = slotOf(start)
	if l.Initial != nil {
		l.reads[l.first] = logged{value: *l.Initial}
	}
	if l.Final != nil {
		l.reads[slotOf(end.Add(flows.SlotLength-1))] = logged{value: *l.Final}
	}
	for k := range l.reads {
		l.last = max(l.last, k)
	}
}

// lies are what keeps a log from having the truth of a half-hour.
var lies = []string{"log_hole", "log_invalid", "log_reset", "log_glitch", "log_reversal", "zeroed", "set_back", "too_old", "not_yet", "clock_set"}

func (l *line) is(k int64, kinds ...string) bool {
	return slices.ContainsFunc(l.truth[k].Wrong, func(w string) bool { return slices.Contains(kinds, w) })
}

// moved is what truly went through the register in a half-hour.
func (l *line) moved(k int64) flows.Energy { return l.truth[k].Moved.of(l.Element, l.Direction) }

// difference of two readings of a counter that runs round.
func (l *line) difference(from, to int64) flows.Energy {
	round := l.unit << 32
	return ((l.reads[to].value-l.reads[from].value)%round + round) % round
}

// plain says that both readings are there and that nothing is wrong with either.
func (l *line) plain(k int64) bool {
	return l.known(k) && l.read(k) && l.read(k+1) && !l.is(k, lies...) && l.whole(k)
}

func (l *line) known(k int64) bool { _, ok := l.truth[k]; return ok }
func (l *line) read(k int64) bool  { _, ok := l.reads[k]; return ok }

// whole says that the register lived through the half-hour from its start to its end.
func (l *line) whole(k int64) bool {
	return !(l.Follows && startOf(k).Before(l.Start)) && (l.End.IsZero() || !startOf(k+1).After(l.End))
}

func (l *line) check() {
	for k, row := range l.rows {
		if row.Quality != flows.NoQuality && (k < l.first || k >= l.last) {
			l.wrong(k, None, "the register has no readings around it")
		}
	}
	for k := l.first; k < l.last; k++ {
		row := l.rows[k]
		l.report.count(row.Quality, row.Billable)
		l.clock.Slots++
		if row.Billable {
			l.clock.Billable++
		}
		if l.value(k, row) && row.Quality != flows.NoQuality {
			l.billing(k, row)
		}
	}
	for _, t := range l.Unjudged {
		if k := slotOf(t); !l.named[k] {
			l.wrong(k, "judged", "nobody has said whether it may be billed")
		}
	}
	l.unread()
	l.nulls()
	l.sums()
}

// unread looks for half-hours that the meter's log has and that nobody came to. Beside a hole that is allowed: of a meter that tells older
// records when it is asked for a hole, what lies between two holes may be passed over. So are the newest ones.
func (l *line) unread() {
	const newest = 3
	has := func(k int64) bool {
		_, begins := l.raw[k]
		_, ends := l.raw[k+1]
		return begins && ends || !l.known(k+newest) || !l.whole(k)
	}
	for from := l.first; l.known(from); from++ {
		passed, hole := []int64(nil), false
		for ; !has(from); from++ {
			if hole = hole || l.is(from, "log_hole"); !l.is(from, lies...) {
				passed = append(passed, from)
			}
		}
		switch {
		case hole:
			l.report.Unread += len(passed)
		case passed != nil && !l.told(passed[0], from):
			l.wrongRun(passed[0], fmt.Sprintf("no readings of %d half-hours", len(passed)), "readings", "the meter's log has them and nobody came to them")
		}
	}
}

// value holds one half-hour against the truth.
func (l *line) value(k int64, row flows.Interval) (right bool) {
	switch want := l.moved(k); {
	case l.plain(k) && (row.Quality != flows.Actual || *row.Value != want):
		l.wrong(k, kWh(want)+" actual", "not what went through the register")
	case l.plain(k):
		l.report.Compared++
		return true
	case row.Quality == flows.Actual && !(l.read(k) && l.read(k+1) && l.whole(k)):
		l.wrong(k, "no actual", "the meter's log does not have both its ends")
	case row.Quality == flows.Actual && *row.Value != l.difference(k, k+1):
		l.wrong(k, kWh(l.difference(k, k+1)), "not the difference of the meter's readings")
	case row.Quality == flows.Actual && row.Billable && *row.Value != want:
		l.wrong(k, kWh(want), fmt.Sprintf("the meter's log is wrong here (%v) and would be billed", l.truth[k].Wrong))
	default:
		return true
	}
	return false
}

// billing wants nothing withheld where all is well, and everything where the clock is far off.
func (l *line) billing(k int64, row flows.Interval) {
	off := max(l.clock.Seconds, -l.clock.Seconds)
	calm := l.plain(k)
	for n := k - 1; n <= k+1; n++ {
		calm = calm && l.known(n) && !l.is(n, lies...) && !l.is(n, "log_flag")
	}
	switch {
	case row.Billable && off > clockUnbillable:
		l.wrong(k, "not billable", fmt.Sprintf("the meter's clock is %d s off", l.clock.Seconds))
	case !row.Billable && calm && off < clockUnbillable:
		l.wrong(k, "billable", "nothing is wrong with it")
	}
}

func (l *line) wrong(k int64, expected, why string) { l.wrongRun(k, l.text(k), expected, why) }

func (l *line) wrongRun(k int64, stored, expected, why string) {
	start := startOf(k)
	l.named[k] = true
	l.report.Wrong = append(l.report.Wrong, SlotFault{l.Serial, l.Element, l.Direction, start, start.In(l.zone).Format("2006-01-02 15:04 MST"), stored,
		expected, why})
}

// text is what is stored of a half-hour.
func (l *line) text(k int64) string {
	row, ok := l.rows[k]
	switch {
	case !ok:
		return None
	case row.Quality == flows.NoQuality:
		return Null + " " + row.Reason
	case !row.Billable:
		return kWh(*row.Value) + " " + string(row.Quality) + " not billable"
	}
	return kWh(*row.Value) + " " + string(row.Quality)
}
