package localpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// openHome locks the directory, settles the user, and ends a server that a killed process left in it.
func (s *Server) openHome(ctx context.Context, dir string) (err error) {
	if s.program.user, err = serverUser(); err != nil {
		return err
	}
	base := tempBase(s.program.user)
	sweep(ctx, base, s.program)
	if dir != "" {
		s.home, err = keptHome(dir)
	} else {
		s.home, err = throwawayHome(base)
	}
	if err != nil {
		return err
	}
	s.data = filepath.Join(s.home.dir, "data")
	if s.program.user, err = userFor(s.data); err != nil {
		return err
	}
	return endOrphan(ctx, s.data, s.program)
}

// tempBase is where throwaway directories are: the usual place, if the server's user can get there.
func tempBase(u *user) string {
	base, err := filepath.Abs(os.TempDir())
	if err != nil || u.barrier(base) != "" {
		return shortBase
	}
	return base
}

// initialize makes the data where there is none. It works beside it and renames: what a killed initdb leaves is
// never taken for data.
func (s *Server) initialize(ctx context.Context, safe bool) error {
	if _, err := os.Stat(filepath.Join(s.data, "PG_VERSION")); err == nil {
		return nil
	}
	if err := syscall.Rmdir(s.data); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s holds something else than the data of PostgreSQL (%w): choose another directory", s.data, err)
	}
	work := s.data + ".new"
	var err error
	for _, locale := range []string{"C.UTF-8", "C"} { // not every system has the first
		if err = s.initdb(ctx, work, locale, safe); err == nil {
			break
		} else if ctx.Err() != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	if err := os.Rename(work, s.data); err != nil {
		return err
	}
	if !safe {
		return nil
	}
	parent, err := os.Open(s.home.dir)
	if err != nil {
		return err
	}
	return errors.Join(parent.Sync(), parent.Close())
}

func (s *Server) initdb(ctx context.Context, dir, locale string, safe bool) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if err := s.program.user.own(dir); err != nil {
		return err
	}
	args := []string{"-D", dir, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=" + locale}
	if !safe {
		args = append(args, "-N")
	}
	return s.program.run(ctx, dir, "initdb", args...)
}

// socketDir is the data directory, since nobody else may enter it, unless its path is too long for a socket, or
// has a comma, at which clients split lists of hosts.
func (s *Server) socketDir() string {
	if s.socket != nil {
		return filepath.Join(s.socket.dir, socketFolder)
	}
	return s.data
}

func (s *Server) openSocket(ctx context.Context) (err error) {
	if len(s.data) <= longestSocketDir && !strings.Contains(s.data, ",") {
		return nil
	}
	sweep(ctx, shortBase, s.program)
	if s.socket, err = throwawayHome(shortBase); err != nil {
		return err
	}
	if err := os.Mkdir(s.socketDir(), 0o700); err != nil {
		return err
	}
	return s.program.user.own(s.socketDir())
}
