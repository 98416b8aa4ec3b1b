package main

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"flows/emop"
	"flows/internal/pgtest"
	"flows/syncer"
)

// process is flows as a process of its own.
type process struct {
	cmd  *exec.Cmd
	text chan string // lines of stdout and stderr
}

// start runs flows until the test ends it; the end must be exit 0 after SIGTERM.
func start(t *testing.T, env map[string]string, args ...string) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Env = []string{"FLOWS_TEST_AS_COMMAND=1"}
	for k, v := range env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	p := &process{cmd, make(chan string, 10_000)}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.text)
		for lines := bufio.NewScanner(r); lines.Scan(); {
			p.text <- lines.Text()
		}
	}()
	ended := make(chan error, 1)
	go func() {
		ended <- cmd.Wait()
		w.Close() // what was to be said has been said
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := <-ended; err != nil {
			t.Errorf("flows %s ended with %v", strings.Join(args, " "), err)
		}
	})
	return p
}

// await gives the first group of the first line that matches.
func (p *process) await(t *testing.T, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	var seen []string
	for line := range p.text {
		seen = append(seen, line)
		if m := re.FindStringSubmatch(line); m != nil {
			return m[len(m)-1]
		}
	}
	t.Fatalf("ended without %s:\n%s", pattern, strings.Join(seen, "\n"))
	return ""
}

// installation is a simulated fleet and a mediator as processes, and the environment that reaches them.
func installation(t *testing.T, meters string, simulate ...string) map[string]string {
	t.Helper()
	env := map[string]string{"DATABASE_URL": pgtest.New(t), "METER_SPACING_SECONDS": "0.05", "EMLITE_TIMEOUT_SECONDS": "1"}
	fleet := start(t, env, append([]string{"simulate", "--meters", meters, "--listen", "127.23.0.1:0", "--register"}, simulate...)...)
	fleet.await(t, "simulated meters at")
	m := start(t, env, "mediator", "--port", "0")
	env["MEDIATOR_SERVER"] = m.await(t, `"mediator listens","address":"([^"]+)"`)
	return env
}

func TestThreeProcessesReadAFleet(t *testing.T) {
	env := installation(t, "8", "--fault", "pieces=0.5", "--fault", "wrong_crc=0.3")
	var s syncer.Summary
	if err := json.Unmarshal([]byte(mustCall(t, env, "sync", "--freq", "hourly", "--json").stdout), &s); err != nil {
		t.Fatal(err)
	}
	if s.Healthy != 8 || s.Unhealthy+s.NotDone+s.Skipped != 0 {
		t.Errorf("summary %+v", s)
	}
	before := mustCall(t, env, "meters", "list", "--json").stdout
	if strings.Count(before, `"healthy"`) != 8 {
		t.Errorf("not all healthy: %s", before)
	}

	env["MEDIATOR_SERVER"] = "127.0.0.1:1"
	c := call(env, "sync", "--freq", "hourly")
	if c.code != exitNotDone || !strings.Contains(c.stdout, "MEDIATOR") || !strings.Contains(c.stdout, "127.0.0.1:1") {
		t.Errorf("exit %d with the mediator nowhere, want 3:\n%s%s", c.code, c.stdout, c.stderr)
	}
	if after := mustCall(t, env, "meters", "list", "--json").stdout; after != before {
		t.Errorf("a run without mediator touched shadows:\n%s\n%s", before, after)
	}
}

func TestReadGivesEveryObjectOfTheTable(t *testing.T) {
	env := installation(t, "40")
	mustCall(t, env, "sync", "--freq", "hourly", "--parallel", "40")
	var meters []struct{ Serial, Hardware string }
	if err := json.Unmarshal([]byte(mustCall(t, env, "meters", "list", "--json").stdout), &meters); err != nil {
		t.Fatal(err)
	}
	serials := map[emop.Class]string{}
	for _, m := range meters {
		serials[emop.ClassOf(m.Hardware)] = m.Serial
	}
	read := 0
	for _, d := range emop.Table {
		e := d.Info()
		if !d.Readable() {
			continue
		}
		name := e.Name
		if _, err := emop.Lookup(name); err != nil {
			name += ".1" // a family
			if _, err := emop.Lookup(name); err != nil {
				name += ".1"
			}
		}
		for class, serial := range serials {
			if e.On&class == 0 {
				continue
			}
			c := mustCall(t, env, "read", serial, name, "--spacing", "0.05", "--timeout", "1")
			if strings.TrimSpace(c.stdout) == "" {
				t.Errorf("read %s %s prints nothing", serial, name)
			}
			read++
		}
	}
	if len(serials) < 4 || read < 100 {
		t.Errorf("%d objects read of %d kinds of hardware", read, len(serials))
	}
	if c := call(env, "read", serials[emop.WholeCurrent], "prepay_balance"); c.code != exitFailed || !strings.Contains(c.stderr, "is not on P1.ax") {
		t.Errorf("balance of a three phase meter: exit %d %s", c.code, c.stderr)
	}
	if c := call(env, "read", "EML0", "csq"); c.code != exitNotDone || !strings.Contains(c.stderr, "EML0") {
		t.Errorf("unknown meter: exit %d %s", c.code, c.stderr)
	}
}

func TestClockSetMovesTheDriftedClocksAndNoOthers(t *testing.T) {
	env := installation(t, "30")
	mustCall(t, env, "sync", "--freq", "daily", "--parallel", "30")
	var reports []struct {
		Serial string
		Before int `json:"before_seconds"`
		After  int `json:"after_seconds"`
	}
	if err := json.Unmarshal([]byte(mustCall(t, env, "clock", "set", "--drifted", "60", "--json").stdout), &reports); err != nil {
		t.Fatal(err)
	}
	if len(reports) == 0 {
		t.Fatal("the fleet has no drifted clock")
	}
	for _, r := range reports {
		if max(r.Before, -r.Before) < 59 || max(r.After, -r.After) > 2 {
			t.Errorf("%s: from %d to %d s", r.Serial, r.Before, r.After)
		}
	}
	if again := mustCall(t, env, "clock", "set", "--drifted", "60").stdout; again != "no meter's clock is that far off\n" {
		t.Errorf("the shadows do not know of it: %s", again)
	}
}
