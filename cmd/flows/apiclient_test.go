//go:build linux

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// clientPackages gives a folder of the test's own with what makes a client of an OpenAPI document; the packages come from npm.
func clientPackages(t *testing.T) string {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := osexec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: %s is not installed: no client is generated", tool)
		}
	}
	dir := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", "tsconfig.json", "client.ts"} {
		text, err := os.ReadFile(filepath.Join("testdata/openapi", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if out, err := in(t, dir, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=1"); err != nil {
		t.Skipf("SKIPPED: npm cannot get what makes a client: %v %.300s", err, out)
	}
	return dir
}

func in(t *testing.T, dir, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := osexec.CommandContext(ctx, name, args...)
	c.Dir = dir
	out, err := c.CombinedOutput()
	return string(out), err
}

func TestAGeneratedClientListsMeters(t *testing.T) {
	dir := clientPackages(t)
	s := newSite(t, "1", "off")
	if _, err := s.conn.Exec(t.Context(), `insert into flows.meter_registry (serial, mode) select 'N' || to_char(n, 'FM000'), case when n % 3 = 0 then 'passive' else 'active' end from generate_series(1, 250) n`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.conn.Exec(t.Context(), `update flows.meter_shadows set balance = -1.25 where id in (select id from flows.meter_registry where serial like 'N__7')`); err != nil {
		t.Fatal(err)
	}
	_, at := s.serve("web")
	code, document := get(t, at.Address, "/api/v1/openapi.json")
	if code != http.StatusOK {
		t.Fatal(code, document)
	}
	if err := os.WriteFile(filepath.Join(dir, "openapi.json"), []byte(document), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, step := range [][]string{{"node_modules/.bin/openapi-typescript", "openapi.json", "-o", "schema.ts"}, {"node_modules/.bin/tsc", "-p", "."}} {
		if out, err := in(t, dir, filepath.Join(dir, step[0]), step[1:]...); err != nil {
			t.Fatalf("%s: %v\n%s", step[0], err, out)
		}
	}
	out, err := in(t, dir, "node", "out/client.js", "http://"+at.Address)
	if err != nil {
		t.Fatal(err, out)
	}
	want := s.text(`select string_agg(serial || ' ' || mode || ' ' || coalesce(trim_scale(balance)::text, 'null'), e'\n' order by serial) from flows.meter_registry left join flows.meter_shadows using (id)`)
	if diff := cmp.Diff(want, strings.TrimSpace(out)); diff != "" {
		t.Errorf("the client lists others than the database has (-want +got):\n%s", diff)
	}
	if fmt.Sprint(strings.Count(want, "\n")+1) != "251" {
		t.Errorf("%d meters prove no paging", strings.Count(want, "\n")+1)
	}
}
