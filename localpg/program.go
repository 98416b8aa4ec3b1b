package localpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// program runs the programs of one PostgreSQL as its user.
type program struct {
	dir  string
	user *user
	out  *tail
}

// command prepares a program with nothing of our environment, in a process group of its own so that ^C reaches us
// alone, and, where the system can do that, to end with us.
func (p program) command(dir, name string, args ...string) *exec.Cmd {
	p.out.forget()
	cmd := exec.Command(filepath.Join(p.dir, name), args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + p.dir + ":/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
	cmd.Stdout, cmd.Stderr = p.out, p.out
	cmd.WaitDelay = 5 * time.Second // a child that keeps the output open must not keep us
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if p.user != nil {
		cmd.SysProcAttr.Credential = &p.user.cred
	}
	endWithParent(cmd.SysProcAttr)
	return cmd
}

// run runs a program to its end, or until ctx ends.
func (p program) run(ctx context.Context, dir, name string, args ...string) error {
	cmd := p.command(dir, name, args...)
	done, err := spawn(cmd)
	if err != nil {
		return p.explain(dir, err)
	}
	select {
	case <-done:
	case <-ctx.Done():
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-done
		return fmt.Errorf("%s was interrupted: %w", name, context.Cause(ctx))
	}
	if !cmd.ProcessState.Success() {
		return fmt.Errorf("%s failed in %s: %s", name, dir, p.out.reason())
	}
	return nil
}

// explain adds what to do to the commonest reason why a program does not start.
func (p program) explain(dir string, err error) error {
	if b := p.user.barrier(dir); b != "" && errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("PostgreSQL runs as user %s, who may not enter %s: choose a directory that all may enter, or do not run as root", p.user.name, b)
	}
	return fmt.Errorf("cannot run PostgreSQL: %w", err)
}

// spawn starts cmd; the channel closes when it has ended and its ProcessState is set. The thread that starts it
// stays until then: Linux takes the end of that thread for the end of the parent.
func spawn(cmd *exec.Cmd) (<-chan struct{}, error) {
	started, done := make(chan error, 1), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
			close(done)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return done, nil
}

// tail passes on what a program prints and remembers the end of it, for error messages.
type tail struct {
	to   io.Writer
	mu   sync.Mutex
	kept []byte
}

// Write never fails: a reader of the log that has gone must not stop the server.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.to != nil {
		_, _ = t.to.Write(b)
	}
	t.kept = append(t.kept, b...)
	t.kept = t.kept[max(0, len(t.kept)-4096):]
	return len(b), nil
}

// forget makes reason speak of the next program only.
func (t *tail) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = nil
}

// reason returns the last line that looks like one, else the last line.
func (t *tail) reason() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	last, found := "it printed nothing", ""
	for line := range strings.Lines(string(t.kept)) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		last = line
		if strings.Contains(line, "FATAL:") || strings.Contains(line, "PANIC:") || strings.Contains(line, "error:") {
			found = line
		}
	}
	if found != "" {
		return found
	}
	return last
}
