package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
)

func mustTx(t *testing.T, s *Store, f func(pgx.Tx) error) {
	t.Helper()
	if err := s.Tx(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

// mustRun makes the run of a tick and says whether it was new.
func mustRun(t *testing.T, s *Store, r flows.Run) (id int64, added bool) {
	t.Helper()
	mustTx(t, s, func(tx pgx.Tx) (err error) {
		id, added, err = s.AddRun(t.Context(), tx, r)
		return err
	})
	return id, added
}

func hourlyRun(at time.Time) flows.Run {
	return flows.Run{Frequency: flows.Hourly, Origin: flows.Schedule, Scheduled: at}
}

func TestATickHasOneRunHoweverManySchedulersMakeIt(t *testing.T) {
	s := mustStore(t)
	var added [20]bool
	var all sync.WaitGroup
	for i := range added {
		all.Go(func() { _, added[i] = mustRun(t, s, hourlyRun(noon)) })
	}
	all.Wait()
	n := 0
	for _, a := range added {
		if a {
			n++
		}
	}
	if got := lines(t, s, `select count(*) from flows.sync_runs`); n != 1 || got != "1" {
		t.Errorf("%d made it, %s rows", n, got)
	}
	if err := s.AddESCO(t.Context(), flows.ESCO{Code: "E"}); err != nil {
		t.Fatal(err)
	}
	for _, r := range []flows.Run{
		{Frequency: flows.Daily, Origin: flows.Schedule, Scheduled: noon},
		{Frequency: flows.Hourly, Origin: flows.Schedule, Scheduled: noon, ESCO: "e"},
		hourlyRun(noon.Add(time.Hour)),
	} {
		if _, added := mustRun(t, s, r); !added {
			t.Errorf("%+v is taken for another", r)
		}
	}
	mustTx(t, s, func(tx pgx.Tx) error {
		_, last, err := s.LastTicks(t.Context(), tx, "")
		if got, want := fmt.Sprint(last[flows.Hourly], last[flows.Daily], last[flows.TwelveHourly].IsZero()),
			fmt.Sprint(noon.Add(time.Hour).Truncate(time.Microsecond), noon.Truncate(time.Microsecond), true); got != want {
			t.Errorf("last ticks of all meters: got %s, want %s", got, want)
		}
		_, last, _ = s.LastTicks(t.Context(), tx, "E")
		if len(last) != 1 {
			t.Errorf("last ticks of ESCO E: %v", last)
		}
		return err
	})
}

func TestListingGoesOnWhereItWasAndFinishesTheRun(t *testing.T) {
	s := mustStore(t)
	var all []flows.Registration
	for i := range 5 {
		all = append(all, at(fmt.Sprintf("M%d", i), fmt.Sprintf("10.0.0.%d", i+1), ""))
	}
	mustRegister(t, s, append(all, flows.Registration{Serial: "M3b"})...) // no address: not due
	id, _ := mustRun(t, s, hourlyRun(noon))
	seen := ""
	for done := false; !done; {
		mustTx(t, s, func(tx pgx.Tx) (err error) {
			var list []flows.Meter
			if list, done, err = s.NextMeters(t.Context(), tx, id, 2); err != nil {
				return err
			}
			for _, m := range list {
				seen += m.Serial + " "
			}
			return s.Listed(t.Context(), tx, id, list, done, map[string]int{"busy": len(list)})
		})
	}
	if seen != "M0 M1 M2 M3 M4 " {
		t.Errorf("listed %s", seen)
	}
	runs, err := s.Runs(t.Context(), 10)
	if err != nil || len(runs) != 1 {
		t.Fatal(runs, err)
	}
	if r := runs[0]; r.Meters != 5 || r.Skipped != 5 || r.SkipReasons["busy"] != 5 || r.Finished.IsZero() || r.Listed.IsZero() {
		t.Errorf("%+v", r)
	}
	mustTx(t, s, func(tx pgx.Tx) error {
		if list, done, err := s.NextMeters(t.Context(), tx, id, 2); len(list) > 0 || !done || err != nil {
			t.Errorf("a listed run lists %v, %v, %v", list, done, err)
		}
		return nil
	})
}

func TestSavesAreCountedOnceInTheirRun(t *testing.T) {
	s := mustStore(t)
	m := mustRegister(t, s, at("M1", "10.0.0.1", "C1.w"), at("M2", "10.0.0.2", ""), at("M3", "10.0.0.3", ""), at("M4", "10.0.0.4", ""))
	id, err := s.BeginRun(t.Context(), flows.Run{Frequency: flows.Hourly, Origin: flows.Command, Scheduled: noon, Meters: 5})
	if err != nil {
		t.Fatal(err)
	}
	of := func(serial string, h flows.Health, c flows.Code) flows.Result {
		return flows.Result{Meter: m[serial], Frequency: flows.Hourly, Run: id, Scheduled: noon, Health: h, Code: c, Details: "a\x00b", ReadAt: noon.Add(time.Minute),
			Duration: 1500 * time.Millisecond, Outcomes: []flows.Outcome{{Metric: "SyncerReads", State: flows.Failed, Reason: "odd \x00 byte"}}}
	}
	results := []flows.Result{of("M1", flows.Healthy, ""), of("M2", flows.Unhealthy, flows.Unreachable), of("M3", "", flows.Busy), of("M4", "", flows.Gateway)}
	again := results[0]
	again.ReadAt = again.ReadAt.Add(time.Minute) // its job ran twice
	for _, group := range [][]flows.Result{results, results, {again}} {
		if err := s.Save(t.Context(), group); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := lines(t, s, `select healthy, unhealthy, skipped, not_done, finished_at is null from flows.sync_runs`), "1 1 1 1 true"; got != want {
		t.Errorf("run: got %s, want %s", got, want)
	}
	if got, want := lines(t, s, `select serial, verdict, coalesce(error_code, '-'), details, duration_ms, outcomes->0->>'metric', timestamp = $1, read_at > timestamp
		from flows.meter_sync_log join flows.meter_registry on id = meter_id order by serial`, noon.Truncate(time.Microsecond)),
		"M1 healthy - ab 1500 SyncerReads true true\nM2 unhealthy UNREACHABLE ab 1500 SyncerReads true true\n"+
			"M3 skipped BUSY ab 1500 SyncerReads true true\nM4 not_done GATEWAY ab 1500 SyncerReads true true"; got != want {
		t.Errorf("log: got\n%s\nwant\n%s", got, want)
	}
	if err := s.EndRun(t.Context(), id, 1, "interrupted"); err != nil {
		t.Fatal(err)
	}
	if got, want := lines(t, s, `select skipped, skip_reasons->>'interrupted', finished_at is not null, database_bytes > 0 from flows.sync_runs`), "2 1 true true"; got != want {
		t.Errorf("ended run: got %s, want %s", got, want)
	}
}

func TestARunWhoseJobsAreLostIsClosed(t *testing.T) {
	s := mustStore(t)
	m := mustRegister(t, s, at("M1", "10.0.0.1", ""), at("M2", "10.0.0.2", ""))
	lost, _ := mustRun(t, s, hourlyRun(noon))
	kept, _ := mustRun(t, s, hourlyRun(noon.Add(time.Hour)))
	fresh, _ := mustRun(t, s, hourlyRun(time.Now()))
	mustExec(t, s, `update flows.sync_runs set meters = 2, listed_at = scheduled_for`)
	if err := s.Save(t.Context(), []flows.Result{{Meter: m["M1"], Frequency: flows.Hourly, Run: lost, Scheduled: noon, Health: flows.Healthy, ReadAt: noon}}); err != nil {
		t.Fatal(err)
	}
	mustExec(t, s, `update flows.sync_runs set saved_at = scheduled_for where saved_at is not null`)
	mustExec(t, s, `insert into river.river_job (kind, args, state, max_attempts) values ('meter_sync', jsonb_build_object('meter', 'x', 'run', $1::bigint), 'retryable', 3)`, kept)
	if n, err := s.CloseRuns(t.Context(), time.Minute); n != 1 || err != nil {
		t.Errorf("closed %d, %v", n, err)
	}
	if got, want := lines(t, s, `select id, healthy, not_done, finished_at is not null from flows.sync_runs order by id`),
		fmt.Sprintf("%d 1 1 true\n%d 0 0 false\n%d 0 0 false", lost, kept, fresh); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestPruneKeepsWhatIsYoungAndWhatIsOpen(t *testing.T) {
	s := mustStore(t)
	old, _ := mustRun(t, s, hourlyRun(noon))
	mustRun(t, s, flows.Run{Frequency: flows.Hourly, Origin: flows.Schedule, Scheduled: noon.Add(-time.Hour), Missed: true})
	young, _ := mustRun(t, s, hourlyRun(noon.Add(2*time.Hour)))
	mustExec(t, s, `insert into flows.meter_sync_log (meter_id, timestamp, run_id, frequency, verdict, duration_ms)
		select gen_random_uuid(), $1::timestamptz + make_interval(mins => n), 1, 'hourly', 'healthy', 1 from generate_series(0, 119) n`, noon)
	for _, step := range []struct{ limit, want int64 }{{7, 7}, {100, 53}, {100, 0}} {
		if n, err := s.Prune(t.Context(), time.Since(noon.Add(time.Hour))+10*time.Second, int(step.limit)); n != step.want || err != nil {
			t.Errorf("pruned %d, %v, want %d", n, err, step.want)
		}
	}
	if got, want := lines(t, s, `select (select count(*) from flows.meter_sync_log), (select string_agg(id::text, ' ' order by id) from flows.sync_runs)`),
		fmt.Sprintf("60 %d %d", old, young); got != want {
		t.Errorf("left: got %s, want %s (an open run stays)", got, want)
	}
}

func TestWaitingNamesTheRunsOfWaitingMeters(t *testing.T) {
	s := mustStore(t)
	mustExec(t, s, `insert into river.river_job (kind, args, state, max_attempts, finalized_at) values
		('meter_sync', '{"meter": "a", "frequency": "hourly", "run": 7, "scheduled": "2026-03-04T12:00:00Z"}', 'running', 3, null),
		('meter_sync', '{"meter": "b", "frequency": "hourly", "run": 0}', 'scheduled', 3, null),
		('meter_sync', '{"meter": "c", "frequency": "hourly", "run": 7}', 'completed', 3, now()),
		('meter_sync', '{"meter": "d", "frequency": "daily", "run": 7}', 'available', 3, null)`)
	got, err := s.Waiting(t.Context(), flows.Hourly)
	if want := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC); err != nil || len(got) != 2 || !got["a"].Equal(want) || !got["b"].IsZero() {
		t.Errorf("%v, %v", got, err)
	}
}

func TestTheNewestTickOfAScheduleIsNeverPruned(t *testing.T) {
	s := mustStore(t)
	for range 3 { // else it would be made again after each prune
		if _, added := mustRun(t, s, hourlyRun(noon)); added {
			mustExec(t, s, `update flows.sync_runs set finished_at = now()`)
		}
		if _, err := s.Prune(t.Context(), time.Hour, 10); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := lines(t, s, `select count(*), max(id) from flows.sync_runs`), "1 1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestATickOfTheFutureKeepsNoOtherFromBeingMade(t *testing.T) {
	s := mustStore(t)
	mustRun(t, s, hourlyRun(noon))
	mustRun(t, s, hourlyRun(time.Now().Add(30*24*time.Hour)))
	mustTx(t, s, func(tx pgx.Tx) error {
		_, last, err := s.LastTicks(t.Context(), tx, "")
		if !last[flows.Hourly].Equal(noon.Truncate(time.Microsecond)) {
			t.Errorf("the last tick is that of %s", last[flows.Hourly])
		}
		return err
	})
}

func TestAnESCOThatIsGoneIsNotAllMeters(t *testing.T) {
	s := mustStore(t)
	r := hourlyRun(noon)
	r.ESCO = "GONE"
	err := s.Tx(t.Context(), func(tx pgx.Tx) error {
		_, _, err := s.AddRun(t.Context(), tx, r)
		return err
	})
	if unknown := (*UnknownESCO)(nil); !errors.As(err, &unknown) {
		t.Errorf("got %v", err)
	}
}

func TestARunThatNeverWasListedIsMissed(t *testing.T) {
	s := mustStore(t)
	mustRun(t, s, hourlyRun(noon))
	if n, err := s.CloseRuns(t.Context(), time.Minute); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if got, want := lines(t, s, `select missed, finished_at is not null, meters from flows.sync_runs`), "true true 0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestALockedMeterHoldsUpASaveForASecondOrTwo(t *testing.T) {
	s := mustStore(t)
	m := mustRegister(t, s, at("M1", "10.0.0.1", ""), at("M2", "10.0.0.2", ""))
	mustTx(t, s, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `select from flows.meter_shadows where id = $1::text::uuid for update`, m["M1"].ID); err != nil {
			return err
		}
		limited, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		err := s.Save(limited, []flows.Result{healthy(m["M1"], flows.Shadow{CSQ: new(9)}), healthy(m["M2"], flows.Shadow{CSQ: new(9)})})
		if err == nil || limited.Err() != nil || flows.Refused(err) || flows.CodeOf(err, "") != flows.Database {
			t.Errorf("a save of a locked meter: %v", err)
		}
		return s.Save(t.Context(), []flows.Result{healthy(m["M2"], flows.Shadow{CSQ: new(9)})})
	})
}
