package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"flows"
	"flows/internal/pgtest"
	"flows/postgres"
	"flows/simulator"

	"github.com/jackc/pgx/v5"
)

// imports is what each meter has said of its import registers, Wh, by the simulator's own books.
func imports(fleet *simulator.Fleet) map[string][]int64 {
	said := map[string][]int64{}
	for _, a := range fleet.Ledger() {
		for _, v := range a.Values {
			if v.Name == "import_active" || v.Name == "total" {
				said[a.Serial] = append(said[a.Serial], v.Number)
			}
		}
	}
	return said
}

// mustStand checks that every stored read stands under a register of the meter that has said it, and gives the number of reads by meter.
func mustStand(t *testing.T, url string, fleet *simulator.Fleet) map[string]int {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	said, count := imports(fleet), map[string]int{}
	rows, _ := conn.Query(t.Context(), `select coalesce(g.serial, r.serial), (read * 1000)::bigint from flows.register_import
		join flows.meter_registers g using (register_id) join flows.meter_registry r on r.id = g.meter_id`)
	var serial string
	var read int64
	if _, err := pgx.ForEachRow(rows, []any{&serial, &read}, func() error {
		if count[serial]++; !slices.Contains(said[serial], read) {
			t.Errorf("%d Wh stand under meter %s, which has said %v", read, serial, said[serial])
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return count
}

func TestAnExchangedMeterIsReadInThePlaceOfTheOldOne(t *testing.T) {
	fleet := simulator.New(simulator.Options{Meters: 4, Seed: 11, Listen: "127.63.0.1:0", PortPerMeter: true, Meter: func(i int, s *simulator.Spec) {
		*s = simulator.Spec{Hardware: []string{"C1.w", "C1.w", "B1.w", "P1.ax"}[i], Block: 8}
	}})
	if err := fleet.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fleet.Stop)
	env := map[string]string{"DATABASE_URL": pgtest.New(t), "METER_SPACING_SECONDS": "0.05", "EMLITE_TIMEOUT_SECONDS": "1"}
	env["MEDIATOR_SERVER"] = start(t, env, "mediator", "--port", "0").await(t, `"mediator listens","address":"([^"]+)"`)
	meters := fleet.Meters()
	port := func(i int) string { return fmt.Sprint(meters[i].Address.Port()) }
	for _, i := range []int{0, 2} {
		mustCall(t, env, "meters", "add", meters[i].Serial, "--ip", meters[i].Address.Addr().String(), "--port", port(i))
	}
	mustCall(t, env, "sync", "--freq", "daily")

	at := time.Now().UTC()
	kWh := func(serial string, i int) string { return flows.Energy(10 * imports(fleet)[serial][i]).String() }
	twin, twin2, one, three := meters[0].Serial, meters[1].Serial, meters[2].Serial, meters[3].Serial
	out := mustCall(t, env, "meters", "exchange", twin, twin2, "--at", at.Format(time.RFC3339Nano), "--port", port(1)).stdout
	for _, want := range []string{"meter " + twin + " exchanged for " + twin2, "register A: no readings", "register B: no readings", "--serial " + twin2} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	final := kWh(one, 0)
	out = mustCall(t, env, "meters", "exchange", one, three, "--at", at.Format(time.RFC3339Nano), "--port", port(3), "--final-read", final, "--initial-read", "A=0.012").stdout
	if strings.Contains(out, "no readings") {
		t.Error(out)
	}
	mustCall(t, env, "sync", "--freq", "daily")
	mustCall(t, env, "sync", "--freq", "12hourly")

	count := mustStand(t, env["DATABASE_URL"], fleet)
	if count[twin] != 2 || count[one] != 1 || count[twin2] < 2 || count[three] < 1 {
		t.Errorf("reads by meter: %v", count)
	}
	if list := mustCall(t, env, "meters", "list", "--json").stdout; strings.Count(list, `"healthy"`) != 2 || !strings.Contains(list, twin2) || !strings.Contains(list, `"P1.ax"`) {
		t.Errorf("not two healthy meters:\n%s", list)
	}
	show := mustCall(t, env, "meters", "show", three).stdout
	for _, want := range []string{"register SINGLE", "(enabled) from " + at.Format(time.DateTime) + " at 0.012 kWh", "register A", "(replaced) of " + one + " from ",
		" to " + at.Format(time.DateTime) + " at " + final + " kWh"} {
		if !strings.Contains(show, want) {
			t.Errorf("no %q in\n%s", want, show)
		}
	}
	gone := call(env, "meters", "show", twin)
	if want := "flows: meter " + twin + " was exchanged for " + twin2 + " at " + at.Format(time.RFC3339) + "; see: flows meters show " + twin2 + "\n"; gone.code != exitUsage || gone.stderr != want {
		t.Errorf("exit %d, got %swant %s", gone.code, gone.stderr, want)
	}
}

func TestWhatAPersonGetsWrongOfAnExchange(t *testing.T) {
	env := map[string]string{"DATABASE_URL": pgtest.New(t)}
	mustCall(t, env, "meters", "add", "EML1", "--hardware", "C1.w")
	const at = "--at=2026-03-04T10:40:00Z"
	for _, c := range []struct {
		name string
		args []string
		says string
	}{
		{"no time", nil, "--at"},
		{"a time without a zone", []string{"--at", "2026-03-04T10:40:00"}, "--at"},
		{"before the meter was known", []string{"--at", "2001-03-04T10:40:00Z"}, " of meter EML1 begins at "},
		{"no number", []string{at, "--final-read", "lots"}, "--final-read lots"},
		{"a comma", []string{at, "--final-read", "1,5"}, "--final-read 1,5"},
		{"no register of that name", []string{at, "--final-read", "C=1"}, "A=KWH and B=KWH"},
		{"twice the same", []string{at, "--initial-read", "A=1", "--initial-read", "a=2"}, "--initial-read comes twice"},
		{"with and without a name", []string{at, "--initial-read", "1", "--initial-read", "A=2"}, "--initial-read comes twice"},
		{"port of nothing", []string{at, "--port", "0"}, "--port must be 1 to 65535"},
	} {
		got := call(env, append([]string{"meters", "exchange", "EML1", "EML2"}, c.args...)...)
		if got.code != exitUsage || !strings.Contains(got.stderr, c.says) || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("%s: exit %d, want 2 with one line about %s:\n%s", c.name, got.code, c.says, got.stderr)
		}
	}
	if help := call(nil, "meters", "exchange", "--help"); help.code != 0 || !strings.Contains(help.stdout, "Example") || !strings.Contains(help.stdout, "--final-read") {
		t.Errorf("exit %d\n%s", help.code, help.stdout)
	}
}

func TestAMediatorHearsOfAnExchange(t *testing.T) {
	s := mustStreet(t)
	<-s.taken
	store, err := postgres.Open(t.Context(), s.server.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	at := s.there.Meters()[0].Address
	ip, port := at.Addr(), at.Port()
	if _, err := store.Exchange(t.Context(), postgres.Exchange{Old: house, New: "EML0000000002", At: time.Now(), Address: &ip, Port: &port}); err != nil {
		t.Fatal(err)
	}
	told := <-s.taken
	if slices.Sort(told); !slices.Equal(told, []string{house, "EML0000000002"}) {
		t.Errorf("told of %v", told)
	}
	if _, err := s.client.Read(t.Context(), "EML0000000002", 0xfffd1d); err != nil || s.there.Requests() != 1 {
		t.Errorf("the new meter got %d requests, %v", s.there.Requests(), err)
	}
	if _, err := s.client.Read(t.Context(), house, 0xfffd1d); flows.CodeOf(err, "") != flows.UnknownSerial || s.here.Requests() != 0 {
		t.Errorf("the old meter got %d requests, %v", s.here.Requests(), err)
	}
}
