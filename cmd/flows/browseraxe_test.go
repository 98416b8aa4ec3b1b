//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"flows/internal/browser"
	"flows/internal/npm"
)

// axeSource gives axe-core. Nothing of it is run here but in the browser.
func axeSource(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(npm.Packages(t, "testdata/axe", "pages are not checked with axe-core"), "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
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
