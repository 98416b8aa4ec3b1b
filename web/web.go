// Package web is what Flows shows over HTTP: the dashboard, whether a process lives and is ready, and the numbers of the process and of the
// fleet for Prometheus.
package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Options are what the answers are made of.
type Options struct {
	// Ready tells whether the process can do its work: the database answers, and what this process is to run does run. It keeps to its
	// context. Nil: always.
	Ready   func(context.Context) error
	Metrics prometheus.Gatherer
	// Store is what the dashboard shows; nil: there is none.
	Store Store
	// Actions are what can be done from its pages; nil: nothing.
	Actions Actions
	// Queue is a view of the jobs, served below QueuePrefix; nil: there is none.
	Queue http.Handler
	// MediatorOf gives the mediator that a meter is asked through; nil: there is only one.
	MediatorOf func(serial string) string
	// Stopped ends the pages that are being looked at, which would not end by themselves. Nil: they end when nobody looks any more.
	Stopped <-chan struct{}
}

// readyWithin is the longest that Ready may take: who asks gives up after a few seconds.
const readyWithin = 2 * time.Second

// New serves /healthz (the process lives), /readyz (503 with one line that says why not), /metrics and the pages of the dashboard.
func New(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := ready(r.Context(), o.Ready); err != nil {
			say(w, http.StatusServiceUnavailable, "not ready: "+strings.Join(strings.Fields(err.Error()), " "))
			return
		}
		say(w, http.StatusOK, "ok")
	})
	// What can be told is told: one failing collector must not hide the others.
	if o.Metrics != nil {
		mux.Handle("GET /metrics", promhttp.HandlerFor(o.Metrics, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	}
	if o.Store != nil {
		p := &pages{Store: o.Store, queue: o.Queue, Actions: o.Actions, MediatorOf: o.MediatorOf, now: time.Now, every: everyLive, stopped: o.Stopped}
		p.mount(mux)
	}
	return mux
}

func say(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	fmt.Fprintln(w, text)
}

func ready(ctx context.Context, check func(context.Context) error) error {
	if check == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	err := check(ctx)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %s", readyWithin)
	}
	return err
}
