package web

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"flows/internal/pgtest"
	"flows/postgres"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// fleetOf is a real store with so many meters, and some of everything of a few of them before noon of 4 March 2026.
func fleetOf(t *testing.T, meters int) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for _, sql := range []string{
		`insert into flows.escos (code, timezone) values ('E', 'Europe/London'), ('F', 'Asia/Tokyo')`,
		fmt.Sprintf(`insert into flows.meter_registry (serial, name, hardware, ip_address, esco, mode)
			select 'M' || to_char(n, 'FM0000'), case when n %% 3 > 0 then 'Plot ' || n %% 7 || case n %% 5 when 1 then E', "old"\nhouse' else '' end end, case when n %% 4 > 0 then 'C1.w' else 'P1.ax' end, '10.0.0.0'::inet + n,
				case when n %% 5 > 0 then (select id from flows.escos where code = case when n %% 5 > 2 then 'E' else 'F' end) end, case when n %% 13 > 0 then 'active' else 'passive' end
			from generate_series(1, %d) n`, meters),
		`update flows.meter_shadows set read_at = '2026-03-04 12:00Z'::timestamptz - interval '20 minutes' * (m.n % 40), health = case when m.n % 6 > 1 then 'healthy' else 'unhealthy' end,
			balance = case when m.n % 4 > 0 then m.n % 9 - 2.5 end, csq = case when m.n % 5 > 0 then m.n % 12 end, import_a = m.n + 0.1234, tariffs_active = '{"standing_charge": "0.07650"}'
			from (select id, right(serial, 4)::int n from flows.meter_registry) m where m.id = meter_shadows.id and m.n % 8 > 0`,
		`update flows.meter_registers set start_time = '2026-02-01Z'`,
		`insert into flows.meter_registers (meter_id, element, status, start_time, end_time, serial)
			select id, 'A', 'replaced', '2024-01-01Z', '2026-02-01Z', 'OLD' from flows.meter_registry where serial = 'M0001'`,
		`insert into flows.register_interval_hh (register_id, "timestamp", import_interval, import_quality, import_method, import_reason, import_billable, export_interval, export_quality)
			select g.register_id, '2026-03-03Z'::timestamptz + n * interval '30 minutes', case when n % 9 > 0 then n * 0.0125 end, case when n % 9 > 0 then 'actual' end, case when n % 9 > 0 then 'difference' end, case when n % 9 = 0 then 'MISSING' end, n % 9 > 0,
				case when n % 7 = 0 then 0 end, case when n % 7 = 0 then 'derived' end
			from flows.meter_registers g join flows.meter_registry r on r.id = g.meter_id, generate_series(0, 60) n where r.serial in ('M0001', 'M0002') and g.end_time is null`,
		`insert into flows.meter_event_log (meter_id, "timestamp", event_type, event_set) select id, '2026-03-01Z'::timestamptz + n / 3 * interval '1 s', (array[4, 33, 777])[1 + n % 3], n from flows.meter_registry, generate_series(0, 30) n where serial = 'M0001'`,
		`insert into flows.meter_sync_log (meter_id, "timestamp", run_id, frequency, verdict, duration_ms, error_code, error_object, details, outcomes)
			select id, '2026-03-01Z'::timestamptz + n / 4 * interval '0.001 s', n % 4 * 5, 'hourly', case n % 2 when 0 then 'unhealthy' else 'healthy' end, n * 100, 'NAK', 'csq', 'said ' || n, '[{"metric": "SyncerCSQ", "state": "failed", "code": "NAK", "reason": "no"}]'
			from flows.meter_registry, generate_series(0, 30) n where serial = 'M0001'`,
		`insert into flows.register_import (register_id, "timestamp", read) select register_id, '2026-03-02 10:00Z'::timestamptz + n * interval '20 minutes', n + 0.25 from flows.meter_registers, generate_series(0, 18) n where meter_id in (select id from flows.meter_registry where serial in ('M0001', 'M0002'))`,
		`insert into flows.meter_prepay_balance (meter_id, "timestamp", balance) select id, '2026-03-03 12:00Z'::timestamptz + n * interval '1 hour', n - 3.5 from flows.meter_registry, generate_series(0, 23) n where serial = 'M0001'`,
		`insert into flows.meter_csq (meter_id, "timestamp", csq) select id, '2026-03-03 12:00Z'::timestamptz + n * interval '1 hour', case when n % 5 > 0 then n % 12 end from flows.meter_registry, generate_series(0, 23) n where serial = 'M0001'`,
		`insert into flows.meter_health_history (meter_id, "timestamp", health) select id, '2026-03-03 12:00Z'::timestamptz + n * interval '1 hour', case n % 3 when 0 then 'unhealthy' else 'healthy' end from flows.meter_registry, generate_series(0, 23) n where serial = 'M0001'`,
		`insert into flows.register_day (register_id, direction, day, energy, expected, actual, derived, estimated, edited, billable, never_reached, not_logged, invalid, billable_energy)
			select g.register_id, d, case n when 0 then '2026-03-02'::date else current_date - n end, n + 0.5, 48, 40, 0, 0, 0, 40, n % 3, 8 - n % 3, 0, n + 0.25
			from flows.meter_registers g join flows.meter_registry r on r.id = g.meter_id, generate_series(0, 9) n, unnest('{import,export}'::text[]) d where r.serial < 'M0011' and g.end_time is null`,
		`insert into flows.vee_exceptions (rule, severity, meter_id, key, period_from, period_to, details, last_seen, status, who, why)
			select (array['CLOCK', 'SPIKE', 'MISSING'])[1 + n % 3], (array['critical', 'error', 'warning', 'info'])[1 + n % 4], r.id, n::text, '2026-03-01Z', case when n % 2 = 0 then '2026-03-02Z'::timestamptz end, '{"x_kwh": "1.000"}',
				'2026-03-04 12:00Z'::timestamptz + interval '1 s' * (n % 5), case n % 4 when 3 then 'resolved' else 'open' end, 'ann', 'x'
			from generate_series(1, 100) n join flows.meter_registry r on r.serial = 'M' || to_char(1 + n % 4, 'FM0000')`,
		`insert into flows.sync_runs (frequency, esco, origin, scheduled_for, started_at, listed_at, finished_at, meters, healthy, unhealthy)
			select (array['hourly', '12hourly', 'daily'])[1 + n % 3], case n % 4 when 0 then (select id from flows.escos where code = 'E') end, 'schedule', now() - n * interval '1 hour', now(), now(), case when n > 2 then now() end, 60, 50, 10 from generate_series(1, 50) n`,
		`insert into flows.meter_sync_log (meter_id, "timestamp", run_id, frequency, verdict, duration_ms, error_code, details) select m.id, r.scheduled_for, r.id, r.frequency, 'unhealthy', 1000, 'TIMEOUT', 'silent'
			from flows.meter_registry m, flows.sync_runs r where m.serial < 'M0040' and r.id = (select max(id) from flows.sync_runs where finished_at is not null)`,
		`insert into flows.circuits (type, site, name) select 'heat', 'Yard', 'C' || n from generate_series(1, 20) n`,
		`insert into flows.circuit_register select c.id, g.register_id from flows.circuits c join (select register_id, row_number() over (order by r.serial) i from flows.meter_registers g join flows.meter_registry r on r.id = g.meter_id where r.serial < 'M0011') g on 'C' || 1 + g.i % 20 = c.name`,
	} {
		if _, err := s.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatalf("%v in %.200s", err, sql)
		}
	}
	return s
}

// operations are those that read, with an address at which there is something.
func operations(t *testing.T, s *postgres.Store) (doc *huma.OpenAPI, addresses map[string]string) {
	t.Helper()
	a := newAPI(&pages{Store: s, now: func() time.Time { return noon }}, http.NewServeMux())
	var run string
	if err := s.Pool().QueryRow(t.Context(), `select max(id)::text from flows.sync_runs where finished_at is not null`).Scan(&run); err != nil {
		t.Fatal(err)
	}
	addresses = map[string]string{}
	for path, item := range a.OpenAPI().Paths {
		if op := item.Get; op != nil {
			addresses[op.OperationID] = strings.NewReplacer("{serial}", "M0001", "{id}", run).Replace(path)
		}
	}
	addresses["listMeterHalfHours"] += "?from=2026-01-31"
	addresses["listTotals"] += "?from=2026-03-01&to=2026-03-31"
	return a.OpenAPI(), addresses
}

func TestEveryAnswerIsWhatTheDocumentSays(t *testing.T) {
	s := fleetOf(t, 60)
	doc, addresses := operations(t, s)
	for _, schema := range doc.Components.Schemas.Map() {
		schema.AdditionalProperties = false // the document leaves room for more
	}
	h := apiSite(s, nil)
	for _, item := range doc.Paths {
		if item.Get == nil {
			continue
		}
		id := item.Get.OperationID
		w := request(h, "GET", addresses[id], "")
		var answer any
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 200 || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v %s", id, w.Code, w.Header(), w.Body)
			continue
		}
		var found huma.ValidateResult
		huma.Validate(doc.Components.Schemas, item.Get.Responses["200"].Content["application/json"].Schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, answer, &found)
		for _, err := range found.Errors {
			t.Errorf("%s: %v", id, err)
		}
		mustBeInUTC(t, id, answer)
		if item.Get.Responses["200"].Content[csvType] != nil {
			mustBeTheSame(t, id, w.Body.String(), request(h, "GET", addresses[id], "", "Accept", "text/csv").Body.String())
		}
	}
}

// mustBeInUTC looks at every time in an answer.
func mustBeInUTC(t *testing.T, where string, v any) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			mustBeInUTC(t, where+"."+name, value)
		}
	case []any:
		for _, value := range v {
			mustBeInUTC(t, where, value)
		}
	case string:
		if at, err := time.Parse(time.RFC3339, v); err == nil && (!strings.HasSuffix(v, "Z") || at.Year() < 2000) {
			t.Errorf("%s is %s", where, v)
		}
	}
}

// mustBeTheSame compares the rows of a list as JSON with those as CSV.
func mustBeTheSame(t *testing.T, id, text, rows string) {
	t.Helper()
	var page struct{ Items []map[string]any }
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&page); err != nil || len(page.Items) == 0 {
		t.Errorf("%s: nothing to compare: %v %s", id, err, text)
	}
	r := csv.NewReader(strings.NewReader(rows))
	lines, err := r.ReadAll()
	if err != nil || len(lines) != len(page.Items)+1 || strings.Count(rows, "\r\n") < len(lines) {
		t.Fatalf("%s as CSV: %v, %d lines of %d rows", id, err, len(lines), len(page.Items))
	}
	for i, item := range page.Items {
		want, got := map[string]string{}, map[string]string{}
		flat(want, "", item)
		for n, name := range lines[0] {
			if lines[i+1][n] != "" {
				got[name] = strings.ReplaceAll(lines[i+1][n], "\r\n", "\n")
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s, row %d (-JSON +CSV):\n%s", id, i, diff)
		}
	}
}

// flat are the fields that CSV has, but for empty ones.
func flat(to map[string]string, name string, v any) {
	switch v := v.(type) {
	case map[string]any:
		if name == "details" { // a map: its names are no columns
			return
		}
		for field, value := range v {
			flat(to, strings.TrimPrefix(name+"."+field, "."), value)
		}
	case []any, nil:
	default:
		if text := fmt.Sprint(v); text != "" {
			to[name] = text
		}
	}
}

func TestPagesOfAListHaveEachOfItsRowsOnce(t *testing.T) {
	s := fleetOf(t, 60)
	doc, addresses := operations(t, s)
	h := apiSite(s, nil)
	lists := map[string]string{"by sort": "/api/v1/meters?sort=-balance", "by circuit": "/api/v1/totals?by=circuit&from=2026-03-01&to=2026-03-31", "records": "/api/v1/meters/M0001/reads?of=reads&",
		"every status": "/api/v1/exceptions?status=all&esco=e", "half-hours of an exchange": "/api/v1/meters/M0001/half-hours?from=2026-01-30&to=2026-02-03"}
	for _, item := range doc.Paths {
		if item.Get != nil && slices.ContainsFunc(item.Get.Parameters, func(p *huma.Param) bool { return p.Name == "after" }) {
			lists[item.Get.OperationID] = addresses[item.Get.OperationID]
		}
	}
	for id, address := range lists {
		begin, query, _ := strings.Cut(address, "?")
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		most, small := "1000", "7"
		if strings.HasSuffix(begin, "/half-hours") {
			most, small = "10000", "333"
		}
		whole := rowsOf(t, h, begin+"?"+with(values, "limit", most), 1)
		if diff := cmp.Diff(whole, rowsOf(t, h, begin+"?"+with(values, "limit", small), 1000)); diff != "" || len(whole) < 8 {
			t.Errorf("%s has %d rows; page by page (-whole +pages):\n%.2000s", id, len(whole), diff)
		}
		for _, row := range whole {
			if serial := row["serial"]; strings.Contains(begin, "/M0001/") && serial != nil && serial != "M0001" && serial != "OLD" {
				t.Errorf("%s has a row of %s", id, serial)
			}
		}
	}
	var serials []string
	for _, row := range rowsOf(t, h, "/api/v1/meters?limit=7&sort=-signal", 1000) {
		serials = append(serials, row["serial"].(string))
	}
	slices.Sort(serials)
	if diff := cmp.Diff(serialsIn(t, s), serials); diff != "" {
		t.Errorf("meters (-database +API):\n%s", diff)
	}
}

func with(values url.Values, name, value string) string {
	values = maps.Clone(values)
	values.Set(name, value)
	return values.Encode()
}

// rowsOf follows the links from page to page, at most so many.
func rowsOf(t *testing.T, h http.Handler, address string, pages int) (rows []map[string]any) {
	t.Helper()
	for range pages {
		w := request(h, "GET", address, "")
		var page listed[map[string]any]
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != 200 {
			t.Fatalf("%s: %d %s", address, w.Code, w.Body)
		}
		rows = append(rows, page.Items...)
		if page.Next == nil {
			return rows
		}
		address, _, _ = strings.Cut(strings.TrimPrefix(w.Header().Get("Link"), "<"), ">")
	}
	t.Fatalf("%s does not end after %d pages", address, pages)
	return nil
}

func serialsIn(t *testing.T, s *postgres.Store) (serials []string) {
	t.Helper()
	if err := s.Pool().QueryRow(t.Context(), `select array_agg(serial order by serial collate "C") from flows.meter_registry`).Scan(&serials); err != nil {
		t.Fatal(err)
	}
	return serials
}
