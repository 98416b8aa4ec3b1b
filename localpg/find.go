package localpg

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// oldest is the first major version that has all that the schema uses.
const oldest = 15

// ErrNotInstalled says that no usable PostgreSQL was found.
var ErrNotInstalled = errors.New("PostgreSQL 15 or newer is not installed")

// system is what the search for PostgreSQL looks at.
type system struct {
	path      string   // list of folders, as in PATH
	places    []string // patterns of folders that are not on the path
	goos      string
	osRelease string // the file that names a Linux distribution
}

// binaries is a folder that holds a server and its initdb.
type binaries struct {
	dir   string
	major int
}

func thisSystem() system {
	return system{
		path: os.Getenv("PATH"),
		places: []string{
			"/usr/lib/postgresql/*/bin",   // Debian
			"/usr/pgsql-*/bin",            // RHEL, packages of postgresql.org
			"/usr/bin",                    // Fedora, Arch
			"/usr/lib/postgresql*/bin",    // SUSE
			"/usr/libexec/postgresql*",    // Alpine
			"/usr/local/pgsql/bin",        // built from source
			"/opt/homebrew/opt/post*/bin", // Homebrew
			"/usr/local/opt/post*/bin",    // Homebrew on Intel
			"/Applications/Postgres.app/Contents/Versions/*/bin",
		},
		goos:      runtime.GOOS,
		osRelease: "/etc/os-release",
	}
}

// FindBinaries returns the folder of the newest PostgreSQL installed. Its error is ErrNotInstalled, in one line that
// says how to install it.
func FindBinaries() (dir string, err error) {
	found, err := thisSystem().installed()
	if err != nil {
		return "", err
	}
	return found[0].dir, nil
}

// installed returns every usable PostgreSQL, newest first, and at least one.
func (s system) installed() ([]binaries, error) {
	dirs := filepath.SplitList(s.path)
	for _, pattern := range s.places {
		match, _ := filepath.Glob(pattern)
		dirs = append(dirs, match...)
	}
	var found []binaries
	tooOld := 0
	for _, dir := range dirs {
		server, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres")) // a link's folder may lack the rest
		dir = filepath.Dir(server)
		if err != nil || !filepath.IsAbs(dir) || slices.ContainsFunc(found, func(b binaries) bool { return b.dir == dir }) {
			continue
		}
		if major := version(dir); major >= oldest {
			found = append(found, binaries{dir, major})
		} else {
			tooOld = max(tooOld, major)
		}
	}
	slices.SortStableFunc(found, func(a, b binaries) int { return b.major - a.major })
	switch {
	case len(found) > 0:
		return found, nil
	case tooOld > 0:
		return nil, fmt.Errorf("%w, only %d: see https://www.postgresql.org/download/", ErrNotInstalled, tooOld)
	}
	return nil, fmt.Errorf("%w: %s", ErrNotInstalled, s.advice())
}

// version asks the server in dir for its major version; 0 is none, or none that can be used.
func version(dir string) int {
	for _, name := range []string{"initdb", "pg_ctl"} {
		if _, err := exec.LookPath(filepath.Join(dir, name)); err != nil {
			return 0
		}
	}
	out, err := exec.Command(filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return 0
	}
	// "postgres (PostgreSQL) 15.20 (Debian ...)", "... 19devel"
	_, number, _ := strings.Cut(string(out), "(PostgreSQL) ")
	end := strings.IndexFunc(number, func(r rune) bool { return r < '0' || r > '9' })
	major, _ := strconv.Atoi(number[:max(end, 0)])
	return major
}

// matching returns the newest binaries, or those that made the data when there is some: a major version reads only
// its own.
func matching(installed []binaries, data string) (string, error) {
	content, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return installed[0].dir, nil
	} else if err != nil {
		return "", fmt.Errorf("cannot read the data of PostgreSQL: %w", err)
	}
	made := strings.TrimSpace(string(content))
	for _, b := range installed {
		if strconv.Itoa(b.major) == made {
			return b.dir, nil
		}
	}
	return "", fmt.Errorf("%s was made by PostgreSQL %s, which is not installed: install that version or choose another directory", data, made)
}

// advice names the command that installs PostgreSQL here.
func (s system) advice() string {
	if s.goos == "darwin" {
		return "brew install postgresql"
	}
	release, _ := os.ReadFile(s.osRelease)
	for line := range strings.Lines(string(release)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if name != "ID" && name != "ID_LIKE" {
			continue
		}
		for _, id := range strings.Fields(strings.Trim(value, `"'`)) {
			switch id {
			case "debian", "ubuntu":
				return "apt-get install postgresql"
			case "fedora", "rhel", "centos":
				return "dnf install postgresql-server"
			}
		}
	}
	return "install the PostgreSQL server with this system's package manager"
}
