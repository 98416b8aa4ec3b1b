package main

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
)

// mustRaise gives the two meters exceptions of all kinds of periods.
func mustRaise(t *testing.T) *installed {
	t.Helper()
	i := mustMeasure(t)
	i.mustExec(t, `insert into flows.vee_exceptions (rule, severity, register_id, meter_id, direction, key, period_from, period_to, details, count, first_seen, last_seen)
		select v.rule, v.severity, case when v.direction is not null then g.register_id end, case when v.direction is null then g.meter_id end, v.direction, v.rule,
			v.start::timestamptz, v.stop::timestamptz, v.details::jsonb, v.n, '2025-10-27 06:20Z', timestamptz '2025-10-27 18:20Z' + v.n * interval '1 s'
		from (values (1, 'MISSING', 'error', 'import', '2025-10-25 23:00Z', '2025-10-27Z', '{"missing": "3", "expected": "50"}'),
			(2, 'REVERSAL', 'critical', 'import', '2025-10-26 00:30Z', '2025-10-26 01:30Z', '{}'),
			(3, 'CLOCK', 'warning', null, '2025-10-26 00:30Z', null, '{"worst_seconds": "31"}'),
			(4, 'PROLONGED_ESTIMATION', 'error', 'import', '2025-09-30 23:00Z', '2025-11-01Z', '{}'),
			(5, 'CONFLICT', 'error', 'export', '2025-07-01 00:00Z', '2025-07-01 00:00Z', '{"kept": "1", "others": "2"}')
		) v (n, rule, severity, direction, start, stop, details), flows.meter_registers g where g.element = 'SINGLE' order by v.n`)
	i.mustExec(t, `update flows.vee_work set judged_at = now(), not_run = '{"BRACKET": "no register read lies between two reads of the log"}' where register_id in
		(select register_id from flows.meter_registers where element = 'SINGLE')`)
	return i
}

func TestVeeListShowsTheWorstFirstAndWhatWasNotLookedAt(t *testing.T) {
	i := mustRaise(t)
	mustCall(t, i.env, "vee", "ack", "3", "--why", "will be\nset", "--who", "ann")
	const want = `ID SEVERITY RULE SERIAL ELEMENT DIRECTION PERIOD (LOCAL) COUNT FIRST SEEN (UTC) LAST SEEN (UTC) DETAILS
2 critical REVERSAL EML,1 SINGLE import 2025-10-26 01:30+01:00 to 01:30+00:00 2 2025-10-27 06:20:00 2025-10-27 18:20:02 -
5 error CONFLICT EML,1 SINGLE export 2025-07-01 01:00+01:00 5 2025-10-27 06:20:00 2025-10-27 18:20:05 kept 1; others 2
4 error PROLONGED_ESTIMATION EML,1 SINGLE import 2025-10-01 to 2025-10-31 4 2025-10-27 06:20:00 2025-10-27 18:20:04 -
1 error MISSING EML,1 SINGLE import 2025-10-26 1 2025-10-27 06:20:00 2025-10-27 18:20:01 expected 50; missing 3
3 warning CLOCK EML,1 - - from 2025-10-26 01:30+01:00 3 2025-10-27 06:20:00 2025-10-27 18:20:03 worst_seconds 31; acknowledged by ann: will be; set

Not looked at (registers and directions):
4 - not judged yet
2 BRACKET no register read lies between two reads of the log
`
	if diff := cmp.Diff(want, squeezed(mustCall(t, i.env, "vee", "list", "--status", "all").stdout)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	got := mustCall(t, i.env, "vee", "list", "--severity", "Error", "--rule", "missing,conflict", "--serial", "EML,1", "--limit", "1").stdout
	if !strings.Contains(got, "CONFLICT") || strings.Contains(got, "MISSING") || !strings.HasSuffix(got, "\nand 1 more: flows vee list --limit 0\n") {
		t.Errorf("rules of a meter:\n%s", got)
	}
	if got := mustCall(t, i.env, "vee", "list", "--serial", "EML2", "--rule", "SPIKE").stdout; squeezed(got) != "No exception.\n\nNot looked at (registers and directions):\n4 - not judged yet\n" {
		t.Errorf("nothing:\n%s", got)
	}
	var list struct {
		Exceptions []struct {
			ID     int64
			Rule   flows.Rule
			Period flows.Period
			Status string
			Serial string
		}
		All       int
		NotLooked []struct {
			Rule, Why string
			Count     int
		} `json:"not_looked"`
	}
	if err := json.Unmarshal([]byte(mustCall(t, i.env, "vee", "list", "--status", "acknowledged", "--json").stdout), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Exceptions) != 1 || list.All != 1 || list.Exceptions[0].Rule != flows.RuleClock || list.Exceptions[0].Period.From != time.Date(2025, 10, 26, 0, 30, 0, 0, time.UTC) ||
		!list.Exceptions[0].Period.To.IsZero() || list.Exceptions[0].Serial != "EML,1" || len(list.NotLooked) != 2 || list.NotLooked[1].Count != 2 {
		t.Errorf("JSON %+v", list)
	}
}

// squeezed is text with the columns' padding taken out.
func squeezed(text string) string {
	return regexp.MustCompile(`(?m)^ +`).ReplaceAllString(regexp.MustCompile(` {2,}`).ReplaceAllString(text, " "), "")
}

func TestVeeAnswers(t *testing.T) {
	i := mustRaise(t)
	i.env["USER"] = "ben"
	for _, c := range []struct {
		code int
		says string // on stdout, or else on stderr
		args []string
	}{
		{exitUsage, "--why", []string{"ack", "1"}},
		{exitUsage, "who gives it, and why", []string{"ack", "1", "--why", ""}},
		{exitUsage, "<id>", []string{"ack", "--why", "x"}},
		{exitUsage, "one", []string{"ack", "one", "--why", "x"}},
		{exitUsage, "give your own name with --who", []string{"ack", "1", "--why", "x", "--who", "flows"}},
		{exitDone, "acknowledged 2 exceptions\n", []string{"ack", "1", "2", "--why", "known"}},
		{exitUsage, "exception 9 is not known", []string{"resolve", "1", "9", "--why", "done"}},
		{exitDone, "resolved exception 1\n", []string{"resolve", "1", "--why", "done", "--who", "ann"}},
		{exitUsage, "exception 1 was resolved already, by ann: done", []string{"resolve", "4", "1", "--why", "done"}},
		{exitUsage, "--pick: energy \"much\"", []string{"resolve", "5", "--pick", "much", "--why", "done"}},
		{exitUsage, "is a PROLONGED_ESTIMATION", []string{"resolve", "4", "--pick", "1", "--why", "done"}},
	} {
		got := call(i.env, append([]string{"vee"}, c.args...)...)
		if c.code == exitDone && got.stdout != c.says || c.code != exitDone && (!strings.Contains(got.stderr, c.says) || strings.Count(got.stderr, "\n") != 1) || got.code != c.code {
			t.Errorf("%v: exit %d, %s%s", c.args, got.code, got.stdout, got.stderr)
		}
	}
	var who string
	if err := i.conn.QueryRow(t.Context(), `select string_agg(id || status || who || why, ' ' order by id) from flows.vee_exceptions where who is not null`).Scan(&who); err != nil ||
		who != "1resolvedanndone 2acknowledgedbenknown" {
		t.Errorf("stored %s, %v", who, err)
	}
	delete(i.env, "USER")
	if name := loggedIn(func(string) string { return "" }); name != "" { // nobody is, where there is no list of users
		mustCall(t, i.env, "vee", "ack", "4", "--why", "known")
		if err := i.conn.QueryRow(t.Context(), `select who from flows.vee_exceptions where id = 4`).Scan(&who); err != nil || who != name {
			t.Errorf("acknowledged by %s, want %s, %v", who, name, err)
		}
	}
}

// A value that is picked stands at once: the half-hours at it are judged before the command ends.
func TestAPickIsJudgedAtOnce(t *testing.T) {
	i := mustMeasure(t)
	i.mustExec(t, `insert into flows.register_profile_hh (register_id, direction, "timestamp", read, status)
		select register_id, 'import', timestamptz '2025-07-01Z' + n * interval '30 minutes', n, 128 from flows.meter_registers, generate_series(0, 3) n where element = 'SINGLE'`)
	i.mustExec(t, `insert into flows.register_profile_conflict (register_id, direction, "timestamp", read, status)
		select register_id, 'import', '2025-07-01 00:30Z', 1.2, 128 from flows.meter_registers where element = 'SINGLE'`)
	app, _, _ := testApp(t.Context())
	store, err := database{i.env["DATABASE_URL"]}.open(app)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := settle(t.Context(), store, nil); err != nil {
		t.Fatal(err)
	}
	var id string
	if err := i.conn.QueryRow(t.Context(), `select id::text from flows.vee_exceptions where rule = 'CONFLICT'`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	if got := call(i.env, "vee", "resolve", id, "--pick", "1.3", "--why", "x", "--who", "ann"); got.code != exitUsage || !strings.Contains(got.stderr, "they are 1.000, 1.200\n") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
	got := mustCall(t, i.env, "vee", "resolve", id, "--pick", "1.2", "--why", "as the display says", "--who", "ann").stdout
	if want := "resolved exception " + id + "\n1.200 kWh it is; 1 registers were judged again\n"; got != want {
		t.Errorf("said %q, want %q", got, want)
	}
	export := mustCall(t, i.env, "export", "intervals", "--from", "2025-07-01T00:00:00Z", "--to", "2025-07-01T01:30:00Z", "--serial", "EML,1").stdout
	for _, want := range []string{"T00:00:00Z,1.200,actual,difference,,true,", "T00:30:00Z,0.800,actual,difference,,true,", "T01:00:00Z,1.000,actual,difference,,true,"} {
		if !strings.Contains(export, want) {
			t.Errorf("no %s in\n%s", want, export)
		}
	}
}

func TestVeeListKnowsEveryRule(t *testing.T) {
	source, err := os.ReadFile("../../interval.go")
	if err != nil {
		t.Fatal(err)
	}
	var all []flows.Rule
	for _, m := range regexp.MustCompile(`\bRule\w+\s+Rule\s+= "(\w+)"`).FindAllSubmatch(source, -1) {
		all = append(all, flows.Rule(m[1]))
	}
	known := slices.Sorted(slices.Values(rules))
	if slices.Sort(all); len(all) < 20 || !slices.Equal(all, known) {
		t.Errorf("flows vee list knows %v of %v", known, all)
	}
	if got := call(nil, "vee", "list", "--rule", "MISING"); got.code != exitUsage || !strings.Contains(got.stderr, `"MISING" is none of RESET RESET_SUSPECTED`) {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
}

func TestThresholdsOfAnESCO(t *testing.T) {
	i := mustInstall(t)
	mustCall(t, i.env, "escos", "add", "EXAMPLE")
	show := func(args ...string) string {
		t.Helper()
		return squeezed(mustCall(t, i.env, append([]string{"escos", "thresholds", "example"}, args...)...).stdout)
	}
	const defaults = `THRESHOLD VALUE DEFAULT FROM
future_by 1m 1m default
clock_warning 20s 20s default
clock_error 3m 3m default
clock_unbillable 15m 15m default
missing_after 2h 2h default
missing_error 24h 24h default
spike_window 25 25 default
spike_factor 88956 88956 default
low_percent 25 25 default
high_percent 400 400 default
earlier_days 7 7 default
zero_run 24h 24h default
zero_run_use 0.500 0.500 default
off_use 0.010 0.010 default
stale_reads 6 6 default
prolonged_percent 10 10 default
prolonged_gap 168h 168h default
voltage_low 216.2 216.2 default
voltage_high 253.0 253.0 default
`
	if diff := cmp.Diff(defaults, show()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	const note = "\nHalf-hours judged from now on are judged by these; those that were judged before stay as they are.\n"
	set := strings.NewReplacer("voltage_high 253.0 253.0 default", "voltage_high 254.5 253.0 set", "zero_run 24h 24h default", "zero_run 1h30m 24h set").Replace(defaults)
	if diff := cmp.Diff(set+note, show("voltage_high=254.5", "zero_run=90m")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, c := range []struct {
		says string
		args []string
	}{
		{`there is no threshold "volts"; there are future_by, clock_warning,`, []string{"EXAMPLE", "volts=1"}},
		{`threshold off_use is kWh such as 0.5, not "some"`, []string{"EXAMPLE", "off_use=some", "zero_run=1h"}},
		{"give NAME=VALUE", []string{"EXAMPLE", "off_use"}},
		{"off_use comes twice", []string{"EXAMPLE", "off_use=1", "--reset", "off_use"}},
		{`"NOBODY" is not known`, []string{"NOBODY"}},
		{`"NOBODY" is not known`, []string{"NOBODY", "off_use=1"}},
	} {
		if got := call(i.env, append([]string{"escos", "thresholds"}, c.args...)...); got.code != exitUsage || !strings.Contains(got.stderr, c.says) || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("%v: exit %d: %s", c.args, got.code, got.stderr)
		}
	}
	if diff := cmp.Diff(set, show()); diff != "" {
		t.Errorf("refusals have changed something (-want +got):\n%s", diff)
	}
	i.mustExec(t, `update flows.escos set vee_thresholds = vee_thresholds || '{"stale_reads": -1, "volts": "1"}'`)
	spoiled := strings.Replace(set, "stale_reads 6 6 default", `stale_reads 6 6 default, since threshold stale_reads is a number of reads, not "-1"`, 1)
	if got := show(); !strings.HasPrefix(got, spoiled+`volts - - default, since there is no threshold "volts";`) {
		t.Errorf("with nonsense stored:\n%s", got)
	}
	if diff := cmp.Diff(defaults+note, show("--reset", "voltage_high", "--reset", "zero_run,stale_reads", "--reset", "volts")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var limits []limit
	if err := json.Unmarshal([]byte(mustCall(t, i.env, "escos", "thresholds", "EXAMPLE", "off_use=0.02", "--json").stdout), &limits); err != nil ||
		len(limits) != 19 || limits[13] != (limit{"off_use", "0.020", "0.010", "set"}) {
		t.Errorf("JSON %v, %v", limits, err)
	}
}
