package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"flows/internal/pgtest"
	"flows/postgres"

	"github.com/google/go-cmp/cmp"
)

func TestSetChangesWhatIsNamedAndNothingElse(t *testing.T) {
	env := map[string]string{"DATABASE_URL": pgtest.New(t), "ESCO": "OTHER"}
	mustCall(t, env, "escos", "add", "Example")
	mustCall(t, env, "meters", "add", "EML1", "--ip", "10.0.0.1", "--hardware", "C1.w", "--esco", "EXAMPLE", "--name", "Plot 34", "--feeder", "North")
	mustCall(t, env, "meters", "add", "EML2", "--ip", "10.0.0.2", "--esco", "EXAMPLE")
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"EML1", "EML2", "--maintenance", "true", "--feeder", "North"},
			"EML1: maintenance false → true; as it was: feeder North\nEML2: feeder - → North, maintenance false → true\n2 of 2 meters changed\n"},
		{[]string{"EML2", "EML1", "--maintenance=true", "--esco", "example"},
			"EML2: as it was: esco Example, maintenance true\nEML1: as it was: esco Example, maintenance true\n0 of 2 meters changed\n"},
		{[]string{"EML1", "--ip-address", "", "--hardware", "", "--esco", "", "--name", "", "--feeder=", "--fuse-rating", "63", "--phases", "1"},
			"EML1: ip_address 10.0.0.1 → -, hardware C1.w → -, esco Example → -, name Plot 34 → -, feeder North → -, fuse_rating - → 63, phases - → 1\n1 of 1 meters changed\n"},
		{[]string{"EML1", "--fuse-rating", "", "--phases", "", "--mode", "passive", "--port", "9000", "--ip", "10.0.0.2"},
			"EML1: ip_address - → 10.0.0.2, port 8080 → 9000, mode active → passive, fuse_rating 63 → -, phases 1 → -\n1 of 1 meters changed\n"},
	} {
		got := mustCall(t, env, append([]string{"meters", "set"}, c.args...)...).stdout
		if diff := cmp.Diff(c.says, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.args, diff)
		}
	}
	show := mustCall(t, env, "meters", "show", "EML1").stdout
	if !strings.Contains(show, "10.0.0.2:9000") || !strings.Contains(show, "passive") || strings.Contains(show, "Plot 34") {
		t.Errorf("it said so and did not do it:\n%s", show)
	}
	var values []postgres.Changed
	if err := json.Unmarshal([]byte(mustCall(t, env, "meters", "set", "EML2", "--name", "Plot 35", "--json").stdout), &values); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]postgres.Changed{{Serial: "EML2", Column: "name", New: new("Plot 35")}}, values); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatAPersonGetsWrongOfASetChangesNothing(t *testing.T) {
	env := map[string]string{"DATABASE_URL": pgtest.New(t)}
	mustCall(t, env, "meters", "add", "EML1", "--ip", "10.0.0.1")
	mustCall(t, env, "meters", "add", "EML2", "--ip", "10.0.0.2", "--port", "9000")
	mustCall(t, env, "meters", "add", "EML3", "--hardware", "C1.w")
	mustCall(t, env, "meters", "exchange", "EML3", "EML4", "--at", time.Now().Format(time.RFC3339Nano))
	before := mustCall(t, env, "meters", "list", "--json").stdout
	for _, c := range []struct {
		name, args, says string
	}{
		{"no meter", "--mode passive", "<serial>"},
		{"nothing", "EML1 EML2", "for example flows meters set EML1 --mode passive"},
		{"unknown meters", "EML1 EML8 EML9 --mode passive", "meters EML8, EML9 are not known"},
		{"a meter that was exchanged", "EML3 --mode passive", "exchanged for EML4"},
		{"the same twice", "EML1 EML1 --mode passive", "meter EML1: the serial comes twice"},
		{"the address of another", "EML1 --port 9000 --ip-address 10.0.0.2", "meter EML1: address 10.0.0.2 port 9000 is that of meter EML2"},
		{"one address for two", "EML1 EML2 --port 9000 --ip-address 10.0.0.3", "meter EML2: address 10.0.0.3 port 9000 is also that of meter EML1"},
		{"an address that is none", "EML1 --ip-address 10.0.0.999", "--ip-address"},
		{"port of nothing", "EML1 --port 0", "--port must be 1 to 65535"},
		{"port of too much", "EML1 --port 65536", "--port"},
		{"unknown ESCO", "EML1 --name x --esco NOBODY", `ESCO "NOBODY" is not known`},
		{"mode of its own", "EML1 --mode asleep", "asleep"},
		{"no mode", "EML1 --mode=", "--mode"},
		{"half maintained", "EML1 --maintenance perhaps", "perhaps"},
		{"four phases", "EML1 --phases 4", "4 phases are not possible"},
		{"no phases", "EML1 --phases 0", `"0" is not a number above 0`},
		{"a fuse of a typing error", "EML1 --fuse-rating 63000", "fuse rating 63000 A is not possible"},
	} {
		got := call(env, append([]string{"meters", "set"}, strings.Fields(c.args)...)...)
		if got.code != exitUsage || !strings.Contains(got.stderr, c.says) || strings.Count(got.stderr, "\n") != 1 || got.stdout != "" {
			t.Errorf("%s: exit %d, want 2 with one line about %s:\n%s%s", c.name, got.code, c.says, got.stdout, got.stderr)
		}
	}
	if after := mustCall(t, env, "meters", "list", "--json").stdout; after != before {
		t.Errorf("something was changed all the same (-before +after):\n%s", cmp.Diff(before, after))
	}
}
