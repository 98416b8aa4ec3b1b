package syncer

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"flows"
)

// weather is a database on a bad day: commits take their time, fail before or after they are done, or never answer.
type weather struct {
	t    *testing.T
	rand *rand.Rand

	mu        sync.Mutex
	busy      bool
	kept      map[string]bool // has been committed, whatever was answered
	confirmed map[string]bool // was in a try that answered nil
	refused   map[string]bool // was alone in a try that was refused
	over      map[string]bool // Save has returned
}

func bad(serial string) bool { return serial[0] == 'B' }

func (w *weather) Save(ctx context.Context, results []flows.Result) error {
	w.mu.Lock()
	if w.busy || len(results) == 0 || len(results) > mostInGroup {
		w.t.Errorf("a try of %d, another one under way: %t", len(results), w.busy)
	}
	w.busy = true
	refuse := false
	for _, r := range results {
		refuse = refuse || bad(r.Meter.Serial)
		if w.over[r.Meter.Serial] {
			w.t.Errorf("%s is saved although its caller has been answered", r.Meter.Serial)
		}
	}
	takes, luck := time.Duration(w.rand.IntN(50))*time.Millisecond, w.rand.IntN(10)
	w.mu.Unlock()
	if luck == 0 {
		takes = time.Hour
	}
	select {
	case <-time.After(takes):
	case <-ctx.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy = false
	switch {
	case luck <= 1 || ctx.Err() != nil:
		return errLost
	case refuse:
		if len(results) == 1 {
			w.refused[results[0].Meter.Serial] = true
		}
		return refusal("a bad row")
	}
	for _, r := range results {
		w.kept[r.Meter.Serial] = true
	}
	if luck == 2 {
		return errLost // between COMMIT and its answer
	}
	for _, r := range results {
		w.confirmed[r.Meter.Serial] = true
	}
	return nil
}

func TestOnABadDayEveryCallIsAnsweredRightly(t *testing.T) {
	confirmed, refused := 0, 0
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := badDay(t, seed)
				confirmed, refused = confirmed+len(w.confirmed), refused+len(w.refused)
			})
		})
	}
	if confirmed < 1000 || refused < 20 {
		t.Errorf("%d committed, %d refused: this tells little", confirmed, refused)
	}
}

func badDay(t *testing.T, seed uint64) *weather {
	r := rand.New(rand.NewPCG(seed, 1))
	w := &weather{t: t, rand: rand.New(rand.NewPCG(seed, 2)), kept: map[string]bool{}, confirmed: map[string]bool{}, refused: map[string]bool{}, over: map[string]bool{}}
	g := NewGroup(w, time.Duration(r.IntN(250))*time.Millisecond)
	stopped := seed%2 == 0
	var callers sync.WaitGroup
	for i := range 600 {
		serial, comes, patience := fmt.Sprintf("G%d", i), time.Duration(r.IntN(20_000))*time.Millisecond, time.Duration(r.IntN(300_000))*time.Millisecond
		if r.IntN(50) == 0 {
			serial = fmt.Sprintf("B%d", i)
		}
		callers.Go(func() {
			<-time.After(comes)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			err := g.Save(ctx, flows.Result{Meter: flows.Meter{Serial: serial}})
			w.mu.Lock()
			defer w.mu.Unlock()
			w.over[serial] = true
			switch {
			case err == nil && !w.confirmed[serial]:
				t.Errorf("%s: nil without a commit", serial)
			case err != nil && w.confirmed[serial]:
				t.Errorf("%s: committed, but: %v", serial, err)
			case flows.Refused(err) != w.refused[serial] || w.refused[serial] && !bad(serial):
				t.Errorf("%s: refused %t, answer %v", serial, w.refused[serial], err)
			case err != nil && !flows.Refused(err) && ctx.Err() == nil && !stopped:
				t.Errorf("%s: given up although its caller waits: %v", serial, err)
			}
		})
	}
	if stopped {
		<-time.After(10 * time.Second)
		g.Stop() // in the middle of it all: whoever comes later is sent away
	}
	callers.Wait()
	g.Stop()
	return w
}
