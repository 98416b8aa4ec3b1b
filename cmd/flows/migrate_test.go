package main

import (
	"strings"
	"testing"

	"flows/internal/pgtest"
)

func TestTimescaleIsRefusedInOneLineWhereItCannotBe(t *testing.T) {
	env := map[string]string{"DATABASE_URL": pgtest.New(t)}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, exitNotDone, "add timescaledb to shared_preload_libraries and restart PostgreSQL"},
		{[]string{"--keep-raw", "730"}, exitNotDone, "add timescaledb to shared_preload_libraries and restart PostgreSQL"},
		{[]string{"--keep-raw", "30"}, exitUsage, "90 days"},
		{[]string{"--keep-raw=-1"}, exitUsage, "90 days"},
	} {
		got := call(env, append([]string{"migrate", "timescale"}, c.args...)...)
		if got.code != c.code || !strings.Contains(got.stderr, c.says) || strings.Count(got.stderr, "\n") != 1 || got.stdout != "" {
			t.Errorf("%v: exit %d, want %d with one line about %s:\n%s%s", c.args, got.code, c.code, c.says, got.stdout, got.stderr)
		}
	}
}
