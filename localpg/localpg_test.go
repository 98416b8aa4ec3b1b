package localpg

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestKeptDirectoryHasItsDataAgain(t *testing.T) {
	dir := filepath.Join(publicDir(t), "new", "folder")
	first := mustStart(t, Options{Dir: dir})
	psql(t, first, "CREATE TABLE kept AS SELECT 42 AS n")
	mustStop(t, first)
	if got := psql(t, mustStart(t, Options{Dir: dir}), "SELECT n FROM kept"); got != "42" {
		t.Errorf("got %q, want 42", got)
	}
}

func TestThrowawayIsFastClosedAndGoneAfterStop(t *testing.T) {
	var log strings.Builder
	s := mustStart(t, Options{Log: &log, Settings: map[string]string{"work_mem": "7MB", "listen_addresses": "*"}})
	for setting, want := range map[string]string{
		"work_mem":         "7MB",
		"fsync":            "off",
		"listen_addresses": "", // whatever was asked for
		"timezone":         "UTC",
		"server_encoding":  "UTF8",
	} {
		if got := psql(t, s, "SHOW "+setting); got != want {
			t.Errorf("%s: got %q, want %q", setting, got, want)
		}
	}
	info, err := os.Stat(s.socketDir())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := info.Mode().Perm(), os.FileMode(0o700); got != want {
		t.Errorf("directory of the socket: got %v, want %v", got, want)
	}
	for range 2 {
		mustStop(t, s)
	}
	select {
	case <-s.Done():
	default:
		t.Error("Done is open after Stop")
	}
	mustBeGone(t, s.Dir())
	if got, want := log.String(), "ready to accept connections"; !strings.Contains(got, want) {
		t.Errorf("no %q in the log %q", want, got)
	}
}

func TestDataIsDurableUnlessThrownAway(t *testing.T) {
	if got, want := psql(t, mustStart(t, Options{Dir: madeData(t)}), "SHOW fsync"), "on"; got != want {
		t.Errorf("kept: got fsync %s, want %s", got, want)
	}
	s := &Server{home: &home{}}
	if safe := s.arguments(nil, true); slices.Contains(safe, "fsync=off") {
		t.Errorf("durable: got %v", safe)
	}
}

func TestStopDoesNotWaitForClients(t *testing.T) {
	s := mustStart(t, Options{Dir: madeData(t)})
	client := exec.Command(filepath.Join(s.program.dir, "psql"), "-XAtq", s.URL("postgres"))
	in, err := client.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := client.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	io.WriteString(in, "BEGIN; SELECT 'connected';\n")
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "connected\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	began := time.Now()
	mustStop(t, s)
	if took := time.Since(began); took > fastStop/2 {
		t.Errorf("took %v", took)
	}
	in.Close()
	client.Wait() // it complains about the lost connection
}

func TestKilledServerIsSeenAndNamed(t *testing.T) {
	s := mustStart(t, Options{Dir: madeData(t)})
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	if err := s.Stop(); err == nil || !strings.Contains(err.Error(), "ended by itself (signal: killed)") {
		t.Errorf("got %v", err)
	}
}

func TestDataOfAKilledServerIsStartedAgain(t *testing.T) {
	dir := madeData(t)
	for how, table := range map[syscall.Signal]string{syscall.SIGQUIT: "quit", syscall.SIGKILL: "kill"} {
		s := mustStart(t, Options{Dir: dir})
		psql(t, s, "CREATE TABLE "+table+" AS SELECT 42 AS n")
		if err := s.Kill(how); err != nil {
			t.Errorf("%v: %v", how, err)
		}
		mustStop(t, s)
		again := mustStart(t, Options{Dir: dir})
		if got := psql(t, again, "SELECT n FROM "+table); got != "42" {
			t.Errorf("after %v: got %q, want 42", how, got)
		}
		psql(t, again, "DROP TABLE "+table)
		mustStop(t, again)
	}
}

func TestWrongSettingIsNamedAndLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", publicDir(t))
	_, err := Start(t.Context(), Options{Settings: map[string]string{"work_mem": "much"}})
	if err == nil || !strings.Contains(err.Error(), "work_mem") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	mustBeEmpty(t, os.Getenv("TMPDIR"))
}

func TestCancelledStartLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", publicDir(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	mustBeEmpty(t, os.Getenv("TMPDIR"))
}

func TestPathsThatNeedCare(t *testing.T) {
	t.Setenv("PGPORT", "1")
	t.Setenv("PGHOST", "elsewhere")
	for name, folder := range map[string]string{
		"quoted in URL and shell": "a b+c&d'e%20?f\"g",
		"a list to a client":      "here,there",
		"too long for a socket":   strings.Repeat("long-", 20),
	} {
		t.Run(name, func(t *testing.T) {
			s := mustStart(t, Options{Dir: renamedData(t, folder)})
			out, err := exec.Command("sh", "-c", s.PsqlCommand("postgres")+" -XAtc 'SELECT 42'").CombinedOutput()
			if got := string(out); got != "42\n" {
				t.Errorf("%s: got %q, %v", s.PsqlCommand("postgres"), got, err)
			}
			if len(s.socketDir()) > longestSocketDir {
				t.Errorf("socket in %s", s.socketDir())
			}
			mustStop(t, s)
			mustBeGone(t, filepath.Join(s.socketDir(), ".s.PGSQL."+port))
			if s.socket != nil {
				mustBeGone(t, s.socket.dir)
			}
		})
	}
}

func mustStart(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	return s
}

func mustStop(t *testing.T, s *Server) {
	t.Helper()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(s.cmd.Process.Pid, 0); err == nil {
		t.Fatalf("process %d is there after Stop", s.cmd.Process.Pid)
	}
}

func psql(t *testing.T, s *Server, sql string) string {
	t.Helper()
	out, err := exec.Command(filepath.Join(s.program.dir, "psql"), "-XAtq", s.URL("postgres"), "-c", sql).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", sql, err, out)
	}
	return strings.TrimSpace(string(out))
}

// publicDir is a TempDir that the server's user may enter.
func publicDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// workDir is this process' own; TestMain removes it.
func workDir() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("localpg-test-%d", os.Getpid()))
}

var initialized = sync.OnceValues(func() (string, error) {
	s, err := Start(context.Background(), Options{Dir: filepath.Join(workDir(), "kept")})
	if err != nil {
		return "", err
	}
	return s.Dir(), s.Stop()
})

// madeData is a directory with data that the tests use in turn, since initdb takes seconds.
func madeData(t *testing.T) string {
	t.Helper()
	dir, err := initialized()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// renamedData is madeData under another name in the same folder until the test ends.
func renamedData(t *testing.T, name string) string {
	t.Helper()
	dir := madeData(t)
	renamed := filepath.Join(filepath.Dir(dir), name)
	if err := os.Rename(dir, renamed); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Rename(renamed, dir); err != nil {
			t.Error(err)
		}
	})
	return renamed
}

func mustBeGone(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there (%v)", path, err)
	}
}

func mustBeEmpty(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left in %s: %v, %v", dir, left, err)
	}
}
