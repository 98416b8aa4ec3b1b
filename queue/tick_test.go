package queue

import (
	"context"
	"testing"
	"time"

	"flows"
)

func TestManySchedulersMakeEveryTickOnce(t *testing.T) {
	b := newBench(t, 3)
	o := quick()
	o.Schedules = map[flows.Frequency]Schedule{flows.Hourly: Every(time.Second)}
	for range 3 {
		b.start(&meters{}, o)
	}
	b.await("true", `select count(*) >= 4 from flows.sync_runs`)
	if got, want := b.text(`select count(distinct scheduled_for) = count(*), max(scheduled_for) - min(scheduled_for) = make_interval(secs => count(*) - 1), bool_or(missed)
		from flows.sync_runs`), "true true false"; got != want {
		t.Errorf("once each, none left out, missed: got %s, want %s", got, want)
	}
	b.await("true", `select count(*) >= 4 from flows.sync_runs where finished_at is not null and healthy + skipped = 3`)
}

func TestMissedTicksAreMadeUpForOnce(t *testing.T) {
	b := newBench(t, 2)
	o := quick()
	o.Schedules = hourly()
	q, err := New(b.store.Pool(), b.store, &meters{}, o)
	if err != nil {
		t.Fatal(err)
	}
	b.exec(`insert into flows.sync_runs (frequency, scheduled_for, finished_at) values ('hourly', date_trunc('hour', now()) - interval '3 hours', now())`)
	for range 2 {
		if next, err := q.makeRuns(t.Context()); err != nil || next > longestNap {
			t.Fatal(next, err)
		}
	}
	if got, want := b.text(`select string_agg(missed::text, ' ' order by scheduled_for), (select count(*) from river.river_job) from flows.sync_runs`),
		"false true true false 1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestARunLongerThanItsPeriodSkipsWithReasonAndTheQueueDoesNotGrow(t *testing.T) {
	b := newBench(t, 5)
	goOn := make(chan bool)
	m := &meters{answer: func(ctx context.Context, _ string) error {
		select {
		case <-goOn:
		case <-ctx.Done():
		}
		return nil
	}}
	o := quick()
	o.Schedules, o.JobTimeout, o.RescueAfter = map[flows.Frequency]Schedule{flows.Hourly: Every(time.Second)}, time.Minute, 2*time.Minute
	b.start(m, o)
	b.await("true", `select count(*) >= 4 from flows.sync_runs where listed_at is not null`)
	if got, want := b.text(`select count(*), count(distinct args->>'meter') from river.river_job where kind = 'meter_sync'`), "5 5"; got != want {
		t.Errorf("jobs and meters: got %s, want %s", got, want)
	}
	if got, want := b.text(`select distinct skipped, (select string_agg(key, ';') from jsonb_object_keys(skip_reasons) key) =
		'still waiting or running from the run of ' || to_char((select min(scheduled_for) from flows.sync_runs), 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
		from flows.sync_runs where listed_at is not null and scheduled_for > (select min(scheduled_for) from flows.sync_runs)`), "5 true"; got != want {
		t.Errorf("skipped, with the reason: got %s, want %s", got, want)
	}
	close(goOn)
	b.await("true", `select bool_or(healthy = 5) from flows.sync_runs where finished_at is not null`)
}

func TestAMeterAskedForWhileARunIsListedIsSkipped(t *testing.T) {
	b := newBench(t, 3)
	o := quick()
	o.Workers, o.Schedules = 0, map[flows.Frequency]Schedule{}
	q := b.start(&meters{}, o)
	if _, err := q.client.Insert(t.Context(), MeterSync{Meter: b.id("M1"), Frequency: flows.Hourly}, nil); err != nil {
		t.Fatal(err)
	}
	b.exec(`insert into flows.sync_runs (frequency, scheduled_for) values ('hourly', now())`)
	run := flows.Run{ID: 1, Frequency: flows.Hourly, Scheduled: time.Now()}
	w := &listWorker{queue: q}
	if _, err := w.list(t.Context(), run, map[string]time.Time{}); !isDuplicate(err) {
		t.Fatalf("a meter asked for since the look at the queue: %v", err)
	}
	waiting, err := b.store.Waiting(t.Context(), flows.Hourly)
	if err != nil {
		t.Fatal(err)
	}
	if done, err := w.list(t.Context(), run, waiting); err != nil || !done {
		t.Fatal(done, err)
	}
	if got, want := b.text(`select meters, skipped, skip_reasons->>'a person has asked for it already', (select count(*) from river.river_job) from flows.sync_runs`), "3 1 1 3"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
