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

// isAccessible has axe-core look at every page. What it finds again and again in dark is colours only.
func isAccessible(s screen) {
	source := axeSource(s.T)
	p := s.page()
	for _, path := range s.paths() {
		p.Scheme("light")
		s.open(p, path)
		browser.Eval[bool](p, source+"; true") // the protocol's own: the page's policy would not have it
		for scheme, only := range map[string]string{"light": `["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]`, "dark": `{ type: "rule", values: ["color-contrast"] }`} {
			p.Scheme(scheme)
			found := browser.Eval[[]string](p, `axe.run(document, { runOnly: `+only+`, resultTypes: ["violations"], preload: false }).then((r) => r.violations
				.filter((v) => v.impact === "serious" || v.impact === "critical")
				.map((v) => v.impact + " " + v.id + ": " + v.help + "\n" + v.nodes.slice(0, 5).map((n) => "  " + n.html.slice(0, 160) + " " + n.any.map((a) => a.message).join("; ")).join("\n")))`)
			for _, f := range found {
				s.Errorf("%s, %s: %s", path, scheme, f)
			}
		}
	}
}
