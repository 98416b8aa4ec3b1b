package schema_test

import (
	"strings"
	"testing"
)

func TestTickHasOneRun(t *testing.T) {
	conn := migrated(t)
	esco := rows(t, conn, `insert into escos (code) values ('E') returning id::text`)
	const insert = `insert into sync_runs (frequency, esco, origin, scheduled_for) values ($1, nullif($2, '')::uuid, $3, $4)`
	for _, run := range []struct {
		name, frequency, esco, origin, at string
		refused                           bool
	}{
		{"first", "hourly", "", "schedule", "2026-01-01 00:05Z", false},
		{"the same, without an ESCO", "hourly", "", "schedule", "2026-01-01 00:05Z", true},
		{"the same instant in another zone", "hourly", "", "schedule", "2026-01-01 01:05+01", true},
		{"of an ESCO", "hourly", esco, "schedule", "2026-01-01 00:05Z", false},
		{"the same, of an ESCO", "hourly", esco, "schedule", "2026-01-01 00:05Z", true},
		{"another frequency", "daily", "", "schedule", "2026-01-01 00:05Z", false},
		{"a person's", "hourly", "", "command", "2026-01-01 00:05Z", false},
		{"the next tick", "hourly", "", "schedule", "2026-01-01 01:05Z", false},
		{"unknown frequency", "weekly", "", "schedule", "2026-01-01 00:05Z", true},
		{"unknown origin", "hourly", "", "elsewhere", "2026-01-01 00:05Z", true},
	} {
		_, err := conn.Exec(t.Context(), insert, run.frequency, run.esco, run.origin, run.at)
		if got := err != nil; got != run.refused {
			t.Errorf("%s: refused %v (%v), want %v", run.name, got, err, run.refused)
		}
	}
	// Two schedulers at once: the second neither fails nor makes one.
	tag, err := conn.Exec(t.Context(), insert+` on conflict do nothing`, "hourly", "", "schedule", "2026-01-01 00:05Z")
	if err != nil || tag.RowsAffected() != 0 {
		t.Errorf("on conflict: %v, %v", tag, err)
	}
}

func TestRunFinishesWhenItIsListedAndEveryMeterIsCounted(t *testing.T) {
	conn := migrated(t)
	for _, run := range []struct {
		name  string
		steps []string // each an update of the run; the last one finishes it
	}{
		{"counted last", []string{"meters = 4", "healthy = 1", "listed_at = now()", "unhealthy = 1", "skipped = 1", "not_done = 1"}},
		{"listed last", []string{"meters = 3", "healthy = 3", "listed_at = now()"}},
		{"each counter alone: healthy", []string{"meters = 1, listed_at = now()", "healthy = 1"}},
		{"each counter alone: unhealthy", []string{"meters = 1, listed_at = now()", "unhealthy = 1"}},
		{"each counter alone: skipped", []string{"meters = 1, listed_at = now()", "skipped = 1"}},
		{"each counter alone: not done", []string{"meters = 1, listed_at = now()", "not_done = 1"}},
		{"all at once", []string{"started_at = now()", "meters = 2, skipped = 2, listed_at = now()"}},
		{"no meters", []string{"started_at = now()", "listed_at = now()"}},
		{"one more than there are", []string{"meters = 2", "healthy = 1, listed_at = now()", "healthy = 3"}},
		{"other columns do not finish it", []string{"meters = 1", "listed_at = now()", "saved_at = now()", "listed_through = 'M1', skip_reasons = '{\"busy\": 1}'", "healthy = 1"}},
	} {
		t.Run(run.name, func(t *testing.T) {
			undone(t, conn)
			exec(t, conn, `set local role flows`)
			id := rows(t, conn, `insert into sync_runs (frequency, scheduled_for) values ('hourly', now()) returning id`)
			state := func() string {
				return rows(t, conn, `select finished_at is not null, coalesce(database_bytes > 0, false) from sync_runs where id = $1::bigint`, id)
			}
			if got, want := state(), "false false"; got != want {
				t.Errorf("new: got %s, want %s", got, want)
			}
			for i, step := range run.steps {
				exec(t, conn, `update sync_runs set `+step+` where id = $1::bigint`, id)
				want := "false false"
				if i == len(run.steps)-1 {
					want = "true true"
				}
				if got := state(); got != want {
					t.Errorf("after %s: finished and has a size: got %s, want %s", strings.Join(run.steps[:i+1], "; "), got, want)
				}
			}
		})
	}
}

func TestFinishedRunKeepsItsTimeAndSize(t *testing.T) {
	conn := migrated(t)
	id := rows(t, conn, `insert into sync_runs (frequency, scheduled_for, meters) values ('hourly', now(), 1) returning id`)
	exec(t, conn, `update sync_runs set listed_at = now(), healthy = 1`)
	ended := func() string {
		return rows(t, conn, `select finished_at::text, database_bytes from sync_runs where id = $1::bigint`, id)
	}
	before := ended()
	exec(t, conn, `create table public.big as select i from generate_series(1, 10000) i`) // another size
	exec(t, conn, `update sync_runs set healthy = 2, saved_at = now()`)
	exec(t, conn, `update sync_runs set listed_at = now()`)
	if got := ended(); got != before {
		t.Errorf("after late results: got %s, want %s", got, before)
	}
}

func TestMissedRunKeepsTheTimeItCameWith(t *testing.T) {
	conn := migrated(t)
	id := rows(t, conn, `insert into sync_runs (frequency, scheduled_for, missed, finished_at) values ('daily', now(), true, '2026-01-01Z') returning id`)
	exec(t, conn, `update sync_runs set listed_at = now()`)
	if got, want := rows(t, conn, `select finished_at = '2026-01-01Z', database_bytes is null from sync_runs where id = $1::bigint`, id), "true true"; got != want {
		t.Errorf("its time, no size: got %s, want %s", got, want)
	}
}

func TestLogHasOneRowAMeterAndRun(t *testing.T) {
	conn := migrated(t)
	const insert = `insert into meter_sync_log (meter_id, "timestamp", run_id, frequency, verdict, duration_ms)
		values ('00000000-0000-4000-8000-000000000001', '2026-01-01Z', $1, 'daily', $2, 1)`
	exec(t, conn, insert, 1, "healthy")
	exec(t, conn, insert, 0, "not_done")
	for _, row := range []struct {
		run     int
		verdict string
	}{{1, "unhealthy"}, {0, "healthy"}, {2, "fine"}} {
		if _, err := conn.Exec(t.Context(), insert, row.run, row.verdict); err == nil {
			t.Errorf("run %d, %s was taken", row.run, row.verdict)
		}
	}
	if got, want := rows(t, conn, `select run_id, verdict, outcomes::text, details from meter_sync_log order by 1`), "0 not_done [] \n1 healthy [] "; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
