package web

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"flows"
	"flows/internal/browser"
)

// oneRun is a shelf whose only run is set while a browser looks at it.
type oneRun struct {
	*shelf
	mu  sync.Mutex
	run flows.RunReport
	err error
}

func (s *oneRun) RunPage(context.Context, int64) (flows.RunReport, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.run, s.err
}

func (s *oneRun) to(healthy int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.run, s.err = running(healthy), err
	s.run.Unhealthy = 20
	s.run.Reasons = []flows.Reason{{Code: flows.Timeout, Text: "no answer", Count: 15}, {Code: flows.NAK, Text: "does not know it", Count: 5}}
	if healthy+20 == s.run.Meters {
		s.run.Finished = noon
	}
}

func TestAPageThatIsReplacedStaysWhereOneIs(t *testing.T) {
	b := browser.New(t)
	s := &oneRun{shelf: &shelf{}}
	s.to(60, nil)
	mux := http.NewServeMux()
	stopped := make(chan struct{})
	(&pages{Store: s, now: func() time.Time { return noon }, every: 20 * time.Millisecond, stopped: stopped}).mount(mux)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(stopped) })
	p := b.Page(t, server.URL)
	p.Size(390, 900)
	p.Open("/runs/7")
	p.Wait(`document.querySelector("#state").innerText.includes("80 of 300")`)

	const link = `/runs/7?code=NAK#meters`
	browser.Eval[bool](p, `(() => { document.querySelector('#reasons a[href="`+link+`"]').focus(); document.querySelector("#reasons .wide").scrollLeft = 40; window.was = document.querySelector("#reasons"); return true; })()`)
	s.mu.Lock()
	s.run.Reasons[0].Count = 16
	s.mu.Unlock()
	p.Wait(`document.querySelector("#reasons").innerText.includes("16") && document.querySelector("#reasons") !== was`)
	if at := browser.Eval[string](p, `document.activeElement.getAttribute("href") + " " + document.querySelector("#reasons .wide").scrollLeft`); at != link+" 40" {
		t.Errorf("one is at %s, want %s 40", at, link)
	}

	s.to(0, errors.New("away"))
	p.Wait(`document.querySelector(".old[role=status]")?.innerText.includes("No new page has come since")`)
	if !browser.Eval[bool](p, `document.querySelector("#state").innerText.includes("80 of 300")`) {
		t.Error("what was known is gone")
	}
	s.to(130, nil)
	p.Wait(`!document.querySelector(".old") && document.querySelector("#state").innerText.includes("150 of 300")`)
	s.to(280, nil)
	p.Wait(`document.querySelector("#state").innerText.includes("300 of 300") && document.querySelector("#state").innerText.includes("ended")`)
}
