package certs

import (
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadTakesPEMBase64AndPaths(t *testing.T) {
	text := string(newAuthority(t).client(t, "acme", Internal, Terms{}).Key)
	coded := base64.StdEncoding.EncodeToString([]byte(text))
	file := write(t, filepath.Join(t.TempDir(), "any name"), text)
	for name, value := range map[string]string{
		"PEM": text, "PEM with text around": "Subject: acme\n" + text + "\n\n", "PEM of Windows": strings.ReplaceAll(text, "\n", "\r\n"),
		"base64": coded, "base64 without padding": strings.TrimRight(coded, "="), "base64 in lines": coded[:76] + "\n" + coded[76:] + "\n", "path": file, "path with a line break": file + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Load(value)
			if err != nil {
				t.Fatal(err)
			}
			block, _ := pem.Decode(got)
			want, _ := pem.Decode([]byte(text))
			if string(block.Bytes) != string(want.Bytes) {
				t.Errorf("got %d bytes of %s", len(block.Bytes), block.Type)
			}
		})
	}
}

func TestLoadSaysInOneLineWhatIsWrongAndKeepsSecrets(t *testing.T) {
	dir := t.TempDir()
	text := string(newAuthority(t).client(t, "acme", Internal, Terms{}).Key)
	coded := base64.StdEncoding.EncodeToString([]byte(text))
	bare := strings.Split(text, "\n")[1]
	const token = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYWRtaW4ifQ.c2VjcmV0"
	for _, c := range []struct{ name, value, says, secret string }{
		{"nothing", " \n", "nothing is given", ""},
		{"PEM without line breaks", strings.ReplaceAll(text, "\n", " "), "line breaks", bare},
		{"PEM cut off", text[:100], "whole block", text[40:100]},
		{"base64 cut off", coded[:101], "cut off", coded[20:80]},
		{"base64 damaged", coded[:100] + "?" + coded[100:], "damaged", coded[20:80]},
		{"key without its frame", bare, "not shown", bare},
		{"a token", token, "not shown", token},
		{"many lines", "a\nb\nc.key", "not shown", "b\nc"},
		{"no such file", filepath.Join(dir, "none.crt"), "there is no file " + dir + "/none.crt", ""},
		{"a folder", dir, "no regular file", ""},
		{"a device", "/dev/zero", "no regular file", ""},
		{"empty file", write(t, filepath.Join(dir, "empty.crt"), ""), "empty.crt", ""},
		{"file that is no PEM", write(t, filepath.Join(dir, "der.key"), "\x30\x82hunter2"), "der.key", "hunter2"},
		{"huge file", write(t, filepath.Join(dir, "huge.pem"), strings.Repeat("x", mostBytes+1)), "1 MiB", ""},
		{"zero byte", "a\x00b", "not shown", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(c.value)
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("got %v, want one line about %s", err, c.says)
			}
			if c.secret != "" && strings.Contains(err.Error(), c.secret) {
				t.Errorf("shows the secret: %v", err)
			}
		})
	}
}

func FuzzLoad(f *testing.F) {
	p, err := NewAuthority(Terms{})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(p.Cert), string(p.Key), base64.StdEncoding.EncodeToString(p.Cert), "", ".", "/dev/stdin", "-----BEGIN X-----\n-----END X-----\n", "LS0tLS1CRUdJTiA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		b, err := Load(value)
		switch {
		case err == nil && !isPEM(b):
			t.Errorf("%q gives what is no PEM", value)
		case err == nil:
			_, _ = pool(b)
		case strings.Contains(err.Error(), "\n"):
			t.Errorf("%q gives an error of several lines: %v", value, err)
		}
	})
}
