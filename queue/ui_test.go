package queue

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestTheViewOfTheJobsIsThatOfOurSchema(t *testing.T) {
	b := newBench(t, 1)
	b.exec(`insert into river.river_queue (name, updated_at) values ('backfill', now())`)
	r, err := NewRequests(b.store.Pool(), b.store)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Backfill(t.Context(), b.id("M0"), time.Time{}); err != nil {
		t.Fatal(err)
	}
	h, err := r.UI(t.Context(), "/queue", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	site := httptest.NewServer(h)
	defer site.Close()
	for path, want := range map[string]string{
		"/queue/":                         `src="/queue/assets/`,
		"/queue/jobs/1":                   `<div id="root"`,
		"/queue/api/jobs?state=available": b.id("M0"),
		"/queue/api/queues":               `"name":"backfill"`,
	} {
		answer, err := http.Get(site.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK || !strings.Contains(string(body), want) || err != nil {
			t.Errorf("%s: %s without %s, %v: %s", path, answer.Status, want, err, body)
		}
		for _, other := range []string{"http://", "https://", "//fonts"} {
			if strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") && strings.Contains(string(body), other) {
				t.Errorf("%s leads to another site: %s", path, body)
			}
		}
	}
}
