package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"flows/certs"
)

// pairPaths are the files of a certificate and its key.
type pairPaths struct{ cert, key string }

// pairFiles gives them as absolute paths, as settings need them.
func pairFiles(dir, base string) pairPaths {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return pairPaths{filepath.Join(dir, base+".crt"), filepath.Join(dir, base+".key")}
}

// create writes a pair where neither file is, or nothing at all.
func (p pairPaths) create(pair certs.Pair) error {
	if err := createFile(p.key, pair.Key, 0o600); err != nil {
		return err
	}
	if err := createFile(p.cert, pair.Cert, 0o644); err != nil {
		_ = os.Remove(p.key)
		return err
	}
	return nil
}

// createFile never touches a file that is there.
func createFile(path string, b []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return usage("%s is there already: choose another name, or renew it with --replace", path)
	}
	if err != nil {
		return usage("%w", err)
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(path)
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// replace renews a pair: what is there must be a certificate of the same kind and client. Each file is whole at any moment; a mediator
// that looks between the two keeps what it has.
func (p pairPaths) replace(pair certs.Pair) error {
	old, err := os.ReadFile(p.cert)
	if errors.Is(err, fs.ErrNotExist) {
		return p.create(pair)
	}
	if err != nil {
		return usage("%w", err)
	}
	was, err := certs.Describe(old, time.Now())
	if err != nil {
		return usage("%s: %w: remove it if it is not needed", p.cert, err)
	}
	is, err := certs.Describe(pair.Cert, time.Now())
	if err != nil {
		return err
	}
	if was[0].Kind != is[0].Kind || was[0].Name != is[0].Name {
		return usage("%s is another's (%s): choose another name", p.cert, describeShort(was[0]))
	}
	next := pairPaths{p.cert + ".new", p.key + ".new"}
	_ = os.Remove(next.cert) // left by a replacement that was cut off
	_ = os.Remove(next.key)
	if err := next.create(pair); err != nil {
		return err
	}
	if err := errors.Join(os.Rename(next.key, p.key), os.Rename(next.cert, p.cert)); err != nil {
		return fmt.Errorf("replace %s: %w", p.cert, err)
	}
	return nil
}

// describeShort is a certificate in a few words.
func describeShort(i certs.Info) string {
	words := []string{i.Kind, i.Name}
	if i.Role != "" {
		words = append(words, "("+i.Role+")")
	}
	for _, name := range i.Names {
		if name != i.Name {
			words = append(words, name)
		}
	}
	return strings.Join(words, " ")
}

// setting is a line of an environment file: a path, or, as base64, what is in it.
type setting struct {
	name, path string
	content    []byte // nil: read from path
}

// settings prints how to configure who uses the certificates: for a shell with paths, for an environment file with base64.
func settings(a *app, whose string, inline bool, all ...setting) error {
	fmt.Fprintf(a.stdout, "# settings of %s:\n", whose)
	for _, s := range all {
		line := "export " + s.name + "=" + quoted(s.path)
		if inline {
			if s.content == nil {
				var err error
				if s.content, err = os.ReadFile(s.path); err != nil {
					return usage("%w", err)
				}
			}
			line = s.name + "=" + base64.StdEncoding.EncodeToString(s.content)
		}
		if _, err := fmt.Fprintln(a.stdout, line); err != nil {
			return err
		}
	}
	return nil
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_/.,:+=@-]+$`)

// quoted is a word for the shell.
func quoted(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
