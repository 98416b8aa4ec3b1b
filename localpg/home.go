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

// prefix starts the names of throwaway directories. Short: macOS has long names for its temporary directory.
const prefix = "flows-pg-"

// shortBase is where a directory goes whose path must be short, or that every user must reach.
const shortBase = "/tmp"

// socketFolder is where a throwaway directory holds a socket without data.
const socketFolder = "socket"

// longestSocketDir is in bytes: a socket's path has at most 103 (macOS; Linux 107), "/.s.PGSQL.5432" takes 14.
const longestSocketDir = 88

// home is a directory with a lock that ends with its process, however that ends: so nobody mistakes a living
// process' directory for one left behind, and no number of a process can be reused.
type home struct {
	dir       string
	lock      *os.File
	throwaway bool
}

// lockName is the file in a home that carries its lock.
const lockName = "lock"

// lockDir takes the lock of dir, which create may make; the error is EWOULDBLOCK when somebody has it.
func lockDir(dir string, create int) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDONLY|create|syscall.O_NOFOLLOW, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// keptHome makes or reuses a directory that stays.
func keptHome(dir string) (*home, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot make the data directory: %w", err)
	}
	lock, err := lockDir(dir, os.O_CREATE)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, fmt.Errorf("%s %w", dir, ErrInUse)
	case err != nil:
		return nil, fmt.Errorf("cannot lock the data directory: %w", err)
	}
	return &home{dir: dir, lock: lock}, nil
}

// throwawayHome makes a directory below base. Another process' sweep may see it before it is locked and take it:
// then there is another try.
func throwawayHome(base string) (*home, error) {
	for {
		dir, err := os.MkdirTemp(base, prefix)
		if err != nil {
			return nil, fmt.Errorf("cannot make a directory for PostgreSQL: %w", err)
		}
		lock, err := lockDir(dir, os.O_CREATE)
		if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, os.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
		if _, err := os.Stat(lock.Name()); err != nil { // swept between the two steps of locking
			lock.Close()
			continue
		}
		h := &home{dir: dir, lock: lock, throwaway: true}
		if err := os.Chmod(dir, 0o711); err != nil { // the server may be another user's
			return nil, errors.Join(err, h.close())
		}
		return h, nil
	}
}

// close removes what is to be thrown away and gives the lock back, in this order.
func (h *home) close() error {
	if h == nil {
		return nil
	}
	var err error
	if h.throwaway {
		err = removeHome(h.dir)
	}
	return errors.Join(err, h.lock.Close())
}

// removeHome removes the lock's file last, since a sweep takes only what has one, or has nothing at all.
func removeHome(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if e.Name() != lockName {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	if err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// sweep removes the throwaway directories of this user whose processes have died. Best effort: what cannot be
// removed now is there for the next sweep.
func sweep(ctx context.Context, base string, p program) {
	entries, _ := os.ReadDir(base)
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !e.IsDir() || !strings.HasPrefix(e.Name(), prefix) || ownerOf(info).Uid != uint32(os.Geteuid()) {
			continue
		}
		dir := filepath.Join(base, e.Name())
		lock, err := lockDir(dir, 0)
		if err != nil {
			if errors.Is(err, os.ErrNotExist) {
				_ = os.Remove(dir) // works on an empty one only
			}
			continue
		}
		left := &home{dir: dir, lock: lock}
		left.throwaway = endOrphan(ctx, filepath.Join(dir, "data"), p) == nil &&
			!answers(filepath.Join(dir, socketFolder, ".s.PGSQL."+port)) // its data is elsewhere
		_ = left.close()
	}
}

// ownerOf returns the user and group of a file.
func ownerOf(info os.FileInfo) *syscall.Credential {
	st := info.Sys().(*syscall.Stat_t)
	return &syscall.Credential{Uid: st.Uid, Gid: st.Gid}
}
