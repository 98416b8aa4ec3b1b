package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"flows"
	"flows/emlite"
	"flows/localpg"
	"flows/mediator"
	"flows/postgres"
	"flows/schema"
	"flows/simulator"
)

type demoCmd struct {
	Meters  int           `default:"60" help:"How many simulated meters."`
	Every   time.Duration `default:"1m" help:"Pause between hourly rounds; 12hourly comes every 12th, daily every 24th round."`
	Once    bool          `help:"Read every frequency once, compare every row with what the meters answered, and end. Exit 0 only if all came out right."`
	JSON    bool          `name:"json" help:"With --once: print the summary as JSON."`
	DataDir string        `name:"data-dir" placeholder:"DIR" help:"Keep the database here; when not given it is thrown away at the end."`
	Seed    uint64        `default:"1" help:"The same seed makes the same meters."`
}

// Help is kong's.
func (demoCmd) Help() string {
	return `Examples:
  flows demo
  flows demo --once --json
  flows demo --meters 200 --every 10s --data-dir ./demo-data`
}

// Run is kong's.
func (c *demoCmd) Run(a *app) error {
	if c.Meters < 1 || c.Every <= 0 {
		return usage("--meters must be at least 1 and --every more than 0")
	}
	if c.JSON && !c.Once {
		return usage("--json goes with --once")
	}
	d, err := startDemo(a, c)
	if err != nil {
		return err
	}
	defer d.stop()
	if c.Once {
		return d.once(a, c)
	}
	return d.loop(a, c)
}

// demo is a whole installation in one process.
type demo struct {
	server  *localpg.Server
	store   *postgres.Store
	fleet   *simulator.Fleet
	client  *emlite.Client
	closers []func()

	afterSync func(ctx context.Context, databaseURL string) error // a test spoils the database here
}

const demoESCO = "DEMO"

func startDemo(a *app, c *demoCmd) (d *demo, err error) {
	d = &demo{}
	defer func() {
		if err != nil {
			d.stop()
		}
	}()
	if err := d.startDatabase(a, c); err != nil {
		return d, err
	}
	o := simulator.Demo(c.Meters, c.Seed)
	o.Spacing, o.NoLedger = simulatedTiming.Spacing.duration(), !c.Once
	d.fleet = simulator.New(o)
	if err := d.fleet.Start(a.ctx); err != nil {
		return d, err
	}
	d.closers = append(d.closers, func() { d.fleet.Stop() })
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
	return nil
}

// stop ends everything, the last started first.
func (d *demo) stop() {
	for i := len(d.closers) - 1; i >= 0; i-- {
		d.closers[i]()
	}
	d.closers = nil
}

// loop reads the fleet again and again until ^C.
func (d *demo) loop(a *app, c *demoCmd) error {
	fmt.Fprintf(a.stdout, "A fleet of %d simulated meters, read every %s. ^C ends it. Look into the database with:\n\n  %s\n\n", c.Meters, c.Every,
		d.server.PsqlCommand("postgres"))
	fmt.Fprintf(a.stdout, "for example: select serial, health, import_a, balance, csq, updated_at from meter_shadows join meter_registry using (id);\n\n")
	tick := time.NewTicker(c.Every)
	defer tick.Stop()
	runs := 0
	for round := 0; ; round++ {
		for _, f := range due(round) {
			s, err := d.sync(a, f)
			if err != nil {
				return d.interrupted(a, runs, err)
			}
			printSummary(a.stdout, s)
			runs++
		}
		select {
		case <-tick.C:
		case <-a.ctx.Done():
			return d.interrupted(a, runs, nil)
		}
	}
}

// due gives the frequencies of a round: hourly each, 12hourly each 12th, daily each 24th.
func due(round int) []flows.Frequency {
	all := []flows.Frequency{flows.Hourly}
	if round%12 == 0 {
		all = append(all, flows.TwelveHourly)
	}
	if round%24 == 0 {
		all = append(all, flows.Daily)
	}
	return all
}

// interrupted says what was done; ^C is how the demo is meant to end.
func (d *demo) interrupted(a *app, runs int, err error) error {
	if a.ctx.Err() == nil {
		return err
	}
	fmt.Fprintf(a.stdout, "\nstopped after %d runs; the meters heard %d requests\n", runs, d.fleet.Requests())
	return exit{code: exitInterrupted}
}
