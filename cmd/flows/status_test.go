package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"flows"
	"flows/internal/pgtest"
	"flows/queue"

	"github.com/jackc/pgx/v5"
)

// installed is a database whose last runs are those that were due by default, of six healthy meters.
type installed struct {
	env  map[string]string
	conn *pgx.Conn
	last map[flows.Frequency]time.Time
}

func mustInstall(t *testing.T) *installed {
	t.Helper()
	url := pgtest.New(t)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(t.Context()) })
	return &installed{map[string]string{"DATABASE_URL": url}, conn, map[flows.Frequency]time.Time{}}
}

func (i *installed) mustExec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := i.conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
}

// mustRun writes the runs that the schedule made until now, and what became of the meters.
func (i *installed) mustRun(t *testing.T) {
	t.Helper()
	i.mustExec(t, `insert into flows.meter_registry (serial, ip_address, created_at)
		select 'EML000' || n, ('10.0.0.' || n)::inet, now() - interval '9 days' from generate_series(1, 6) n`)
	i.mustExec(t, `update flows.meter_shadows set health = 'healthy', health_details = '', read_at = now() - interval '10 minutes'`)
	for f, text := range map[flows.Frequency]string{flows.Hourly: "5 * * * *", flows.TwelveHourly: "20 6,18 * * *", flows.Daily: "10 0 * * *"} {
		schedule, err := queue.ParseSchedule(text)
		if err != nil {
			t.Fatal(err)
		}
		i.last[f] = queue.Latest(schedule, time.Now())
		i.mustExec(t, `insert into flows.sync_runs (frequency, scheduled_for, started_at, listed_at, finished_at, meters, healthy)
			values ($1, $2, $2, $2, $2::timestamptz + interval '3 seconds', 6, 6)`, f, i.last[f])
	}
	i.mustExec(t, `insert into flows.meter_sync_log (meter_id, "timestamp", run_id, frequency, verdict, duration_ms)
		select m.id, r.scheduled_for, r.id, r.frequency, 'healthy', 800 from flows.meter_registry m, flows.sync_runs r`)
}

func fresh(*testing.T, *installed) {}

func allWell(t *testing.T, i *installed) { i.mustRun(t) }

func deadMediator(t *testing.T, i *installed) {
	i.mustRun(t)
	i.mustExec(t, `update flows.meter_sync_log set verdict = 'not_done', error_code = 'MEDIATOR',
		details = 'mediator 127.0.0.1:50051 cannot be reached' where frequency = 'hourly'`)
	i.mustExec(t, `update flows.sync_runs set healthy = 0, not_done = 6 where frequency = 'hourly'`)
}

func tickMissed(t *testing.T, i *installed) {
	i.mustRun(t)
	i.mustExec(t, `update flows.sync_runs set scheduled_for = scheduled_for - interval '1 hour' where frequency = 'hourly'`)
	if age := time.Since(i.last[flows.Hourly]); age < flows.TickGrace { // the tick before it is the one that is missed
		i.mustExec(t, `update flows.sync_runs set scheduled_for = scheduled_for - interval '1 hour' where frequency = 'hourly'`)
	}
}

func thirdDead(t *testing.T, i *installed) {
	i.mustRun(t)
	const dead = `(select id from flows.meter_registry where serial in ('EML0001', 'EML0002'))`
	i.mustExec(t, `update flows.meter_shadows set health = 'unhealthy', health_details = 'connection refused' where id in `+dead)
	i.mustExec(t, `update flows.meter_shadows set last_healthy_at = now() - interval '25 hours' where id in `+dead)
	i.mustExec(t, `update flows.meter_sync_log set verdict = 'unhealthy', error_code = 'UNREACHABLE', details = 'connection refused' where meter_id in `+dead)
	i.mustExec(t, `update flows.sync_runs set healthy = 4, unhealthy = 2`)
}

// allHalfHours gives each meter a register of which everything of yesterday is known, and nothing of the days before.
func allHalfHours(t *testing.T, i *installed) {
	i.mustRun(t)
	i.mustExec(t, `update flows.meter_registry set hardware = 'B1.w'`)
	i.mustExec(t, `update flows.meter_registers set start_time = now() - interval '100 days'`)
	i.mustExec(t, `update flows.vee_work set judged_at = now()`)
	i.mustExec(t, `insert into flows.register_day (register_id, direction, day, energy, expected, actual, derived, estimated, edited, billable, never_reached, not_logged, invalid)
		select register_id, direction, (now() at time zone 'Europe/London')::date - 1, 1, 48, 48, 0, 0, 0, 48, 0, 0, 0 from flows.vee_work`)
}

// worthALook needs no person.
func worthALook(t *testing.T, i *installed) {
	i.mustRun(t)
	i.mustExec(t, `update flows.meter_shadows set balance = 1.99999, csq = 7, clock_time_diff_seconds = -60 where id = (select id from flows.meter_registry where serial = 'EML0001')`)
	i.mustExec(t, `update flows.meter_shadows set balance = 2, csq = 8, clock_time_diff_seconds = 61 where id = (select id from flows.meter_registry where serial = 'EML0002')`)
}

func someHalfHours(t *testing.T, i *installed) {
	allHalfHours(t, i)
	const of = `register_id = (select register_id from flows.meter_registers g join flows.meter_registry r on r.id = g.meter_id where r.serial = '%s') and direction = 'import'`
	i.mustExec(t, `update flows.register_day set actual = 46, estimated = 2 where `+fmt.Sprintf(of, "EML0001"))
	i.mustExec(t, `update flows.register_day set actual = 39, not_logged = 9 where `+fmt.Sprintf(of, "EML0002"))
	i.mustExec(t, `delete from flows.register_day where `+fmt.Sprintf(of, "EML0003"))
	i.mustExec(t, `update flows.vee_work set judged_at = null where `+fmt.Sprintf(of, "EML0003"))
	i.mustExec(t, `insert into flows.register_day (register_id, direction, day, energy, expected, actual, derived, estimated, edited, billable, never_reached, not_logged, invalid)
		select register_id, direction, day - 84, 1, 48, 36, 0, 0, 0, 0, 12, 0, 0 from flows.register_day where `+fmt.Sprintf(of, "EML0002"))
	i.mustExec(t, `insert into flows.vee_exceptions (rule, severity, register_id, direction, key)
		select x.rule, x.severity, w.register_id, 'import', x.rule from flows.vee_work w,
			(values ('REVERSAL', 'critical'), ('CONFLICT', 'error'), ('MISSING', 'error'), ('SPIKE', 'info')) x (rule, severity) where w.`+fmt.Sprintf(of, "EML0001"))
}

func TestStatusTellsWhatAPersonMustDo(t *testing.T) {
	for _, c := range []struct {
		name  string
		begin func(*testing.T, *installed)
		code  int
		says  []string // regular expressions
		kinds map[flows.NeedKind]int
	}{
		{"fresh installation", fresh, 1, []string{`^▲ No meter is registered; register meters: flows meters import FILE\n`, `0 active`}, map[flows.NeedKind]int{flows.NeedNoMeters: 1}},
		{"healthy fleet", allWell, 0, []string{`^● Nothing needs a person.\n`, `6 active: 6 healthy, 0 unhealthy, 0 never run`, `\nTo look at nothing\n`,
			`half of the meters were healthy within 10 min, 95 % within 10 min`, `hourly +- +\d+ (s|min|h).* ago \(.*:05 UTC\) +3 s +6 +6 +0 +0 +0 +100.0 %`, `0 missed`,
			`\nHalf-hours none judged yet: metric SyncerProfileLog brings them, 12hourly by default\nSchedule `}, nil},
		{"worth a look", worthALook, 0, []string{`\nTo look at 1 balance below 2\.00, 1 signal too weak \(csq < 8\), 2 clock off by 60 s and more\n`}, nil},
		{"all half-hours", allHalfHours, 0, []string{`^● Nothing needs a person.\n`, `\nHalf-hours yesterday \(\d{4}-\d\d-\d\d\): 6 of 6 meters complete; ` +
			`0 of 576 half-hours estimated \(0.0 %\), 0 not known\nExceptions none open\nGaps       none in the last 7 days\n`}, nil},
		{"some half-hours", someHalfHours, 1, []string{`^▲ 2 half-hour exceptions need a person: 1 REVERSAL, 1 CONFLICT; flows vee list --severity critical,error\n` +
			`▲ Half-hours of (\d{4}-\d\d-\d\d) \(85 days ago\) were never fetched, and are lost after some 90 days: flows backfill --from [-0-9]{10}, or see why: flows meters show EML0002\n\n`,
			`\): 3 of 6 meters complete, 1 not judged since it ended; 2 of 5\d\d half-hours estimated \(0.3 %\), 5\d not known\n` +
				`Exceptions 4 open: 1 REVERSAL \(critical\), 1 CONFLICT, 1 MISSING \(error\), 1 SPIKE \(info\)\n` +
				`Gaps       1 in the last 7 days, of a register, direction and day each: 0 never reached, 1 not logged by the meter, 0 marked invalid by the meter; ` +
				`the oldest that is asked for again: [-0-9]{10}, 12 half-hours of EML0002 A import\n`}, map[flows.NeedKind]int{flows.NeedExceptions: 2, flows.NeedGap: 1}},
		{"dead mediator", deadMediator, 1, []string{`^▲ 6 meters were not read in the hourly run of .*:05 UTC. MEDIATOR: mediator 127.0.0.1:50051 cannot be reached; is flows mediator running\?\n\n`,
			`6  MEDIATOR +mediator 127.0.0.1:50051 cannot be reached  \(EML0001, EML0002, EML0003, …\)`}, map[flows.NeedKind]int{flows.NeedNotDone: 6}},
		{"tick missed", tickMissed, 1, []string{`^▲ Nobody ran the hourly tick of .*:05 UTC: is flows serve --roles scheduler running\? .*\n\n`, `1 missed`}, map[flows.NeedKind]int{flows.NeedTickMissed: 1}},
		{"a third dead", thirdDead, 1, []string{`▲ Only 4 of 6 meters came out healthy in the hourly run of .* UTC \(66.6 %\); 2 meters failed, 2 of them UNREACHABLE: connection refused; check signal or power\n`,
			`▲ 2 meters have not been healthy for a day and more. UNREACHABLE: connection refused; check signal or power \(EML0001, EML0002\)\n\n`,
			`6 active: 4 healthy, 2 unhealthy`}, map[flows.NeedKind]int{flows.NeedLowSuccess: 6, flows.NeedFailingDay: 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := mustInstall(t)
			c.begin(t, i)
			text := call(i.env, "status")
			if text.code != c.code || text.stderr != "" {
				t.Errorf("exit %d, want %d: %s", text.code, c.code, text.stderr)
			}
			for _, pattern := range c.says {
				if !regexp.MustCompile(pattern).MatchString(text.stdout) {
					t.Errorf("nothing like %s in\n%s", pattern, text.stdout)
				}
			}
			if got := strings.Count(text.stdout, "▲"); (got == 0) != (c.code == 0) {
				t.Errorf("%d lines with ▲", got)
			}
			shown := mustJSON(t, i.env, c.code)
			counts := map[flows.NeedKind]int{}
			for _, n := range shown.Needs {
				counts[n.Kind] += n.Count
			}
			if len(counts) != len(c.kinds) {
				t.Errorf("needs %v, want %v", counts, c.kinds)
			}
			for kind, n := range c.kinds {
				if counts[kind] != n {
					t.Errorf("needs %v, want %v", counts, c.kinds)
				}
			}
		})
	}
}

// statusJSON is what --json prints.
type statusJSON struct {
	flows.Status
	Needs []flows.Need `json:"needs"`
}

func mustJSON(t *testing.T, env map[string]string, code int, args ...string) (s statusJSON) {
	t.Helper()
	c := call(env, append([]string{"status", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(c.stdout), &s); c.code != code || err != nil || c.stderr != "" {
		t.Fatalf("exit %d, want %d: %v\n%s%s", c.code, code, err, c.stdout, c.stderr)
	}
	if s.Needs == nil || s.Runs == nil || s.Failing == nil {
		t.Errorf("a list is null:\n%s", c.stdout)
	}
	return s
}

func TestStatusOfRealRuns(t *testing.T) {
	env := installation(t, "12", "--fault", "dead=0.34")
	kinds := func(code int) (all string) {
		t.Helper()
		for _, n := range mustJSON(t, env, code).Needs {
			all += string(n.Kind) + " "
		}
		return all
	}
	if got := kinds(exitFailed); got != "never_synced " {
		t.Errorf("before the first run: %s", got)
	}
	call(env, "sync", "--freq", "hourly", "--parallel", "12")
	if got := kinds(exitFailed); got != "low_success " {
		t.Errorf("a third dead: %s", got)
	}
	env["MEDIATOR_SERVER"] = "127.0.0.1:1"
	call(env, "sync", "--freq", "hourly", "--parallel", "12")
	if got := kinds(exitFailed); got != "not_done " {
		t.Errorf("no mediator: %s", got)
	}
}

func TestStatusByESCO(t *testing.T) {
	i := mustInstall(t)
	i.mustRun(t)
	i.mustExec(t, `insert into flows.escos (code) values ('ONE'), ('NONE')`)
	i.mustExec(t, `update flows.meter_registry set esco = (select id from flows.escos where code = 'ONE') where serial = 'EML0003'`)
	if s := mustJSON(t, i.env, exitDone, "--esco", "one"); s.ESCO != "ONE" || s.Meters.Active != 1 || len(s.Runs) != 3 || s.Runs[0].Healthy != 1 {
		t.Errorf("%+v", s)
	}
	if c := call(i.env, "status", "--esco", "NONE"); c.code != exitFailed || !strings.HasPrefix(c.stdout, "▲ No meter of ESCO NONE is registered") {
		t.Errorf("exit %d\n%s", c.code, c.stdout)
	}
}

func TestStatusTellsWhenTheDiskWillBeFull(t *testing.T) {
	i := mustInstall(t)
	i.mustRun(t)
	i.mustExec(t, `update flows.sync_runs set database_bytes = 5000000000 where frequency = 'hourly'`)
	i.mustExec(t, `insert into flows.sync_runs (frequency, scheduled_for, finished_at, database_bytes)
		select frequency, scheduled_for - interval '4 days', finished_at - interval '4 days', 1000000000 from flows.sync_runs where frequency = 'hourly'`)
	if s := mustJSON(t, i.env, exitDone, "--database-disk-gb", "14.5"); s.Database.Growth == nil || *s.Database.Growth != 1e9 || *s.Database.DaysLeft != 14 {
		t.Errorf("%+v", s.Database)
	}
	i.env["FLOWS_DATABASE_DISK_GB"] = "9.5"
	c := call(i.env, "status")
	if c.code != exitFailed || !strings.HasPrefix(c.stdout, "▲ The database's disk is full in 9 days") || !strings.Contains(c.stdout, "1.0 GB more a day, 9.5 GB free: full in 9 days") {
		t.Errorf("exit %d\n%s", c.code, c.stdout)
	}
}

func TestStatusSaysWhichSettingTellsTheFreeSpace(t *testing.T) {
	if got := storageLine(flows.Storage{Bytes: 12_345_678}); got != "12 MB, growth not known before there are runs a day apart, free space not known: set FLOWS_DATABASE_DISK_GB" {
		t.Error(got)
	}
	var s flows.Storage
	var d disk
	if d.measure(&s); s.Free != nil {
		t.Error("free space of a server elsewhere")
	}
	s.Directory = t.TempDir()
	if d.measure(&s); s.Free == nil || *s.Free <= 0 {
		t.Errorf("free space of this machine: %v", s.Free)
	}
}

func TestStatusIsRefusedInOneLine(t *testing.T) {
	url := pgtest.New(t)
	for _, c := range []struct {
		name, setting, value string
		args                 []string
		code                 int
		says                 string
	}{
		{"unknown ESCO", "ESCO", "NOBODY", nil, 2, "NOBODY"},
		{"hourly schedule", "FLOWS_SCHEDULE_HOURLY", "hourly", nil, 2, "FLOWS_SCHEDULE_HOURLY"},
		{"12hourly schedule", "FLOWS_SCHEDULE_12HOURLY", "5 * * *", nil, 2, "FLOWS_SCHEDULE_12HOURLY"},
		{"daily schedule", "FLOWS_SCHEDULE_DAILY", "10 0 31 2 *", nil, 2, "FLOWS_SCHEDULE_DAILY"},
		{"schedule before database", "DATABASE_URL", "postgres://127.0.0.1:1/x", []string{"--schedule-daily", "x"}, 2, "FLOWS_SCHEDULE_DAILY"},
		{"disk of less than nothing", "FLOWS_DATABASE_DISK_GB", "-1", nil, 2, "FLOWS_DATABASE_DISK_GB"},
		{"disk no number", "FLOWS_DATABASE_DISK_GB", "big", nil, 2, "FLOWS_DATABASE_DISK_GB"},
		{"no database", "DATABASE_URL", "", nil, 2, "DATABASE_URL"},
		{"database away", "DATABASE_URL", "postgres://127.0.0.1:1/x", nil, 3, "cannot connect"},
	} {
		env := map[string]string{"DATABASE_URL": url}
		env[c.setting] = c.value
		got := call(env, append([]string{"status"}, c.args...)...)
		if got.code != c.code || !strings.Contains(got.stderr, c.says) || strings.Count(got.stderr, "\n") != 1 || got.stdout != "" {
			t.Errorf("%s: exit %d, want %d with one line about %s:\n%s%s", c.name, got.code, c.code, c.says, got.stderr, got.stdout)
		}
	}
	if c := call(nil, "status", "--help"); c.code != exitDone || !strings.Contains(c.stdout, "Examples") || !strings.Contains(c.stdout, "FLOWS_DATABASE_DISK_GB") {
		t.Errorf("--help: exit %d\n%s", c.code, c.stdout)
	}
}
