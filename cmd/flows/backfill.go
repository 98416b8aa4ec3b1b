package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"flows"
	"flows/emlite"
	"flows/postgres"
	"flows/syncer"
)

type backfillCmd struct {
	database
	mediators
	meterTiming
	From     moment   `required:"" placeholder:"TIME" help:"Since when: 2026-03-01T00:00:00Z, or a date, which is its midnight in the zone of --esco's ESCO, in UTC without one."`
	To       moment   `placeholder:"TIME" help:"Until when, in the same way; now when not given."`
	ESCO     string   `name:"esco" setting:"ESCO" placeholder:"CODE" help:"Only the meters of this ESCO ($$ESCO); all when not given."`
	Serial   []string `placeholder:"SERIAL" help:"Only these meters."`
	Parallel int      `default:"4" help:"Meters at a time."`
	JSON     bool     `name:"json" help:"Print the summary as JSON."`
}

// Help is kong's.
func (backfillCmd) Help() string {
	return `Examples:
  flows backfill --from 2026-03-01
  flows backfill --from 2026-03-01 --to 2026-04-01 --esco EXAMPLE --json
  flows backfill --from 2026-03-27T14:00:00Z --serial EML2137580761

Meters are asked for the half-hours between these times of which the database has nothing, the oldest first: their logs go back about 90
days. A day of one meter takes about a minute. The schedule's reads go first. What has come in is stored every twenty questions: after an
interruption run it again and it goes on.

Exit code 1: some meter failed. 3: some meter was not read for a reason that is not its own.`
}

// moment is a time, or a date whose zone is not known yet.
type moment struct {
	time time.Time
	date bool
}

// UnmarshalText is kong's.
func (m *moment) UnmarshalText(text []byte) (err error) {
	if m.time, err = time.Parse(time.RFC3339, string(text)); err == nil {
		return nil
	}
	if m.time, err = time.Parse(time.DateOnly, string(text)); err != nil {
		return fmt.Errorf("%q is neither a date like 2026-03-01 nor a time like 2026-03-01T00:00:00Z", text)
	}
	m.date = true
	return nil
}

// in gives the time, of a date the midnight there.
func (m moment) in(zone *time.Location) time.Time {
	if m.date {
		return time.Date(m.time.Year(), m.time.Month(), m.time.Day(), 0, 0, 0, 0, zone).UTC()
	}
	return m.time.UTC()
}

// Run is kong's.
func (c *backfillCmd) Run(a *app) error {
	if c.Parallel < 1 {
		return usage("--parallel must be at least 1, not %d", c.Parallel)
	}
	store, err := c.open(a)
	if err != nil {
		return err
	}
	defer store.Close()
	client, err := c.dial(a, c.meterTiming, emlite.Backfill)
	if err != nil {
		return err
	}
	defer client.Close()
	f := fleetBackfill{store: store, client: client, parallel: c.Parallel, pause: 5 * time.Second}
	if f.meters, err = store.Meters(a.ctx, postgres.Filter{ESCO: c.ESCO, Serials: c.Serial, Due: true}); err != nil {
		return userError(err)
	}
	if err := asked(c.Serial, f.meters); err != nil {
		return err
	}
	if f.from, f.to, err = c.period(a, store, time.Now()); err != nil {
		return err
	}
	s := f.run(a)
	if err := f.settle(a); err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(a.stdout, s)
	} else {
		printBackfill(a.stdout, s)
	}
	if a.ctx.Err() != nil {
		return exit{exitInterrupted, fmt.Errorf("interrupted: %d of %d meters were done; run it again to go on", s.Done+s.Unsupported, s.Meters)}
	}
	if err == nil && s.Exit() != exitDone {
		err = exit{code: s.Exit()}
	}
	return err
}

// logReach is how far back meters' logs go.
const logReach = 90 * 24 * time.Hour

// period gives the half-hours at its two ends. The last is one that meters' clocks have come to.
func (c *backfillCmd) period(a *app, store *postgres.Store, now time.Time) (from, to time.Time, err error) {
	zone, err := c.zone(a.ctx, store)
	if err != nil {
		return from, to, err
	}
	from, to = c.From.in(zone), now
	if !c.To.time.IsZero() {
		to = c.To.in(zone)
	}
	switch {
	case from.After(now):
		return from, to, usage("--from %s lies in the future", from.Format(time.RFC3339))
	case !to.After(from):
		return from, to, usage("--to %s is not after --from %s", to.Format(time.RFC3339), from.Format(time.RFC3339))
	case from.Before(now.Add(-logReach)):
		fmt.Fprintln(a.stderr, "flows: meters' logs rarely go back more than 90 days; before, meters are asked for what they hold all the same")
	}
	if settled := now.Add(-time.Minute); to.After(settled) {
		to = settled
	}
	return from.Add(flows.SlotLength - 1).Truncate(flows.SlotLength), to.UTC().Truncate(flows.SlotLength), nil
}

// zone is where dates begin.
func (c *backfillCmd) zone(ctx context.Context, store *postgres.Store) (*time.Location, error) {
	if c.ESCO == "" || !c.From.date && !c.To.date {
		return time.UTC, nil
	}
	escos, err := store.ESCOs(ctx)
	if err != nil {
		return nil, err
	}
	zone := time.UTC
	for _, e := range escos {
		if strings.EqualFold(e.Code, c.ESCO) {
			if zone, err = time.LoadLocation(e.Timezone); err != nil {
				return nil, usage("the midnights of ESCO %s are not known here (%w): give times instead of dates", e.Code, err)
			}
		}
	}
	return zone, nil
}

// fleetBackfill is one backfill of many meters.
type fleetBackfill struct {
	store    *postgres.Store
	client   syncer.Client
	meters   []flows.Meter
	from, to time.Time // both included
	parallel int
	pause    time.Duration // after trouble that passes
}

// run reads the meters, some of them at a time. Trouble that is not one meter's ends it, since the next ones would have it too.
func (f fleetBackfill) run(a *app) *syncer.BackfillSummary {
	s := &syncer.BackfillSummary{From: f.from, To: f.to, Started: time.Now().UTC(), Meters: len(f.meters), Reasons: []flows.Reason{}, Notes: []flows.Reason{}}
	ctx, stop := context.WithCancel(a.ctx)
	defer stop()
	g := syncer.NewGroup(profileSaver{f.store}, 0)
	defer g.Stop()
	p := a.progress("backfill", "meters", len(f.meters))
	p.also = "records"
	ended := p.begin()
	b := syncer.Backfill{Client: f.client, Pause: f.pause, Save: func(ctx context.Context, r flows.Result) error {
		err := g.Save(ctx, r)
		if err == nil {
			p.add(0, len(r.Profile))
		}
		return err
	}}
	var adding sync.Mutex
	var all sync.WaitGroup
	limit := make(chan struct{}, f.parallel)
	for _, m := range f.meters {
		limit <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			defer func() { <-limit }()
			filled, err := f.meter(ctx, b, m)
			adding.Lock()
			defer adding.Unlock()
			s.Add(m, filled, err)
			p.add(1, 0)
			if everybodys(err) {
				stop()
			}
		})
	}
	all.Wait()
	ended()
	s.Skipped += s.Meters - s.Counted()
	s.Finished = time.Now().UTC()
	return s
}

// meter reads what is missing of one meter.
func (f fleetBackfill) meter(ctx context.Context, b syncer.Backfill, m flows.Meter) (syncer.Filled, error) {
	missing, err := f.store.MissingHalfHours(ctx, m, f.from, f.to)
	if err != nil || len(missing) == 0 {
		return syncer.Filled{}, err
	}
	return b.Meter(ctx, m, missing)
}

// everybodys tells trouble that other meters would have too.
func everybodys(err error) bool {
	code := flows.CodeOf(err, flows.Mediator)
	return err != nil && code.Owner() == flows.Ours && code != flows.UnknownSerial && !flows.Refused(err)
}

// profileSaver stores half-hours alone: a backfill judges no meter.
type profileSaver struct{ store *postgres.Store }

// Save is syncer.Saver's.
func (p profileSaver) Save(ctx context.Context, results []flows.Result) error {
	return p.store.SaveProfile(ctx, results)
}

// printBackfill tells people what a backfill came to.
func printBackfill(w io.Writer, s *syncer.BackfillSummary) {
	fmt.Fprintf(w, "backfill from %s to %s: %d meters in %s: %d done", s.From.Format(time.RFC3339), s.To.Format(time.RFC3339), s.Meters,
		s.Finished.Sub(s.Started).Round(10*time.Millisecond), s.Done)
	for _, n := range []struct {
		count int
		text  string
	}{{s.Unsupported, "without a log"}, {s.Failed, "failed"}, {s.Skipped, "skipped"}, {s.NotDone, "not done"}} {
		if n.count > 0 {
			fmt.Fprintf(w, ", %d %s", n.count, n.text)
		}
	}
	fmt.Fprintf(w, "\n%d half-hourly records stored, %d not in the meters' logs, %d still missing; %d questions asked\n",
		s.Records, s.Holes, s.Missing, s.Questions)
	printReasons(w, s.Reasons, s.Notes)
}

// printReasons lists reasons, then notes.
func printReasons(w io.Writer, reasons, notes []flows.Reason) {
	for _, r := range reasons {
		fmt.Fprintf(w, "  %4d  %-15s %s  (%s)\n", r.Count, r.Code, r.Text, r.Few())
	}
	for _, r := range notes {
		fmt.Fprintf(w, "  %4d  note            %s  (%s)\n", r.Count, r.Text, r.Few())
	}
}
