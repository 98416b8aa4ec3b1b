package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"flows/certs"
	"flows/emop"
)

// nodeClient installs the client in another language, and gives how to run it. Its libraries come from npm's registry or cache.
func nodeClient(t *testing.T) func(settings map[string]any) map[string]deed {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("NOT TESTED, a client in another language: %s is not installed", program)
		}
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "node"))); err != nil {
		t.Fatal(err)
	}
	npm := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=0")
	npm.Dir = dir
	if out, err := npm.CombinedOutput(); err != nil {
		for _, ours := range []string{"EUSAGE", "EINTEGRITY", "EJSONPARSE"} {
			if bytes.Contains(out, []byte(ours)) {
				t.Fatalf("npm ci: %s", out)
			}
		}
		t.Skipf("NOT TESTED, a client in another language: npm cannot install its libraries: %v\n%s", err, out)
	}
	return func(settings map[string]any) map[string]deed {
		t.Helper()
		in, err := json.Marshal(settings)
		if err != nil {
			t.Fatal(err)
		}
		var stderr bytes.Buffer
		node := exec.CommandContext(t.Context(), "node", filepath.Join(dir, "client.js"), string(in))
		node.Stderr = &stderr
		out, err := node.Output()
		if err != nil {
			t.Fatalf("node: %v\n%s", err, &stderr)
		}
		var deeds map[string]deed
		if err := json.Unmarshal(out, &deeds); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return deeds
	}
}

// deed is what became of one call of that client.
type deed struct{ Code, Details, Reason, Value string }

func TestAClientInAnotherLanguageMayDoWhatItsCertificateSays(t *testing.T) {
	client := nodeClient(t)
	env := installation(t, "4")
	foreign := newCA(t)
	mustCall(t, nil, "certs", "client", "internal", "--role", "internal", "--dir", foreign)
	address, dir := securedMediator(t, env)
	serial := aSinglePhaseMeter(t, env)
	file := func(dir, name string) string { return filepath.Join(dir, name) }
	as := func(address, issuer, name string) map[string]any {
		s := map[string]any{"address": address, "serial": serial, "object": emop.Serial.ID, "writable": emop.Time.ID}
		if issuer != "" {
			s["ca"] = file(dir, "ca.crt")
		}
		if name != "" {
			s["cert"], s["key"] = file(issuer, name+".crt"), file(issuer, name+".key")
		}
		return s
	}
	everything := []string{"read", "batch", "rawbatch", "raw", "write", "info", "meters"}
	for _, c := range []struct {
		name    string
		who     map[string]any
		may     []string
		refused deed // what the other calls get
	}{
		{"without certificates on both sides", as(env["MEDIATOR_SERVER"], "", ""), everything, deed{}},
		{"internal", as(address, dir, "internal"), everything, deed{}},
		{"partner", as(address, dir, "partner"), []string{"read", "batch", "info", "meters"}, deed{Code: "PERMISSION_DENIED", Reason: "PERMISSION"}},
		{"readonly", as(address, dir, "readonly"), []string{"info", "meters"}, deed{Code: "PERMISSION_DENIED", Reason: "PERMISSION"}},
		{"no certificate", as(address, dir, ""), nil, deed{Code: "UNAUTHENTICATED", Reason: "UNAUTHENTICATED"}},
		{"foreign CA", as(address, foreign, "internal"), nil, deed{Code: "UNAVAILABLE"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := client(c.who)
			for _, name := range everything {
				if d, may := got[name], slices.Contains(c.may, name); may && d.Code != "OK" || !may && (d.Code != c.refused.Code || d.Reason != c.refused.Reason) {
					t.Errorf("%s: %+v", name, d)
				}
			}
			if !slices.Contains(c.may, "read") {
				return
			}
			for name, want := range map[string]deed{
				"read":    {Code: "OK", Value: serial},
				"batch":   {Code: "OK", Value: serial + "," + serial},
				"unknown": {Code: "NOT_FOUND", Details: "Meter 'X' not known", Reason: "UNKNOWN_SERIAL"},
				"unnamed": {Code: "INVALID_ARGUMENT", Details: "Target meter serial not specified", Reason: "UNKNOWN_SERIAL"},
				"info":    {Code: "OK", Value: serial},
				"meters":  {Code: "OK", Value: "4"},
			} {
				if got[name] != want {
					t.Errorf("%s: got %+v, want %+v", name, got[name], want)
				}
			}
			if raw := got["raw"].Value; slices.Contains(c.may, "raw") && raw != serial {
				t.Errorf("raw: %q", raw)
			}
		})
	}
}

// securedMediator starts a second mediator of the installation, with certificates, and says where it listens and in which folder the CA
// and a client certificate of each role are.
func securedMediator(t *testing.T, env map[string]string) (address, dir string) {
	t.Helper()
	dir = newCA(t)
	mustCall(t, nil, "certs", "server", "--dir", dir)
	for _, role := range certs.Roles() {
		mustCall(t, nil, "certs", "client", role, "--role", role, "--dir", dir)
	}
	server := maps.Clone(env)
	for setting, name := range map[string]string{serverCertSetting: "server.crt", serverKeySetting: "server.key", caCertSetting: "ca.crt"} {
		server[setting] = filepath.Join(dir, name)
	}
	return start(t, server, "mediator", "--port", "0").await(t, `"mediator listens","address":"([^"]+)","tls":true`), dir
}

// aSinglePhaseMeter gives the serial of a simulated meter that has the object that says it.
func aSinglePhaseMeter(t *testing.T, env map[string]string) string {
	t.Helper()
	var meters []struct{ Serial string }
	if err := json.Unmarshal([]byte(mustCall(t, env, "meters", "list", "--json").stdout), &meters); err != nil {
		t.Fatal(err)
	}
	for _, m := range meters {
		if call(env, "read", m.Serial, emop.Serial.Name).code == exitDone {
			return m.Serial
		}
	}
	t.Fatalf("no single phase meter in %+v", meters)
	return ""
}
