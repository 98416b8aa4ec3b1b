package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
)

// shelf is a store of plain values.
type shelf struct {
	runShelf
	exceptionShelf
	gapShelf
	totalShelf

	status     flows.Status
	meters     []flows.MeterLine
	page       flows.MeterPage
	lanes      []flows.Lane
	exceptions []flows.MeterException
	gaps       []flows.MeterGap
	days       flows.FleetDays
	traces     []flows.Trace
	series     []flows.Series
	last       time.Time
	events     int
	err        error

	asked  int // for a status
	query  flows.MeterQuery
	period flows.Period
	tabs   []string
}

func (s *shelf) Status(_ context.Context, esco string) (flows.Status, error) {
	s.asked++
	st := s.status
	st.ESCO = esco
	return st, s.err
}

func (s *shelf) FleetDays(context.Context, string, int, int) (flows.FleetDays, error) {
	return s.days, s.err
}

func (s *shelf) Hardware(context.Context) ([]string, error) { return []string{"C1.w", "P1.ax"}, s.err }

func (s *shelf) ESCOs(context.Context) ([]flows.ESCO, error) {
	return []flows.ESCO{{Code: "HERE", Timezone: "Europe/London"}, {Code: "THERE", Timezone: "Asia/Tokyo"}}, s.err
}

func (s *shelf) MeterLines(_ context.Context, q flows.MeterQuery) ([]flows.MeterLine, error) {
	s.query = q
	return s.meters[:min(len(s.meters), q.Limit)], s.err
}

func (s *shelf) CountMeters(_ context.Context, _ flows.MeterQuery, most int) (int, error) {
	return min(len(s.meters), most), s.err
}

// site is the dashboard at noon.
func site(s *shelf) http.Handler {
	mux := http.NewServeMux()
	(&pages{Store: s, now: func() time.Time { return noon }, every: time.Hour}).mount(mux)
	return mux
}

func ask(h http.Handler, method, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	r.Host = "127.0.0.1:8080"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

var (
	tags   = regexp.MustCompile(`<[^>]*>`)
	spaces = regexp.MustCompile(`[ \n\t]+`)
)

// plain is what one reads of a page.
func plain(html string) string {
	_, html, _ = strings.Cut(html, "<main")
	_, html, _ = strings.Cut(html, ">")
	html = strings.NewReplacer("&#39;", "'", "&#34;", `"`, "&lt;", "<", "&gt;", ">", "&amp;", "&", thin, " ").Replace(tags.ReplaceAllString(html, " "))
	return strings.TrimSpace(spaces.ReplaceAllString(html, " "))
}

func mustSay(t *testing.T, h http.Handler, path string, sentences ...string) string {
	t.Helper()
	w := ask(h, http.MethodGet, path)
	text := plain(w.Body.String())
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", path, w.Code, text)
	}
	for _, want := range sentences {
		if !strings.Contains(text, want) {
			t.Errorf("%s does not say %q:\n%s", path, want, text)
		}
	}
	return w.Body.String()
}

func TestTheFleetPageSaysWhatStatusSays(t *testing.T) {
	s := &shelf{status: fleet()}
	h := site(s)
	body := mustSay(t, h, "/", "18 meters", "● 8 healthy ▲ 3 unhealthy ○ 1 never read – 4 passive 2 under maintenance",
		"Yesterday complete: 81.8 % (9 of 11 meters, 10 judged since it ended); 48 of 1 056 half-hours estimated, 50 not known",
		"hourly A 1 h 55 min ago", "9 6 1 1 1", "daily all 60 s ago not begun", "◐ not finished", "CLOCK ◐ warning 4 the meter's clock is off",
		"As of 4 Mar 2026 12:00")
	for _, need := range s.status.Needs() {
		if want := strings.ToUpper(need.Text[:1]) + need.Text[1:]; !strings.Contains(plain(body), "▲ "+want) {
			t.Errorf("%s is not on the page", want)
		}
	}
	mustSay(t, h, "/?esco=there", "Fleet of THERE", "As of 4 Mar 2026 21:00")
	mustSay(t, h, "/")
	if s.asked != 2 {
		t.Errorf("%d statuses were made for two pages", s.asked)
	}
	if strings.Contains(body, "class=\"old\"") {
		t.Error("it is said to be old")
	}
}

func TestAFleetPageThatIsOlderThanItShouldBeSaysSoFirst(t *testing.T) {
	due := noon.Add(-5 * time.Hour)
	run := []flows.RunReport{{Run: flows.Run{Frequency: flows.Hourly, Scheduled: due, Finished: due, Meters: 1, Healthy: 1}}}
	for _, c := range []struct {
		name, want string
		status     flows.Status
	}{
		{"no run", "▲ Nothing here is newer than the hourly run of 07:00 UTC, 5 h ago. Fleet", flows.Status{Time: noon, Runs: run}},
		{"kept", "▲ This was looked at 5 min ago", flows.Status{Time: noon.Add(-5 * time.Minute)}},
		{"runs without readings", "▲ Half of the meters were last read more than 3 h ago. Fleet",
			flows.Status{Time: due, Runs: run, Freshness: flows.Freshness{Meters: 2, P50: 3 * 3600}}},
	} {
		if text := plain(ask(site(&shelf{status: c.status}), "GET", "/").Body.String()); !strings.HasPrefix(text, c.want) {
			t.Errorf("%s: %s", c.name, text)
		}
	}
}

func TestEmptyPagesTeachTheNextCommand(t *testing.T) {
	h := site(&shelf{status: flows.Status{Time: noon}, page: flows.MeterPage{MeterLine: flows.MeterLine{Serial: "M", Zone: "UTC", Address: "10.0.0.1:80", Mode: flows.Active}}})
	mustSay(t, h, "/", "flows meters import FILE", "flows serve", "SyncerProfileLog")
	mustSay(t, h, "/meters", "flows meters import FILE")
	mustSay(t, h, "/meters?q=x", "No meter is like that")
	mustSay(t, h, "/meters/M", "flows sync --freq hourly --serial M", "had no register on this day", "has never been read")
}

func TestTheListOfMeters(t *testing.T) {
	s := &shelf{}
	for n := range 120 {
		s.meters = append(s.meters, flows.MeterLine{Serial: fmt.Sprintf("EML%03d", n), Zone: "UTC", Mode: flows.Active, Address: "10.0.0.1:80", Place: fmt.Sprintf("|EML%03d", n)})
	}
	s.meters[0] = flows.MeterLine{Serial: "a/b <c>", Name: "Plot & 1", ESCO: "HERE", Hardware: "C1.w", Zone: "Asia/Tokyo", Mode: flows.Active, Address: "10.0.0.1:80",
		Health: flows.Unhealthy, Details: `said "no"`, LastHealthy: noon.Add(-12 * time.Minute), Balance: new(-1234567 * flows.Pound / 1000), CSQ: new(0),
		ImportA: new(12345678 * flows.WattHour), ImportB: new(flows.Energy(1)), Drift: new(-61)}
	s.meters[1].Mode = flows.Passive
	h := site(s)
	body := mustSay(t, h, "/meters?esco=here&q=+L0+&health=unhealthy",
		"Serial ↑ Name", "a/b <c> Plot & 1 HERE C1.w ▲ unhealthy 12 min ago −1 234.56 0 −61 12 345.678 0.0001", "EML001 – not asked never – – – – –", "○ never read", "EML049", "Next ›")
	want := flows.MeterQuery{ESCO: "HERE", Search: "L0", Health: flows.OnlyUnhealthy, Limit: 51}
	if diff := cmp.Diff(want, s.query); diff != "" {
		t.Error(diff)
	}
	for _, piece := range []string{`href="/meters/a%2Fb%20%3Cc%3E"`, `title="said &#34;no&#34;"`, `href="/meters?after=%7CEML049&amp;esco=HERE&amp;health=unhealthy&amp;q=L0"`, `href="/meters?esco=HERE&amp;health=unhealthy&amp;q=L0&amp;sort=-drift"`, `aria-sort="ascending"`,
		`<time datetime="2026-03-04T11:48:00Z" title="Wed 4 Mar 2026 20:48:00 JST = 2026-03-04 11:48:00 UTC">12 min ago</time>`} {
		if !strings.Contains(body, piece) {
			t.Errorf("no %s", piece)
		}
	}
	if strings.Contains(body, "EML050") || strings.Contains(body, "First page") {
		t.Error("more than a page, or a way back from the first")
	}
	s.meters = s.meters[:50]
	if body := mustSay(t, h, "/meters?after=EML", "First page"); strings.Contains(body, "Next") || !strings.Contains(body, "Previous") || s.query.From.Key != "EML" {
		t.Errorf("behind the last page there is another: %+v", s.query)
	}
}

func TestOtherAnswers(t *testing.T) {
	away := errors.New("database: cannot look at the fleet: connection refused")
	for _, c := range []struct {
		name, method, path, says string
		err                      error
		code                     int
	}{
		{"unknown meter", "GET", "/meters/EML0", "Meter EML0 is not in the registry", nil, 404},
		{"exchanged meter", "GET", "/meters/OLD", "was exchanged for a/b at 2026-03-04 12:00 UTC", nil, 404},
		{"unknown ESCO", "GET", "/?esco=<i>", "ESCO <i> is not known", nil, 404},
		{"unknown filter", "GET", "/meters?health=ill", "No such filter", nil, 404},
		{"unknown page", "GET", "/nowhere", "There is no page at this address", nil, 404},
		{"no day", "GET", "/meters/M?day=2026-02-30", "A day is written", nil, 404},
		{"database away", "GET", "/", "Nothing can be shown without it: database: cannot look at the fleet: connection refused", away, 503},
		{"database away", "GET", "/meters", "No answer from the database", away, 503},
		{"written to", "POST", "/meters", "", nil, 405},
		{"deleted", "DELETE", "/nowhere", "", nil, 405},
		{"head", "HEAD", "/", "", nil, 200},
	} {
		h := site(&shelf{err: c.err, status: flows.Status{Time: noon}, page: flows.MeterPage{MeterLine: flows.MeterLine{Serial: "M", Zone: "UTC"}}})
		for range 2 { // an error must leave nothing behind
			w := ask(h, c.method, c.path)
			if text := plain(w.Body.String()); w.Code != c.code || !strings.Contains(text, c.says) || strings.Contains(w.Body.String(), "<i>") {
				t.Errorf("%s: %d %s", c.name, w.Code, text)
			}
		}
		if w := ask(h, "GET", "/"); c.err == nil && w.Code != 200 {
			t.Errorf("after %s the fleet page is %d", c.name, w.Code)
		}
	}
	if body := ask(site(&shelf{}), "GET", "/meters/OLD").Body.String(); !strings.Contains(body, `href="/meters/a%2Fb"`) {
		t.Error("no way to the meter that took its place")
	}
}

func TestPagesLoadNothingFromElsewhereAndAnswerOnlyHere(t *testing.T) {
	s := &shelf{status: fleet(), page: flows.MeterPage{MeterLine: flows.MeterLine{Serial: "M", Zone: "UTC"}}, lanes: []flows.Lane{{Element: "A", Slots: make([]flows.LaneSlot, 48)}}}
	h := site(s)
	for _, path := range []string{"/", "/meters", "/meters/M", "/nowhere", "/assets/flows.css"} {
		w := ask(h, "GET", path)
		if csp := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %s", path, csp)
		}
		if w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s: %v", path, w.Header())
		}
		if found := regexp.MustCompile(`<script( src="[^/]| src="//|>| [^st]| type="[^a])|\sstyle=|\son\w+=|https?://|@import|@font-face`).FindString(w.Body.String()); found != "" {
			t.Errorf("%s has %q", path, found)
		}
	}
	if w := ask(h, "GET", "/assets/flows.css"); w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/css") {
		t.Errorf("style sheet: %d %v", w.Code, w.Header())
	}
	for host, code := range map[string]int{"127.0.0.1:8080": 200, "[::1]:80": 200, "[::1]": 200, "localhost": 200, "LOCALHOST:8080": 200, "127.9.9.9": 200,
		"evil.example": 421, "127.0.0.1.evil.example:8080": 421, "10.0.0.1": 421, "": 421} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != code || code != 200 && strings.Contains(w.Body.String(), "HERE") {
			t.Errorf("%q: %d", host, w.Code)
		}
	}
}

func TestEveryRuleHasItsWords(t *testing.T) {
	if n := len(findings); n != 23 || slices.Contains([]string{findings[flows.RuleMissing], findings[flows.RuleReplacedAfterExport]}, "") {
		t.Errorf("%d rules have words", n)
	}
}

func TestWords(t *testing.T) {
	for n, want := range map[string]string{"0": "0", "999.5": "999.5", "1000": "1 000", "-1234567.001": "−1 234 567.001", "-0.5": "−0.5"} {
		if got := strings.ReplaceAll(grouped(n), thin, " "); got != want {
			t.Errorf("%s: %s", n, got)
		}
	}
	for text, want := range map[string]string{"": "", "it is so": "It is so", "été": "Été"} {
		if got := sentence(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
	for m, want := range map[flows.Money]string{0: "0.00", -999: "0.00", -333_26400: "−333.26", 5 * flows.Pound: "5.00"} {
		if got := money(&m); got != want {
			t.Errorf("%d: %s", m, got)
		}
	}
}
