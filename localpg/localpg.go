// Package localpg starts and stops a private PostgreSQL, reached through a Unix socket in a directory that only its
// user may enter: for `flows demo` and for tests.
package localpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Options say where a server keeps its data and how it is run. The zero value is a fast throwaway server.
type Options struct {
	Dir      string            // the data is kept in Dir/data and durable; "" is a throwaway directory that Stop removes
	Durable  bool              // throwaway data too is written safely, for measurements; data in Dir always is
	Log      io.Writer         // what initdb and the server print; nil drops it
	Settings map[string]string // more settings of postgresql.conf
}

// ErrInUse says that a living server has the data directory.
var ErrInUse = errors.New("is in use by another PostgreSQL: stop that one first or choose another directory")

// Server is a running private PostgreSQL.
type Server struct {
	home    *home
	socket  *home  // a directory for the socket alone, nil when the path of data is short enough
	data    string // PGDATA
	program program
	cmd     *exec.Cmd
	done    <-chan struct{}
	stop    func() error
	killed  atomic.Bool
}

// Waits that are limits, not pauses: each ends as soon as the server has done its part.
const (
	fastStop      = 20 * time.Second // a fast shutdown writes a checkpoint
	immediateStop = 5 * time.Second
)

// port names the socket's file; nothing listens on TCP.
const port = "5432"

// Start runs a server and returns when it accepts connections; ctx ends the wait, not the server. It removes what
// killed processes left behind. The error is ErrNotInstalled or ErrInUse where that is the reason.
func Start(ctx context.Context, o Options) (*Server, error) {
	return start(ctx, o, thisSystem())
}

func start(ctx context.Context, o Options, sys system) (_ *Server, err error) {
	installed, err := sys.installed()
	if err != nil {
		return nil, err
	}
	s := &Server{program: program{dir: installed[0].dir, out: &tail{to: o.Log}}}
	s.stop = sync.OnceValue(s.shutDown)
	defer func() {
		switch {
		case err != nil && s.done != nil:
			_ = s.Stop()
		case err != nil:
			_ = s.release()
		}
	}()
	if err := s.openHome(ctx, o.Dir); err != nil {
		return nil, err
	}
	if s.program.dir, err = matching(installed, s.data); err != nil {
		return nil, err
	}
	safe := o.Durable || o.Dir != ""
	if err := s.initialize(ctx, safe); err != nil {
		return nil, err
	}
	if err := s.openSocket(ctx); err != nil {
		return nil, err
	}
	s.cmd = s.program.command(s.data, "postgres", s.arguments(o.Settings, safe)...)
	if s.done, err = spawn(s.cmd); err != nil {
		return nil, s.program.explain(s.data, err)
	}
	if err := s.awaitReady(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// arguments puts our own settings last, where they win.
func (s *Server) arguments(more map[string]string, safe bool) []string {
	args := []string{"-D", s.data}
	set := func(name, value string) { args = append(args, "-c", name+"="+value) }
	if !safe {
		set("fsync", "off")
		set("synchronous_commit", "off")
		set("full_page_writes", "off")
	}
	for name, value := range more {
		set(name, value)
	}
	set("cluster_name", clusterName)
	set("port", port)
	set("listen_addresses", "")
	set("unix_socket_directories", `"`+strings.ReplaceAll(s.socketDir(), `"`, `""`)+`"`) // a list
	return args
}

// awaitReady reads the state that the postmaster keeps in its pid file, as pg_ctl does.
func (s *Server) awaitReady(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if f := readPidFile(s.data); f.pid == s.cmd.Process.Pid && f.status == "ready" {
			return nil
		}
		select {
		case <-tick.C:
		case <-s.done:
			return fmt.Errorf("PostgreSQL did not start in %s: %s", s.data, s.program.out.reason())
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL was not ready in time in %s: %w", s.data, context.Cause(ctx))
		}
	}
}

// URL returns the address of a database for pgx and psql; the user is postgres, without a password. It names all
// that PGPORT and its like could change.
func (s *Server) URL(database string) string {
	host := strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(s.socketDir()))
	return "postgres://postgres@/" + url.PathEscape(database) + "?host=" + host + "&port=" + port
}

// PsqlCommand returns a line to paste into a terminal.
func (s *Server) PsqlCommand(database string) string {
	psql := "psql"
	if _, err := exec.LookPath(psql); err != nil {
		psql = "'" + filepath.Join(s.program.dir, psql) + "'"
	}
	if s.program.user != nil && os.Getenv("SUDO_UID") != "" {
		psql = "sudo " + psql
	}
	return psql + " '" + s.URL(database) + "'"
}

// Dir returns the directory that holds the data directory and its lock.
func (s *Server) Dir() string { return s.home.dir }

// Done is closed when the server has ended, wanted or not.
func (s *Server) Done() <-chan struct{} { return s.done }

// Stop ends the server, also under its clients, waits for it, and removes throwaway data. Stopping twice is fine.
// The error of a server that ended by itself is its last complaint.
func (s *Server) Stop() error { return s.stop() }

// Kill ends the server as a crash does, and returns when it and its backends are gone: for tests of what survives one. With SIGQUIT all
// stop amid their statements, with SIGKILL the postmaster alone does. Data in Options.Dir can be started again.
func (s *Server) Kill(how syscall.Signal) error {
	s.killed.Store(true)
	if err := s.cmd.Process.Signal(how); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-s.done
	return s.Stop()
}

func (s *Server) shutDown() error {
	var err error
	select {
	case <-s.done:
		if s.killed.Load() {
			break
		}
		err = fmt.Errorf("PostgreSQL in %s ended by itself (%s): %s", s.data, s.cmd.ProcessState, s.program.out.reason())
	default:
		err = s.end()
	}
	return errors.Join(err, s.release())
}

// end tries SIGINT (SIGTERM would wait for the clients), SIGQUIT, and at last kills the server's whole group.
func (s *Server) end() error {
	for _, step := range []struct {
		signal syscall.Signal
		limit  time.Duration
	}{{syscall.SIGINT, fastStop}, {syscall.SIGQUIT, immediateStop}} {
		_ = s.cmd.Process.Signal(step.signal)
		select {
		case <-s.done:
			return nil
		case <-time.After(step.limit):
		}
	}
	err := syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	<-s.done
	return err
}

func (s *Server) release() error {
	return errors.Join(s.socket.close(), s.home.close())
}
