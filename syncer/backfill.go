package syncer

import (
	"context"
	"slices"
	"time"

	"flows"
	"flows/emop"
)

const (
	// pieceCalls is after how many questions of a backfill is saved what they brought.
	pieceCalls = 20
	// searchCalls is the most that a search for the end of a hole takes beyond them.
	searchCalls = 40
	// firstReach is how far ahead the end of a hole is looked for at first, doubled as long as there is none: of what lies between two holes
	// that a search spans, nothing would be known.
	firstReach = 12 * time.Hour
	// mostSkips is how many answers in a row that cannot be used end a log. One alone costs the half-hours up to firstReach ahead.
	mostSkips = 3
	// mostBusy is how often in a row a meter may be found busy: the schedule's longest batches take minutes.
	mostBusy = 10
)

// Backfill reads half-hours of the past.
type Backfill struct {
	Client Client
	Save   func(context.Context, flows.Result) error // of the half-hours and holes of a meter, nothing else
	Pause  time.Duration                             // before what failed for a reason that passes is asked for again
}

// Filled is what a backfill of one meter came to.
type Filled struct {
	Questions int
	Records   int      // half-hourly times that were missing and are stored now, each of a register and direction
	Holes     int      // that were missing, and the meter has shown to have no record of
	Missing   int      // that still are
	Unknown   []string // logs that the meter does not have
	NoLog     bool     // it has none at all
}

// Meter asks a meter for the half-hourly times of which nothing is known, given like holes: the oldest first, which its logs will forget
// next. What some twenty questions have brought is saved before more are asked. What was saved before something failed is counted with the
// error.
func (b Backfill) Meter(ctx context.Context, m flows.Meter, missing []flows.ProfileHole) (Filled, error) {
	f := newFill(ctx, b.Client, m, missing)
	heard := false
	for tries := 0; ; {
		found, err := f.piece(ctx)
		if len(found.Reads)+len(found.Holes) > 0 {
			tries, heard = 0, true
			if err := b.save(ctx, m, found); err != nil {
				return f.filled(), err
			}
			f.count(found)
		}
		switch code := flows.CodeOf(err, flows.Mediator); {
		case err == nil && f.behind() == nil:
			return f.filled(), f.failed
		case err == nil:
			continue
		case code == flows.Cancelled && ctx.Err() == nil: // its mediator is being stopped
			err = flows.Errorf(flows.Mediator, "%w", err)
		}
		if tries++; tries >= patience(flows.CodeOf(err, flows.Mediator), heard) {
			return f.filled(), err
		}
		select {
		case <-time.After(time.Duration(tries) * b.Pause):
		case <-ctx.Done():
		}
	}
}

// save does not end with ctx: what has been read is stored.
func (b Backfill) save(ctx context.Context, m flows.Meter, found HalfHours) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	return b.Save(ctx, flows.Result{Meter: m, Profile: found.Reads, Holes: found.Holes, ReadAt: time.Now()})
}

// patience is how many tries in a row trouble is worth. A meter that has answered nothing yet is taken for dead.
func patience(code flows.Code, heard bool) int {
	switch code {
	case flows.Busy:
		return mostBusy
	case flows.Gateway, flows.Mediator:
		return mostTries
	case flows.Unreachable, flows.Timeout, flows.Closed:
		if heard {
			return mostTries
		}
	}
	return 1
}

// fill is the backfill of one meter while it goes on.
type fill struct {
	meter   flows.Meter
	client  *counting
	logs    []*fillLog
	missing map[slot]bool
	done    Filled
	failed  error // the first answer that could not be used
}

// fillLog is one of its logs.
type fillLog struct {
	*halfLog
	missing []flows.Period // the one at hand first; none when there is nothing more to ask for
	skips   int            // answers in a row that could not be used
}

// slot is one half-hourly time of a register and direction.
type slot struct {
	element   string
	direction flows.Direction
	unix      int64
}

// counting counts what is asked.
type counting struct {
	Client
	questions int
}

// Batch is Client's.
func (c *counting) Batch(ctx context.Context, serial string, items []emop.Item) []emop.Answer {
	c.questions += len(items)
	return c.Client.Batch(ctx, serial, items)
}

func newFill(ctx context.Context, c Client, m flows.Meter, missing []flows.ProfileHole) *fill {
	f := &fill{meter: m, client: &counting{Client: c}, missing: map[slot]bool{}}
	for _, h := range missing {
		each(h, func(s slot) { f.missing[s] = true })
	}
	for _, l := range f.run(ctx).logs() {
		f.logs = append(f.logs, &fillLog{halfLog: l, missing: stretches(missing, l.registers)})
	}
	return f
}

func (f *fill) run(ctx context.Context) *run {
	return &run{ctx: ctx, client: f.client, meter: f.meter, class: emop.ClassOf(f.meter.Hardware)}
}

func each(h flows.ProfileHole, do func(slot)) {
	for t := h.From; t.Before(h.To); t = t.Add(flows.SlotLength) {
		do(slot{h.Element, h.Direction, t.Unix()})
	}
}

// stretches is what is missing of any of these registers.
func stretches(missing []flows.ProfileHole, of []flows.ProfileMark) (all []flows.Period) {
	for _, h := range missing {
		if slices.ContainsFunc(of, func(m flows.ProfileMark) bool { return m.Element == h.Element && m.Direction == h.Direction }) {
			all = append(all, h.Period)
		}
	}
	slices.SortFunc(all, func(a, b flows.Period) int { return a.From.Compare(b.From) })
	merged := all[:0]
	for _, p := range all {
		switch n := len(merged) - 1; {
		case n < 0 || merged[n].To.Before(p.From):
			merged = append(merged, p)
		case merged[n].To.Before(p.To):
			merged[n].To = p.To
		}
	}
	return merged
}

// piece asks until so many questions are used up, one fails for more than its log, or nothing is left to ask for. It makes sure who answers.
func (f *fill) piece(ctx context.Context) (found HalfHours, err error) {
	r := f.run(ctx)
	l := f.behind()
	if l != nil && f.meter.FrameAddress == nil && !r.identify() {
		return found, r.cannotTell()
	}
	w := walk{run: r, left: pieceCalls + searchCalls, found: &found}
	for ; l != nil && w.left > searchCalls; l = f.behind() {
		err := w.fill(l.halfLog)
		switch code := flows.CodeOf(err, flows.Mediator); {
		case err == nil && !l.ended:
			l.skips = 0
		case err == nil:
			l.missing = nil
		case flows.NAKOf(err) == flows.NAKUnknownObject:
			l.missing, f.done.Unknown = nil, append(f.done.Unknown, l.name)
		case r.late && (code == flows.NAK || code == flows.BadAnswer):
			f.skip(l, err)
		default:
			return found, err
		}
	}
	if own := r.result.Registry.FrameAddress; own != nil {
		f.meter.FrameAddress = own
	}
	return found, nil
}

// skip passes over half-hours whose answer cannot be used: a bad place must not keep what is behind it from being read.
func (f *fill) skip(l *fillLog, err error) {
	if f.failed == nil {
		f.failed = err
	}
	l.next = l.next.Add(firstReach)
	if l.skips++; l.skips == mostSkips {
		l.missing = nil
	}
}

// behind is the log that is furthest behind, set to what is missing of it next; nil when nothing is left to ask for.
func (f *fill) behind() (first *fillLog) {
	for _, l := range f.logs {
		for len(l.missing) > 0 && !l.next.Before(l.missing[0].To) {
			l.missing = l.missing[1:]
		}
		if len(l.missing) == 0 {
			continue
		}
		if p := l.missing[0]; l.next.Before(p.From) {
			l.next = p.From
		}
		l.to = l.missing[0].To.Add(-flows.SlotLength)
		if first == nil || l.next.Before(first.next) {
			first = l
		}
	}
	return first
}

// fill is step for long stretches. Where the meter has only older records it looks for the next ones from near to far, beyond
// the stretch too: what is known behind it tells a hole from a log that has ended.
func (w *walk) fill(l *halfLog) error {
	p, err := w.ask(l, l.next)
	if err != nil {
		return err
	}
	from, newest := l.next, w.run.newestBoundary(time.Now())
	if p.reaches(from, l.to).IsZero() {
		from = time.Time{}
		for reach := firstReach; from.IsZero(); reach *= 2 {
			l.to = earlier(l.next.Add(reach), newest)
			if from, p, err = w.beyond(l); err != nil {
				return err
			}
			if from.IsZero() && !l.to.Before(newest) {
				l.ended = true
				return nil
			}
		}
	}
	last := p.reaches(from, l.to)
	if all := p.reaches(from, newest); all.Before(newest) {
		last = all // it speaks for what is behind the stretch too
	}
	w.found.Reads = append(w.found.Reads, notBefore(p.reads, from)...)
	for _, reg := range l.registers {
		w.found.Holes = append(w.found.Holes, holes(p.reads, reg, l.next, last)...)
	}
	l.next = after(last)
	return nil
}

// count takes what was found out of what is missing.
func (f *fill) count(found HalfHours) {
	before := len(f.missing)
	for _, r := range found.Reads {
		delete(f.missing, slot{r.Element, r.Direction, r.Time.Unix()})
	}
	f.done.Records += before - len(f.missing)
	before = len(f.missing)
	for _, h := range found.Holes {
		each(h, func(s slot) { delete(f.missing, s) })
	}
	f.done.Holes += before - len(f.missing)
}

func (f *fill) filled() Filled {
	f.done.Questions, f.done.Missing = f.client.questions, len(f.missing)
	f.done.NoLog = len(f.done.Unknown) == len(f.logs)
	return f.done
}
