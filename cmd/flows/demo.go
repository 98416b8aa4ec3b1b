package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"flows"
	"flows/emlite"
	"flows/localpg"
	"flows/mediator"
	"flows/postgres"
	"flows/queue"
	"flows/schema"
	"flows/simulator"
)

type demoCmd struct {
	Meters  int           `default:"60" help:"How many simulated meters."`
	Every   time.Duration `default:"1m" help:"Time between hourly runs; 12hourly comes every 12th, daily every 24th time."`
	Once    bool          `help:"Read every frequency once, compare every row with what the meters answered, and end. Exit 0 only if all came out right."`
	Days    int           `default:"0" help:"With --once: take in as many days of half-hours too, at most 90, exchange a meter in their midst, and compare each half-hour with what truly went through the meters."`
	JSON    bool          `name:"json" help:"With --once: print the summary as JSON."`
	HTTP    string        `name:"http" placeholder:"ADDR" help:"Where the dashboard is served: HOST:PORT of loopback, or off; 127.0.0.1:8080 when not given, or the next port that is free."`
	DataDir string        `name:"data-dir" placeholder:"DIR" help:"Keep the database here; when not given it is thrown away at the end."`
	Seed    uint64        `default:"1" help:"The same seed makes the same meters."`
}

// Help is kong's.
func (demoCmd) Help() string {
	return `Examples:
  flows demo
  flows demo --once --json
  flows demo --once --days 7
  flows demo --meters 200 --every 10s --data-dir ./demo-data
  flows demo --http 127.0.0.1:9000`
}

// Run is kong's.
func (c *demoCmd) Run(a *app) error {
	if c.Meters < 1 || c.Every < time.Second {
		return usage("--meters must be at least 1 and --every 1s or more")
	}
	if (c.JSON || c.Days != 0) && !c.Once {
		return usage("--json and --days go with --once")
	}
	if c.HTTP != "" && c.Once {
		return usage("--http does not go with --once, which ends by itself")
	}
	if c.Days < 0 || c.Days > mostDemoDays {
		return usage("--days must be 0 to %d: meters' logs go back no further", mostDemoDays)
	}
	lis, err := c.listen()
	if err != nil {
		return err
	}
	if lis != nil {
		defer lis.Close()
	}
	d, err := startDemo(a, c)
	if err != nil {
		return err
	}
	defer d.stop()
	if c.Once {
		return d.once(a, c)
	}
	return d.loop(a, c, lis)
}

// demo is a whole installation in one process.
type demo struct {
	server  *localpg.Server
	store   *postgres.Store
	fleet   *simulator.Fleet
	spare   *simulator.Fleet // with --days: the one meter that takes another's place
	since   time.Time        // when the half-hours begin
	fetched map[string]bool  // meters whose half-hours have been asked for, by id
	client  *emlite.Client
	behind  *emlite.Client // for backfills
	closers []func()

	afterSync func(ctx context.Context, databaseURL string) error // a test spoils the database here, when all is stored
}

const demoESCO = "DEMO"

// demoBackfills is of how many meters half-hours of the past are fetched at a time: few, so that the first charts are whole soon, and that
// there is time left for the schedule on two cores.
const demoBackfills = 16

// demoDaysBack is how many days of half-hours come in while one watches.
const demoDaysBack = 14

func startDemo(a *app, c *demoCmd) (d *demo, err error) {
	d = &demo{fetched: map[string]bool{}}
	defer func() {
		if err != nil {
			d.stop()
		}
	}()
	if err := d.startDatabase(a, c); err != nil {
		return d, err
	}
	if err := d.startFleets(a, c); err != nil {
		return d, err
	}
	if err := d.store.AddESCO(a.ctx, flows.ESCO{Code: demoESCO, Name: "Demo"}); err != nil && c.DataDir == "" {
		return d, err
	}
	if _, _, err := registerFleet(a, d.store, d.fleet, demoESCO); err != nil {
		return d, err
	}
	return d, d.startMediator(a)
}

func (d *demo) startDatabase(a *app, c *demoCmd) (err error) {
	d.server, err = localpg.Start(a.ctx, localpg.Options{Dir: c.DataDir})
	if errors.Is(err, localpg.ErrNotInstalled) || errors.Is(err, localpg.ErrInUse) {
		return usage("%w", err)
	}
	if err != nil {
		return err
	}
	d.closers = append(d.closers, func() { d.server.Stop() })
	url := d.server.URL("postgres")
	if _, err := schema.Up(a.ctx, url); err != nil {
		return err
	}
	if d.store, err = postgres.Open(a.ctx, url); err != nil {
		return err
	}
	d.closers = append(d.closers, d.store.Close)
	return nil
}

func (d *demo) startFleets(a *app, c *demoCmd) (err error) {
	o := simulator.Demo(c.Meters, c.Seed)
	days := c.Days
	if !c.Once {
		days = demoDaysBack
	}
	if days > 0 {
		now := time.Now()
		d.since = now.AddDate(0, 0, -days).UTC().Truncate(flows.SlotLength)
		o = simulator.DemoBetween(c.Meters, c.Seed, d.since, now)
	}
	if c.Days > 0 {
		if d.spare, err = d.startFleet(a, c, spareMeter(c.Seed)); err != nil {
			return err
		}
	}
	d.fleet, err = d.startFleet(a, c, o)
	return err
}

func (d *demo) startFleet(a *app, c *demoCmd, o simulator.Options) (*simulator.Fleet, error) {
	o.Spacing, o.NoLedger = simulatedTiming.Spacing.duration(), !c.Once
	fleet := simulator.New(o)
	if err := fleet.Start(a.ctx); err != nil {
		return nil, err
	}
	d.closers = append(d.closers, func() { fleet.Stop() })
	return fleet, nil
}

func (d *demo) startMediator(a *app) error {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	o := mediator.Defaults()
	o.Timeout, o.Spacing, o.Log = simulatedTiming.Timeout.duration(), simulatedTiming.Spacing.duration(), quiet()
	server, err := mediator.New(registry{d.store}, o)
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(lis) }()
	d.closers = append(d.closers, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		server.Stop(ctx)
		<-served
	})
	d.client, err = emlite.Dial([]string{lis.Addr().String()}, emlite.Options{Timeout: o.Timeout, Spacing: o.Spacing})
	if err != nil {
		return err
	}
	d.closers = append(d.closers, func() { d.client.Close() })
	d.behind, err = emlite.Dial([]string{lis.Addr().String()}, emlite.Options{Timeout: o.Timeout, Spacing: o.Spacing, Priority: emlite.Backfill})
	if err != nil {
		return err
	}
	d.closers = append(d.closers, func() { d.behind.Close() })
	return nil
}

// stop ends everything, the last started first.
func (d *demo) stop() {
	for i := len(d.closers) - 1; i >= 0; i-- {
		d.closers[i]()
	}
	d.closers = nil
}

// loop lets the queue read the fleet again and again until ^C.
func (d *demo) loop(a *app, c *demoCmd, lis net.Listener) error {
	o := queue.Defaults()
	o.Schedules = demoSchedules(c.Every)
	o.Workers, o.Retry, o.ESCO = demoParallel, time.Second, demoESCO
	o.Backfill, o.Backfills = d.behind, demoBackfills
	q, err := queue.New(d.store.Pool(), d.store, d.client, o)
	if err != nil {
		return err
	}
	if err := q.Start(a.ctx); err != nil {
		return err
	}
	d.closers = append(d.closers, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = q.Stop(ctx) // what is lost here is the demo's own
	})
	if lis != nil {
		if err := d.pages(a, c.Every, lis); err != nil {
			return err
		}
	}
	fmt.Fprintf(a.stdout, "A fleet of %d simulated meters, read every %s. ^C ends it. Look into the database with:\n\n  %s\n\n", c.Meters, c.Every,
		d.server.PsqlCommand("postgres"))
	fmt.Fprintf(a.stdout, "for example: select serial, health, import_a, balance, csq, updated_at from meter_shadows join meter_registry using (id);\n\n")
	return d.report(a, q)
}

// fetchDays has the half-hours of the last days fetched of each meter once, as soon as it is known which registers it has.
func (d *demo) fetchDays(ctx context.Context, q *queue.Queue) error {
	meters, err := d.store.Meters(ctx, postgres.Filter{ESCO: demoESCO, Due: true})
	if err != nil {
		return err
	}
	meters = slices.DeleteFunc(meters, func(m flows.Meter) bool { return m.Hardware == "" || d.fetched[m.ID] })
	if err := d.store.BeginRegisters(ctx, idsOf(meters), d.since); err != nil {
		return err
	}
	for _, m := range meters {
		if err := q.Backfill(ctx, m.ID, d.since); err != nil {
			return err
		}
		d.fetched[m.ID] = true
	}
	return nil
}

// demoSchedules are an hour of the real ones in the time given.
func demoSchedules(every time.Duration) map[flows.Frequency]queue.Schedule {
	return map[flows.Frequency]queue.Schedule{
		flows.Hourly: queue.Every(every), flows.TwelveHourly: queue.Every(12 * every), flows.Daily: queue.Every(24 * every),
	}
}

// report prints each run when it is finished.
func (d *demo) report(a *app, q *queue.Queue) error {
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	printed := map[int64]bool{}
	for {
		select {
		case <-look.C:
		case <-a.ctx.Done():
			// ^C is how the demo is meant to end.
			fmt.Fprintf(a.stdout, "\nstopped after %d runs; the meters heard %d requests\n", len(printed), d.fleet.Requests())
			return exit{code: exitInterrupted}
		}
		runs, err := d.store.Runs(a.ctx, 10)
		if err != nil {
			if a.ctx.Err() == nil {
				return err
			}
			continue
		}
		for _, r := range slices.Backward(runs) {
			if !r.Finished.IsZero() && !r.Missed && !printed[r.ID] {
				if err := d.fetchDays(a.ctx, q); err != nil && a.ctx.Err() == nil {
					return err
				}
				printed[r.ID] = true
				fmt.Fprintln(a.stdout, runLine(r))
			}
		}
	}
}

// runLine tells of a finished run.
func runLine(r flows.Run) string {
	line := fmt.Sprintf("%s run of %s: %d meters in %s: %d healthy, %d unhealthy", r.Frequency, r.Scheduled.Format("15:04:05"), r.Meters,
		r.Finished.Sub(r.Started).Round(10*time.Millisecond), r.Healthy, r.Unhealthy)
	if r.Skipped > 0 {
		line += fmt.Sprintf(", %d skipped", r.Skipped)
	}
	if r.NotDone > 0 {
		line += fmt.Sprintf(", %d not done", r.NotDone)
	}
	return line
}
