package web

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// get asks a handler.
func get(h http.Handler, path string) (code int, body string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestHealthSaysThatTheProcessLives(t *testing.T) {
	h := New(Options{Metrics: prometheus.NewRegistry(), Ready: func(context.Context) error { return errors.New("no") }})
	if code, body := get(h, "/healthz"); code != http.StatusOK || body != "ok\n" {
		t.Errorf("%d %q", code, body)
	}
	if code, _ := get(h, "/nowhere"); code != http.StatusNotFound {
		t.Errorf("a page that is not there: %d", code)
	}
}

func TestReadiness(t *testing.T) {
	for _, c := range []struct {
		name  string
		ready func(context.Context) error
		code  int
		says  string
	}{
		{"nothing to ask", nil, 200, "ok\n"},
		{"ready", func(context.Context) error { return nil }, 200, "ok\n"},
		{"not ready", func(context.Context) error { return errors.New("database: away\nvery far") }, 503, "not ready: database: away very far\n"},
		{"slow", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, 503, "not ready: no answer within 2s\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				code, body := get(New(Options{Metrics: prometheus.NewRegistry(), Ready: c.ready}), "/readyz")
				if code != c.code || !strings.HasPrefix(body, c.says) || strings.Count(body, "\n") != 1 {
					t.Errorf("%d %q, want %d %q", code, body, c.code, c.says)
				}
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("took %s", took)
				}
			})
		})
	}
}

func TestMetricsAreThoseOfTheRegistry(t *testing.T) {
	r := prometheus.NewRegistry()
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "answer"}, func() float64 { return 42 }))
	if code, body := get(New(Options{Metrics: r}), "/metrics"); code != http.StatusOK || !strings.Contains(body, "answer 42\n") {
		t.Errorf("%d %s", code, body)
	}
}
