//go:build linux

package main

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"strings"

	"flows/internal/browser"
)

// openOne gives an exception that nobody has answered.
func (s screen) openOne() string {
	s.Helper()
	return s.text(`select min(id) from flows.vee_exceptions where status = 'open' and rule = 'TAMPER'`)
}

func (s screen) answered(id string) string {
	s.Helper()
	return s.text(`select status, who, why from flows.vee_exceptions where id = $1::text::bigint`, id)
}

func acknowledges(s screen) {
	id := s.openOne()
	p := s.page()
	s.open(p, "/exceptions?rule=TAMPER")
	p.Click(`a[href="/exceptions?id=` + id + `"]`)
	p.Wait(`location.search === "?id=` + id + `"`)
	p.Type(`input[name=who]`, "Ann")
	p.Type(`input[name=why]`, "the cover was changed")
	p.Click(`button[value=acknowledge]`)
	s.await("acknowledged Ann the cover was changed", `select status, who, why from flows.vee_exceptions where id = $1::text::bigint`, id)
	p.Wait(`document.body.innerText.includes("the cover was changed") || location.search.includes("status=open")`)
}

func worksWithoutScripts(s screen) {
	p := s.page()
	p.NoScripts()
	p.Open("/meters/" + s.chart + "?day=" + s.day)
	if got := browser.Eval[int](p, `[...document.querySelectorAll("table.slots tbody tr")].filter((r) => r.checkVisibility()).length`); got < 46 {
		s.Errorf("%d half-hours can be read", got)
	}
	p.Open("/meters")
	p.Type(`form.filter input[name=q]`, s.chart)
	p.Press(browser.Enter)
	p.Wait(`document.querySelectorAll("tbody tr").length === 1`)
	id := s.openOne()
	p.Open("/exceptions?id=" + id)
	p.Type(`input[name=who]`, "Ben")
	p.Type(`input[name=why]`, "seen")
	p.Click(`button[value=resolve]`)
	s.await("resolved Ben seen", `select status, who, why from flows.vee_exceptions where id = $1::text::bigint`, id)
}

// refusesOtherSites has pages of others send what the pages here send: from another name, and from another port of the same one.
func refusesOtherSites(s screen) {
	id := s.openOne()
	fields := map[string]string{"exception": id, "answer": "acknowledge", "who": "Mallory", "why": "because"}
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<link rel=icon href="data:,"><form method="post" action="%s">`, html.EscapeString(s.base+r.FormValue("to")))
		for name, value := range fields {
			fmt.Fprintf(w, `<input name="%s" value="%s">`, name, value)
		}
		fmt.Fprint(w, `</form>`)
		if r.FormValue("by") == "form" {
			fmt.Fprint(w, `<script>document.forms[0].submit()</script>`)
		}
	}))
	defer other.Close()
	state := func() string {
		return s.answered(id) + s.text(`select count(*) from river.river_job`) + s.text(`select count(*) from flows.vee_exceptions where who = 'Mallory'`)
	}
	before := state()
	p := s.page()
	for _, name := range []string{"127.0.0.1", "localhost"} {
		base := strings.Replace(other.URL, "127.0.0.1", name, 1)
		for _, to := range []string{"/exceptions", "/meters/" + s.serial + "/read", "/meters/" + s.serial + "/gaps"} {
			p.Open(base + "/?by=form&to=" + to)
			p.Wait(`document.title.startsWith("Not from there")`)
			if p.Forgive("403") != 1 {
				s.Errorf("%s from %s is not 403", to, name)
			}
			p.Open(base + "/?to=" + to)
			browser.Eval[string](p, `fetch(document.forms[0].action, { method: "POST", mode: "no-cors", body: new URLSearchParams(new FormData(document.forms[0])) }).then((r) => r.type, (e) => e.message)`)
			p.Forgive("NotSameOrigin") // it may not even see that it was refused
			if after := state(); after != before {
				s.Fatalf("%s from %s: %s, and %s before", to, name, after, before)
			}
		}
	}
}
