// Package npm gets packages for tests of what only they can show. Only _test files import it.
package npm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Packages gives a folder with a copy of what the given one has and the packages that its package-lock.json names. They come from npm once, to
// the cache of the user; no script of theirs is run. Where there is no npm or no way to its packages the test is skipped: for what is
// then not tested.
func Packages(t testing.TB, folder, what string) string {
	t.Helper()
	skip := func(why string, err error) { t.Skipf("SKIPPED: %s: %v: %s", why, err, what) }
	if _, err := exec.LookPath("npm"); err != nil {
		skip("npm is not installed", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		skip("there is no folder to keep packages in", err)
	}
	hash := sha256.New()
	files, err := os.ReadDir(folder)
	for _, f := range files {
		var text []byte
		if text, err = os.ReadFile(filepath.Join(folder, f.Name())); err != nil {
			break
		}
		fmt.Fprintf(hash, "%s %d\n%s", f.Name(), len(text), text)
	}
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "flows-test", fmt.Sprintf("%s-%x", filepath.Base(folder), hash.Sum(nil)[:6]))
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	fresh, err := os.MkdirTemp(filepath.Dir(dir), "new-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(fresh)
	if err := os.CopyFS(fresh, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	// Whoever wrote the packages answers for a peer that the lock leaves out.
	npm := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=1")
	npm.Dir = fresh
	if out, err := npm.CombinedOutput(); err != nil {
		for _, ours := range []string{"EUSAGE", "EINTEGRITY", "EJSONPARSE"} {
			if bytes.Contains(out, []byte(ours)) {
				t.Fatalf("npm ci in %s: %s", folder, out)
			}
		}
		skip(fmt.Sprintf("npm cannot get the packages of %s (%.300s)", folder, out), err)
	}
	if err := os.Rename(fresh, dir); err != nil {
		if _, other := os.Stat(dir); other != nil { // and no other test was quicker
			t.Fatal(err)
		}
	}
	return dir
}
