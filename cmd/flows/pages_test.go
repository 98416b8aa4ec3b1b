//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"html"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// readPage is what one reads of a page.
func readPage(body string) string {
	body = regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, " ")
	return strings.Join(strings.FieldsFunc(html.UnescapeString(body), func(r rune) bool { return r == ' ' || r == '\n' }), " ")
}

func TestPagesShowWhatTheDatabaseHas(t *testing.T) {
	s := newSite(t, "8", "off", "--fault", "dead=0.2")
	for _, f := range []string{"12hourly", "daily", "hourly"} {
		if c := call(s.env, "sync", "--freq", f); c.code > exitFailed {
			t.Fatalf("sync --freq %s: exit %d %s", f, c.code, c.stderr)
		}
	}
	mustCall(t, s.env, "escos", "add", "SITE")
	for _, sql := range []string{
		`update flows.meter_registry set esco = (select id from flows.escos) where serial < (select max(serial) from flows.meter_registry)`,
		`insert into flows.vee_exceptions (rule, severity, meter_id, key) select 'TAMPER', 'warning', id, 'test' from flows.meter_registry`,
	} {
		if _, err := s.conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	_, at := s.serve("web")
	page := func(path string) string {
		code, body := get(t, at.Address, path)
		if code != http.StatusOK {
			t.Fatalf("%s: %d %s", path, code, readPage(body))
		}
		return body
	}
	thousands := func(number string) string { // the database's to_char knows them better
		return s.text(`select replace(trim(to_char($1::numeric, 'FM999,999,990.000')), ',', e'\u202f')`, number)
	}

	fleet := readPage(page("/"))
	for _, want := range []string{
		s.text(`select count(*) || ' meters: ● ' || count(*) filter (where health = 'healthy') || ' healthy ▲ ' || count(*) filter (where health = 'unhealthy')
			|| ' unhealthy' from flows.meter_shadows`),
		s.text(`select 'TAMPER ◐ warning ' || count(*) from flows.vee_exceptions where status = 'open' and severity = 'warning' and rule = 'TAMPER'`),
	} {
		if !strings.Contains(fleet, want) {
			t.Errorf("%q is not on the fleet page:\n%s", want, fleet)
		}
	}
	if got := readPage(page("/?esco=site")); !strings.Contains(got, "7 meters:") {
		t.Errorf("the fleet page of an ESCO:\n%s", got)
	}

	list := readPage(page("/meters"))
	for line := range strings.Lines(s.text(`
		select serial || coalesce(' ' || r.name, '') || coalesce(' ' || e.code, '') || coalesce(' ' || hardware, '') || case health when 'healthy' then ' ● healthy' else ' ▲ unhealthy' end
		from flows.meter_registry r join flows.meter_shadows using (id) left join flows.escos e on e.id = r.esco order by serial`)) {
		if !strings.Contains(list, strings.TrimSpace(line)) {
			t.Errorf("%q is not in the list:\n%s", line, list)
		}
	}

	serial := s.text(`select serial from flows.meter_registry where hardware = 'C1.w' and id in (select id from flows.meter_shadows where health = 'healthy') limit 1`)
	day := s.text(`select max("timestamp" at time zone 'Europe/London')::date::text from flows.register_interval_hh`)
	body := page("/meters/" + serial + "?day=" + day)
	for _, column := range []string{"import_a", "import_b", "export_a", "export_b"} {
		value := s.text(`select (`+column+`)::text from flows.meter_shadows join flows.meter_registry using (id) where serial = $1`, serial)
		name := strings.ToUpper(column[:1]) + column[1:6] + " " + strings.ToUpper(column[7:])
		if want := name + " " + thousands(value) + " kWh"; !strings.Contains(readPage(body), want) || !strings.Contains(list, thousands(value)) && strings.HasPrefix(column, "import") {
			t.Errorf("%q is not on the meter's page:\n%s", want, readPage(body))
		}
	}
	var want []string
	for line := range strings.Lines(s.text(`
		select g.element || ' ' || to_char(i."timestamp", 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || ' ' || v.direction || ' ' || v.quality || ' ' || round(v.kwh, 3)
		from flows.register_interval_hh i join flows.meter_registers g using (register_id) join flows.meter_registry r on r.id = g.meter_id,
			lateral (values ('import', import_quality, import_interval), ('export', export_quality, export_interval)) v (direction, quality, kwh)
		where r.serial = $1 and ("timestamp" at time zone 'Europe/London')::date = $2::text::date and v.kwh is not null
		order by g.element, i."timestamp", v.direction desc`, serial, day)) {
		want = append(want, strings.TrimSpace(line))
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, bars(t, body)); diff != "" || len(want) < 4 {
		t.Errorf("%d bars (-want +got):\n%s", len(want), diff)
	}

	if code, body := get(t, at.Address, "/meters/EML0"); code != http.StatusNotFound || !strings.Contains(body, "not in the registry") {
		t.Errorf("unknown meter: %d", code)
	}
}

// bars are those of the charts of registers A and B, as register_interval_hh has them.
func bars(t *testing.T, body string) (list []string) {
	t.Helper()
	lane := byte('A')
	for _, one := range regexp.MustCompile(`(?s)class="chart-data">(.*?)</script>`).FindAllStringSubmatch(body, -1) {
		var chart struct {
			Kind           string
			X              []int64
			Import, Export map[string][]*json.Number
		}
		if err := json.Unmarshal([]byte(one[1]), &chart); err != nil {
			t.Fatal(err)
		}
		if chart.Kind != "bars" {
			continue
		}
		for i, middle := range chart.X {
			for direction, bars := range map[string]map[string][]*json.Number{"import": chart.Import, "export": chart.Export} {
				for quality, values := range bars {
					if v := values[i]; v != nil {
						list = append(list, fmt.Sprintf("%c %s %s %s %s", lane, time.Unix(middle-900, 0).UTC().Format(time.RFC3339), direction, quality, strings.TrimPrefix(v.String(), "-")))
					}
				}
			}
		}
		lane++
	}
	slices.Sort(list)
	return list
}

func TestPagesAreNotServedToOthers(t *testing.T) {
	env := map[string]string{"DATABASE_URL": "postgres://127.0.0.1:1/x"}
	for _, address := range []string{"0.0.0.0:8080", ":8080", "[::]:8080", "10.0.0.1:8080"} {
		env["FLOWS_HTTP_ADDR"] = address
		if c := call(env, "serve"); c.code != exitUsage || !strings.Contains(c.stderr, "no accounts yet") || strings.Count(c.stderr, "\n") != 1 {
			t.Errorf("serve at %s: exit %d %s", address, c.code, c.stderr)
		}
		if c := call(nil, "demo", "--http", address); c.code != exitUsage || !strings.Contains(c.stderr, "no accounts yet") || strings.Count(c.stderr, "\n") != 1 {
			t.Errorf("demo at %s: exit %d %s", address, c.code, c.stderr)
		}
		if c := call(env, "serve", "--roles", "worker"); strings.Contains(c.stderr, "no accounts yet") {
			t.Errorf("a worker, which has no pages, at %s: %s", address, c.stderr)
		}
	}
}

func TestWhereTheDemosPagesAre(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if c := call(nil, "demo", "--http", taken.Addr().String()); c.code != exitUsage || !strings.Contains(c.stderr, "choose another address with --http") || strings.Count(c.stderr, "\n") != 1 {
		t.Errorf("a port that is taken: exit %d %s", c.code, c.stderr)
	}
	if c := call(nil, "demo", "--once", "--http", "off"); c.code != exitUsage {
		t.Errorf("--http with --once: exit %d %s", c.code, c.stderr)
	}
	if lis, err := (&demoCmd{HTTP: "off"}).listen(); lis != nil || err != nil {
		t.Errorf("off: %v %v", lis, err)
	}
	first, err := (&demoCmd{}).listen()
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	second, err := (&demoCmd{}).listen()
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if a, b := first.Addr().(*net.TCPAddr), second.Addr().(*net.TCPAddr); !a.IP.IsLoopback() || a.Port < 8080 || b.Port <= a.Port || b.Port > 8180 {
		t.Errorf("two demos at %s and %s", a, b)
	}
}
