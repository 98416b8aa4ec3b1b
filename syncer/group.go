package syncer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"flows"
)

// Saver keeps results. It is given many at once and stores all of them or none; storing one again changes nothing. What it refuses for
// the data's sake, and would refuse again, is a flows.Refused error; every other one is taken for trouble that passes.
type Saver interface {
	Save(ctx context.Context, results []flows.Result) error
}

// mostInGroup is how many results are saved in one commit.
const mostInGroup = 200

// commitLimit is for one commit: a lost connection shows itself by silence.
const commitLimit = 15 * time.Second

// After trouble on the way the next commit is tried after these times: doubling from the first to the last, somewhat less by chance.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 2 * time.Second
)

// Who failed alone, not refused, is tried again after these times: doubling from the first to the last.
const (
	firstAlone = time.Second
	lastAlone  = 10 * time.Second
)

// Group saves the results of many goroutines, many in one commit, one commit at a time.
//
// Any failure halves the next group, any success doubles it. So one bad row is soon alone and costs one meter; a commit that takes
// too long becomes a shorter one; and a database that is away is asked with little until it is back.
//
//	Save ──> queue ──> group ──> committed             nil
//	           │ ^       ├─────> refused, alone         error
//	           │ └───────┴─────> refused or trouble     halved, again
//	           └───────────────> its context ended      error
type Group struct {
	// Saved, when set, is told of each commit: of how many results and how long it took. To be set before the first Save.
	Saved func(n int, took time.Duration)

	saver Saver
	wait  time.Duration
	news  chan struct{} // something below changed
	ended chan struct{}

	mu        sync.Mutex
	queue     []*waiting
	saving    []*waiting
	cancel    context.CancelFunc // of the commit at hand
	stopping  bool
	lastAlone bool // the last group was one that had failed alone
}

// waiting is a call of Save. It is in the queue, or in the group being saved, or answered.
type waiting struct {
	ctx     context.Context
	result  flows.Result
	came    time.Time
	trouble error     // of the last try
	alone   int       // how often it failed alone: then it is tried alone, lest a locked row hold up all others,
	pauses  time.Time // and not before that
	answer  chan error
}

// NewGroup makes a Group that must be stopped. What comes within wait after the first result of a group, or while another group is
// being saved, is saved with it.
func NewGroup(s Saver, wait time.Duration) *Group {
	g := &Group{saver: s, wait: wait, news: make(chan struct{}, 1), ended: make(chan struct{}), cancel: func() {}}
	go g.run()
	return g
}

// Save gives nil when the result has been committed, and an error when this call will not do it any more: the database refused it, ctx
// ended, or the Group was stopped. When ctx ends during a commit, Save waits to hear what became of it.
func (g *Group) Save(ctx context.Context, r flows.Result) error {
	w := &waiting{ctx: ctx, result: r, came: time.Now(), answer: make(chan error, 1)}
	g.mu.Lock()
	if g.stopping {
		g.mu.Unlock()
		return flows.Errorf(flows.Cancelled, "not saved: this process is ending")
	}
	g.queue = append(g.queue, w)
	g.mu.Unlock()
	g.tell()
	select {
	case err := <-w.answer:
		return err
	case <-ctx.Done():
	}
	if g.leave(w) {
		return w.gone()
	}
	return <-w.answer
}

// Stop waits for all calls of Save that are under way, and takes no more.
func (g *Group) Stop() {
	g.mu.Lock()
	g.stopping = true
	g.mu.Unlock()
	g.tell()
	<-g.ended
}

func (g *Group) tell() {
	select {
	case g.news <- struct{}{}:
	default:
	}
}

// leave takes a call out of the queue; false when it is not there. A commit that nobody waits for any more is ended.
func (g *Group) leave(w *waiting) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	defer g.tell()
	if i := slices.Index(g.queue, w); i >= 0 {
		g.queue = slices.Delete(g.queue, i, i+1)
		return true
	}
	g.cancelUnawaited()
	return false
}

func (g *Group) cancelUnawaited() {
	if !slices.ContainsFunc(g.saving, func(w *waiting) bool { return w.ctx.Err() == nil }) {
		g.cancel()
	}
}

// gone is the error for who has not waited long enough.
func (w *waiting) gone() error {
	code, err := flows.Database, w.ctx.Err()
	if errors.Is(err, context.Canceled) {
		code = flows.Cancelled
	}
	if w.trouble != nil {
		err = fmt.Errorf("%w; the last try: %w", err, w.trouble)
	}
	return flows.Errorf(code, "not saved: %w", err)
}

// run saves one group after the other.
func (g *Group) run() {
	defer close(g.ended)
	size, pause, failures := mostInGroup, time.Duration(0), 0
	for {
		group := g.next(size, time.Now().Add(pause-rand.N(pause/2+1)))
		if group == nil {
			return
		}
		err := g.save(group)
		switch {
		case err == nil:
			if failures > halvings {
				g.trustAll()
			}
			failures, size, pause = -1, min(2*size, mostInGroup), 0
		case flows.Refused(err):
			size, pause = max(len(group)/2, 1), 0
		default:
			size, pause = max(len(group)/2, 1), min(max(2*pause, firstPause), lastPause)
		}
		failures++
		g.settle(group, err)
	}
}

// halvings is how many failures in a row one result can cause. More are everybody's.
const halvings = 9

// trustAll lets those who failed alone be saved with others again.
func (g *Group) trustAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, w := range g.queue {
		w.alone = 0
	}
}

// next waits for the next group of at most size; nil when there will be none.
func (g *Group) next(size int, notBefore time.Time) []*waiting {
	for {
		group, due := g.take(size, notBefore)
		if group != nil || due == 0 {
			return group
		}
		select {
		case <-g.news:
		case <-time.After(due):
		}
	}
}

// take gives the next group, or how long it is until then; neither when it was the last one.
func (g *Group) take(size int, notBefore time.Time) (group []*waiting, due time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.queue) == 0 {
		if g.stopping {
			return nil, 0
		}
		return nil, time.Hour // or news
	}
	group, whole := g.choose(size)
	if whole.After(notBefore) {
		notBefore = whole
	}
	if due = time.Until(notBefore); due > 0 {
		return nil, due
	}
	g.lastAlone = group[0].alone > 0
	g.queue = slices.DeleteFunc(g.queue, func(w *waiting) bool { return slices.Contains(group, w) })
	return group, 0
}

// choose gives the next group of a queue that is not empty, and when it is to be saved. Those that failed alone take turns with the others.
func (g *Group) choose(size int) (group []*waiting, whole time.Time) {
	var suspect *waiting
	for _, w := range g.queue {
		switch {
		case w.alone == 0 && len(group) < size:
			group = append(group, w)
		case w.alone > 0 && (suspect == nil || w.pauses.Before(suspect.pauses)):
			suspect = w
		}
	}
	if len(group) > 0 && len(group) < size && !g.stopping {
		whole = group[0].came.Add(g.wait)
	}
	if suspect == nil || len(group) > 0 && (g.lastAlone || time.Now().Before(suspect.pauses)) {
		return group, whole
	}
	if g.stopping {
		return []*waiting{suspect}, time.Time{}
	}
	return []*waiting{suspect}, suspect.pauses
}

// save is one try of one commit. No single call's context ends it.
func (g *Group) save(group []*waiting) error {
	ctx, cancel := context.WithTimeout(context.Background(), commitLimit)
	defer cancel()
	g.mu.Lock()
	g.saving, g.cancel = group, cancel
	g.cancelUnawaited()
	g.mu.Unlock()
	results := make([]flows.Result, len(group))
	for i, w := range group {
		results[i] = w.result
	}
	start := time.Now()
	err := g.saver.Save(ctx, results)
	if err == nil && g.Saved != nil {
		g.Saved(len(group), time.Since(start))
	}
	return err
}

// settle answers whom the try decided for and lets the others try again: first of all, but behind all others whoever failed alone, lest
// it stand in their way.
func (g *Group) settle(group []*waiting, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.saving = nil
	var again []*waiting
	for _, w := range group {
		w.trouble = err
		switch {
		case err == nil || flows.Refused(err) && len(group) == 1:
			w.answer <- err
		case w.ctx.Err() != nil:
			w.answer <- w.gone()
		default:
			again = append(again, w)
		}
	}
	if len(group) == 1 {
		for _, w := range again {
			w.alone++
			w.pauses = time.Now().Add(min(firstAlone<<min(w.alone-1, 10), lastAlone))
		}
		g.queue = append(g.queue, again...)
	} else {
		g.queue = append(again, g.queue...)
	}
}
