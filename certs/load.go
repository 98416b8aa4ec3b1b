package certs

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	begin = "-----BEGIN "
	// mostBytes of a file: a bundle of CAs has some ten thousand.
	mostBytes = 1 << 20
)

// Load gives the PEM that a setting stands for: PEM itself, base64 of PEM, or the path of a PEM file. Its errors fit one line and never
// show the value, unless it is plainly the path of a certificate or key.
func Load(value string) ([]byte, error) {
	b, _, err := load(value)
	return b, err
}

// load also gives the path when the value is one.
func load(value string) (b []byte, path string, err error) {
	value = strings.TrimSpace(value)
	if value == "" {
		return nil, "", errors.New("nothing is given: give PEM, base64 of PEM, or the path of a PEM file")
	}
	if strings.Contains(value, begin) {
		if !isPEM([]byte(value)) {
			return nil, "", errors.New("begins as PEM but holds no whole block: line breaks may be lost; base64 of it fits one line")
		}
		return []byte(value), "", nil
	}
	if b, ok := decode(value); ok {
		if !isPEM(b) {
			return nil, "", errors.New("is base64 of PEM that is cut off or damaged")
		}
		return b, "", nil
	}
	b, err = readFile(value)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, "", fmt.Errorf("neither PEM nor base64 of PEM, and there is no file %s", shown(value))
	case err != nil:
		return nil, "", fmt.Errorf("neither PEM nor base64 of PEM, and as a file %s: %w", shown(value), err)
	case !isPEM(b):
		return nil, "", fmt.Errorf("no PEM is in the file %s", shown(value))
	}
	return b, value, nil
}

// decode gives what base64 stands for, if that begins as PEM: as much of it as is sound.
func decode(value string) (b []byte, ok bool) {
	compact := strings.TrimRight(strings.Join(strings.Fields(value), ""), "=")
	b, _ = base64.RawStdEncoding.DecodeString(compact)
	return b, bytes.Contains(b, []byte(begin))
}

// readFile gives the content of a regular file; its errors do not name it.
func readFile(path string) ([]byte, error) {
	b, err := func() ([]byte, error) {
		// Asked before it is opened: opening a pipe waits for a writer.
		if info, err := os.Stat(path); err != nil {
			return nil, err
		} else if !info.Mode().IsRegular() {
			return nil, errors.New("it is no regular file")
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return io.ReadAll(io.LimitReader(f, mostBytes+1))
	}()
	var named *fs.PathError
	if errors.As(err, &named) {
		return nil, named.Err
	}
	if err == nil && len(b) > mostBytes {
		return nil, errors.New("it is larger than 1 MiB")
	}
	return b, err
}

func isPEM(b []byte) bool {
	block, _ := pem.Decode(b)
	return block != nil
}

// shown is a path in an error. What only might be one, a key in a broken form say, is not repeated.
func shown(path string) string {
	if len(path) <= 1024 && slices.Contains([]string{".crt", ".cer", ".pem", ".key"}, filepath.Ext(path)) && !strings.ContainsAny(path, "\r\n") {
		return path
	}
	return "of that name (not shown here, it may be a secret)"
}
