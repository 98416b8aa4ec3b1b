package queue

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"flows"
	"flows/postgres"
)

func TestARunReadsEveryDueMeterAndFinishes(t *testing.T) {
	b := newBench(t, 30)
	b.exec(`update flows.meter_registry set mode = 'passive' where serial = 'M7'`)
	m := &meters{answer: func(_ context.Context, serial string) error {
		if serial == "M3" {
			return flows.Errorf(flows.Timeout, "silent")
		}
		return nil
	}}
	var mu sync.Mutex
	told := 0
	o := quick()
	o.Schedules = hourly()
	o.Done = func(flows.Result) { mu.Lock(); told++; mu.Unlock() }
	q := b.start(m, o)
	b.await("29 28 1 0 0 true", lastRun)
	b.stop(q)
	if n := m.times("M7"); n > 0 || told != 29 {
		t.Errorf("the passive meter was asked %d times; told of %d results", n, told)
	}
	if got, want := b.text(`select count(*), count(distinct meter_id), bool_and(timestamp = (select scheduled_for from flows.sync_runs)) from flows.meter_sync_log`),
		"29 29 true"; got != want {
		t.Errorf("log: got %s, want %s", got, want)
	}
	if got, want := b.text(`select count(*), bool_and(l.read_at = c.timestamp) from flows.meter_csq c join flows.meter_sync_log l using (meter_id)`), "29 true"; got != want {
		t.Errorf("history: got %s, want %s", got, want)
	}
}

func TestAPassingReasonIsTriedTwiceMoreAndOnlyTheLastVerdictStored(t *testing.T) {
	b := newBench(t, 3)
	b.exec(`update flows.meter_shadows set last_healthy_at = null where id = (select id from flows.meter_registry where serial = 'M2')`)
	var m *meters
	m = &meters{answer: func(_ context.Context, serial string) error {
		if serial == "M1" && m.times("M1") == 3 {
			return nil
		}
		return flows.Errorf(flows.Unreachable, "connection refused")
	}}
	o := quick()
	o.Schedules = hourly()
	b.start(m, o)
	b.await("3 1 2 0 0 true", lastRun)
	if m.times("M0") != 3 || m.times("M1") != 3 || m.times("M2") != 1 {
		t.Errorf("asked M0 %d, M1 %d times, want 3; and M2, long dead, %d times, want 1", m.times("M0"), m.times("M1"), m.times("M2"))
	}
	if got, want := b.text(`select count(*) from flows.meter_health_history`), "3"; got != want {
		t.Errorf("verdicts stored: got %s, want %s", got, want)
	}
}

// slowStore lets a save go on when the test says so.
type slowStore struct {
	*postgres.Store
	saving chan int
	goOn   chan error
}

func (s slowStore) Save(ctx context.Context, results []flows.Result) error {
	s.saving <- len(results)
	if err := <-s.goOn; err != nil {
		return err
	}
	return s.Store.Save(ctx, results)
}

func TestAJobIsDoneOnlyAfterItsCommit(t *testing.T) {
	b := newBench(t, 1)
	s := slowStore{b.store, make(chan int), make(chan error)}
	o := quick()
	o.Schedules = hourly()
	b.startWith(s, &meters{}, o)
	<-s.saving
	// Whatever else River has to write is written when a job that came later is done.
	b.exec(`insert into river.river_job (kind, args, queue, max_attempts) values ('meter_sync_all', jsonb_build_object('run', (select id from flows.sync_runs)), 'schedule', 3)`)
	b.await("2", `select count(*) from river.river_job where kind = 'meter_sync_all' and state = 'completed'`)
	if got, want := b.text(`select state::text from river.river_job where kind = 'meter_sync'`), "running"; got != want {
		t.Errorf("before the commit the job is %s", got)
	}
	s.goOn <- errors.New("connection lost")
	<-s.saving
	s.goOn <- nil
	b.await("completed 1", `select state::text, (select healthy from flows.sync_runs) from river.river_job where kind = 'meter_sync'`)
}

// pickyStore refuses what one meter read.
type pickyStore struct {
	*postgres.Store
	serial string
}

func (s pickyStore) Save(ctx context.Context, results []flows.Result) error {
	for _, r := range results {
		if r.Meter.Serial == s.serial && r.Health != flows.NeverRun {
			return &flows.Error{Code: flows.Database, Refused: true, Err: errors.New("value out of range")}
		}
	}
	return s.Store.Save(ctx, results)
}

func TestWhatTheDatabaseRefusesCostsOneMeter(t *testing.T) {
	b := newBench(t, 5)
	o := quick()
	o.Schedules = hourly()
	b.startWith(pickyStore{b.store, "M2"}, &meters{}, o)
	b.await("5 4 0 0 1 true", lastRun)
	if got, want := b.text(`select serial, error_code, details from flows.meter_sync_log join flows.meter_registry on id = meter_id where verdict <> 'healthy'`),
		"M2 DATABASE value out of range"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAStoppedWorkerHandsItsJobsBack(t *testing.T) {
	b := newBench(t, 4)
	asked := make(chan string, 4)
	stuck := &meters{answer: func(ctx context.Context, serial string) error {
		asked <- serial
		if serial == "M0" {
			return nil
		}
		<-ctx.Done()
		return flows.Errorf(flows.Cancelled, "cancelled")
	}}
	o := quick()
	o.Schedules, o.StopWithin = hourly(), 100*time.Millisecond
	q := b.start(stuck, o)
	for range 4 {
		<-asked
	}
	b.stop(q)
	if got, want := b.text(`select string_agg(state::text || attempt, ' ' order by state, id) from river.river_job where kind = 'meter_sync'`),
		"available0 available0 available0 completed1"; got != want {
		t.Errorf("after the stop: got %s, want %s", got, want)
	}
	b.start(&meters{}, o)
	b.await("4 4 0 0 0 true", lastRun)
}

func TestAPersonComesBeforeTheSchedule(t *testing.T) {
	b := newBench(t, 6)
	asked, goOn := make(chan string, 20), make(chan bool)
	m := &meters{answer: func(_ context.Context, serial string) error {
		asked <- serial
		<-goOn
		return nil
	}}
	o := quick()
	o.Schedules, o.Workers = hourly(), 1
	q := b.start(m, o)
	first := <-asked
	var later []string
	for _, serial := range []string{"M3", "M4", "M5"} {
		if serial != first {
			later = append(later, serial)
		}
	}
	b.exec(`insert into flows.meter_metrics (name, run_frequency) values ('SyncerCSQ', 'daily')`)
	for _, want := range []struct {
		meter string
		f     flows.Frequency
	}{{later[0], flows.Hourly}, {later[1], flows.Daily}} {
		if err := q.Read(t.Context(), b.id(want.meter), want.f); err != nil {
			t.Fatal(err)
		}
		goOn <- true
		if got := <-asked; got != want.meter {
			t.Errorf("after %s and the request of %s came %s", first, want.meter, got)
		}
	}
	close(goOn)
	b.await("6 6 0 0 0 true", lastRun)
	b.await("1", `select count(*) from flows.meter_sync_log where run_id = 0 and frequency = 'daily'`)
}
