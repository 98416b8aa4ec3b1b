//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// site is an installation whose database the test looks into.
type site struct {
	*testing.T
	env  map[string]string
	conn *pgx.Conn
}

func newSite(t *testing.T, meters, hourly string, simulate ...string) site {
	t.Helper()
	env := installation(t, meters, simulate...)
	env["FLOWS_SCHEDULE_HOURLY"], env["FLOWS_SCHEDULE_12HOURLY"], env["FLOWS_SCHEDULE_DAILY"] = hourly, "off", "off"
	env["FLOWS_HTTP_ADDR"], env["FLOWS_RETRY_SECONDS"] = "127.0.0.1:0", "1"
	env["FLOWS_JOB_TIMEOUT_SECONDS"], env["FLOWS_JOB_RESCUE_SECONDS"] = "10", "15"
	conn, err := pgx.Connect(t.Context(), env["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.WithoutCancel(t.Context())) })
	return site{t, env, conn}
}

func (s site) serve(roles string) (*member, hello) {
	s.Helper()
	m := startMember(s.T, roles, s.env, "serve", "--roles", roles)
	return m, m.await()
}

// text gives a query's first row as one text.
func (s site) text(sql string, args ...any) string {
	s.Helper()
	rows, _ := s.conn.Query(s.Context(), sql, args...)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		values, err := row.Values()
		return strings.Trim(fmt.Sprint(values), "[]"), err
	})
	if err != nil {
		s.Fatalf("%v\n%s", err, sql)
	}
	return strings.Join(list, "\n")
}

func (s site) await(want, sql string, args ...any) {
	s.Helper()
	poll(s.T, time.Minute, want+" of "+sql, func() bool { return s.text(sql, args...) == want })
}

func get(t *testing.T, address, path string) (int, string) {
	t.Helper()
	r, err := http.Get("http://" + address + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

func TestASchedulerKilledOverATickIsMadeUpForOnceByTheNext(t *testing.T) {
	s := newSite(t, "12", "@every 6s")
	scheduler, _ := s.serve("scheduler")
	s.serve("worker")
	_, pages := s.serve("web")
	s.await("true", `select count(*) >= 1 from flows.sync_runs where finished_at is not null`)

	// The scheduler dies with the tick due, and comes back when it is past.
	tick := time.Now().UTC().Truncate(6 * time.Second).Add(6 * time.Second)
	<-time.After(time.Until(tick.Add(-500 * time.Millisecond)))
	if !scheduler.kill(1500 * time.Millisecond) {
		t.Fatal("no scheduler to kill")
	}
	s.await("1", `select count(*) from flows.sync_runs where scheduled_for = $1 and finished_at is not null and not missed`, tick)
	if got, want := s.text(`select meters, healthy, (select count(*) from flows.meter_sync_log l where l.run_id = r.id) from flows.sync_runs r where scheduled_for = $1`, tick), "12 12 12"; got != want {
		t.Errorf("meters, healthy ones and log rows of the tick: got %s, want %s", got, want)
	}
	if got := s.text(`select count(*) - count(distinct scheduled_for) from flows.sync_runs`); got != "0" {
		t.Errorf("ticks that were run twice: %s", got)
	}

	for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ok", "/metrics": `flows_meters{health="healthy"} 12`} {
		if code, body := get(t, pages.Address, path); code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d without %s:\n%s", path, code, want, body)
		}
	}
}

func TestAWorkerToldToStopLosesNothing(t *testing.T) {
	s := newSite(t, "40", "@every 1h", "--latency-median", "300ms")
	worker, _ := s.serve("scheduler,worker")
	s.await("true", `select count(*) between 3 and 30 from flows.meter_sync_log`)
	told := time.Now()
	worker.stop()
	if took := time.Since(told); took > 30*time.Second {
		t.Errorf("it took %s to stop", took)
	}
	if got := s.text(`select count(*) from river.river_job where state = 'running'`); got != "0" {
		t.Errorf("%s jobs are still held by the worker that is gone", got)
	}
	if got := s.text(`select count(*) > 0 from river.river_job where kind = 'meter_sync' and state = 'available'`); got != "true" {
		t.Error("it stopped when all was done: the test proves nothing")
	}
	s.serve("worker")
	s.await("40 40", `select meters, healthy from flows.sync_runs where finished_at is not null`)
	if got, want := s.text(`select count(*), count(distinct meter_id) from flows.meter_sync_log`), "40 40"; got != want {
		t.Errorf("log rows and meters: got %s, want %s", got, want)
	}
}

func TestServeNamesWhatIsWrong(t *testing.T) {
	s := newSite(t, "1", "@every 1h")
	for _, c := range []struct {
		name, setting, value string
		code                 int
		want                 string
	}{
		{"no database", "DATABASE_URL", "", exitUsage, "set DATABASE_URL"},
		{"schedule", "FLOWS_SCHEDULE_DAILY", "at noon", exitUsage, "FLOWS_SCHEDULE_DAILY"},
		{"parallel", "MAX_PARALLEL_JOBS", "0", exitUsage, "MAX_PARALLEL_JOBS"},
		{"ESCO", "ESCO", "NOBODY", exitUsage, `"NOBODY" is not known`},
		{"address", "FLOWS_HTTP_ADDR", "127.0.0.1:99999", exitUsage, "FLOWS_HTTP_ADDR"},
		{"rescue", "FLOWS_JOB_RESCUE_SECONDS", "9", exitUsage, "FLOWS_JOB_RESCUE_SECONDS must be more than"},
		{"mediator", "MEDIATOR_SERVER", "nowhere", exitUsage, "MEDIATOR_SERVER"},
		{"database away", "DATABASE_URL", "postgres://x@127.0.0.1:1/x", exitNotDone, "cannot connect"},
	} {
		env := map[string]string{}
		for k, v := range s.env {
			env[k] = v
		}
		env[c.setting] = c.value
		if got := call(env, "serve"); got.code != c.code || !strings.Contains(got.stderr, c.want) || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("%s: exit %d, %q", c.name, got.code, got.stderr)
		}
	}
	if got := call(s.env, "serve", "--roles", "cook"); got.code != exitUsage || !strings.Contains(got.stderr, "scheduler") {
		t.Errorf("role: exit %d, %q", got.code, got.stderr)
	}
}
