package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// output is a file that appears under its name when it is whole, or the terminal.
type output struct {
	*bufio.Writer
	file        *os.File // nil: the terminal
	name, under string   // its name, and what it is called until it is whole
	force       bool
}

func createOutput(terminal io.Writer, name string, force bool) (*output, error) {
	const ahead = 64 << 10
	if name == "" {
		return &output{Writer: bufio.NewWriterSize(terminal, ahead)}, nil
	}
	switch info, err := os.Lstat(name); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, usage("%w", err)
	case !info.Mode().IsRegular():
		return nil, usage("%s is no file", name)
	case !force:
		return nil, exists(name)
	}
	under := filepath.Join(filepath.Dir(name), fmt.Sprintf(".%s.%d", filepath.Base(name), os.Getpid()))
	_ = os.Remove(under) // of a process that was killed
	f, err := os.OpenFile(under, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, usage("%w", err)
	}
	return &output{bufio.NewWriterSize(f, ahead), f, name, under, force}, nil
}

func exists(name string) error {
	return usage("%s is there already: choose another name, or replace it with --force", name)
}

// keep gives the file, which is flushed, its name.
func (o *output) keep() error {
	if o.file == nil {
		return nil
	}
	if err := errors.Join(o.file.Sync(), o.file.Close()); err != nil {
		return err
	}
	if !o.force {
		if err := os.Link(o.under, o.name); errors.Is(err, fs.ErrExist) { // somebody else was faster
			return exists(o.name)
		}
	}
	return os.Rename(o.under, o.name)
}

// discard removes what was not kept.
func (o *output) discard() {
	if o.file != nil {
		_ = o.file.Close()
		_ = os.Remove(o.under)
	}
}

// locations remembers what time.LoadLocation reads from a file each time.
var locations sync.Map

func location(zone string) (*time.Location, error) {
	if l, known := locations.Load(zone); known {
		return l.(*time.Location), nil
	}
	l, err := time.LoadLocation(zone)
	if err != nil {
		return nil, fmt.Errorf("the time zone %s of an ESCO is not known on this machine: install its tzdata, or take UTC", zone)
	}
	locations.Store(zone, l)
	return l, nil
}
