package web

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"flows"
)

var update = flag.Bool("update", false, "write the documents that tests compare")

// fill is a store with something for every operation.
func fill() *shelf {
	s := &shelf{status: fleet(), page: flows.MeterPage{MeterLine: flows.MeterLine{Serial: "M", Zone: "Europe/London", Mode: flows.Active, Address: "10.0.0.1:80"}}}
	for n := range 7 {
		s.meters = append(s.meters, flows.MeterLine{Serial: fmt.Sprintf("M%d", n), Name: "a, \"b\"", Zone: "UTC", Mode: flows.Active, Place: fmt.Sprintf("|M%d", n), Balance: new(-150_000 * flows.Money(1)),
			ImportA: new(12345678 * flows.WattHour), LastHealthy: noon})
	}
	s.runs = []flows.RunReport{{Run: flows.Run{ID: 7, Frequency: flows.Hourly, Scheduled: noon, Meters: 3, Healthy: 2, Unhealthy: 1}, Reasons: []flows.Reason{{Code: flows.Timeout, Text: "silent", Count: 1, Serials: []string{"M1"}}}}}
	s.runMeters = []flows.RunMeter{{Serial: "M1", Verdict: flows.VerdictUnhealthy, Code: flows.Timeout, Duration: 1.5}}
	s.found = []flows.ExceptionRow{{ID: 3, Serial: "M", Zone: "UTC", Exception: flows.Exception{Rule: flows.RuleConflict, Severity: flows.SeverityError, Count: 2, Details: map[string]string{"kept_kwh": "1.000"}}, Status: "open", FirstSeen: noon, LastSeen: noon}}
	s.gapLines = []flows.GapLine{{Serial: "M", MeterGap: flows.MeterGap{Element: "A", Direction: flows.Import, Day: "2026-03-03", NeverReached: 4, Again: true}, Expected: 48, Register: "r"}}
	s.totals = []flows.Total{{Name: "M", Element: "A", Registers: 1, Import: flows.TotalSide{Energy: 5 * flows.KiloWattHour, Billable: 4 * flows.KiloWattHour, Expected: 48, Known: 47}}}
	return s
}

type doer struct{ answers []flows.Answer }

func (d *doer) ReadNow(_ context.Context, serial string) error   { return d.other(serial) }
func (d *doer) FetchGaps(_ context.Context, serial string) error { return d.other(serial) }
func (d *doer) Answer(_ context.Context, a flows.Answer) error {
	d.answers = append(d.answers, a)
	return nil
}

func (d *doer) other(serial string) error {
	switch serial {
	case "M":
		return nil
	case "P":
		return &flows.Refusal{Reason: "meter P is not read: its mode is passive"}
	}
	return &flows.NoMeter{Serial: serial}
}

// apiSite is the dashboard with its API at noon.
func apiSite(s *shelf, d Actions) http.Handler {
	mux := http.NewServeMux()
	(&pages{Store: s, Actions: d, now: func() time.Time { return noon }, every: time.Hour}).mount(mux)
	return mux
}

func request(h http.Handler, method, path, accept, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "127.0.0.1:8080"
	r.Header.Set("Accept", accept)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestTheDocumentIsTheAPI(t *testing.T) {
	w := request(apiSite(fill(), nil), "GET", "/api/v1/openapi.json", "", "")
	var got bytes.Buffer
	if err := json.Indent(&got, w.Body.Bytes(), "", " "); err != nil || w.Code != 200 {
		t.Fatal(w.Code, err)
	}
	got.WriteByte('\n')
	const file = "../docs/openapi.json"
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(want, got.Bytes()) {
		t.Errorf("docs/openapi.json is not what the types say (%v): make generate", err)
	}
	if !strings.Contains(got.String(), `"openapi": "3.1.0"`) {
		t.Error("not OpenAPI 3.1")
	}
}

func TestEveryOperationAnswers(t *testing.T) {
	d := &doer{}
	h := apiSite(fill(), d)
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
			Parameters  []struct{ Name, In string }
		}
	}
	if err := json.Unmarshal(request(h, "GET", "/api/v1/openapi.json", "", "").Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	n := 0
	for path, methods := range doc.Paths {
		for method, op := range methods {
			n++
			address := strings.NewReplacer("{serial}", "M", "{id}", "7").Replace(path)
			if op.OperationID == "listTotals" {
				address += "?from=2026-03-01&to=2026-03-31"
			}
			body, code := "", 200
			if method == "post" {
				code = 202
				if op.OperationID == "answerExceptions" {
					body = `{"ids": [3, 4], "resolve": true, "who": "ann", "why": "seen", "pick": 12.345}`
				}
			}
			w := request(h, strings.ToUpper(method), address, "application/json", body)
			if w.Code != code || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Security-Policy") == "" {
				t.Errorf("%s: %d %v %s", op.OperationID, w.Code, w.Header(), w.Body)
			}
			list := slices.ContainsFunc(op.Parameters, func(p struct{ Name, In string }) bool { return p.Name == "after" })
			if !list {
				continue
			}
			var page struct{ Items []map[string]any }
			if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || len(page.Items) == 0 {
				t.Errorf("%s: %v %s", op.OperationID, err, w.Body)
			}
			c := request(h, "GET", address, "text/csv", "")
			rows, err := csv.NewReader(c.Body).ReadAll()
			if err != nil || len(rows) != len(page.Items)+1 || !strings.HasPrefix(c.Header().Get("Content-Type"), "text/csv") {
				t.Errorf("%s as CSV: %v %v %v", op.OperationID, err, c.Header(), rows)
				continue
			}
			for col, name := range rows[0] {
				value := any(page.Items[0])
				for _, part := range strings.Split(name, ".") {
					m, _ := value.(map[string]any)
					value = m[part]
				}
				if text := rows[1][col]; text != plainValue(value) && !(value == nil && text == "") {
					if f, ok := value.(float64); !ok || json.Number(text).String() != text || fmt.Sprint(f) == "" {
						t.Errorf("%s: CSV %s=%q, JSON %v", op.OperationID, name, text, value)
					}
				}
			}
		}
	}
	if n < 23 {
		t.Errorf("only %d operations", n)
	}
	if len(d.answers) != 1 || d.answers[0].Who != "ann" || !d.answers[0].Resolve || len(d.answers[0].IDs) != 2 || *d.answers[0].Pick != 12345*flows.WattHour {
		t.Errorf("%+v", d.answers)
	}
}

func plainValue(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, _ := json.Marshal(v)
	return string(b)
}

func TestPagesOfTheAPIFollowOneAnother(t *testing.T) {
	s := fill()
	h := apiSite(s, nil)
	w := request(h, "GET", "/api/v1/meters?limit=3&health=unhealthy&esco=HERE", "", "")
	var page listed[flows.MeterLine]
	if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || len(page.Items) != 3 || page.Next == nil || *page.Next != "|M2" {
		t.Fatal(w.Code, w.Body, err)
	}
	if s.query.Limit != 4 || s.query.Health != flows.OnlyUnhealthy || s.query.ESCO != "HERE" {
		t.Errorf("%+v", s.query)
	}
	if got, want := w.Header().Get("Link"), `</api/v1/meters?after=%7CM2&esco=HERE&health=unhealthy&limit=3>; rel="next"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if *page.Items[0].ImportA != 12345678*flows.WattHour || *page.Items[0].Balance != -150_000 || !strings.Contains(w.Body.String(), `"import_a":12345.678,`) {
		t.Errorf("%s", w.Body)
	}
	request(h, "GET", "/api/v1/meters?sort=-drift&after=%7CM2", "", "")
	if s.query.Sort != flows.SortDrift || !s.query.Down || s.query.From.Key != "|M2" {
		t.Errorf("%+v", s.query)
	}
	if w := request(h, "GET", "/api/v1/meters", "", ""); !strings.Contains(w.Body.String(), `"next":null`) {
		t.Errorf("the last page: %s", w.Body)
	}
}

func TestProblemsSayWhatIsWrong(t *testing.T) {
	h := apiSite(fill(), &doer{})
	for _, c := range []struct {
		method, path, body string
		code               int
		says               string
		headers            []string
	}{
		{"GET", "/api/v1/meters/X", "", 404, "Meter X is not in the registry", nil},
		{"GET", "/api/v1/meters/X/events", "", 404, "Meter X is not in the registry", nil},
		{"GET", "/api/v1/runs/9", "", 404, "There is no run 9", nil},
		{"GET", "/api/v1/meters?limit=0", "", 422, "limit", nil},
		{"GET", "/api/v1/meters?health=ill", "", 422, "health", nil},
		{"GET", "/api/v1/meters?heath=ill", "", 422, "heath", nil},
		{"GET", "/api/v1/exceptions?rule=X", "", 404, "no rule X", nil},
		{"GET", "/api/v1/totals", "", 422, "from", nil},
		{"GET", "/api/v1/totals?from=2026-03-02&to=2026-03-01", "", 422, "from must not be after to", nil},
		{"GET", "/api/v1/meters/M/half-hours?from=yesterday", "", 422, "neither a time like", nil},
		{"GET", "/api/v1/meters/M/half-hours?from=2025-01-01", "", 422, "92 days", nil},
		{"GET", "/api/v1/nothing", "", 404, "/api lists what there is", nil},
		{"POST", "/api/v1/meters/P/read", "", 409, "its mode is passive", nil},
		{"POST", "/api/v1/exceptions/answers", `{"ids": []}`, 422, "", nil},
		{"POST", "/api/v1/meters/M/read", "", 403, "Another site", []string{"Sec-Fetch-Site", "cross-site"}},
		{"POST", "/api/v1/meters/M/read", "", 403, "Another site", []string{"Origin", "http://evil.example"}},
	} {
		w := request(h, c.method, c.path, "text/csv", c.body, c.headers...)
		var p struct {
			Type, Title, Detail string
			Status              int
			Errors              []map[string]any
		}
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != c.code || p.Status != c.code || p.Title == "" || w.Header().Get("Content-Type") != "application/problem+json" ||
			!strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%s %s: %d %v %s", c.method, c.path, w.Code, w.Header(), w.Body)
		}
	}
	r := httptest.NewRequest("GET", "/api/v1/meters", nil)
	r.Host = "evil.example"
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != 421 || strings.Contains(w.Body.String(), "M1") {
		t.Errorf("another name: %d %s", w.Code, w.Body)
	}
	away := fill()
	away.err = flows.Errorf(flows.Database, "database: cannot list meters: refused")
	if w := request(apiSite(away, nil), "GET", "/api/v1/meters", "", ""); w.Code != 503 || w.Header().Get("Retry-After") != "5" {
		t.Errorf("without a database: %d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := request(apiSite(fill(), nil), "POST", "/api/v1/meters/M/read", "", ""); w.Code != 501 {
		t.Errorf("without a queue: %d", w.Code)
	}
}

func TestPeriodsOfTheAPIAreLocalDays(t *testing.T) {
	s := fill()
	w := request(apiSite(s, nil), "GET", "/api/v1/meters/M/half-hours?from=2025-10-26&to=2025-10-27", "", "")
	if want := (flows.Period{From: time.Date(2025, 10, 25, 23, 0, 0, 0, time.UTC), To: time.Date(2025, 10, 27, 0, 0, 0, 0, time.UTC)}); w.Code != 200 || s.period != want {
		t.Errorf("%d %v", w.Code, s.period)
	}
}

func TestTheAPICanBeRead(t *testing.T) {
	body := mustSay(t, apiSite(fill(), nil), "/api", "GET /api/v1/meters Meters", "low_balance, weak_signal, clock_drift", "POST /api/v1/meters/{serial}/read")
	if strings.Contains(body, "<script") {
		t.Error("it needs a script")
	}
}
