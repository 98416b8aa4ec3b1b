package web

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
)

// changing is a shelf that changes while a page of it is looked at. Every page asks for the ESCOs first.
type changing struct {
	*shelf
	mu sync.Mutex
}

func (c *changing) ESCOs(ctx context.Context) ([]flows.ESCO, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shelf.ESCOs(ctx)
}

// change it, and let the next page be made.
func (c *changing) change(f func(*shelf)) {
	c.mu.Lock()
	f(c.shelf)
	c.mu.Unlock()
	time.Sleep(everyLive)
	synctest.Wait()
}

// viewer takes what is sent to it, and can be slow.
type viewer struct {
	header   http.Header
	code     int
	sent     strings.Builder
	deadline time.Time
}

func (v *viewer) Header() http.Header                       { return v.header }
func (v *viewer) WriteHeader(code int)                      { v.code = code }
func (v *viewer) Write(b []byte) (int, error)               { return v.sent.Write(b) }
func (v *viewer) Flush()                                    {}
func (v *viewer) SetWriteDeadline(deadline time.Time) error { v.deadline = deadline; return nil }

// taken gives what was sent since it was last called: the names of the events, and what one reads of the last page.
func (v *viewer) taken() (events []string, page string) {
	for event := range strings.SplitSeq(strings.TrimSuffix(v.sent.String(), "\n\n"), "\n\n") {
		name, data, _ := strings.Cut(event, "\n")
		if name == "event: page" {
			page = plain(strings.ReplaceAll(strings.TrimPrefix(data, "data: "), "\ndata: ", "\n"))
		}
		events = append(events, strings.TrimPrefix(name, "event: "))
	}
	v.sent.Reset()
	return events, page
}

// look opens a page as its script does. It runs in a bubble, whose time it is.
func look(t *testing.T, p *pages, path string) (v *viewer, left context.CancelFunc, ended <-chan struct{}) {
	t.Helper()
	ctx, left := context.WithCancel(t.Context())
	mux := http.NewServeMux()
	p.now = func() time.Time { return noon }
	p.every = everyLive
	p.mount(mux)
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	r.Host = "localhost"
	r.Header.Set("Accept", "text/event-stream")
	v = &viewer{header: http.Header{}}
	end := make(chan struct{})
	go func() {
		defer close(end)
		mux.ServeHTTP(v, r)
	}()
	synctest.Wait()
	return v, left, end
}

func mustTake(t *testing.T, v *viewer, says string, want ...string) {
	t.Helper()
	events, page := v.taken()
	if diff := cmp.Diff(want, events); diff != "" || !strings.Contains(page, says) {
		t.Errorf("%s\n%s\ndoes not say %s", diff, page, says)
	}
}

// running is a run that has begun a minute before noon.
func running(healthy int) flows.RunReport {
	return flows.RunReport{Run: flows.Run{ID: 7, Frequency: flows.Hourly, Scheduled: noon.Add(-time.Minute), Started: noon.Add(-time.Minute), Listed: noon.Add(-time.Minute),
		Meters: 300, Healthy: healthy}}
}

func TestARunIsFollowedUntilItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &changing{shelf: &shelf{}}
		s.runs = []flows.RunReport{running(60)}
		v, left, ended := look(t, &pages{Store: s}, "/runs/7")
		defer left()
		mustTake(t, v, "60 of 300 meters", "page")
		if v.header.Get("Content-Type") != "text/event-stream" || v.header.Get("Cache-Control") != "no-store" || v.header.Get("Content-Security-Policy") == "" {
			t.Errorf("%v", v.header)
		}
		s.change(func(*shelf) {})
		mustTake(t, v, "", ": the same")
		s.change(func(s *shelf) { s.runs[0] = running(90) })
		mustTake(t, v, "90 of 300 meters", "page")
		if at := time.Now().Add(takenWithin); !v.deadline.Equal(at) {
			t.Errorf("a viewer who takes nothing is waited for until %s, want %s", v.deadline, at)
		}
		s.change(func(s *shelf) {
			s.runs[0] = running(300)
			s.runs[0].Finished = noon
		})
		mustTake(t, v, "● all healthy", "page", "end")
		<-ended
	})
}

func TestAPageThatIsLookedAtOutlastsTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &changing{shelf: &shelf{}}
		v, left, ended := look(t, &pages{Store: s}, "/runs")
		mustTake(t, v, "There has been no run", "page")
		s.change(func(s *shelf) { s.err = errors.New("away") })
		mustTake(t, v, "", "trouble")
		s.change(func(s *shelf) { s.err = nil })
		mustTake(t, v, "There has been no run", "page")
		left()
		<-ended
	})
}

func TestNobodyLooksAtPagesOfAServerThatStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stopped := &shelf{}, make(chan struct{})
		v, left, ended := look(t, &pages{Store: s, stopped: stopped}, "/runs")
		defer left()
		mustTake(t, v, "There has been no run", "page")
		close(stopped)
		<-ended
	})
}

// A carriage return ends a line of an event as a newline does: what stands behind it must not become a field of its own.
func TestWhateverAPageSaysStaysInItsEvent(t *testing.T) {
	const page = "a\r\nevent: end\rdata: b\nid: 1\r\r\nc"
	if got, want := dataLines.Replace(page), "a\ndata: event: end\ndata: data: b\ndata: id: 1\ndata: \ndata: c"; got != want {
		t.Errorf("%q", got)
	}
}

// counting is a store in which a run goes on with every look.
type counting struct {
	*shelf
	looks atomic.Int64
}

func (c *counting) RunPage(context.Context, int64) (flows.RunReport, error) {
	return running(int(c.looks.Add(1))), nil
}

func TestAPageIsLookedAtForLongerThanAnAnswerMayTake(t *testing.T) {
	mux := http.NewServeMux()
	(&pages{Store: &counting{shelf: &shelf{}}, now: func() time.Time { return noon }, every: 10 * time.Millisecond}).mount(mux)
	server := httptest.NewUnstartedServer(mux)
	server.Config.ReadTimeout, server.Config.WriteTimeout = 50*time.Millisecond, 50*time.Millisecond
	server.Start()
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/runs/7", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	began := time.Now()
	answer, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	for lines := bufio.NewReader(answer.Body); time.Since(began) < 300*time.Millisecond; {
		if _, err := lines.ReadString('\n'); err != nil {
			t.Fatalf("after %s: %v", time.Since(began), errors.Join(err, io.ErrUnexpectedEOF))
		}
	}
}

func TestOnlyAPagesScriptIsAnsweredForEver(t *testing.T) {
	for _, c := range []struct{ method, accept string }{{"GET", "*/*"}, {"GET", "text/html,text/event-stream"}, {"HEAD", "text/event-stream"}} {
		r := httptest.NewRequest(c.method, "/runs", nil)
		r.Host = "localhost"
		r.Header.Set("Accept", c.accept)
		w := httptest.NewRecorder()
		site(&shelf{}).ServeHTTP(w, r)
		if got := w.Header().Get("Content-Type"); got != "text/html; charset=utf-8" {
			t.Errorf("%+v: %s", c, got)
		}
	}
}
