package main

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flows/emop"
	"flows/internal/pgtest"
)

func TestWhatAPersonGetsWrongIsOneLineAndExitTwo(t *testing.T) {
	db := map[string]string{"DATABASE_URL": pgtest.New(t)}
	for _, c := range []struct {
		name string
		env  map[string]string
		args []string
		code int
		says string
	}{
		{"unknown command", nil, []string{"snyc"}, 2, "snyc"},
		{"unknown flag", nil, []string{"sync", "--fast"}, 2, "--fast"},
		{"no frequency", db, []string{"sync"}, 2, "--freq"},
		{"bad frequency", db, []string{"sync", "--freq", "weekly"}, 2, "weekly"},
		{"no database", nil, []string{"sync", "--freq", "hourly"}, 2, "DATABASE_URL"},
		{"malformed database", map[string]string{"DATABASE_URL": "postgres://:x:y"}, []string{"metrics", "list"}, 2, "DATABASE_URL"},
		{"database away", map[string]string{"DATABASE_URL": "postgres://127.0.0.1:1/x"}, []string{"metrics", "list"}, 3, "cannot connect"},
		{"unknown ESCO", db, []string{"sync", "--freq", "hourly", "--esco", "NOBODY"}, 2, "NOBODY"},
		{"unknown serial", db, []string{"sync", "--freq", "hourly", "--serial", "EML0"}, 2, "EML0"},
		{"unknown meter", db, []string{"meters", "show", "EML0"}, 2, "EML0"},
		{"parallel of nothing", map[string]string{"DATABASE_URL": db["DATABASE_URL"], "MAX_PARALLEL_JOBS": "0"}, []string{"sync", "--freq", "hourly"}, 2, "MAX_PARALLEL_JOBS"},
		{"parallel no number", map[string]string{"DATABASE_URL": db["DATABASE_URL"], "MAX_PARALLEL_JOBS": "many"}, []string{"sync", "--freq", "hourly"}, 2, "MAX_PARALLEL_JOBS"},
		{"timeout no number", map[string]string{"EMLITE_TIMEOUT_SECONDS": "soon"}, []string{"read", "EML0", "csq"}, 2, "EMLITE_TIMEOUT_SECONDS"},
		{"malformed database to migrate", map[string]string{"DATABASE_URL": "postgres://:x:y"}, []string{"migrate", "up"}, 2, "DATABASE_URL"},
		{"port of nothing", db, []string{"meters", "add", "EML1", "--port", "0"}, 2, "--port"},
		{"serial of another alphabet", db, []string{"meters", "add", "Zähler"}, 2, "ASCII"},
		{"JSON of a loop", nil, []string{"demo", "--json"}, 2, "--once"},
		{"timeout of nothing", map[string]string{"EMLITE_TIMEOUT_SECONDS": "0"}, []string{"read", "EML0", "csq"}, 2, "EMLITE_TIMEOUT_SECONDS"},
		{"mediator without port", map[string]string{"MEDIATOR_SERVER": "localhost"}, []string{"read", "EML0", "csq"}, 2, "MEDIATOR_SERVER"},
		{"mediator away", map[string]string{"MEDIATOR_SERVER": "127.0.0.1:1"}, []string{"read", "EML0", "csq"}, 3, "127.0.0.1:1"},
		{"unknown object", nil, []string{"read", "EML0", "prepay_balanse"}, 2, "prepay_balance"},
		{"a token cannot be read", nil, []string{"read", "EML0", "prepay_token"}, 2, "written"},
		{"mediator in public", db, []string{"mediator", "--listen", "0.0.0.0"}, 2, "MEDIATOR_SERVER_CERT, MEDIATOR_SERVER_KEY and MEDIATOR_CA_CERT (see flows certs), or give --insecure"},
		{"mediator everywhere", db, []string{"mediator", "--listen", ""}, 2, "--insecure"},
		{"certificate without its key", map[string]string{"MEDIATOR_SERVER_CERT": "/x.crt"}, []string{"mediator"}, 2, "MEDIATOR_SERVER_KEY"},
		{"client certificate that is no file", map[string]string{"MEDIATOR_CLIENT_CERT": "/x.crt", "MEDIATOR_CLIENT_KEY": "/x.key", "MEDIATOR_CA_CERT": "/x.crt"},
			[]string{"read", "EML0", "csq"}, 2, "MEDIATOR_CLIENT_CERT"},
		{"unknown fault", nil, []string{"simulate", "--fault", "sleepy=0.1"}, 2, "sleepy"},
		{"fault of more than all", nil, []string{"simulate", "--fault", "dead=2"}, 2, "0 to 1"},
		{"fleet in public", nil, []string{"simulate", "--listen", "10.0.0.1:8080"}, 2, "loopback"},
		{"timezone nobody keeps", db, []string{"escos", "add", "X", "--timezone", "Europe/Lodnon"}, 2, "Lodnon"},
		{"no such file", db, []string{"meters", "import", "/nowhere.csv"}, 2, "/nowhere.csv"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := call(c.env, c.args...)
			if got.code != c.code || !strings.Contains(got.stderr, c.says) || strings.Count(got.stderr, "\n") != 1 {
				t.Errorf("exit %d, want %d with one line about %s:\n%s", got.code, c.code, c.says, got.stderr)
			}
		})
	}
}

func TestAKeyGivenByMistakeIsNotPrinted(t *testing.T) {
	const key = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----\n"
	encoded := base64.StdEncoding.EncodeToString([]byte(key))
	for _, value := range []string{key, encoded} {
		for _, args := range [][]string{{value}, {"read", value, "csq", "x"}, {"read", "EML0", value}, {"sync", "--freq", value}, {"mediator", "--listen", value},
			{"mediator", "--port", value}, {"sync", "--mediator", value}, {"certs", "client", value, "--role", "internal", "--dir", "/nowhere"}} {
			got := call(nil, args...)
			if got.code != exitUsage || strings.Count(got.stderr, "\n") != 1 || strings.Contains(got.stdout+got.stderr, key[28:40]) ||
				strings.Contains(got.stdout+got.stderr, encoded[40:56]) {
				t.Errorf("%.20q: exit %d\n%s%s", args, got.code, got.stdout, got.stderr)
			}
		}
	}
}

func TestEveryCommandHasHelpWithAnExample(t *testing.T) {
	for _, args := range [][]string{{"demo"}, {"serve"}, {"status"}, {"sync"}, {"read"}, {"mediator"}, {"simulate"}, {"migrate", "up"}, {"migrate", "down"}, {"migrate", "status"},
		{"meters", "list"}, {"meters", "show"}, {"meters", "add"}, {"meters", "import"}, {"meters", "set"}, {"metrics", "set"}, {"completion"}, {"escos", "add"}, {"escos", "list"}, {"metrics", "list"}, {"clock", "set"}, {"config"}, {"version"},
		{"certs", "init"}, {"certs", "server"}, {"certs", "client"}, {"certs", "list"}, {"certs", "info"}} {
		c := call(nil, append(args, "--help")...)
		if c.code != 0 || !strings.Contains(c.stdout, "Example") || !strings.Contains(c.stdout, "flows "+args[0]) {
			t.Errorf("%v --help: exit %d\n%s", args, c.code, c.stdout)
		}
	}
	help := call(nil, "read", "--help").stdout
	for _, d := range emop.Table {
		if d.Readable() && !strings.Contains(help, "  "+d.Info().Name) {
			t.Errorf("flows read --help does not list %s", d.Info().Name)
		}
	}
}

func TestImportReportsEveryBadLineAndLoadsNothing(t *testing.T) {
	env := map[string]string{"DATABASE_URL": pgtest.New(t)}
	mustCall(t, env, "escos", "add", "EXAMPLE")
	file := filepath.Join(t.TempDir(), "registry.csv")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("serial,ip_address,esco,mode\nEML1,10.0.0.1,example,active\nEML2,10.0.0.999,EXAMPLE,active\nEML3,10.0.0.3,NOBODY,active\nEML4,10.0.0.4,EXAMPLE,asleep\n")
	c := call(env, "meters", "import", file)
	for _, want := range []string{":3: ", "10.0.0.999", ":4: ", "NOBODY", ":5: ", "asleep", "3 problems, nothing was loaded"} {
		if !strings.Contains(c.stderr, want) {
			t.Errorf("nothing about %s in:\n%s", want, c.stderr)
		}
	}
	if got := mustCall(t, env, "meters", "list", "--json").stdout; c.code != exitUsage || strings.Contains(got, "EML1") {
		t.Errorf("exit %d, loaded %s", c.code, got)
	}
	write("serial,ip_address,esco\nEML1,10.0.0.1,example\nEML2,,EXAMPLE\n")
	if got := mustCall(t, env, "meters", "import", file).stdout; got != "2 meters added, 0 changed\n" {
		t.Error(got)
	}
	write("serial,name\nEML1,Plot 34\n")
	if got := mustCall(t, env, "meters", "import", file).stdout; got != "0 meters added, 1 changed\n" {
		t.Error(got)
	}
	if show := mustCall(t, env, "meters", "show", "EML1").stdout; !strings.Contains(show, "10.0.0.1:8080") || !strings.Contains(show, "Plot 34") {
		t.Errorf("the address is gone or the name did not come:\n%s", show)
	}
	if show := mustCall(t, env, "meters", "show", "EML2").stdout; !strings.Contains(show, "NOT READ") {
		t.Errorf("a meter without address does not say that it is not read:\n%s", show)
	}
}

func TestConfigShowsWhatIsInForceAndNoSecret(t *testing.T) {
	env := map[string]string{"DATABASE_URL": "postgres://u:s3cret@db/flows", "MAX_PARALLEL_JOBS": "40", "MEDIATOR_SERVER_KEY": "-----BEGIN s3cret-----"}
	out := mustCall(t, env, "config").stdout
	for _, want := range []string{"postgres://u:xxxxx@db/flows", "MAX_PARALLEL_JOBS       40", "METER_SPACING_SECONDS   2"} {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), strings.Join(strings.Fields(want), " ")) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	for _, url := range []string{"postgres://u:s3cret@db/flows", "host=db password=s3cret", "postgres://db/flows?password=s3cret"} {
		env["DATABASE_URL"] = url
		if out := mustCall(t, env, "config", "--json").stdout; strings.Contains(out, "s3cret") {
			t.Errorf("a secret is shown:\n%s", out)
		}
	}
}
