//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// member is flows as a process that is started again whenever it ends, as systemd does it.
type member struct {
	t    *testing.T
	name string
	env  []string
	args []string

	ended chan struct{} // no more starts

	mu       sync.Mutex
	cmd      *exec.Cmd // nil while none runs
	up       *hello    // what the running process said when it was up
	pause    time.Duration
	killed   bool // by us
	stopping bool
	starts   int
	log      []string
}

// hello is the line of the log by which a process says that it is up.
type hello struct {
	Message string `json:"msg"`
	Address string `json:"address"`
	Client  string `json:"client"` // how River names it
}

const (
	// tooEarly is the pause after a process that could not come up: its database was away.
	tooEarly = 300 * time.Millisecond
	// keptLines of a log are shown when the test fails.
	keptLines = 60
)

func startMember(t *testing.T, name string, env map[string]string, args ...string) *member {
	t.Helper()
	m := &member{t: t, name: name, args: args, env: []string{"FLOWS_TEST_AS_COMMAND=1"}, ended: make(chan struct{})}
	for k, v := range env {
		m.env = append(m.env, k+"="+v)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	go m.keep(exe)
	t.Cleanup(func() {
		m.mu.Lock()
		m.stopping = true
		m.signal(syscall.SIGKILL)
		m.mu.Unlock()
		<-m.ended
		if t.Failed() {
			t.Logf("%s was started %d times; the end of its log:\n%s", m.name, m.starts, strings.Join(m.log, "\n"))
		}
	})
	return m
}

// keep has the process running. Its thread must live as long: the kernel ends the process with the thread that started it.
func (m *member) keep(exe string) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(m.ended)
	for {
		r, w := io.Pipe()
		cmd := exec.Command(exe, m.args...)
		cmd.Env, cmd.Stdout, cmd.Stderr = m.env, w, w
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if !m.begin(cmd) {
			return
		}
		var listener sync.WaitGroup
		listener.Go(func() { m.listen(r) })
		err := cmd.Wait()
		w.Close()
		listener.Wait()
		pause, again := m.end(err)
		if !again {
			return
		}
		<-time.After(pause)
	}
}

func (m *member) begin(cmd *exec.Cmd) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopping {
		return false
	}
	if err := cmd.Start(); err != nil {
		m.t.Errorf("%s cannot be started: %v", m.name, err)
		return false
	}
	m.cmd, m.up, m.killed, m.starts = cmd, nil, false, m.starts+1
	return true
}

// end tells how long until the next start, and whether there is one.
func (m *member) end(err error) (pause time.Duration, again bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	cmd, up := m.cmd, m.up
	m.cmd, m.up = nil, nil
	switch {
	case m.killed:
		return m.pause, !m.stopping
	case m.stopping:
		if err != nil {
			m.t.Errorf("%s was to stop and ended with %v", m.name, err)
		}
		return 0, false
	case up != nil:
		m.t.Errorf("%s was up and ended by itself: %v", m.name, err)
	}
	if code := cmd.ProcessState.ExitCode(); code == exitUsage || code == exitDone {
		m.t.Errorf("%s ended with %d as it was started", m.name, code)
		return 0, false
	}
	return tooEarly, true
}

func (m *member) listen(r io.Reader) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		m.mu.Lock()
		m.log = append(m.log, lines.Text())
		m.log = m.log[max(0, len(m.log)-keptLines):]
		var h hello
		if json.Unmarshal(lines.Bytes(), &h) == nil && (h.Message == "serving" || h.Message == "mediator listens") {
			m.up = &h
		}
		m.mu.Unlock()
	}
}

// signal is for callers who hold the lock.
func (m *member) signal(s syscall.Signal) {
	if m.cmd != nil {
		m.killed = m.killed || s == syscall.SIGKILL
		_ = m.cmd.Process.Signal(s)
	}
}

// kill has the process killed, and started again after the pause; false when none runs just now.
func (m *member) kill(pause time.Duration) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cmd == nil || m.killed {
		return false
	}
	m.pause = pause
	m.signal(syscall.SIGKILL)
	return true
}

// freeze lets the process do nothing for a time, as a machine that is short of memory does; nil when none runs just now.
func (m *member) freeze(d time.Duration) (thawed <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cmd == nil || m.killed {
		return nil
	}
	done, frozen := make(chan struct{}), m.cmd.Process
	_ = frozen.Signal(syscall.SIGSTOP)
	time.AfterFunc(d, func() {
		_ = frozen.Signal(syscall.SIGCONT)
		close(done)
	})
	return done
}

// stop lets the process come to its end, which must be exit 0.
func (m *member) stop() {
	m.t.Helper()
	m.mu.Lock()
	m.stopping = true
	m.signal(syscall.SIGTERM)
	m.mu.Unlock()
	select {
	case <-m.ended:
	case <-time.After(45 * time.Second):
		m.t.Errorf("%s has not stopped within 45 s of SIGTERM", m.name)
	}
}

// running gives what the process said when it came up, nil while it is not up.
func (m *member) running() *hello {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.up
}

// await gives what the process says when it is up.
func (m *member) await() (h hello) {
	m.t.Helper()
	poll(m.t, time.Minute, m.name+" to be up", func() bool {
		up := m.running()
		if up != nil {
			h = *up
		}
		select {
		case <-m.ended:
			m.t.Fatalf("%s does not come up", m.name)
		default:
		}
		return up != nil
	})
	return h
}

// poll waits for a condition, at most so long.
func poll(t *testing.T, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(limit); !holds(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited %v in vain for %s", limit, what)
		}
	}
}
