package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// mustMeasure gives a meter with current transformers, of an ESCO in London, the two days on which clocks are changed. Of ten half-hours one
// has no row, one no value, one is estimated, one not judged and one not billable.
func mustMeasure(t *testing.T) *installed {
	t.Helper()
	i := mustInstall(t)
	i.mustExec(t, `insert into flows.escos (code) values ('EXAMPLE')`)
	i.mustExec(t, `insert into flows.meter_registry (serial, hardware, esco) select 'EML,1', 'P1.cx', id from flows.escos`)
	i.mustExec(t, `insert into flows.meter_registry (serial, hardware) values ('EML2', 'C1.w')`)
	i.mustExec(t, `update flows.meter_registers set start_time = '2025-01-01Z'`)
	i.mustExec(t, `
		insert into flows.register_interval_hh (register_id, "timestamp", import_interval, import_quality, import_method, import_reason, import_billable,
			export_interval, export_quality, export_method, export_reason, export_billable)
		select g.register_id, d.start + k * interval '30 minutes', case when k % 10 <> 5 then (k + 1) * 0.00010 end,
			case k % 10 when 5 then null when 7 then 'estimated' else 'actual' end, case k % 10 when 5 then null when 7 then 'linear' else 'difference' end,
			case k % 10 when 5 then 'RESET' when 9 then 'CLOCK' else '' end, case k % 10 when 5 then false when 8 then null when 9 then false else true end,
			case k when 0 then 1.5 end, case k when 0 then 'edited' end, case k when 0 then 'edit' end, case k when 0 then 'read by "hand", twice' end,
			case k when 0 then true end
		from flows.meter_registers g, (values (timestamptz '2025-10-25 23:00Z', 50), ('2025-03-30 00:00Z', 46)) d (start, n), generate_series(0, 49) k
		where g.element = 'SINGLE' and k < d.n and k % 10 <> 3`)
	return i
}

func golden(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "export", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestExportOfTheDaysOnWhichClocksAreChanged(t *testing.T) {
	env := mustMeasure(t).env
	for _, c := range []struct {
		file, sum string
		args      []string
	}{
		{"autumn.csv", "50 half-hours; import: 30 billable, 5 not billable, 5 not judged yet, 10 without a value; export: 1 billable, 0 not billable, 0 not judged yet, 49 without a value\n",
			[]string{"--from", "2025-10-26", "--to", "2025-10-27", "--esco", "example", "--local"}},
		{"spring.csv", "46 half-hours; import: 28 billable, 4 not billable, 4 not judged yet, 10 without a value; export: 1 billable, 0 not billable, 0 not judged yet, 45 without a value\n",
			[]string{"--from", "2025-03-30", "--to", "2025-03-31", "--serial", "EML,1", "--all"}},
		{"spring.csv", "46 half-hours; import: 28 billable, 4 not billable, 4 not judged yet, 10 without a value; export: 1 billable, 0 not billable, 0 not judged yet, 45 without a value\n" +
			"remembered as exported: 60 half-hours that are not the meter's own value\n",
			[]string{"--from", "2025-03-30T00:00:00Z", "--to", "2025-03-31T00:00:00+01:00", "--serial", "EML,1", "--all", "--record"}},
	} {
		got := mustCall(t, env, append([]string{"export", "intervals"}, c.args...)...)
		if diff := cmp.Diff(golden(t, c.file), got.stdout); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.args, diff)
		}
		if got.stderr != c.sum {
			t.Errorf("%v: %s", c.args, got.stderr)
		}
	}
}

func TestExportOfReads(t *testing.T) {
	i := mustMeasure(t)
	i.mustExec(t, `insert into flows.register_import select register_id, '2025-10-26 00:30:00.5Z', 18204.3310 from flows.meter_registers where element <> 'B'`)
	i.mustExec(t, `insert into flows.register_export select register_id, '2025-10-26 00:30:00.5Z', 0.0001 from flows.meter_registers where element = 'B'`)
	i.mustExec(t, `insert into flows.register_export select register_id, '2025-10-26 01:30Z', 7 from flows.meter_registers where element = 'A'`)
	const want = `serial,element,timestamp,import_kwh,export_kwh
"EML,1",SINGLE,2025-10-26T01:30:00.5+01:00,18204.331,
EML2,A,2025-10-26T01:30:00.5+01:00,18204.331,
EML2,A,2025-10-26T01:30:00+00:00,,7.000
EML2,B,2025-10-26T01:30:00.5+01:00,,0.0001
`
	got := mustCall(t, i.env, "export", "reads", "--from", "2025-10-26", "--to", "2025-10-27", "--local")
	if diff := cmp.Diff(want, got.stdout); diff != "" || got.stderr != "4 reads\n" {
		t.Errorf("%s(-want +got):\n%s", got.stderr, diff)
	}
}

func TestExportLeavesWholeFilesOnly(t *testing.T) {
	i := mustMeasure(t)
	dir, away := t.TempDir(), "postgres://127.0.0.1:1/x"
	file := filepath.Join(dir, "out.csv")
	export := func(args ...string) called {
		return call(i.env, append([]string{"export", "intervals", "--from", "2025-03-30", "--to", "2025-03-31", "--serial", "EML,1", "--all", "--output", file}, args...)...)
	}
	if got := export(); got.code != exitDone || got.stdout != "" || snapshot(t, dir)["out.csv"] != golden(t, "spring.csv") {
		t.Errorf("exit %d: %s\n%s", got.code, got.stderr, snapshot(t, dir)["out.csv"])
	}
	if got := export(); got.code != exitUsage || !strings.Contains(got.stderr, "out.csv is there already: choose another name, or replace it with --force") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
	i.env["DATABASE_URL"], away = away, i.env["DATABASE_URL"]
	if got := export(); got.code != exitUsage { // before anything is asked for
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
	i.env["DATABASE_URL"] = away
	if got := export("--force", "--local"); got.code != exitDone || !strings.Contains(snapshot(t, dir)["out.csv"], "T00:30:00+00:00") {
		t.Errorf("exit %d: %s\n%s", got.code, got.stderr, snapshot(t, dir)["out.csv"])
	}
	before := snapshot(t, dir)
	i.mustExec(t, `update flows.escos set timezone = 'XYZ5'`)
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{exitUsage, `meter EML9 is not known`, []string{"--force", "--serial", "EML9"}},
		{exitUsage, `"NOBODY" is not known`, []string{"--force", "--esco", "NOBODY"}},
		{exitNotDone, `the export is not whole: the time zone XYZ5 of an ESCO is not known on this machine`, []string{"--force", "--local",
			"--from", "2025-03-30T00:00:00Z", "--to", "2025-03-31T00:00:00Z"}},
	} {
		if got := export(c.args...); got.code != c.code || !strings.Contains(got.stderr, c.says) || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("%v: exit %d: %s", c.args, got.code, got.stderr)
		}
	}
	if diff := cmp.Diff(before, snapshot(t, dir)); diff != "" {
		t.Errorf("failed exports have left (-want +got):\n%s", diff)
	}
}

func TestAnExportDoesNotReplaceAFileThatCameMeanwhile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "out.csv")
	out, err := createOutput(nil, file, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("another's"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := out.keep(); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("error %v", err)
	}
	out.discard()
	if diff := cmp.Diff(map[string]string{"out.csv": "another's"}, snapshot(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatAPersonGetsWrongWithExports(t *testing.T) {
	env := mustInstall(t).env
	dir := t.TempDir()
	period := []string{"--from", "2025-03-30", "--to", "2025-03-31"}
	for _, c := range []struct {
		says string
		args []string
	}{
		{"--to", []string{"intervals", "--from", "2025-03-30"}},
		{"neither a date", []string{"reads", "--from", "30.3.2025", "--to", "2025-03-31"}},
		{"--to itself does not belong", []string{"reads", "--from", "2025-03-30", "--to", "2025-03-30"}},
		{"is no file", append([]string{"reads", "--output", dir, "--force"}, period...)},
		{"no such file or directory", append([]string{"reads", "--output", filepath.Join(dir, "a", "b")}, period...)},
		{"--record", append([]string{"reads", "--record"}, period...)},
		{"meter EML9 is not known", append([]string{"reads", "--serial", "EML9"}, period...)},
	} {
		if got := call(env, append([]string{"export"}, c.args...)...); got.code != exitUsage || got.stdout != "" || !strings.Contains(got.stderr, c.says) ||
			strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("%v: exit %d: %s%s", c.args, got.code, got.stdout, got.stderr)
		}
	}
	for _, args := range [][]string{{"export", "intervals"}, {"export", "reads"}, {"vee", "list"}, {"vee", "ack"}, {"vee", "resolve"}, {"escos", "thresholds"}} {
		if c := call(nil, append(args, "--help")...); c.code != exitDone || !strings.Contains(c.stdout, "Example") || !strings.Contains(c.stdout, "flows "+strings.Join(args, " ")) {
			t.Errorf("%v --help: exit %d\n%s", args, c.code, c.stdout)
		}
	}
}
