package web

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the documents that tests compare")

// doer does what meter M can.
type doer struct {
	asked   []string
	answers []flows.Answer
}

func (d *doer) ReadNow(_ context.Context, serial string) error   { return d.do("read " + serial) }
func (d *doer) FetchGaps(_ context.Context, serial string) error { return d.do("gaps " + serial) }

func (d *doer) do(what string) error {
	switch serial := what[5:]; serial {
	case "M":
		d.asked = append(d.asked, what)
		return nil
	case "P":
		return &flows.Refusal{Reason: "meter P is not read: its mode is passive"}
	default:
		return &flows.NoMeter{Serial: serial}
	}
}

func (d *doer) Answer(_ context.Context, a flows.Answer) error {
	d.answers = append(d.answers, a)
	return nil
}

// apiSite is the dashboard with its API at noon.
func apiSite(s Store, d Actions) http.Handler {
	mux := http.NewServeMux()
	(&pages{Store: s, Actions: d, now: func() time.Time { return noon }, every: time.Hour}).mount(mux)
	return mux
}

// apiShelf has a meter, a run and a status.
func apiShelf() *shelf {
	s := &shelf{status: fleet(), page: flows.MeterPage{MeterLine: flows.MeterLine{Serial: "M", Zone: "Europe/London"}}}
	s.runs = []flows.RunReport{{Run: flows.Run{ID: 7, Frequency: flows.Hourly, Scheduled: noon, Meters: 3, Healthy: 2, Unhealthy: 1}}}
	for _, serial := range []string{"a/b", "M1", "M2", "M3"} {
		s.meters = append(s.meters, flows.MeterLine{Serial: serial, Place: "|" + serial, ImportA: new(12345678 * flows.WattHour), Balance: new(flows.Money(-150_000)), LastHealthy: noon.In(time.FixedZone("", 3600))})
	}
	return s
}

func request(h http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "127.0.0.1:8080"
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestTheDocumentIsTheAPI(t *testing.T) {
	kept := fieldWords
	t.Cleanup(func() { fieldWords = kept })
	mustBeKept(t, "apiwords.json", wordsOfTypes(t))
	fieldWords = wordsOfTypes(t)
	w := request(apiSite(apiShelf(), nil), "GET", "/api/v1/openapi.json", "")
	mustBeKept(t, "../docs/openapi.json", w.Body.Bytes())
	if kind := w.Header().Get("Content-Type"); w.Code != 200 || kind != "application/json" || !strings.Contains(w.Body.String(), `"openapi": "3.1.0"`) {
		t.Errorf("%d %s", w.Code, kind)
	}
	for what, wants := range map[string][]string{
		"the unit": {"kWh, exact to 0.0001; of the half-hours that are known"}, "a field that a comment describes": {"meter minus server"},
		"what may be null": {`"type": "null"`}, "words that there are": {`"interpolation"`},
	} {
		for _, want := range wants {
			if !strings.Contains(w.Body.String(), want) {
				t.Errorf("the document lacks %s: %s", what, want)
			}
		}
	}
	if w := request(apiSite(apiShelf(), nil), "GET", "/api/v1/openapi.yaml", ""); w.Code != 200 || !strings.Contains(w.Body.String(), "openapi: 3.1.0") {
		t.Errorf("as YAML: %d %.200s", w.Code, w.Body)
	}
}

func mustBeKept(t *testing.T, path string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what the types say (%v): run `go test ./web -run TestTheDocumentIsTheAPI -update`", path, err)
	}
}

// inJSON says by other words what has a name in Go alone.
var inJSON = strings.NewReplacer("Nil and zero times are", "What is null or left out is", "a zero time is", "a time that is left out is", "A zero From or To is", "A time that is left out is",
	"nil", "null", "Nil", "Null", "within GapsWithin", "of the last 7 days", "as far as LogReach", "as far as a log reaches", "for FailingAfter", "for 24 hours", "as Ages lists them", "up to 1 h, 3 h, 1 day, 7 days, older, never")

// wordsOfTypes are the comments of the types of package flows and of the API that have fields in JSON, by type, and by type and field.
func wordsOfTypes(t *testing.T) []byte {
	said := map[string]string{}
	own, _ := filepath.Glob("api*.go")
	root, _ := filepath.Glob("../*.go")
	for _, path := range slices.Concat(own, root) {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			types, _ := d.(*ast.GenDecl)
			if types == nil || types.Tok != token.TYPE || strings.HasSuffix(path, "_test.go") {
				continue
			}
			for _, spec := range types.Specs {
				of := spec.(*ast.TypeSpec)
				about := types.Doc.Text()
				if types.Lparen.IsValid() {
					about = of.Doc.Text()
				}
				if s, is := of.Type.(*ast.StructType); is {
					describeFields(said, upper(of.Name.Name), upper(about), s)
				}
			}
		}
	}
	text, err := json.MarshalIndent(said, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

// upper begins as a type of the document does.
func upper(text string) string {
	return strings.ToUpper(text[:min(1, len(text))]) + text[min(1, len(text)):]
}

func describeFields(said map[string]string, name, about string, s *ast.StructType) {
	for _, f := range s.Fields.List {
		if f.Tag == nil || len(f.Names) != 1 {
			continue
		}
		field, _, _ := strings.Cut(reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("json"), ",")
		if field == "" || field == "-" {
			continue
		}
		said[name] = inJSON.Replace(strings.Join(strings.Fields(about), " "))
		if text := strings.TrimSpace(f.Comment.Text()); text != "" {
			said[name+"."+field] = inJSON.Replace(text)
		}
	}
}

func TestProblemsSayWhatIsWrong(t *testing.T) {
	h := apiSite(apiShelf(), &doer{})
	next := decode[listed[flows.MeterLine]](t, request(h, "GET", "/api/v1/meters?limit=2&sort=name", "")).Next
	for _, c := range []struct {
		method, path, body string
		code               int
		says               string
		headers            []string
	}{
		{"GET", "/api/v1/meters/X", "", 404, "Meter X is not in the registry.", nil},
		{"GET", "/api/v1/meters/OLD", "", 404, "Meter OLD was exchanged for a/b at 2026-03-04 12:00 UTC.", nil},
		{"GET", "/api/v1/meters/X/events", "", 404, "Meter X is not in the registry.", nil},
		{"GET", "/api/v1/meters/X/half-hours", "", 404, "Meter X is not in the registry.", nil},
		{"GET", "/api/v1/meters?esco=nobody", "", 404, "ESCO nobody is not known.", nil},
		{"GET", "/api/v1/status?esco=nobody", "", 404, "ESCO nobody is not known.", nil},
		{"GET", "/api/v1/runs/9", "", 404, "There is no run 9; runs are kept for some weeks.", nil},
		{"GET", "/api/v1/runs/9/meters", "", 404, "There is no run 9", nil},
		{"GET", "/api/v1/runs/nine", "", 422, "id: invalid integer.", nil},
		{"GET", "/api/v1/meters?limit=0", "", 422, "limit: expected number >= 1.", nil},
		{"GET", "/api/v1/meters?limit=1001", "", 422, "limit: expected number <= 1000.", nil},
		{"GET", "/api/v1/meters?health=ill", "", 422, `health: expected value to be one of "healthy, unhealthy, never, not_asked".`, nil},
		{"GET", "/api/v1/meters?heath=ill", "", 422, "heath: unknown query parameter.", nil},
		{"GET", "/api/v1/meters?after=0", "", 422, "after: this is not next of a page of this list with these filters.", nil},
		{"GET", "/api/v1/meters?after=" + *next, "", 422, "after: this is not next of a page of this list with these filters.", nil},
		{"GET", "/api/v1/exceptions?rule=X", "", 422, "rule: expected value to be one of", nil},
		{"GET", "/api/v1/totals?from=yesterday", "", 422, "from: expected string to be RFC 3339 date.", nil},
		{"GET", "/api/v1/totals?from=2026-03-02&to=2026-03-01", "", 422, "from: must not be after to, nor more than 400 days before it.", nil},
		{"GET", "/api/v1/meters/M/half-hours?from=yesterday", "", 422, "from: yesterday is neither a time like 2026-03-01T00:00:00Z nor a date like 2026-03-01.", nil},
		{"GET", "/api/v1/meters/M/half-hours?from=2025-01-01", "", 422, "from: must be before to, and not more than 400 days before it.", nil},
		{"GET", "/api/v1/nothing", "", 404, "There is nothing at this address. The page /api lists what there is.", nil},
		{"GET", "/api/v2/meters", "", 404, "There is nothing at this address.", nil},
		{"DELETE", "/api/nothing", "", 404, "There is nothing at this address.", nil},
		{"DELETE", "/api/v1/meters", "", 405, "DELETE is not done at this address, but GET, HEAD.", nil},
		{"OPTIONS", "/api/v1/meters/M/read", "", 405, "OPTIONS is not done at this address, but POST.", nil},
		{"POST", "/api/v1/meters/P/read", "", 409, "Meter P is not read: its mode is passive.", nil},
		{"POST", "/api/v1/meters/X/gaps", "", 404, "Meter X is not in the registry.", nil},
		{"POST", "/api/v1/exceptions/answers", `{"ids": []}`, 422, "who", nil},
		{"POST", "/api/v1/exceptions/answers", `{"ids": [1], "who": "ann", "why": "x", "pick": 0.12345}`, 422, "not kWh with at most four decimals", nil},
		{"POST", "/api/v1/exceptions/answers", `{"ids": [1`, 400, "unexpected end of JSON input", nil},
		{"POST", "/api/v1/meters/M/read", "", 403, "Another site has asked for this.", []string{"Sec-Fetch-Site", "cross-site"}},
		{"POST", "/api/v1/meters/M/read", "", 403, "Another site has asked for this.", []string{"Origin", "http://evil.example"}},
		{"POST", "/api/v1/exceptions/answers", `{"ids": [1], "who": "ann", "why": "x"}`, 403, "Another site", []string{"Sec-Fetch-Site", "cross-site"}},
		{"GET", "/api/v1/meters", "", 421, "only at 127.0.0.1", []string{"Host", "evil.example"}},
		{"GET", "/api/v1/openapi.json", "", 421, "only at 127.0.0.1", []string{"Host", "evil.example"}},
	} {
		w := request(h, c.method, c.path, c.body, append(c.headers, "Accept", "text/csv")...)
		p := decode[Problem](t, w)
		if w.Code != c.code || p.Status != c.code || p.Type != "about:blank" || p.Title != http.StatusText(c.code) || !strings.Contains(p.Detail, c.says) ||
			w.Header().Get("Content-Type") != "application/problem+json" || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s: %d %v %s", c.method, c.path, w.Code, w.Header(), w.Body)
		}
		if (len(p.Errors) > 0) != (c.code == 422 || c.code == 400) {
			t.Errorf("%s %s: errors %v", c.method, c.path, p.Errors)
		}
	}
	if w := request(h, "PUT", "/api/v1/meters/M/gaps", ""); w.Header().Get("Allow") != "GET, POST, HEAD" {
		t.Errorf("allowed: %v", w.Header())
	}
}

func TestTheAPIWithoutADatabaseOrAQueue(t *testing.T) {
	away := apiShelf()
	away.err = flows.Errorf(flows.Database, "database: cannot list meters: refused")
	for _, path := range []string{"/api/v1/meters", "/api/v1/status", "/api/v1/escos", "/api/v1/meters/M"} {
		w := request(apiSite(away, nil), "GET", path, "")
		if p := decode[Problem](t, w); w.Code != 503 || w.Header().Get("Retry-After") != "5" || p.Detail != "The database does not answer: database: cannot list meters: refused. Ask again later." {
			t.Errorf("%s: %d %v %s", path, w.Code, w.Header(), w.Body)
		}
	}
	if w := request(apiSite(apiShelf(), nil), "POST", "/api/v1/meters/M/read", ""); w.Code != 501 || decode[Problem](t, w).Status != 501 {
		t.Errorf("without a queue: %d %s", w.Code, w.Body)
	}
}

func TestWhatPeopleCanDoByTheAPI(t *testing.T) {
	d := &doer{}
	h := apiSite(apiShelf(), d)
	for _, c := range []struct {
		path, body string
		code       int
	}{
		{"/api/v1/meters/M/read", "", 202}, {"/api/v1/meters/M/gaps", "", 202},
		{"/api/v1/exceptions/answers", `{"ids": [3, 4], "who": "ann", "why": "seen"}`, 204},
		{"/api/v1/exceptions/answers", `{"ids": [5], "resolve": true, "who": "ann", "why": "photo", "pick": 12.3456}`, 204},
	} {
		if w := request(h, "POST", c.path, c.body); w.Code != c.code || w.Body.Len() > 0 {
			t.Errorf("%s %s: %d %s", c.path, c.body, w.Code, w.Body)
		}
	}
	if diff := cmp.Diff([]string{"read M", "gaps M"}, d.asked); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]flows.Answer{{IDs: []int64{3, 4}, Who: "ann", Why: "seen"}, {IDs: []int64{5}, Resolve: true, Who: "ann", Why: "photo", Pick: new(flows.Energy(123456))}}, d.answers); diff != "" {
		t.Error(diff)
	}
}

func TestTheAPICanBeRead(t *testing.T) {
	body := mustSay(t, apiSite(apiShelf(), nil), "/api", "GET /api/v1/meters", "low_balance, weak_signal, clock_drift", "POST /api/v1/meters/{serial}/read", "MeterLine",
		"curl 'http://127.0.0.1:8080/api/v1/meters'", "/api/v1/openapi.json")
	if !strings.Contains(body, `href="/api/v1/runs"`) || strings.Contains(body, `href="/api/v1/meters/{`) {
		t.Error("what can be tried")
	}
	if strings.Contains(body, "<script") || strings.Contains(body, "unpkg") {
		t.Error("it needs a script")
	}
	if w := request(apiSite(apiShelf(), nil), "GET", "/docs", ""); w.Code != 404 {
		t.Errorf("huma's own page is there: %d", w.Code)
	}
}
