package queue

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"flows"
)

const judged = `select count(*) from flows.register_interval_hh where import_billable`

// A worker judges what comes, whoever saved it, and a process that is none leaves it alone.
func TestAWorkerJudgesHalfHours(t *testing.T) {
	b := newBench(t, 2)
	half := func(n int) {
		b.exec(`insert into flows.register_profile_hh (register_id, direction, "timestamp", read, status)
			select register_id, 'import', date_bin('30 minutes', now(), '2000-01-01Z') - (48 - $1 - n) * interval '30 minutes', 1 + ($1 + n) * 0.1, 128
			from flows.meter_registers cross join generate_series(0, 5) n order by 1, 3`, n)
	}
	o := quick()
	o.Schedules = hourly()
	o.Workers = 0
	scheduler := b.start(&meters{}, o)
	half(0)
	b.stop(scheduler)
	if got := b.text(judged); got != "0" {
		t.Errorf("a scheduler has judged %s", got)
	}
	b.start(&meters{}, quick())
	b.await("20", judged)
	half(6)
	b.await("44", judged)
}

// brokenStore cannot judge.
type brokenStore struct {
	Store
	asked atomic.Int32
}

func (s *brokenStore) Settle(context.Context, []string, flows.Judge) (int, error) {
	s.asked.Add(1)
	return 0, errors.New("out of order")
}

func TestTroubleWithJudgingIsNotAskedForAgainAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := &brokenStore{}
		q := &Queue{options: Defaults(), store: s}
		done := make(chan struct{})
		go func() { q.settle(ctx); close(done) }()
		time.Sleep(settleTrouble*2 + time.Second)
		cancel()
		<-done
		if n := s.asked.Load(); n != 3 {
			t.Errorf("asked %d times in %s", n, settleTrouble*2)
		}
	})
}
