package web

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
)

// exceptionShelf is that part of the shelf.
type exceptionShelf struct {
	found   []flows.ExceptionRow
	all     int // are counted; 0 = those that are found
	filter  flows.ExceptionFilter
	unknown error
}

func (s *exceptionShelf) ExceptionLines(_ context.Context, f flows.ExceptionFilter) ([]flows.ExceptionRow, error) {
	s.filter = f
	return s.found[:min(len(s.found), f.Limit)], s.unknown
}

func (s *exceptionShelf) CountExceptions(_ context.Context, _ flows.ExceptionFilter, most int) (int, error) {
	return min(max(len(s.found), s.all), most), s.unknown
}

// conflict is an exception of an instant.
func conflict() flows.ExceptionRow {
	at := time.Date(2026, 3, 4, 10, 30, 0, 0, time.UTC)
	return flows.ExceptionRow{ID: 7, Serial: "a/b <c>", ESCO: "THERE", Zone: "Asia/Tokyo", Element: "A", Direction: flows.Import, Status: "open", FirstSeen: noon.Add(-48 * time.Hour), LastSeen: noon.Add(-time.Hour),
		Exception: flows.Exception{Rule: flows.RuleConflict, Severity: flows.SeverityError, Period: flows.Period{From: at, To: at}, Count: 1,
			Details: map[string]string{"kept_kwh": "18.204", "others_kwh": "18.3, 19"}}}
}

func TestExceptionsAreShownWithWhatTheyMean(t *testing.T) {
	s := &shelf{}
	clock := conflict()
	clock.ID, clock.Serial, clock.Element, clock.Direction, clock.Rule, clock.Severity, clock.Status, clock.Who, clock.Why = 8, "", "", "", flows.RuleClock, flows.SeverityWarning, "acknowledged", "Ann <i>", "booked"
	clock.Zone, clock.Period = "Europe/London", flows.Period{From: noon.Add(-20 * 24 * time.Hour)}
	clock.Details = map[string]string{"worst_seconds": "61", "most_kwh": "9", "before_kwh": "1", "missing": "1", "2026-07-20T00:00:00Z": "3", "e": "5"}
	s.found = []flows.ExceptionRow{conflict(), clock}
	h := site(s)
	body := mustSay(t, h, "/exceptions?status=all&esco=there&rule=CONFLICT&severity=error&serial=+M+",
		"2 exceptions, the worst first", "7 ▲ error CONFLICT: two values for one time; pick one; kept 18.204 kWh, others 18.3, 19 kWh a/b <c> A import 4 Mar 2026 19:30",
		"8 ◐ warning CLOCK: the meter's clock is off; missing 1, before 1 kWh, limit 9 kWh, 20 Jul 01:00 3 kWh, 2 more from 12 Feb 2026 12:00 1", "Acknowledged by Ann <i>: booked", "flows vee ack")
	want := flows.ExceptionFilter{ESCO: "THERE", Serials: []string{"M"}, Rules: []flows.Rule{flows.RuleConflict}, Severities: []flows.Severity{flows.SeverityError}, Limit: 51}
	if diff := cmp.Diff(want, s.filter); diff != "" {
		t.Error(diff)
	}
	for _, piece := range []string{`<a href="/meters/a%2Fb%20%3Cc%3E?day=2026-03-04">`, `title="Wed 4 Mar 2026 19:30:00 JST = 2026-03-04 10:30:00 UTC"`,
		`<rect class="struck" x="117" width="3"`, `viewBox="0 0 144 12"`, "1 of the 48 half-hours from 4 Mar 2026 on, beginning at 19:30", `<a href="/exceptions?id=8">2 more</a>`} {
		if !strings.Contains(body, piece) {
			t.Errorf("no %s", piece)
		}
	}
	if strings.Contains(body, "<fieldset") || strings.Contains(body, `type="checkbox"`) || strings.Contains(body, "data-live") {
		t.Error("where nobody can answer there is a form, or somebody who writes is disturbed")
	}
	mustSay(t, h, "/exceptions")
	if s.filter.Status != "open" {
		t.Errorf("without a status %q is listed", s.filter.Status)
	}
	s.all = 20_000
	mustSay(t, h, "/exceptions", "More than 10 000 open exceptions, the worst first")
	s.found, s.all = nil, 0
	mustSay(t, h, "/exceptions?rule=SPIKE", "0 open exceptions", "None like that")
	mustSay(t, h, "/exceptions?after=x", "There are no more. First page")
	mustSay(t, h, "/exceptions?id=99", "There is no exception 99")

	s.unknown = &flows.UnknownSerials{Serials: []string{"<i>"}, ESCO: "THERE"}
	for path, says := range map[string]string{"/exceptions?rule=NO": "Exceptions have no rule NO", "/exceptions?severity=bad": "no severity bad", "/exceptions?status=x": "no status x", "/exceptions?id=x": "no number x",
		"/exceptions?serial=%3Ci%3E": "Meter <i> is not in ESCO THERE"} {
		if w := ask(h, "GET", path); w.Code != http.StatusNotFound || !strings.Contains(plain(w.Body.String()), says) {
			t.Errorf("%s: %d %s", path, w.Code, plain(w.Body.String()))
		}
	}
}

func TestOneExceptionIsShownInFull(t *testing.T) {
	s := &shelf{}
	s.found = []flows.ExceptionRow{conflict()}
	body := mustSay(t, desk(s, &answers{}), "/exceptions?id=7&status=resolved", "Only number 7. Show all that are open", "First seen 2 days ago", "ESCO THERE", "Detail kept 18.204 kWh Detail others 18.3, 19 kWh", "(18.204, 18.3, 19)")
	if s.filter.Status != "" || len(s.filter.IDs) != 1 || s.filter.IDs[0] != 7 {
		t.Errorf("%+v", s.filter)
	}
	for _, piece := range []string{`name="pick"`, `<option value="18.3">`, `value="7" aria-label="Answer exception 7" checked>`, `<input type="hidden" name="id" value="7">`} {
		if !strings.Contains(body, piece) {
			t.Errorf("no %s", piece)
		}
	}
	for name, change := range map[string]func(*flows.ExceptionRow){"no conflict": func(x *flows.ExceptionRow) { x.Rule = flows.RuleSpike }, "resolved": func(x *flows.ExceptionRow) { x.Status = "resolved" }} {
		s.found[0] = conflict()
		change(&s.found[0])
		if body := mustSay(t, desk(s, &answers{}), "/exceptions?id=7"); strings.Contains(body, `name="pick"`) {
			t.Errorf("%s, and a value can be picked", name)
		}
	}
}

func TestPeriodsInWords(t *testing.T) {
	at := func(text string) time.Time {
		if text == "" {
			return time.Time{}
		}
		when, err := time.Parse("2006-01-02 15:04Z", text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	london := clock{noon, time.UTC}.in("Europe/London")
	for _, c := range []struct{ from, to, words, strip string }{
		{"", "", "", ""},
		{"2026-03-01 10:00Z", "", "from 1 Mar 2026 10:00", ""},
		{"", "2026-03-01 10:00Z", "until 1 Mar 2026 10:00", ""},
		{"2026-07-01 10:10Z", "2026-07-01 10:10Z", "1 Jul 2026 11:10", "144: 67 3"},
		{"2026-06-30 23:00Z", "2026-07-01 23:00Z", "1 Jul 2026", "144: 0 144"},
		{"2026-07-01 10:00Z", "2026-07-01 12:00Z", "1 Jul 2026 11:00–13:00", "144: 66 12"},
		{"2026-07-01 22:00Z", "2026-07-02 01:00Z", "1 Jul 2026 23:00–2 Jul 2026 02:00", "288: 138 18"},
		{"2026-03-29 00:00Z", "2026-03-29 23:00Z", "29 Mar 2026", "138: 0 138"}, // 46 half-hours
		{"2026-10-24 23:00Z", "2026-10-26 00:00Z", "25 Oct 2026", "150: 0 150"}, // 50
		{"2026-10-24 23:00Z", "2026-10-27 00:00Z", "25 Oct 2026–26 Oct 2026", "294: 0 294"},
		{"2026-07-01 23:00Z", "2026-07-04 23:00Z", "2 Jul 2026–4 Jul 2026 (3 days)", ""},
		{"2026-07-01 10:00Z", "2026-07-03 09:00Z", "1 Jul 2026 11:00–3 Jul 2026 10:00 (1 day 23 h)", ""},
		{"2026-07-03 10:00Z", "2026-07-01 10:00Z", "3 Jul 2026 11:00–1 Jul 2026 11:00", ""},
	} {
		x := lineOf(flows.ExceptionRow{Exception: flows.Exception{Period: flows.Period{From: at(c.from), To: at(c.to)}}}, london)
		var times []string
		for _, told := range x.When.Times {
			times = append(times, told.Text)
		}
		words := strings.TrimSpace(x.When.Word + " " + strings.Join(times, "–"))
		if x.When.Long != "" {
			words += " (" + x.When.Long + ")"
		}
		strip := ""
		if s := x.Slots; s != nil {
			strip = fmt.Sprintf("%v: %v %v", s.Width, s.From, s.Length)
		}
		if words != c.words || strip != c.strip {
			t.Errorf("%s to %s: %q, %q; want %q, %q", c.from, c.to, words, strip, c.words, c.strip)
		}
	}
}

// answers takes those that people give.
type answers struct {
	Actions
	given []flows.Answer
	err   error
}

func (a *answers) Answer(_ context.Context, answer flows.Answer) error {
	a.given = append(a.given, answer)
	return a.err
}

// desk is a site where one can answer.
func desk(s *shelf, a Actions) http.Handler {
	mux := http.NewServeMux()
	(&pages{Store: s, Actions: a, now: func() time.Time { return noon }, every: time.Hour}).mount(mux)
	return mux
}

func post(h http.Handler, path string, form url.Values, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	r.Host = "127.0.0.1:8080"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAnswersGoBackToTheirList(t *testing.T) {
	form := func(pairs ...string) url.Values {
		v := url.Values{"who": {" Ann "}, "why": {" booked "}, "answer": {"resolve"}, "exception": {"7"}, "status": {"open"}}
		for i := 0; i < len(pairs); i += 2 {
			v[pairs[i]] = strings.Split(pairs[i+1], "|")
		}
		return v
	}
	one := flows.Answer{IDs: []int64{7}, Resolve: true, Who: "Ann", Why: "booked"}
	picked := one
	picked.Pick = new(18_204 * flows.WattHour)
	for _, c := range []struct {
		name string
		form url.Values
		want *flows.Answer
		next string
	}{
		{"resolved", form(), &one, "/exceptions"},
		{"acknowledged", form("answer", "acknowledge", "exception", "7|9", "status", "all"), &flows.Answer{IDs: []int64{7, 9}, Who: "Ann", Why: "booked"}, "/exceptions?status=all"},
		{"picked", form("pick", " 18.204 ", "id", "7"), &picked, "/exceptions?id=7"},
		{"of a list", form("esco", "A&B", "rule", "SPIKE", "severity", "info", "serial", "M", "after", "1.2.3"), &one, "/exceptions?after=1.2.3&esco=A%26B&rule=SPIKE&serial=M&severity=info"},
		{"of a list, on the way back", form("before", "1.2.3"), &one, "/exceptions?before=1.2.3"},
		{"sent elsewhere", form("esco", "//evil.example", "next", "https://evil.example/", "status", "https://evil.example/"), &one, "/exceptions?esco=%2F%2Fevil.example&status=https%3A%2F%2Fevil.example%2F"},
	} {
		a := &answers{}
		w := post(desk(&shelf{}, a), "/exceptions", c.form)
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != c.next {
			t.Errorf("%s: %d to %s", c.name, w.Code, w.Header().Get("Location"))
		}
		if diff := cmp.Diff([]flows.Answer{*c.want}, a.given); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
	for _, c := range []struct {
		name string
		form url.Values
		err  error
		code int
		says string
	}{
		{"none ticked", form("exception", ""), nil, 400, " is no exception's number"},
		{"no box at all", url.Values{"who": {"a"}, "why": {"b"}, "answer": {"resolve"}}, nil, 409, "No exception was ticked; tick those that the answer is for. Nothing was stored: go back"},
		{"no number", form("exception", "7|<i>"), nil, 400, "<i> is no exception's number"},
		{"neither", form("answer", ""), nil, 400, "An answer acknowledges or resolves"},
		{"no energy", form("pick", "much"), nil, 409, "Nothing was stored"},
		{"picked and acknowledged", form("pick", "1", "answer", "acknowledge"), nil, 409, "A value is picked by resolving"},
		{"signed as validation", form("who", "Flows"), nil, 409, "Validation itself signs as flows; give your own name."},
		{"refused", form("who", ""), &flows.Refusal{Reason: "an answer needs who gives it, and why"}, 409, "An answer needs who gives it, and why. Nothing was stored: go back"},
		{"database away", form(), fmt.Errorf("database: gone"), 503, "database: gone"},
	} {
		a := &answers{err: c.err}
		w := post(desk(&shelf{}, a), "/exceptions", c.form)
		if text := plain(w.Body.String()); w.Code != c.code || !strings.Contains(text, c.says) || strings.Contains(w.Body.String(), "<i>") {
			t.Errorf("%s: %d %s", c.name, w.Code, text)
		}
		if c.err == nil && len(a.given) > 0 {
			t.Errorf("%s: %+v", c.name, a.given)
		}
	}
	a := &answers{}
	if w := post(desk(&shelf{}, a), "/exceptions", form(), "Sec-Fetch-Site", "cross-site"); w.Code != http.StatusForbidden || len(a.given) > 0 {
		t.Errorf("asked by another site: %d", w.Code)
	}
}
