package main

import (
	"encoding/json"
	"strings"
	"testing"

	"flows"
	"flows/internal/pgtest"
)

// rowsOf gives the rows of meter_metrics that name a metric: + is read, - is not.
func rowsOf(t *testing.T, env map[string]string, name string) string {
	t.Helper()
	var metrics []flows.Metric
	if err := json.Unmarshal([]byte(mustCall(t, env, "metrics", "list", "--json").stdout), &metrics); err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, m := range metrics {
		if strings.EqualFold(m.Name, name) {
			rows = append(rows, map[bool]string{true: "+", false: "-"}[m.Enabled]+string(m.Frequency))
		}
	}
	return strings.Join(rows, " ")
}

func TestAMetricIsSetAtOneFrequency(t *testing.T) {
	env := map[string]string{"DATABASE_URL": pgtest.New(t)}
	for _, c := range []struct{ args, says, rows string }{
		{"syncervoltage --frequency 12hourly", "SyncerVoltage is read 12hourly from now on", "+hourly +12hourly"},
		{"SyncerVoltage --freq 12hourly", "SyncerVoltage is read 12hourly, as before", "+hourly +12hourly"},
		{"SYNCERVOLTAGE --frequency hourly --off", "SyncerVoltage is not read hourly any more", "-hourly +12hourly"},
		{"SyncerVoltage --frequency hourly --off", "SyncerVoltage is not read hourly, as before", "-hourly +12hourly"},
		{"SyncerVoltage --frequency daily --off", "SyncerVoltage is not read daily, as before", "-hourly +12hourly"},
	} {
		got := mustCall(t, env, append([]string{"metrics", "set"}, strings.Fields(c.args)...)...)
		if !strings.HasPrefix(got.stdout, c.says+"\nhourly: ") || got.stderr != "" {
			t.Errorf("%s: want %s:\n%s%s", c.args, c.says, got.stdout, got.stderr)
		}
		if rows := rowsOf(t, env, "SyncerVoltage"); rows != c.rows {
			t.Errorf("%s: rows %s, want %s", c.args, rows, c.rows)
		}
	}
	const now = `SyncerVoltage is read hourly from now on
hourly: SyncerPrepayBalance, SyncerReads, SyncerVoltage
12hourly: SyncerCSQ, SyncerProfileLog, SyncerVoltage
daily: `
	if got := mustCall(t, env, "metrics", "set", "SyncerVoltage", "--frequency", "hourly").stdout; !strings.HasPrefix(got, now) {
		t.Errorf("got %s\nwant %s", got, now)
	}
}

func TestAMetricOfANewerFlowsIsSetWithAWarning(t *testing.T) {
	env := map[string]string{"DATABASE_URL": pgtest.New(t)}
	got := mustCall(t, env, "metrics", "set", "SyncerTamper", "--frequency", "daily")
	if !strings.Contains(got.stderr, "warning") || !strings.Contains(got.stderr, "SyncerTamper") || strings.Count(got.stderr, "\n") != 1 {
		t.Errorf("no warning of a line: %s", got.stderr)
	}
	if rows := rowsOf(t, env, "SyncerTamper"); rows != "+daily" {
		t.Errorf("rows %s", rows)
	}
	var metrics []flows.Metric
	if err := json.Unmarshal([]byte(mustCall(t, env, "metrics", "list", "--json").stdout), &metrics); err != nil {
		t.Fatal(err)
	}
	for _, m := range metrics { // the schema's own are all known
		got := mustCall(t, env, "metrics", "set", strings.ToUpper(m.Name), "--frequency", string(m.Frequency))
		if warned := got.stderr != ""; warned != (m.Name == "SyncerTamper") || !strings.HasPrefix(strings.ToLower(got.stdout), strings.ToLower(m.Name)+" is read ") {
			t.Errorf("%s: %s%s", m.Name, got.stdout, got.stderr)
		}
	}
	for _, args := range [][]string{{"SyncerCSQ"}, {"--frequency", "daily"}, {"SyncerCSQ", "--frequency", "weekly"}, {" ", "--frequency", "daily"}} {
		if got := call(env, append([]string{"metrics", "set"}, args...)...); got.code != exitUsage || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("%q: exit %d\n%s", args, got.code, got.stderr)
		}
	}
}
