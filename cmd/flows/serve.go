package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"flows"
	"flows/emlite"
	"flows/postgres"
	"flows/queue"
	"flows/web"
)

type serveCmd struct {
	database
	mediators
	meterTiming
	schedules
	jobTiming
	disk
	Roles    []string `default:"scheduler,worker,web" enum:"scheduler,worker,web" help:"What this process does: scheduler (makes the runs), worker (asks the meters), web (pages and API); comma separated. Any number of processes may have each."`
	ESCO     string   `name:"esco" setting:"ESCO" placeholder:"CODE" help:"The schedule is for the meters of this ESCO ($$ESCO); all when not given."`
	Parallel int      `name:"parallel" setting:"MAX_PARALLEL_JOBS" default:"15" help:"Meters that this process asks at a time ($$MAX_PARALLEL_JOBS)."`
	HTTPAddr string   `name:"http" setting:"FLOWS_HTTP_ADDR" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where the pages, /healthz, /readyz and /metrics are served ($$FLOWS_HTTP_ADDR); with role web loopback only, since there are no accounts yet."`
}

// jobTiming is how long jobs may take.
type jobTiming struct {
	JobTimeout seconds `name:"job-timeout" setting:"FLOWS_JOB_TIMEOUT_SECONDS" default:"180" placeholder:"SECONDS" help:"Limit of one meter's job, longer than the longest batch ($$FLOWS_JOB_TIMEOUT_SECONDS)."`
	JobRescue  seconds `name:"job-rescue" setting:"FLOWS_JOB_RESCUE_SECONDS" default:"210" placeholder:"SECONDS" help:"When the jobs of a worker that is gone are given to another ($$FLOWS_JOB_RESCUE_SECONDS)."`
	Retry      seconds `name:"retry" setting:"FLOWS_RETRY_SECONDS" default:"20" placeholder:"SECONDS" help:"About how long until a meter that could not be reached is tried again within its run ($$FLOWS_RETRY_SECONDS)."`
}

// Validate is kong's.
func (c serveCmd) Validate() error {
	return errors.Join(c.meterTiming.Validate(), c.jobTiming.check(), c.disk.Validate())
}

func (j jobTiming) check() error {
	switch {
	case j.JobTimeout < 1:
		return usage("FLOWS_JOB_TIMEOUT_SECONDS must be at least 1, not %g", j.JobTimeout)
	case j.JobRescue <= j.JobTimeout:
		return usage("FLOWS_JOB_RESCUE_SECONDS must be more than FLOWS_JOB_TIMEOUT_SECONDS (%g), not %g: else jobs are given away while they run", j.JobTimeout, j.JobRescue)
	case j.Retry < 0:
		return usage("FLOWS_RETRY_SECONDS must be 0 or more, not %g", j.Retry)
	}
	return nil
}

// Help is kong's.
func (serveCmd) Help() string {
	return `Examples:
  flows serve
  flows serve --roles worker --http 127.0.0.1:8081      # one more worker, here or on another machine
  FLOWS_SCHEDULE_HOURLY='*/30 * * * *' flows serve      # twice an hour
  FLOWS_SCHEDULE_DAILY=off flows serve

SIGTERM or ^C: no more jobs are taken, running ones come to their end within 20 seconds or are handed back.`
}

func (c *serveCmd) does(role string) bool { return slices.Contains(c.Roles, role) }

// Run is kong's.
func (c *serveCmd) Run(a *app) error {
	if c.Parallel < 1 {
		return usage("MAX_PARALLEL_JOBS must be at least 1, not %d", c.Parallel)
	}
	plan, err := c.schedules.parse()
	if err != nil {
		return err
	}
	if c.does("web") {
		if err := onlyHere("FLOWS_HTTP_ADDR", c.HTTPAddr); err != nil {
			return err
		}
	}
	store, err := c.open(a)
	if err != nil {
		return err
	}
	defer store.Close()
	if err := knownESCO(a, store, c.ESCO); err != nil {
		return err
	}
	client, err := c.dial(a, c.meterTiming, emlite.Schedule)
	if err != nil {
		return err
	}
	defer client.Close()
	behind, err := c.dial(a, c.meterTiming, emlite.Backfill)
	if err != nil {
		return err
	}
	defer behind.Close()
	lis, err := net.Listen("tcp", c.HTTPAddr)
	if err != nil {
		return usage("cannot listen: %w: choose another address with FLOWS_HTTP_ADDR", err)
	}
	defer lis.Close()
	metrics := prometheus.NewRegistry()
	o := c.options(a)
	o.Done = countSyncs(metrics)
	if c.does("scheduler") {
		o.Schedules = plan
	}
	if c.does("worker") {
		o.Workers, o.Backfill, o.Backfills = c.Parallel, behind, max(1, c.Parallel/backfillShare)
	}
	return serveAll(a, c, store, client, o, lis, metrics)
}

// knownESCO refuses a code that nobody has, before it makes a schedule of no meters.
func knownESCO(a *app, store *postgres.Store, code string) error {
	if code == "" {
		return nil
	}
	all, err := store.ESCOs(a.ctx)
	if err == nil && !slices.ContainsFunc(all, func(e flows.ESCO) bool { return strings.EqualFold(e.Code, code) }) {
		err = &postgres.UnknownESCO{Code: code}
	}
	return userError(err)
}

func (c *serveCmd) options(a *app) queue.Options {
	o := queue.Defaults()
	o.ESCO, o.Log = c.ESCO, a.log
	o.JobTimeout, o.RescueAfter, o.Retry = c.JobTimeout.duration(), c.JobRescue.duration(), c.Retry.duration()
	return o
}

// serveAll runs until the context ends, then stops what was started.
func serveAll(a *app, c *serveCmd, store *postgres.Store, client *emlite.Client, o queue.Options, lis net.Listener, metrics *prometheus.Registry) error {
	id, up := "", func() bool { return true }
	if o.Schedules != nil || o.Workers > 0 {
		q, err := queue.New(store.Pool(), store, client, o)
		if err != nil {
			return usage("%w", err)
		}
		if err := q.Start(a.ctx); err != nil {
			return err
		}
		defer func() {
			stop, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			if err := q.Stop(stop); err != nil {
				a.log.Warn("not all jobs have come to their end; they will be rescued", "error", err)
			}
			a.log.Info("stopped")
		}()
		id, up = q.ID(), q.Up
		metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "flows_parallel_limit",
			Help: "Meters this process asks at a time at the most; less than configured while the way to them fails."},
			func() float64 { return float64(q.Limit()) }))
	}
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	pages := web.Options{Metrics: metrics, Ready: func(ctx context.Context) error {
		if !up() {
			return errors.New("stopping")
		}
		return store.Ping(ctx)
	}}
	if c.does("web") {
		status := func(ctx context.Context, esco string) (flows.Status, error) {
			s, err := c.schedules.status(ctx, store, esco)
			c.disk.measure(&s.Database)
			return s, err
		}
		metrics.MustRegister(web.NewCollector(func(ctx context.Context) (flows.Status, error) { return status(ctx, c.ESCO) }))
		pages.Store = dashboard{store, status}
		ctx, cancel := context.WithCancel(context.WithoutCancel(a.ctx))
		defer cancel()
		if err := working(ctx, &pages, store, client, a.log); err != nil {
			return err
		}
	}
	pages.Stopped = a.ctx.Done()
	server := httpServer(web.New(pages))
	defer stopServer(server)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(lis) }()
	a.log.Info("serving", "address", lis.Addr().String(), "roles", c.Roles, "client", id)
	select {
	case err := <-failed:
		return fmt.Errorf("http: %w", err)
	case <-a.ctx.Done():
		return nil
	}
}

// backfillShare is how many meters are read for each one of which half-hours of the past are fetched.
const backfillShare = 4

// countSyncs counts what this process stored.
func countSyncs(metrics prometheus.Registerer) func(flows.Result) {
	syncs := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "flows_syncs_total", Help: "Meters synced by this process."}, []string{"frequency", "verdict", "code"})
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "flows_sync_duration_seconds", Help: "Time of one meter's conversation.",
		Buckets: []float64{.1, .25, .5, 1, 2.5, 5, 10, 20, 40, 80, 160}}, []string{"frequency"})
	metrics.MustRegister(syncs, took)
	return func(r flows.Result) {
		syncs.WithLabelValues(string(r.Frequency), string(r.Verdict()), string(r.Code)).Inc()
		took.WithLabelValues(string(r.Frequency)).Observe(r.Duration.Seconds())
	}
}
