package main

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flows/certs"
)

// newCA makes a CA by the command line.
func newCA(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "its folder")
	mustCall(t, nil, "certs", "init", "--dir", dir)
	return dir
}

// snapshot is every file of a folder and what is in it.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(b)
	}
	return all
}

func TestCertsOfAnInstallation(t *testing.T) {
	dir := newCA(t)
	server := mustCall(t, nil, "certs", "server", "--dir", dir, "--name", "mediator.example.org", "--name", "10.0.0.5")
	client := mustCall(t, nil, "certs", "client", "acme", "--role", "partner", "--dir", dir)
	for text, wants := range map[string][]string{
		server.stdout: {"server cepro-mediators mediator.example.org 10.0.0.5", "export MEDIATOR_SERVER_CERT='" + dir + "/server.crt'", "export MEDIATOR_SERVER_KEY='" + dir + "/server.key'", "export MEDIATOR_CA_CERT='" + dir + "/ca.crt'"},
		client.stdout: {"client acme (partner)", "export MEDIATOR_CLIENT_CERT='" + dir + "/acme.crt'", "export MEDIATOR_CLIENT_KEY='" + dir + "/acme.key'", "export MEDIATOR_CA_CERT='" + dir + "/ca.crt'"},
	} {
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("nothing about %s in:\n%s", want, text)
			}
		}
	}
	for name := range snapshot(t, dir) {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || strings.HasSuffix(name, ".key") && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %s, %v", name, info.Mode(), err)
		}
	}

	table := mustCall(t, nil, "certs", "list", "--dir", dir).stdout
	lines := strings.Split(table, "\n")
	if len(lines) != 5 || !strings.Contains(lines[1], "acme.crt") || !strings.Contains(lines[1], "partner") || !strings.Contains(lines[2], "3649") ||
		!strings.Contains(lines[3], "cepro-mediators,mediator.example.org,10.0.0.5") || !strings.HasSuffix(lines[3], "799") {
		t.Errorf("list:\n%s", table)
	}
	var listed []struct {
		File, Kind, Role string
		DaysLeft         int `json:"days_left"`
	}
	if err := json.Unmarshal([]byte(mustCall(t, nil, "certs", "list", "--dir", dir, "--json").stdout), &listed); err != nil {
		t.Fatal(err)
	}
	if len(listed) != 3 || listed[0].File != "acme.crt" || listed[0].Role != "partner" || listed[1].Kind != "ca" || listed[2].DaysLeft != 799 {
		t.Errorf("list --json: %+v", listed)
	}
	if info := mustCall(t, nil, "certs", "info", filepath.Join(dir, "acme.crt")).stdout; !strings.Contains(info, "OU=partner") || !strings.Contains(info, "sha-256") {
		t.Errorf("info:\n%s", info)
	}
}

func TestBase64SettingsAreAnEnvironmentFile(t *testing.T) {
	dir := newCA(t)
	env := map[string]string{}
	for _, text := range []string{mustCall(t, nil, "certs", "server", "--dir", dir, "--base64").stdout, mustCall(t, nil, "certs", "client", "acme", "--role", "internal", "--dir", dir, "--base64").stdout} {
		for line := range strings.Lines(text) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
				env[name] = value
			}
		}
	}
	want := []string{caCertSetting, clientCertSetting, clientKeySetting, serverCertSetting, serverKeySetting}
	for _, name := range want {
		file := map[string]string{caCertSetting: "ca.crt", clientCertSetting: "acme.crt", clientKeySetting: "acme.key", serverCertSetting: "server.crt", serverKeySetting: "server.key"}[name]
		got, err := certs.Load(env[name])
		if err != nil || string(got) != snapshot(t, dir)[file] {
			t.Errorf("%s is not %s: %v", name, file, err)
		}
	}
	if len(env) != len(want) {
		t.Errorf("%d settings", len(env))
	}
}

func TestRenewingReplacesOnlyWhatItMay(t *testing.T) {
	dir := newCA(t)
	mustCall(t, nil, "certs", "server", "--dir", dir)
	mustCall(t, nil, "certs", "client", "acme", "--role", "readonly", "--dir", dir)
	before := snapshot(t, dir)
	mustCall(t, nil, "certs", "client", "acme", "--role", "partner", "--dir", dir, "--replace")
	mustCall(t, nil, "certs", "client", "other", "--role", "partner", "--dir", dir, "--replace")
	after := snapshot(t, dir)
	if before["acme.crt"] == after["acme.crt"] || before["acme.key"] == after["acme.key"] || before["server.crt"] != after["server.crt"] || len(after) != 8 {
		t.Errorf("%d files after renewing", len(after))
	}
	if list := mustCall(t, nil, "certs", "list", "--dir", dir).stdout; strings.Contains(list, "readonly") {
		t.Errorf("not renewed:\n%s", list)
	}
}

func TestCertsRefuseInOneLineAndChangeNothing(t *testing.T) {
	dir, empty := newCA(t), t.TempDir()
	mustCall(t, nil, "certs", "server", "--dir", dir)
	mustCall(t, nil, "certs", "client", "acme", "--role", "readonly", "--dir", dir)
	if err := os.WriteFile(filepath.Join(empty, "broken.crt"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, dir)
	key := before["acme.key"]
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"a second CA", []string{"init", "--dir", dir}, 2, "ca.crt is there already"},
		{"no folder", []string{"init"}, 2, "--dir"},
		{"folder that is a file", []string{"init", "--dir", filepath.Join(dir, "ca.crt")}, 2, "not a directory"},
		{"server again", []string{"server", "--dir", dir}, 2, "--replace"},
		{"client again", []string{"client", "acme", "--role", "internal", "--dir", dir}, 2, "--replace"},
		{"client in place of the CA", []string{"client", "ca", "--role", "internal", "--dir", dir, "--replace"}, 2, "another's"},
		{"client in place of the server", []string{"client", "server", "--role", "internal", "--dir", dir, "--replace"}, 2, "another's"},
		{"server in place of a client", []string{"server", "--out", "acme", "--dir", dir, "--replace"}, 2, "another's"},
		{"server outside the folder", []string{"server", "--out", "../x", "--dir", dir}, 2, "../x"},
		{"no CA", []string{"server", "--dir", empty}, 2, "flows certs init"},
		{"unknown role", []string{"client", "x", "--role", "admin", "--dir", dir}, 2, "admin"},
		{"no role", []string{"client", "x", "--dir", dir}, 2, "--role"},
		{"name that is none", []string{"client", "a b", "--role", "internal", "--dir", dir}, 2, `"a b"`},
		{"host with port", []string{"server", "--name", "host:1", "--out", "x", "--dir", dir}, 2, "host:1"},
		{"no day", []string{"client", "x", "--role", "internal", "--dir", dir, "--days", "0"}, 2, "--days"},
		{"list of nowhere", []string{"list", "--dir", "/nowhere"}, 2, "/nowhere"},
		{"list with a broken file", []string{"list", "--dir", empty}, 1, "1 files"},
		{"info of nothing", []string{"info", "/nowhere.crt"}, 2, "/nowhere.crt"},
		{"info of a key", []string{"info", filepath.Join(dir, "acme.key")}, 2, "no certificate"},
		{"info of a broken key", []string{"info", base64.StdEncoding.EncodeToString([]byte(key))[:99]}, 2, "cut off"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := call(nil, append([]string{"certs"}, c.args...)...)
			if got.code != c.code || !strings.Contains(got.stderr, c.says) || strings.Count(got.stderr, "\n") != 1 {
				t.Errorf("exit %d, want %d with one line about %s:\n%s", got.code, c.code, c.says, got.stderr)
			}
			if strings.Contains(got.stderr, strings.Split(key, "\n")[1]) {
				t.Errorf("shows the key: %s", got.stderr)
			}
		})
	}
	after := snapshot(t, dir)
	for name, text := range before {
		if after[name] != text {
			t.Errorf("%s was changed", name)
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d files became %d", len(before), len(after))
	}
}

func TestEveryCertsCommandHasHelpWithAnExample(t *testing.T) {
	for _, name := range []string{"init", "server", "client", "list", "info"} {
		if c := call(nil, "certs", name, "--help"); c.code != 0 || !strings.Contains(c.stdout, "Example") || !strings.Contains(c.stdout, "flows certs "+name) {
			t.Errorf("certs %s --help: exit %d\n%s", name, c.code, c.stdout)
		}
	}
}

func TestQuotedWordsAreOneForTheShell(t *testing.T) {
	got := []string{quoted("/etc/flows/ca.crt"), quoted("a b"), quoted("it's"), quoted("$(x)")}
	if want := []string{"/etc/flows/ca.crt", "'a b'", `'it'\''s'`, "'$(x)'"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
