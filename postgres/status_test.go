package postgres

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"flows"
	"flows/internal/pgtest"

	"github.com/google/go-cmp/cmp"
)

// mustFleet fills a database with a little of everything that a status counts, as of $1. Meters are called by what they are: h healthy,
// u unhealthy, d for a day and more, y young and never healthy, n never run, p passive, m under maintenance.
func mustFleet(t *testing.T, s *Store, now time.Time) {
	t.Helper()
	for _, sql := range strings.Split(fleetRows, ";\n") {
		args := []any{now}
		if !strings.Contains(sql, "$1") {
			args = nil
		}
		mustExec(t, s, sql, args...)
	}
}

const fleetRows = `
insert into flows.escos (code) values ('A'), ('B');
insert into flows.meter_registry (serial, ip_address, esco, mode, maintenance, created_at)
	select serial, case when serial <> 'n1' then ('10.0.0.' || row_number() over ())::inet end, (select id from flows.escos where code = esco), mode, maintenance, $1::timestamptz - age
	from (values ('h1', 'A', 'active', false, interval '9 days'), ('h2', 'A', 'active', false, '9 days'), ('h3', 'B', 'active', false, '9 days'),
		('u1', 'A', 'active', false, '9 days'), ('d1', 'A', 'active', false, '9 days'), ('d2', 'B', 'active', false, '3 days'),
		('y1', 'B', 'active', false, '2 hours'), ('n1', null, 'active', false, '9 days'), ('p1', 'A', 'passive', false, '9 days'),
		('m1', 'A', 'active', true, '9 days'), ('m2', null, 'passive', true, '9 days')) v (serial, esco, mode, maintenance, age);
update flows.meter_shadows s set created_at = r.created_at from flows.meter_registry r where r.id = s.id;
update flows.meter_shadows s set health = case when v.serial like 'h%' then 'healthy' else 'unhealthy' end, health_details = v.details
	from flows.meter_registry r, (values ('h1', ''), ('h2', ''), ('h3', ''), ('u1', 'CRC'), ('d1', 'refused'), ('d2', 'silent'), ('y1', 'silent'),
		('m1', 'refused'), ('p1', 'old')) v (serial, details)
	where r.id = s.id and v.serial = r.serial;
update flows.meter_shadows s set last_healthy_at = $1::timestamptz - v.age
	from flows.meter_registry r, (values ('h1', interval '10 min'), ('h2', '20 min'), ('h3', '30 min'), ('u1', '2 hours'), ('d1', '30 hours'),
		('m1', '50 hours'), ('p1', '90 hours')) v (serial, age)
	where r.id = s.id and v.serial = r.serial;
insert into flows.sync_runs (id, frequency, esco, origin, scheduled_for, missed, started_at, listed_at, finished_at, meters, healthy, unhealthy, skipped, not_done,
		skip_reasons, database_bytes) overriding system value
	select id, frequency, (select e.id from flows.escos e where code = esco), origin, $1::timestamptz - due, missed,
		$1::timestamptz - due, $1::timestamptz - due, $1::timestamptz - finished, meters, healthy, unhealthy, skipped, not_done, reasons, bytes
	from (values
		(1, 'hourly', null, 'schedule', interval '1 hour', false, interval '1 hour', 8, 3, 3, 1, 1, '{"still waiting": 1}'::jsonb, 3000000000),
		(2, 'hourly', null, 'command', '3 hours', false, '2 hours', 4, 4, 0, 0, 0, '{}', null),
		(3, 'hourly', null, 'schedule', '50 hours', false, '49 hours', 9, 9, 0, 0, 0, '{}', 1000000000),
		(4, 'daily', 'B', 'schedule', '5 hours', false, '4 hours', 2, 1, 1, 0, 0, '{}', null),
		(5, 'daily', 'A', 'schedule', '29 hours', false, '28 hours', 2, 2, 0, 0, 0, '{}', null),
		(6, '12hourly', null, 'schedule', '2 hours', false, null, 5, 1, 0, 0, 0, '{}', null),
		(7, 'hourly', null, 'schedule', '4 hours', true, '1 hour', 0, 0, 0, 0, 0, '{}', null),
		(8, '12hourly', null, 'schedule', '6 hours', true, '1 hour', 0, 0, 0, 0, 0, '{}', null),
		(9, 'hourly', null, 'schedule', '30 hours', true, '1 hour', 0, 0, 0, 0, 0, '{}', null)
	) v (id, frequency, esco, origin, due, missed, finished, meters, healthy, unhealthy, skipped, not_done, reasons, bytes);
insert into flows.meter_sync_log (meter_id, "timestamp", run_id, frequency, verdict, duration_ms, error_code, details)
	select m.id, r.scheduled_for, r.id, r.frequency, v.verdict, 1, v.code, v.details
	from (values (1, 'h1', 'healthy', null, ''), (1, 'h2', 'healthy', null, ''), (1, 'h3', 'healthy', null, ''), (1, 'u1', 'unhealthy', 'BAD_ANSWER', 'CRC'),
		(1, 'd1', 'unhealthy', 'UNREACHABLE', 'refused'), (1, 'm1', 'unhealthy', 'UNREACHABLE', 'refused'), (1, 'y1', 'not_done', 'MEDIATOR', 'gone'),
		(4, 'd2', 'unhealthy', 'TIMEOUT', 'silent'), (6, 'h1', 'healthy', null, '')) v (run, serial, verdict, code, details)
	join flows.sync_runs r on r.id = v.run join flows.meter_registry m on m.serial = v.serial;
insert into river.river_job (kind, state, args, scheduled_at, finalized_at)
	select kind, state::river.river_job_state, '{}', $1::timestamptz + due, case when state = 'completed' then $1::timestamptz end
	from (values ('meter_sync', 'available', interval '-90 min'), ('meter_sync', 'scheduled', '1 hour'), ('meter_sync', 'retryable', '-10 min'),
		('meter_sync_all', 'pending', '-5 min'), ('meter_sync', 'running', '-3 hours'), ('meter_sync', 'completed', '-4 hours'), ('other', 'available', '-5 hours')) v (kind, state, due)`

// steady takes out what differs from one machine to the next, and the seconds since the rows were written.
func steady(t *testing.T, s flows.Status) flows.Status {
	t.Helper()
	if late := time.Since(s.Time); late < -time.Minute || late > time.Minute {
		t.Errorf("time %s", s.Time)
	}
	if s.Database.Bytes < 1e6 {
		t.Errorf("%d bytes", s.Database.Bytes)
	}
	s.Time, s.Database.Bytes, s.Database.Directory = time.Time{}, 0, ""
	s.Freshness.P50 /= 60
	s.Freshness.P95 /= 60
	s.Freshness.Sum /= 60
	return s
}

func TestStatusCountsWhatIsThere(t *testing.T) {
	s := mustStore(t)
	now := time.Now().UTC().Truncate(time.Microsecond)
	mustFleet(t, s, now)
	ago := func(hours int) time.Time { return now.Add(-time.Duration(hours) * time.Hour) }
	growth := int64(1e9) // a day: 2 GB in 48 h
	run := func(id int64, f flows.Frequency, esco string, scheduled, finished int, meters, healthy, unhealthy, skipped, notDone int, skips map[string]int) flows.Run {
		r := flows.Run{ID: id, Frequency: f, ESCO: esco, Origin: flows.Schedule, Scheduled: ago(scheduled), Started: ago(scheduled), Listed: ago(scheduled),
			Meters: meters, Healthy: healthy, Unhealthy: unhealthy, Skipped: skipped, NotDone: notDone, SkipReasons: skips}
		if finished > 0 {
			r.Finished = ago(finished)
		}
		return r
	}
	none, no := map[string]int{}, []flows.Reason{}
	refused := flows.Reason{Code: flows.Unreachable, Text: "refused", Count: 1, Serials: []string{"d1"}}
	silent := flows.Reason{Code: flows.Timeout, Text: "silent", Count: 1, Serials: []string{"d2"}}
	crc := flows.Reason{Code: flows.BadAnswer, Text: "CRC", Count: 1, Serials: []string{"u1"}}
	gone := flows.Reason{Code: flows.Mediator, Text: "gone", Count: 1, Serials: []string{"y1"}}
	hours := flows.Tick{Frequency: flows.Hourly, Last: ago(1), Missed: 1, LastMissed: ago(4)}
	halfDays := flows.Tick{Frequency: flows.TwelveHourly, Last: ago(2), Missed: 1, LastMissed: ago(6)}
	everybodys := flows.Status{
		Jobs:     flows.Jobs{Waiting: 4, Running: 1, Oldest: now.Add(-90 * time.Minute)},
		Database: flows.Storage{Growth: &growth},
	}

	all := everybodys
	all.Meters = flows.MeterCounts{Active: 8, Healthy: 3, Unhealthy: 4, NeverRun: 1, NoAddress: 1, Passive: 1, Maintenance: 2}
	all.Freshness = flows.Freshness{Meters: 5, Never: 3, P50: 30, P95: 1800, Sum: 10 + 20 + 30 + 120 + 1800, Ages: []int{3, 1, 0, 1, 0, 3}}
	all.Runs = []flows.RunReport{
		{Run: run(1, flows.Hourly, "", 1, 1, 7, 3, 2, 1, 1, map[string]int{"still waiting": 1}), Success: flows.Rate{Healthy: 3, Of: 6}, Reasons: []flows.Reason{crc, gone, refused}},
		{Run: run(4, flows.Daily, "B", 5, 4, 2, 1, 1, 0, 0, none), Success: flows.Rate{Healthy: 1, Of: 2}, Reasons: []flows.Reason{silent}},
		{Run: run(5, flows.Daily, "A", 29, 28, 2, 2, 0, 0, 0, none), Success: flows.Rate{Healthy: 2, Of: 2}, Reasons: no},
	}
	all.Unfinished = []flows.RunReport{{Run: run(6, flows.TwelveHourly, "", 2, 0, 5, 1, 0, 0, 0, none), Success: flows.Rate{Healthy: 1, Of: 1}, Reasons: no}}
	all.Success = flows.Rate{Healthy: 3 + 4 + 1 + 1, Of: 6 + 4 + 2 + 1}
	all.Ticks = []flows.Tick{hours, halfDays, {Frequency: flows.Daily, ESCO: "A", Last: ago(29)}, {Frequency: flows.Daily, ESCO: "B", Last: ago(5)}}
	all.Failing = []flows.Reason{silent, refused}

	a := everybodys
	a.ESCO = "A"
	a.Meters = flows.MeterCounts{Active: 4, Healthy: 2, Unhealthy: 2, Passive: 1, Maintenance: 1}
	a.Freshness = flows.Freshness{Meters: 4, P50: 20, P95: 1800, Sum: 10 + 20 + 120 + 1800, Ages: []int{2, 1, 0, 1, 0, 0}}
	a.Runs = []flows.RunReport{
		{Run: run(1, flows.Hourly, "", 1, 1, 4, 2, 2, 0, 0, nil), Success: flows.Rate{Healthy: 2, Of: 4}, Reasons: []flows.Reason{crc, refused}},
		all.Runs[2],
	}
	a.Unfinished = []flows.RunReport{{Run: run(6, flows.TwelveHourly, "", 2, 0, 1, 1, 0, 0, 0, nil), Success: flows.Rate{Healthy: 1, Of: 1}, Reasons: no}}
	a.Success = flows.Rate{Healthy: 2 + 1, Of: 4 + 1}
	a.Ticks = []flows.Tick{hours, halfDays, {Frequency: flows.Daily, ESCO: "A", Last: ago(29)}}
	a.Failing = []flows.Reason{refused}

	for esco, want := range map[string]flows.Status{"": all, "a": a} {
		got, err := s.Status(t.Context(), esco)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, steady(t, got)); diff != "" {
			t.Errorf("ESCO %q: want -, got +:\n%s", esco, diff)
		}
	}
}

func TestAJobOfLaterDoesNotWait(t *testing.T) {
	s := mustStore(t)
	mustExec(t, s, `insert into river.river_job (kind, state, args, scheduled_at) values ('meter_sync', 'scheduled', '{}', now() + interval '1 hour')`)
	if got, err := s.Status(t.Context(), ""); err != nil || got.Jobs != (flows.Jobs{Waiting: 1}) {
		t.Errorf("%v, %+v", err, got.Jobs)
	}
}

func TestStatusOfAnEmptyDatabase(t *testing.T) {
	got, err := mustStore(t).Status(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	want := flows.Status{Freshness: flows.Freshness{Ages: make([]int, 6)}, Runs: []flows.RunReport{}, Unfinished: []flows.RunReport{}, Ticks: []flows.Tick{}, Failing: []flows.Reason{}}
	if diff := cmp.Diff(want, steady(t, got)); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

func TestAReasonNamesTenMeters(t *testing.T) {
	s := mustStore(t)
	mustExec(t, s, `insert into flows.meter_registry (serial, ip_address) select 'EML' || to_char(n, 'FM000'), '10.9.0.0'::inet + n from generate_series(1, 25) n`)
	mustExec(t, s, `update flows.meter_shadows set created_at = now() - interval '2 days'`)
	mustExec(t, s, `update flows.meter_shadows set health = 'unhealthy', health_details = 'refused'`)
	mustExec(t, s, `insert into flows.sync_runs (frequency, origin, scheduled_for, finished_at, meters, not_done) values ('hourly', 'command', now(), now(), 25, 25)`)
	mustExec(t, s, `insert into flows.meter_sync_log (meter_id, "timestamp", run_id, frequency, verdict, duration_ms, error_code, details)
		select m.id, now(), r.id, 'hourly', 'not_done', 1, 'MEDIATOR', 'gone' from flows.meter_registry m, flows.sync_runs r`)
	got, err := s.Status(t.Context(), "")
	if err != nil || len(got.Runs) != 1 || len(got.Runs[0].Reasons) != 1 || len(got.Failing) != 1 {
		t.Fatalf("%v %+v", err, got)
	}
	for name, r := range map[string]flows.Reason{"run": got.Runs[0].Reasons[0], "failing": got.Failing[0]} {
		if r.Count != 25 || len(r.Serials) != 10 {
			t.Errorf("%s: %d meters, %d named", name, r.Count, len(r.Serials))
		}
	}
	if got.Failing[0].Serials[0] != "EML001" || got.Failing[0].Code != "MEDIATOR" || got.Failing[0].Text != "gone" {
		t.Errorf("the reason is not that of the last log row: %+v", got.Failing[0])
	}
}

// The new meter has had no day yet in which to be healthy, however long its place has been known.
func TestAnExchangedMeterDoesNotFailAtOnce(t *testing.T) {
	s := mustStore(t)
	mustInstall(t, s, at("OLD", "10.0.0.1", "B1.w"))
	mustExec(t, s, `update flows.meter_registry set created_at = now() - interval '9 days'`)
	mustExec(t, s, `update flows.meter_shadows set created_at = now() - interval '9 days', health = 'unhealthy'`)
	failing := func() int {
		t.Helper()
		got, err := s.Status(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		return got.FailingMeters()
	}
	if n := failing(); n != 1 {
		t.Fatalf("%d meters failing before the exchange", n)
	}
	mustExchange(t, s, Exchange{Old: "OLD", New: "NEW", At: exchangedAt})
	if n := failing(); n != 0 {
		t.Errorf("%d meters failing after the exchange", n)
	}
	mustExec(t, s, `update flows.meter_shadows set created_at = now() - interval '25 hours'`)
	if n := failing(); n != 1 {
		t.Errorf("%d meters failing a day later", n)
	}
}

func TestGrowthNeedsADay(t *testing.T) {
	s := mustStore(t)
	mustExec(t, s, `insert into flows.sync_runs (frequency, scheduled_for, finished_at, database_bytes) values
		('hourly', now(), now(), 2000), ('hourly', now() - interval '23 hours', now() - interval '23 hours', 1000),
		('daily', now() - interval '8 days', now() - interval '8 days', 1)`)
	got, err := s.Status(t.Context(), "")
	if err != nil || got.Database.Growth != nil {
		t.Errorf("%v, growth %v", err, got.Database.Growth)
	}
}

func TestStatusKnowsWhereALocalServerKeepsItsFiles(t *testing.T) {
	s := mustStore(t)
	got, err := s.Status(t.Context(), "")
	if want := lines(t, s, `show data_directory`); err != nil || s.pool.Config().ConnConfig.Host[0] == '/' && got.Database.Directory != want {
		t.Errorf("%v, %q, want %q", err, got.Database.Directory, want)
	}
}

func TestStatusIsRefusedWithAReason(t *testing.T) {
	s := mustStore(t)
	var unknown *UnknownESCO
	if _, err := s.Status(t.Context(), "NOBODY"); !errors.As(err, &unknown) || unknown.Code != "NOBODY" {
		t.Errorf("unknown ESCO: %v", err)
	}
	for _, sql := range []string{`drop schema river cascade`, `drop table flows.sync_runs cascade`} {
		mustExec(t, s, sql)
		if _, err := s.Status(t.Context(), ""); flows.CodeOf(err, "") != flows.Database || !strings.Contains(err.Error(), "run: flows migrate up") {
			t.Errorf("%s: %v", sql, err)
		}
	}
	called, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Status(called, ""); flows.CodeOf(err, "") != flows.Cancelled {
		t.Errorf("called off: %v", err)
	}
}

// A person of role flows may look.
func TestStatusNeedsNoMoreThanRoleFlows(t *testing.T) {
	url := pgtest.New(t)
	admin, err := Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	mustExec(t, admin, `create role clerk login in role flows`)
	defer admin.pool.Exec(context.WithoutCancel(t.Context()), `drop role clerk`)
	s, err := Open(t.Context(), strings.Replace(url, "//postgres@", "//clerk@", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got, err := s.Status(t.Context(), ""); err != nil || got.Database.Directory != "" {
		t.Errorf("%v, directory %q", err, got.Database.Directory)
	}
}
