package schema_test

import (
	"bufio"
	osexec "os/exec"
	"strings"
	"testing"
	"time"

	"flows/internal/npm"
)

// timescaleServer starts a PostgreSQL 17 with TimescaleDB, compiled to WebAssembly and run by node, and gives its URL. It has one session for
// all clients, one after the other, so that what a client sets stays; it has no background workers; a COPY kills it. The packages
// come from npm once, to the cache of the user; nothing of them is run but what testdata/timescale/server.mjs imports.
func timescaleServer(t *testing.T) (url string) {
	t.Helper()
	node, err := osexec.LookPath("node")
	if err != nil {
		t.Skip("SKIPPED: node is not installed: TimescaleDB is not tested")
	}
	cmd := osexec.Command(node, "server.mjs")
	cmd.Dir = npm.Packages(t, "testdata/timescale", "TimescaleDB is not tested")
	var complaints strings.Builder
	cmd.Stderr = &complaints
	stdin, err := cmd.StdinPipe() // it ends with us, however we end
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slow := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() {
		slow.Stop()
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	port, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		_ = cmd.Wait()
		t.Fatalf("TimescaleDB did not start: %v %s", err, complaints.String())
	}
	slow.Stop()
	return "postgres://postgres@127.0.0.1:" + strings.TrimSpace(port) + "/postgres?sslmode=disable&default_query_exec_mode=exec"
}
