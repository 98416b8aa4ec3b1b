//go:build linux

package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"flows/internal/browser"
	"flows/postgres"
)

// screen is a site with a browser in front of it.
type screen struct {
	site
	*browser.Browser
	base   string
	serial string // of a meter that answers
	chart  string // of one whose half-hours of a day are made by hand
	day    string
}

func TestPagesInABrowser(t *testing.T) {
	s := newScreen(t)
	for _, c := range []struct {
		name string
		test func(screen)
	}{
		{"pages open without complaint", opensQuietly}, {"pages are light", isLight}, {"meters are searched, filtered, sorted and turned over", listsMeters},
		{"a chart shows a gap as a gap", drawsGaps}, {"the keyboard reaches everything", hasKeys}, {"nobody is left out", isAccessible},
		{"pages work without JavaScript", worksWithoutScripts}, {"a value is read now", readsNow}, {"a run fills live", fillsLive},
		{"an exception is acknowledged", acknowledges}, {"other sites can do nothing", refusesOtherSites},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.T = t
			c.test(s)
		})
	}
}

func newScreen(t *testing.T) screen {
	t.Helper()
	b := browser.New(t)
	s := screen{site: newSite(t, "60", "off", "--fault", "dead=0.05"), Browser: b}
	for _, f := range []string{"daily", "12hourly", "hourly"} {
		if c := call(s.env, "sync", "--freq", f, "--parallel", "30"); c.code > exitFailed {
			t.Fatalf("sync --freq %s: exit %d %s", f, c.code, c.stderr)
		}
	}
	s.chart, s.day = s.halfHours()
	mustCall(t, s.env, "escos", "add", "SITE")
	for _, sql := range []string{
		`update flows.meter_registry set esco = (select id from flows.escos) where serial < (select max(serial) from flows.meter_registry)`,
		`insert into flows.vee_exceptions (rule, severity, meter_id, key) select 'TAMPER', 'warning', id, 'test' from flows.meter_registry`,
	} {
		if _, err := s.conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	s.serial = s.text(`select serial from flows.meter_registry where hardware = 'C1.w' and id in (select id from flows.meter_shadows where health = 'healthy') order by serial limit 1`)
	_, at := s.serve("web,worker")
	s.base = "http://" + at.Address
	return s
}

// halfHours gives a meter a day: 0.25 kWh each half-hour; of two hours no record, though one after them; then a record that no meter can
// have got to from the one before; and no more from 22:00 on.
func (s screen) halfHours() (serial, day string) {
	s.Helper()
	serial = "EML9000000001"
	for _, sql := range []string{
		`insert into flows.meter_registry (serial, hardware, name) values ($1, 'C1.w', 'By hand')`,
		`update flows.meter_registers set start_time = ((now() at time zone 'Europe/London')::date - 2)::timestamp at time zone 'Europe/London'
			where meter_id = (select id from flows.meter_registry where serial = $1)`,
		`insert into flows.register_profile_hh (register_id, direction, "timestamp", read, status)
			select register_id, 'import', start_time + k * interval '30 minutes', 1000 + k * 0.25 + case when k > 30 then 9000 else 0 end, 128
			from flows.meter_registers, generate_series(0, 44) k
			where meter_id = (select id from flows.meter_registry where serial = $1) and element = 'A' and k not in (21, 22, 23)`,
	} {
		if _, err := s.conn.Exec(s.Context(), sql, serial); err != nil {
			s.Fatal(err)
		}
	}
	store, err := postgres.Open(s.Context(), s.env["DATABASE_URL"])
	if err != nil {
		s.Fatal(err)
	}
	defer store.Close()
	if _, err := settle(s.Context(), store, nil); err != nil {
		s.Fatal(err)
	}
	return serial, s.text(`select ((now() at time zone 'Europe/London')::date - 2)::text`)
}

// open goes to a page and waits until it is live, when it is to be, and its charts are drawn.
func (s screen) open(p *browser.Page, path string) {
	s.Helper()
	p.Open(path)
	s.settled(p)
}

func (s screen) settled(p *browser.Page) {
	s.Helper()
	p.Wait(`document.readyState === "complete" && [...document.querySelectorAll("figure.chart")].every((f) => f.dataset.drawn)`)
	if browser.Eval[bool](p, `document.querySelector("main[data-live]") !== null`) {
		poll(s.T, 30*time.Second, "the first server-sent event", func() bool { return p.Messages() > 0 })
	}
}

// page is a tab of the site.
func (s screen) page() *browser.Page {
	s.Helper()
	return s.Page(s.T, s.base)
}

// kinds are a page of each kind.
func (s screen) kinds() []string {
	s.Helper()
	run := s.text(`select max(id) from flows.sync_runs where unhealthy > 0`)
	return []string{"/", "/meters", "/meters/" + s.serial, "/meters/" + s.chart + "?day=" + s.day, "/runs", "/runs/" + run, "/exceptions", "/exceptions?id=" + s.openOne(), "/gaps",
		"/totals", "/api"}
}

// paths are those, and what else they can show.
func (s screen) paths() []string {
	s.Helper()
	meter := "/meters/" + s.serial
	return append(s.kinds(), "/?esco=SITE", "/meters?q=nobody", meter+"?view=week", meter+"?tab=events", meter+"?tab=tariffs", meter+"?tab=raw", meter+"?tab=log", "/totals?by=circuit")
}

func opensQuietly(s screen) {
	p := s.page()
	for _, path := range s.paths() {
		p.Size(1240, 900)
		p.Scheme("light")
		s.open(p, path)
		light := browser.Eval[string](p, `getComputedStyle(document.body).backgroundColor`)
		p.Scheme("dark")
		p.Reload()
		s.settled(p)
		if dark := browser.Eval[string](p, `getComputedStyle(document.body).backgroundColor`); light != "rgb(255, 255, 255)" || dark == light {
			s.Errorf("%s: the page is %s, and %s where it is to be dark", path, light, dark)
		}
		p.Size(390, 844)
		p.Wait(`innerWidth === 390 && [...document.querySelectorAll("figure.chart")].every((f) => !f.uplot || f.uplot.width <= 390)`)
		// What sticks out, but for what scrolls in a box of its own.
		const out = `document.documentElement.scrollWidth <= innerWidth ? "" : [...document.body.querySelectorAll("*")]
			.filter((e) => e.getBoundingClientRect().right > innerWidth && !e.closest(".wide")).map((e) => e.outerHTML.slice(0, 120)).join("\n") || "something"`
		if wide := browser.Eval[string](p, out); wide != "" {
			s.Errorf("%s scrolls sideways at 390 px, by\n%s", path, wide)
		}
	}
	s.open(p, "/meters/EML0") // a page too
	if p.Forgive("404") != 1 {
		s.Error("an unknown meter is not 404")
	}
	p.Open("/queue/") // another's page, under our policy
	p.Wait(`document.body.innerText.includes("No jobs found")`)
}

// weightLimit is for a page with all that it loads, which comes over a slow connection too.
const weightLimit = 200 << 10

func isLight(s screen) {
	p := s.page()
	p.NoCache()
	for _, path := range s.paths() {
		s.open(p, path)
		data := browser.Eval[int](p, `[...document.querySelectorAll("script.chart-data")].reduce((n, s) => n + new Blob([s.textContent]).size, 0)`)
		if weight := p.Weight() - data; weight > weightLimit || weight < 5<<10 {
			s.Errorf("%s weighs %d bytes without the data of charts (%d)", path, weight, data)
		} else {
			s.Logf("%6d bytes %s", weight, path)
		}
	}
}

// column gives what stands in a column of the page's only table.
func column(p *browser.Page, n int) string {
	return browser.Eval[string](p, fmt.Sprintf(`[...document.querySelectorAll("tbody tr td:nth-child(%d)")].map((c) => c.innerText.trim()).join(" ")`, n))
}

func listsMeters(s screen) {
	serials := strings.Fields(s.text(`select string_agg(serial, ' ' order by serial) from flows.meter_registry`))
	first, second := strings.Join(serials[:50], " "), strings.Join(serials[50:], " ")
	shows := func(p *browser.Page, what, want string) {
		s.Helper()
		p.Reload() // the address alone says what is shown
		s.settled(p)
		if got := column(p, 1); got != want {
			s.Errorf("%s at %s: got\n%s\nwant\n%s", what, browser.Eval[string](p, `location.pathname + location.search`), got, want)
		}
	}
	p := s.page()
	s.open(p, "/")
	p.Type(`header input[name=q]`, serials[3][len(serials[3])-6:])
	p.Press(browser.Enter)
	p.Wait(`location.pathname === "/meters"`)
	s.settled(p)
	shows(p, "a search from another page", serials[3])

	s.open(p, "/meters")
	shows(p, "the first page", first)
	p.Click(`a[rel=next]`)
	p.Wait(`!document.querySelector("a[rel=next]")`)
	shows(p, "the second page", second)
	p.Click(`a[rel=prev]`)
	p.Wait(`document.querySelector("a[rel=next]")`)
	shows(p, "the first page again", first)
	browser.Eval[bool](p, `(history.back(), true)`)
	p.Wait(`!document.querySelector("a[rel=next]")`)
	shows(p, "the second page again", second)

	s.open(p, "/meters")
	p.Type(`select[name=health]`, "unhealthy")
	p.Click(`form.filter button`)
	p.Wait(`new URLSearchParams(location.search).get("health") === "unhealthy"`)
	s.settled(p)
	shows(p, "unhealthy meters", s.text(`select string_agg(serial, ' ' order by serial) from flows.meter_registry join flows.meter_shadows using (id) where health = 'unhealthy'`))
	if got := browser.Eval[string](p, `document.querySelector("select[name=health]").value`); got != "unhealthy" {
		s.Errorf("the filter shows %q", got)
	}

	s.open(p, "/meters?q=EML")
	p.Click(`thead th:nth-child(7) a`)
	p.Wait(`document.querySelector("thead th:nth-child(7)").ariaSort === "ascending"`)
	shows(p, "by balance", s.text(`select string_agg(serial, ' ' order by n) from (select row_number() over (order by balance nulls last, serial) n, serial
		from flows.meter_registry join flows.meter_shadows using (id)) x where n <= 50`))
	p.Click(`thead th:nth-child(7) a`)
	p.Wait(`document.querySelector("thead th:nth-child(7)").ariaSort === "descending"`)
	p.Click(`a[rel=next]`)
	p.Wait(`document.querySelector("a[rel=prev]")`)
	p.Click(`a[rel=prev]`)
	p.Wait(`document.querySelector("a[rel=next]")`)
	if balances := browser.Eval[[]float64](p, `[...document.querySelectorAll("tbody td:nth-child(7)")].map((c) => Number(c.innerText.replace(/[^0-9.−-]/g, "").replace("−", "-") || NaN)).filter((v) => v === v)`); len(balances) < 20 || !descending(balances) {
		s.Errorf("balances downwards: %v", balances)
	}
}

func descending(list []float64) bool {
	for i := range list[1:] {
		if list[i+1] > list[i] {
			return false
		}
	}
	return true
}
