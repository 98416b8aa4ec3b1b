package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"

	"flows/internal/pgtest"
)

// TestMain lets the test binary be flows itself, for tests that need processes.
func TestMain(m *testing.M) {
	if os.Getenv("FLOWS_TEST_AS_COMMAND") != "" {
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr, os.Getenv))
	}
	pgtest.Main(m)
}

// called is what a command line came to.
type called struct {
	code           int
	stdout, stderr string
}

// call runs a command line in this process with the given environment and nothing else of it.
func call(env map[string]string, args ...string) called {
	var stdout, stderr bytes.Buffer
	code := run(args, &stdout, &stderr, func(name string) string { return env[name] })
	return called{code, stdout.String(), stderr.String()}
}

func mustCall(t *testing.T, env map[string]string, args ...string) called {
	t.Helper()
	c := call(env, args...)
	if c.code != exitDone {
		t.Fatalf("flows %s: exit %d\n%s%s", strings.Join(args, " "), c.code, c.stdout, c.stderr)
	}
	return c
}

// testApp is for tests that call parts of a command.
func testApp(ctx context.Context) (*app, *bytes.Buffer, *bytes.Buffer) {
	var stdout, stderr bytes.Buffer
	return &app{ctx: ctx, stdout: &stdout, stderr: &stderr, log: slog.New(slog.DiscardHandler)}, &stdout, &stderr
}
