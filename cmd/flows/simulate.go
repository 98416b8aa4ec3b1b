package main

import (
	"fmt"
	"strings"
	"time"

	"flows"
	"flows/postgres"
	"flows/simulator"
)

type simulateCmd struct {
	database
	Meters   int                `default:"60" help:"How many meters."`
	Listen   string             `default:"127.20.0.1:8080" placeholder:"IP:PORT" help:"Loopback address of the first meter; the others count up from it."`
	Seed     uint64             `default:"1" help:"The same seed makes the same meters."`
	Median   time.Duration      `name:"latency-median" placeholder:"600ms" help:"Median latency of an answer."`
	P99      time.Duration      `name:"latency-p99" placeholder:"5s" help:"Latency that one answer in a hundred exceeds."`
	Fault    map[string]float64 `placeholder:"KIND=SHARE" help:"Share (0..1) of the meters that misbehave: ${faults}. May be repeated."`
	Spacing  seconds            `name:"spacing" setting:"METER_SPACING_SECONDS" default:"0.05" placeholder:"SECONDS" help:"Gap that the gap fault insists on ($$METER_SPACING_SECONDS)."`
	Register bool               `help:"Put the meters into the registry of DATABASE_URL."`
	ESCO     string             `name:"esco" placeholder:"CODE" help:"With --register: the ESCO they belong to."`
}

// Help is kong's.
func (simulateCmd) Help() string {
	return `Examples:
  flows simulate --meters 20 --register
  flows simulate --meters 500 --latency-median 600ms --latency-p99 5s --fault dead=0.03 --fault wrong_crc=0.1`
}

// Run is kong's.
func (c *simulateCmd) Run(a *app) error {
	faults, err := faultShares(c.Fault)
	if err != nil {
		return err
	}
	if c.Meters < 1 {
		return usage("--meters must be at least 1")
	}
	fleet := simulator.New(simulator.Options{Meters: c.Meters, Seed: c.Seed, Listen: c.Listen, Spacing: c.Spacing.duration(), NoLedger: true,
		Latency: simulator.Latency{Median: c.Median, P99: c.P99}, Faults: faults, Log: a.log})
	if err := fleet.Start(a.ctx); err != nil {
		return usage("%w", err)
	}
	defer fleet.Stop()
	if c.Register {
		if err := c.register(a, fleet); err != nil {
			return err
		}
	}
	meters := fleet.Meters()
	fmt.Fprintf(a.stdout, "%d simulated meters at %s to %s, the first is %s; ^C ends them\n", len(meters), meters[0].Address,
		meters[len(meters)-1].Address, meters[0].Serial)
	<-a.ctx.Done()
	fmt.Fprintf(a.stdout, "answered %d requests on %d connections\n", fleet.Requests(), fleet.Connections())
	return nil
}

func faultShares(given map[string]float64) (simulator.FaultShares, error) {
	shares := simulator.FaultShares{}
	for name, share := range given {
		if !simulator.Known(simulator.Kind(name)) {
			return nil, usage("--fault %s: no such fault: see flows simulate --help", name)
		}
		if share < 0 || share > 1 {
			return nil, usage("--fault %s=%g: a share is 0 to 1", name, share)
		}
		shares[simulator.Kind(name)] = share
	}
	return shares, nil
}

func (c *simulateCmd) register(a *app, fleet *simulator.Fleet) error {
	store, err := c.open(a)
	if err != nil {
		return err
	}
	defer store.Close()
	added, changed, err := registerFleet(a, store, fleet, c.ESCO)
	if err != nil {
		return userError(err)
	}
	fmt.Fprintf(a.stdout, "registry: %d added, %d changed\n", added, changed)
	return nil
}

// registerFleet puts a fleet into the registry, without its hardware: the meters tell that at first contact.
func registerFleet(a *app, store *postgres.Store, fleet *simulator.Fleet, esco string) (added, changed int, err error) {
	var all []flows.Registration
	for _, m := range fleet.Meters() {
		r := flows.Registration{Serial: m.Serial, Name: &m.Name, FuseRating: &m.FuseRating, Phases: &m.Phases}
		ip, port := m.Address.Addr(), m.Address.Port()
		r.Address, r.Port = &ip, &port
		if esco != "" {
			r.ESCO = &esco
		}
		all = append(all, r)
	}
	return store.Register(a.ctx, all)
}

// faultNames lists the faults for the help text.
func faultNames() string {
	var names []string
	for _, k := range simulator.Kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}
