package schema_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
	cmd.Dir = timescalePackages(t)
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

// timescalePackages gives the folder with the packages that package-lock.json names.
func timescalePackages(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip("SKIPPED: there is no folder to keep TimescaleDB's packages in: ", err)
	}
	hash := sha256.New()
	files := map[string][]byte{}
	for _, name := range []string{"package.json", "package-lock.json", "server.mjs"} {
		if files[name], err = os.ReadFile(filepath.Join("testdata/timescale", name)); err != nil {
			t.Fatal(err)
		}
		hash.Write(files[name])
	}
	dir := filepath.Join(cache, "flows-test", fmt.Sprintf("timescale-%x", hash.Sum(nil)[:6]))
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	fresh, err := os.MkdirTemp(filepath.Dir(dir), "new-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(fresh)
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(fresh, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	// Whoever wrote the packages answers for a peer that the lock leaves out, and no script of theirs is run.
	npm := osexec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=1")
	npm.Dir = fresh
	if out, err := npm.CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: npm cannot get TimescaleDB's packages, so it is not tested: %v %.300s", err, out)
	}
	if err := os.Rename(fresh, dir); err != nil {
		if _, other := os.Stat(dir); other != nil { // and no other test was quicker
			t.Fatal(err)
		}
	}
	return dir
}
