package localpg

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNotInstalledSaysWhatToInstall(t *testing.T) {
	for name, of := range map[string]struct{ goos, release, want string }{
		"Debian":     {"linux", "ID=debian\n", "apt-get install postgresql"},
		"Ubuntu":     {"linux", "NAME=\"Ubuntu\"\nID=ubuntu\nID_LIKE=debian\n", "apt-get install postgresql"},
		"Mint":       {"linux", "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", "apt-get install postgresql"},
		"Fedora":     {"linux", "ID=fedora\n", "dnf install postgresql-server"},
		"RHEL":       {"linux", "ID=\"rhel\"\nID_LIKE=\"fedora\"\n", "dnf install postgresql-server"},
		"Rocky":      {"linux", "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", "dnf install postgresql-server"},
		"macOS":      {"darwin", "", "brew install postgresql"},
		"unknown":    {"linux", "ID=plan9\n", "install the PostgreSQL server with this system's package manager"},
		"no release": {"freebsd", "", "install the PostgreSQL server with this system's package manager"},
	} {
		t.Run(name, func(t *testing.T) {
			release := filepath.Join(t.TempDir(), "os-release")
			if err := os.WriteFile(release, []byte(of.release), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := start(t.Context(), Options{}, system{goos: of.goos, osRelease: release})
			if !errors.Is(err, ErrNotInstalled) {
				t.Fatalf("got %v", err)
			}
			if got, want := err.Error(), "PostgreSQL 15 or newer is not installed: "+of.want; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestNewestInstalledIsFirst(t *testing.T) {
	root := t.TempDir()
	old := fakePostgres(t, root, "13", "postgres (PostgreSQL) 13.9")
	onPath := fakePostgres(t, root, "15", "postgres (PostgreSQL) 15.20 (Debian 15.20-1)")
	newest := fakePostgres(t, root, "19", "postgres (PostgreSQL) 19devel")
	broken := fakePostgres(t, root, "20", "postgres: cannot open shared object file")
	half := fakePostgres(t, root, "21", "postgres (PostgreSQL) 21.0")
	if err := os.Remove(filepath.Join(half, "initdb")); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(root, "link")
	if err := os.Symlink(onPath, link); err != nil {
		t.Fatal(err)
	}
	found, err := system{path: strings.Join([]string{link, "", "relative", broken}, ":"), places: []string{root + "/*/bin"}}.installed()
	if err != nil {
		t.Fatal(err)
	}
	want := []binaries{{newest, 19}, {onPath, 15}}
	if len(found) != len(want) || found[0] != want[0] || found[1] != want[1] {
		t.Errorf("got %v, want %v", found, want)
	}

	_, err = system{path: old}.installed()
	if !errors.Is(err, ErrNotInstalled) || !strings.Contains(err.Error(), "only 13") {
		t.Errorf("got %v", err)
	}
}

// fakePostgres makes programs of which the server prints its version.
func fakePostgres(t *testing.T, root, name, version string) string {
	t.Helper()
	dir := filepath.Join(root, name, "bin")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"postgres", "initdb", "pg_ctl"} {
		script := "#!/bin/sh\necho '" + version + "'\n"
		if err := os.WriteFile(filepath.Join(dir, program), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestDataOfAnotherVersionNeedsItsProgram(t *testing.T) {
	data := t.TempDir()
	installed := []binaries{{"/new", 17}, {"/old", 15}}
	for made, want := range map[string]string{"17\n": "/new", "15\n": "/old", "16\n": ""} {
		if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte(made), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := matching(installed, data)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("made by %q: got %q, %v, want %q", made, got, err, want)
		}
	}
}
