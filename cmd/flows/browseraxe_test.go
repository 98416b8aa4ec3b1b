//go:build linux

package main

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

	"flows/internal/browser"
)

// axeSource gives axe-core, which npm gets once, to the cache of the user. Nothing of it is run here but in the browser.
func axeSource(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip("SKIPPED: there is no folder to keep axe-core in: ", err)
	}
	lock, err := os.ReadFile(filepath.Join("testdata", "axe", "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "flows-test", fmt.Sprintf("axe-%x", sha256.Sum256(lock))[:16])
	source := filepath.Join("node_modules", "axe-core", "axe.min.js")
	if text, err := os.ReadFile(filepath.Join(dir, source)); err == nil {
		return string(text)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	fresh, err := os.MkdirTemp(filepath.Dir(dir), "new-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(fresh)
	if err := os.CopyFS(fresh, os.DirFS(filepath.Join("testdata", "axe"))); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=1")
	npm.Dir = fresh
	if out, err := npm.CombinedOutput(); err != nil {
		for _, ours := range []string{"EUSAGE", "EINTEGRITY", "EJSONPARSE"} {
			if bytes.Contains(out, []byte(ours)) {
				t.Fatalf("npm ci: %s", out)
			}
		}
		t.Skipf("SKIPPED: npm cannot get axe-core, so pages are not checked with it: %v %.300s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(fresh, source))
	if err != nil {
		t.Fatal(err)
	}
	_ = os.Rename(fresh, dir) // another test may have been quicker
	return string(text)
}

// axeRun gives what axe-core finds serious: of all rules in light; in dark the colours alone are other ones.
const axeRun = `((dark) => axe.run(document, { preload: false, runOnly: dark ? { type: "rule", values: ["color-contrast"] } : ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] })
	.then(({ passes, violations }) => {
		if (![...passes, ...violations].some((rule) => rule.id === "color-contrast")) return ["nothing was looked at"];
		return violations.filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id, help, nodes }) => [id + ": " + help,
			...nodes.slice(0, 5).map((n) => "  " + n.html.slice(0, 160) + " " + n.any.map((a) => a.message).join("; "))].join("\n"));
	}))`

func isAccessible(s screen) {
	source := axeSource(s.T)
	p := s.page()
	for _, path := range s.kinds() {
		p.Scheme("light")
		s.open(p, path)
		browser.Eval[bool](p, source+"; true") // the protocol's own: the page's policy would not have it
		for _, scheme := range []string{"light", "dark"} {
			p.Scheme(scheme)
			for _, found := range browser.Eval[[]string](p, fmt.Sprintf(`%s(%t)`, axeRun, scheme == "dark")) {
				s.Errorf("%s, %s: %s", path, scheme, found)
			}
		}
	}
}
