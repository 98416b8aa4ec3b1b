package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"flows"
	"flows/emlite"
	"flows/postgres"
	"flows/queue"
	"flows/web"
)

// dashboard is what the pages ask: the store, and a status by whoever knows the schedule.
type dashboard struct {
	*postgres.Store
	status func(ctx context.Context, esco string) (flows.Status, error)
}

// Status is web.Store's.
func (d dashboard) Status(ctx context.Context, esco string) (flows.Status, error) {
	return d.status(ctx, esco)
}

// onlyHere refuses an address that others reach. The name's own addresses decide, since that is where one listens.
func onlyHere(setting, address string) error {
	at, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return usage("%s: %w: give HOST:PORT", setting, err)
	}
	if !at.IP.IsLoopback() {
		return usage("%s=%q: the pages have no accounts yet, and whoever reaches them sees every customer: only loopback addresses, such as 127.0.0.1:8080, with a tunnel (ssh -L) for others",
			setting, address)
	}
	return nil
}

// httpServer keeps slow readers from holding connections for ever. A page may take 20 seconds.
func httpServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute}
}

// demoHTTP is where the demo's pages are when nobody says.
const demoHTTP = "127.0.0.1:8080"

// listen takes the next port that is free when no address was given. It is nil when there are to be no pages.
func (c *demoCmd) listen() (net.Listener, error) {
	address := c.HTTP
	switch {
	case c.Once || address == "off":
		return nil, nil
	case address == "":
		address = demoHTTP
	}
	if err := onlyHere("--http", address); err != nil {
		return nil, err
	}
	lis, err := net.Listen("tcp", address)
	if host, text, _ := net.SplitHostPort(address); c.HTTP == "" {
		first, _ := strconv.Atoi(text)
		for port := first + 1; errors.Is(err, syscall.EADDRINUSE) && port < first+100; port++ {
			lis, err = net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		}
	}
	if err != nil {
		return nil, usage("cannot serve the pages: %w: choose another address with --http, or --http off", err)
	}
	return lis, nil
}

// working adds to the pages what can be done from them, and the view of the jobs, until the context ends.
func working(ctx context.Context, o *web.Options, store *postgres.Store, client *emlite.Client, log *slog.Logger) error {
	requests, err := queue.NewRequests(store.Pool(), store)
	if err != nil {
		return err
	}
	o.Actions, o.MediatorOf = actions{store, requests}, client.MediatorOf()
	o.Queue, err = requests.UI(ctx, web.QueuePrefix, log)
	return err
}

// stopServer lets answers that are being given come to their end, for a moment.
func stopServer(server *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if server.Shutdown(ctx) != nil {
		server.Close()
	}
}

// pages serves the dashboard until the demo stops, and says where.
func (d *demo) pages(a *app, every time.Duration, lis net.Listener) error {
	began := time.Now()
	o := web.Options{Ready: d.store.Ping, Stopped: a.ctx.Done(), Store: dashboard{d.store, func(ctx context.Context, esco string) (flows.Status, error) {
		s, err := d.store.Status(ctx, esco)
		s.Due = demoDue(began, every, s.Time)
		return s, err
	}}}
	ctx, cancel := context.WithCancel(context.WithoutCancel(a.ctx))
	if err := working(ctx, &o, d.store, d.client, quiet()); err != nil {
		cancel()
		return err
	}
	server := httpServer(web.New(o))
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(lis) // until it is closed
	}()
	d.closers = append(d.closers, func() { stopServer(server); <-served; cancel() })
	fmt.Fprintf(a.stdout, "The dashboard:\n\n  http://%s/\n\n", lis.Addr())
	return nil
}

// demoDue is when runs were due last, by the demo's schedule.
func demoDue(began time.Time, every time.Duration, now time.Time) map[flows.Frequency]*time.Time {
	due := map[flows.Frequency]*time.Time{}
	for f, s := range demoSchedules(every) {
		if last := queue.Latest(s, now.Add(-flows.TickGrace)); !last.Before(began) {
			due[f] = &last
		}
	}
	return due
}
