package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"flows"
	"flows/emlite"
	"flows/postgres"
	"flows/syncer"
)

type syncCmd struct {
	database
	mediators
	meterTiming
	Freq     flows.Frequency `required:"" enum:"hourly,12hourly,daily" help:"Which metrics: hourly, 12hourly or daily (see flows metrics list)."`
	ESCO     string          `name:"esco" setting:"ESCO" placeholder:"CODE" help:"Only the meters of this ESCO ($$ESCO); all when not given."`
	Serial   []string        `placeholder:"SERIAL" help:"Only these meters."`
	Parallel int             `name:"parallel" setting:"MAX_PARALLEL_JOBS" default:"15" help:"Meters at a time ($$MAX_PARALLEL_JOBS)."`
	JSON     bool            `name:"json" help:"Print the summary as JSON."`
}

// Help is kong's.
func (syncCmd) Help() string {
	return `Examples:
  flows sync --freq hourly
  flows sync --freq daily --esco EXAMPLE --json
  flows sync --freq hourly --serial EML2137580761

Exit code 1: some meter is unhealthy. 3: some meter was not read for a reason that is not its own.`
}

// Run is kong's.
func (c *syncCmd) Run(a *app) error {
	if c.Parallel < 1 {
		return usage("MAX_PARALLEL_JOBS must be at least 1, not %d", c.Parallel)
	}
	store, err := c.open(a)
	if err != nil {
		return err
	}
	defer store.Close()
	client, err := c.dial(a, c.meterTiming, emlite.Schedule)
	if err != nil {
		return err
	}
	defer client.Close()
	meters, err := store.Meters(a.ctx, postgres.Filter{ESCO: c.ESCO, Serials: c.Serial, Due: true})
	if err != nil {
		return userError(err)
	}
	if err := asked(c.Serial, meters); err != nil {
		return err
	}
	f := fleetSync{store: store, client: client, meters: meters, frequency: c.Freq, parallel: c.Parallel, esco: c.ESCO, single: len(c.Serial) > 0}
	s, err := f.run(a)
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(a.stdout, s)
	} else {
		printSummary(a.stdout, s)
	}
	if a.ctx.Err() != nil {
		return exit{exitInterrupted, fmt.Errorf("interrupted: %d of %d meters were done", s.Healthy+s.Unhealthy, s.Meters)}
	}
	if err == nil && s.Exit() != exitDone {
		err = exit{code: s.Exit()}
	}
	return err
}

// asked refuses serials that no run asks: whoever names a meter must not take silence for success.
func asked(serials []string, due []flows.Meter) error {
	for _, serial := range serials {
		if !slices.ContainsFunc(due, func(m flows.Meter) bool { return m.Serial == serial }) {
			return usage("meter %s is not read: it is passive or has no address; see flows meters show %s", serial, serial)
		}
	}
	return nil
}

// fleetSync is one run of many meters without the queue.
type fleetSync struct {
	store     *postgres.Store
	client    *emlite.Client
	meters    []flows.Meter
	frequency flows.Frequency
	parallel  int
	esco      string
	single    bool // meters that somebody named: no run of the fleet
}

// run reads the meters once and counts what came of it.
func (f fleetSync) run(a *app) (syncer.Summary, error) {
	names, err := f.store.EnabledMetrics(a.ctx, f.frequency)
	if err != nil {
		return syncer.Summary{}, err
	}
	s := syncer.Summary{Frequency: f.frequency, Started: time.Now().UTC(), Meters: len(f.meters), Reasons: []flows.Reason{}, Notes: []flows.Reason{}}
	r := flows.Run{Frequency: f.frequency, ESCO: f.esco, Origin: flows.Command, Scheduled: s.Started, Meters: len(f.meters)}
	if !f.single {
		f.closeAbandoned(a)
		if r.ID, err = f.store.BeginRun(a.ctx, r); err != nil {
			return s, err
		}
	}
	p := a.progress("sync "+string(f.frequency), "meters", len(f.meters))
	ended := p.begin()
	syncer.Fleet(a.ctx, f.meters, f.parallel, func(ctx context.Context, m flows.Meter) flows.Result {
		result := syncer.Run(ctx, m, f.frequency, names, f.client)
		if result.Run = r.ID; r.ID != 0 {
			result.Scheduled = r.Scheduled
		}
		return result
	}, f.store, func(r flows.Result) {
		s.Add(r)
		p.add(1, 0)
	})
	ended()
	if rest := s.Meters - s.Counted(); rest > 0 {
		s.Skipped += rest
	}
	s.Finished = time.Now().UTC()
	f.end(a, r.ID, s.NotDone)
	return s, f.settle(a, names)
}

// settle judges the half-hours that came. What an interrupted run brought is judged by the next one, or by flows serve.
func (f fleetSync) settle(a *app, metrics []string) error {
	logs := func(name string) bool { return strings.EqualFold(name, "SyncerProfileLog") }
	if a.ctx.Err() != nil || !slices.ContainsFunc(metrics, logs) {
		return nil
	}
	_, err := settle(a.ctx, f.store, idsOf(f.meters))
	return err
}

// closeAbandoned closes runs of commands that were killed: where there is no flows serve, nobody else does.
func (f fleetSync) closeAbandoned(a *app) {
	const abandoned = time.Hour // more than one meter can take, and one save
	if _, err := f.store.CloseRuns(a.ctx, abandoned); err != nil {
		a.log.Warn("abandoned runs stay open in sync_runs", "error", err)
	}
}

// end accounts for the meters that an interrupted run did not come to.
func (f fleetSync) end(a *app, run int64, notDone int) {
	if run == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.ctx), 10*time.Second)
	defer cancel()
	if err := f.store.EndRun(ctx, run, notDone, "interrupted"); err != nil {
		a.log.Warn("the run stays open in sync_runs", "run", run, "error", err)
	}
}
