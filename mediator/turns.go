package mediator

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// turns decides whose request goes to which meter next. Every caller enters a place at the meter and keeps it to the end of its
// conversation; a turn is one try. Only the head of the line gets a turn: persons first, then the schedule, then backfills, each in order
// of arrival. So a person comes between two requests of a running batch, the schedule between two of a backfill, and two batches of one
// kind never mix.
//
//	enter -> place --turn--> wants --(head, nobody talking, gap over)--> talking --done--> place -> leave
//	                                                                         |
//	                                     the gap opens: spacing + back-off --+
//
// A meter has a line only while there are places, a kept connection or an open gap.
type turns struct {
	spacing, idle time.Duration

	mu    sync.Mutex
	lines map[string]*line // by serial
}

// line is one meter with those who want to talk to it. Guarded by turns.mu, but for conn, which belongs to who is talking.
type line struct {
	serial  string
	places  [priorities][]*place
	talking *place
	free    time.Time   // no request before
	conn    *connection // kept for the next request; nil when there is none
	closeAt time.Time   // when nobody wants conn until then
	timer   *time.Timer
}

// priority says who goes first: the least.
type priority int

const (
	person priority = iota
	schedule
	backfill
	priorities
)

// place is one conversation's position at a meter.
type place struct {
	turns   *turns
	line    *line
	wants   bool
	granted chan struct{}
}

// Why there was no turn before the context ended.
var (
	errBehind = errors.New("others were first")
	errGap    = errors.New("the gap between requests was still open")
)

func newTurns(spacing, idle time.Duration) *turns {
	return &turns{spacing: spacing, idle: idle, lines: map[string]*line{}}
}

// enter takes a place at the meter. It must be left again.
func (t *turns) enter(serial string, as priority) *place {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.lines[serial]
	if l == nil {
		l = &line{serial: serial}
		t.lines[serial] = l
	}
	p := &place{turns: t, line: l, granted: make(chan struct{}, 1)}
	l.places[as] = append(l.places[as], p)
	return p
}

// turn waits until the place may send its next request. After nil, line.conn belongs to the caller until done.
func (p *place) turn(ctx context.Context) error {
	p.turns.mu.Lock()
	p.wants = true
	p.turns.advance(p.line)
	p.turns.mu.Unlock()
	select {
	case <-p.granted:
		return nil
	case <-ctx.Done():
	}
	p.turns.mu.Lock()
	defer p.turns.mu.Unlock()
	if p.line.talking == p {
		<-p.granted
		return nil
	}
	p.wants = false
	if p.line.head() != p || p.line.talking != nil {
		return errBehind
	}
	return errGap
}

// done ends the turn and opens the gap, longer by extra.
func (p *place) done(extra time.Duration) {
	t, now := p.turns, time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	p.line.talking = nil
	p.line.free = now.Add(t.spacing + extra)
	p.line.closeAt = now.Add(t.idle)
	t.advance(p.line)
}

// leave ends the conversation.
func (p *place) leave() {
	l := p.line
	p.turns.mu.Lock()
	for i := range l.places {
		l.places[i] = slices.DeleteFunc(l.places[i], func(q *place) bool { return q == p })
	}
	idle := p.turns.advance(l)
	p.turns.mu.Unlock()
	idle.close()
}

// head is the place whose turn is next, nil when there is none. It keeps the others waiting while it is between two requests.
func (l *line) head() *place {
	for _, places := range l.places {
		if len(places) > 0 {
			return places[0]
		}
	}
	return nil
}

// advance does what is due at a line: grants a turn, gives back a connection to close, forgets the line; or sets its timer for when
// something will be due. It must be called with the lock, after every change.
func (t *turns) advance(l *line) (idle *connection) {
	if l.talking != nil || t.lines[l.serial] != l {
		return nil
	}
	now := time.Now()
	if h := l.head(); h != nil {
		switch {
		case !h.wants:
		case now.Before(l.free):
			t.wake(l, l.free.Sub(now))
		default:
			h.wants, l.talking = false, h
			h.granted <- struct{}{}
		}
		return nil
	}
	if l.conn != nil {
		if now.Before(l.closeAt) {
			t.wake(l, l.closeAt.Sub(now))
			return nil
		}
		idle, l.conn = l.conn, nil
		l.free = now.Add(t.spacing) // meters want the gap after a connection, too
	}
	if now.Before(l.free) {
		t.wake(l, l.free.Sub(now))
		return idle
	}
	t.forget(l)
	return idle
}

func (t *turns) wake(l *line, after time.Duration) {
	if l.timer != nil {
		l.timer.Reset(after)
		return
	}
	l.timer = time.AfterFunc(after, func() {
		t.mu.Lock()
		idle := t.advance(l)
		t.mu.Unlock()
		idle.close()
	})
}

func (t *turns) forget(l *line) {
	if l.timer != nil {
		l.timer.Stop()
	}
	delete(t.lines, l.serial)
}

// close closes what is kept. Nobody may be talking any more.
func (t *turns) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.lines {
		l.conn.close()
		l.conn = nil
		t.forget(l)
	}
}
