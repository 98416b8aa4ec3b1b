package web

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"flows/internal/npm"

	"github.com/google/go-cmp/cmp"
)

// TestAClientMadeOfTheDocument has TypeScript types made of the document that a server gives out, and a program compiled by them and run.
func TestAClientMadeOfTheDocument(t *testing.T) {
	packages := npm.Packages(t, "testdata/openapi", "no client is made of the API's document")
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
