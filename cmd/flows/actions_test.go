//go:build linux

package main

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"flows/internal/browser"
)

// post sends a form as a browser does from a page of the site, same-origin or cross-site, and gives where it leads to.
func post(t *testing.T, address, path, from string, form url.Values) (code int, location, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", from)
	answer, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header.Get("Location"), readPage(string(text))
}

const (
	here      = "same-origin"
	elsewhere = "cross-site"
)

func TestWhatIsAskedForOnAPageIsDone(t *testing.T) {
	s := newSite(t, "6", "off")
	mustCall(t, s.env, "sync", "--freq", "hourly")
	_, pages := s.serve("web")
	serial := s.text(`select serial from flows.meter_registry where hardware = 'C1.w' limit 1`)
	meter := "/meters/" + serial

	// Nobody is there to do it.
	for _, what := range []string{"/read", "/gaps"} {
		if code, _, body := post(t, pages.Address, meter+what, here, nil); code != http.StatusConflict || !strings.Contains(body, "start flows serve") {
			t.Errorf("%s without a worker: %d %s", what, code, body)
		}
	}
	s.serve("worker")

	// Other sites have nothing done.
	for path, form := range map[string]url.Values{meter + "/read": nil, meter + "/gaps": nil, "/exceptions": {"exception": {"1"}, "answer": {"resolve"}}} {
		if code, _, body := post(t, pages.Address, path, elsewhere, form); code != http.StatusForbidden || !strings.Contains(body, "Nothing was done") {
			t.Errorf("%s from another site: %d %s", path, code, body)
		}
	}
	if got := s.text(`select count(*) from river.river_job`); got != "0" {
		t.Errorf("%s jobs exist that nobody may have asked for", got)
	}

	// A value is read.
	s.text(`update flows.meter_shadows set balance = 999.99 where id = (select id from flows.meter_registry where serial = $1) returning 1`, serial)
	code, to, body := post(t, pages.Address, meter+"/read", here, nil)
	if code != http.StatusSeeOther || to != meter+"?asked=read" {
		t.Fatalf("read now: %d to %q %s", code, to, body)
	}
	s.await("true", `select balance <> 999.99 from flows.meter_shadows join flows.meter_registry using (id) where serial = $1`, serial)
	if code, body := get(t, pages.Address, to); code != http.StatusOK {
		t.Errorf("%s: %d %s", to, code, readPage(body))
	}
	s.await(serial+" hourly 0", `select r.serial, l.frequency, l.run_id from flows.meter_sync_log l join flows.meter_registry r on r.id = l.meter_id where run_id = 0`)

	// Half-hours come in from the end of what its log has; a job's time is too short for all of them.
	if code, to, body := post(t, pages.Address, meter+"/gaps", here, nil); code != http.StatusSeeOther || to != meter+"?asked=gaps" {
		t.Fatalf("fetch gaps: %d to %q %s", code, to, body)
	}
	s.await("true", `select count(*) > 50 from flows.register_profile_hh h join flows.meter_registers g using (register_id) join flows.meter_registry r on r.id = g.meter_id
		where r.serial = $1 and "timestamp" < now() - interval '85 days'`, serial)
	if got := s.text(`select count(distinct meter_id) from flows.register_profile_hh join flows.meter_registers using (register_id) where "timestamp" < now() - interval '85 days'`); got != "1" {
		t.Errorf("half-hours of %s meters came in", got)
	}
}

func TestWhatCannotBeDoneIsSaid(t *testing.T) {
	s := newSite(t, "3", "off")
	mustCall(t, s.env, "sync", "--freq", "hourly") // who has no registers cannot be told from who never was
	_, at := s.serve("web,worker")
	var serials []string
	for line := range strings.Lines(s.text(`select serial from flows.meter_registry order by serial`)) {
		serials = append(serials, strings.TrimSpace(line))
	}
	mustCall(t, s.env, "meters", "set", serials[0], "--mode", "passive")
	s.text(`update flows.meter_registry set ip_address = null where serial = $1 returning 1`, serials[1])
	mustCall(t, s.env, "meters", "exchange", serials[2], "EML5", "--at", s.text(`select to_char(now() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`))
	for _, c := range []struct {
		serial string
		code   int
		says   string
	}{
		{serials[0], http.StatusConflict, "its mode is passive"},
		{serials[1], http.StatusConflict, "it has no address"},
		{serials[2], http.StatusNotFound, "exchanged for EML5"},
		{"EML0", http.StatusNotFound, "not in the registry"},
		{"%00", http.StatusNotFound, "not in the registry"},
	} {
		for _, what := range []string{"/read", "/gaps"} {
			if code, _, body := post(t, at.Address, "/meters/"+c.serial+what, here, nil); code != c.code || !strings.Contains(body, c.says) {
				t.Errorf("%s%s: %d without %q: %s", c.serial, what, code, c.says, body)
			}
		}
	}
	if got := s.text(`select count(*) from river.river_job`); got != "0" {
		t.Errorf("%s jobs were made", got)
	}
}

func TestAnAnswerOnAPageIsStored(t *testing.T) {
	s := newSite(t, "1", "off")
	_, at := s.serve("web")
	s.text(`insert into flows.vee_exceptions (rule, severity, meter_id, key) select 'TAMPER', 'warning', id, 'test' from flows.meter_registry returning id`)
	id := s.text(`select id from flows.vee_exceptions where rule = 'TAMPER'`)
	form := url.Values{"exception": {id}, "answer": {"resolve"}, "who": {"Ann"}, "why": {"seen on site"}}
	if code, _, body := post(t, at.Address, "/exceptions", here, form); code != http.StatusSeeOther {
		t.Fatalf("%d %s", code, body)
	}
	if got, want := s.text(`select status, who, why from flows.vee_exceptions where id = $1::text::bigint`, id), "resolved Ann seen on site"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTheViewOfTheJobs(t *testing.T) {
	s := newSite(t, "1", "off")
	_, at := s.serve("web")
	job := s.text(`insert into river.river_job (kind, args, queue, state, max_attempts, attempt, errors, finalized_at)
		values ('meter_backfill', '{"meter": "m"}', 'backfill', 'discarded', 1, 1, array['{"at": "2026-03-01T00:00:00Z", "attempt": 1, "error": "no luck", "trace": ""}'::jsonb], now()) returning id`)
	if code, body := get(t, at.Address, "/"); code != http.StatusOK || !strings.Contains(body, `href="/queue/"`) {
		t.Errorf("the pages do not lead to the queue: %d", code)
	}
	if code, _, body := post(t, at.Address, "/queue/api/jobs/retry", elsewhere, nil); code != http.StatusForbidden {
		t.Errorf("another site retries a job: %d %s", code, body)
	}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+at.Address+"/queue/api/jobs?state=discarded", nil)
	r.Host = "flows.example"
	if answer, err := http.DefaultClient.Do(r); err != nil || answer.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("at another name: %v %v", answer, err)
	} else {
		answer.Body.Close()
	}
	// Its page runs with what the server has, and complains of nothing.
	p := browser.New(t).Page(t, "http://"+at.Address)
	for path, shows := range map[string]string{"/queue/": "Jobs", "/queue/jobs?state=discarded": "meter_backfill", "/queue/jobs/" + job: "no luck", "/queue/queues": "Queues"} {
		p.Open(path)
		p.Wait(`document.body.innerText.includes("` + shows + `")`)
	}
}
