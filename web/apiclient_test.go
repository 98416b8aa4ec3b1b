package web

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestAClientMadeOfTheDocument has TypeScript types made of the document that a server gives out, and a program compiled by them and run.
func TestAClientMadeOfTheDocument(t *testing.T) {
	packages := clientPackages(t)
	s := fleetOf(t, 250)
	d := &doer{}
	server := httptest.NewServer(apiSite(s, d))
	t.Cleanup(server.Close)

	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(packages, "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"package.json", "client.ts"} {
		text, err := os.ReadFile(filepath.Join("testdata/openapi", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	node(t, dir, "node_modules/openapi-typescript/bin/cli.js", server.URL+"/api/v1/openapi.json", "-o", "api.d.ts")
	node(t, dir, "node_modules/typescript/bin/tsc", "--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom,dom.iterable", "--skipLibCheck", "--noEmitOnError", "client.ts")
	var said struct {
		Serials  []string
		Credit   json.Number
		Problem  string
		Answered int
	}
	if err := json.Unmarshal([]byte(node(t, dir, "client.js", server.URL)), &said); err != nil {
		t.Fatal(err)
	}
	slices.Sort(said.Serials)
	if diff := cmp.Diff(serialsIn(t, s), said.Serials); diff != "" {
		t.Errorf("meters (-database +client):\n%s", diff)
	}
	var credit string
	if err := s.Pool().QueryRow(t.Context(), `select trim_scale(sum(balance))::text from flows.meter_shadows`).Scan(&credit); err != nil || credit != said.Credit.String() {
		t.Errorf("all balances are %s, the client says %s: %v", credit, said.Credit, err)
	}
	if said.Problem != "Meter none is not in the registry. Look for a part of its serial, or of its name." || said.Answered != http.StatusNoContent || len(d.answers) != 1 {
		t.Errorf("%+v %+v", said, d.answers)
	}
}

// node runs a program and gives what it says.
func node(t *testing.T, dir string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := osexec.CommandContext(ctx, "node", args...)
	cmd.Dir = dir
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node %s: %v\n%s%s", strings.Join(args, " "), err, out, complaints.String())
	}
	return string(out)
}

// clientPackages gives the folder with the packages that package-lock.json names. They come from npm once, to the cache of the user.
func clientPackages(t *testing.T) string {
	t.Helper()
	if _, err := osexec.LookPath("node"); err != nil {
		t.Skip("SKIPPED: node is not installed: no client is made of the API's document")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip("SKIPPED: there is no folder to keep the client's packages in: ", err)
	}
	hash := sha256.New()
	files := map[string][]byte{}
	for _, name := range []string{"package.json", "package-lock.json"} {
		if files[name], err = os.ReadFile(filepath.Join("testdata/openapi", name)); err != nil {
			t.Fatal(err)
		}
		hash.Write(files[name])
	}
	dir := filepath.Join(cache, "flows-test", fmt.Sprintf("openapi-%x", hash.Sum(nil)[:6]))
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
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(fresh, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	npm := osexec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=1")
	npm.Dir = fresh
	if out, err := npm.CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: npm cannot get the client's packages, so none is made of the API's document: %v %.300s", err, out)
	}
	if err := os.Rename(fresh, dir); err != nil {
		if _, other := os.Stat(dir); other != nil { // and no other test was quicker
			t.Fatal(err)
		}
	}
	return dir
}
