package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"flows"
	"flows/emlite"
	"flows/postgres"
	"flows/syncer"
)

type clockCmd struct {
	Set clockSetCmd `cmd:"" help:"Set meters' clocks: written once, read back."`
}

type clockSetCmd struct {
	database
	mediators
	meterTiming
	Serial   []string `arg:"" optional:"" help:"The meters."`
	Drifted  int      `placeholder:"SECONDS" help:"All meters whose clock was last seen at least this far off."`
	ESCO     string   `name:"esco" setting:"ESCO" placeholder:"CODE" help:"With --drifted: only the meters of this ESCO ($$ESCO)."`
	Parallel int      `name:"parallel" setting:"MAX_PARALLEL_JOBS" default:"15" help:"Meters at a time ($$MAX_PARALLEL_JOBS)."`
	JSON     bool     `name:"json" help:"Print JSON."`
}

// Help is kong's.
func (clockSetCmd) Help() string {
	return `Examples:
  flows clock set EML2137580761
  flows clock set --drifted 180

The meter is asked who it is, its clock is written once with the mediator's time, and read back. When the answer to the write is lost,
the clock that was read back decides; it is never written twice on a guess.`
}

// clockReport is what became of one meter's clock.
type clockReport struct {
	Serial string     `json:"serial"`
	Before *int       `json:"before_seconds,omitempty"`
	After  *int       `json:"after_seconds,omitempty"`
	Code   flows.Code `json:"code,omitempty"`
	Error  string     `json:"error,omitempty"`
}

// Run is kong's.
func (c *clockSetCmd) Run(a *app) error {
	if (len(c.Serial) > 0) == (c.Drifted > 0) || c.Drifted < 0 || c.Parallel < 1 {
		return usage("name meters, or give --drifted SECONDS: for example flows clock set --drifted 180")
	}
	store, err := c.open(a)
	if err != nil {
		return err
	}
	defer store.Close()
	client, err := c.dial(a, c.meterTiming, emlite.Person)
	if err != nil {
		return err
	}
	defer client.Close()
	serials := c.Serial
	if c.Drifted > 0 {
		if serials, err = store.Drifted(a.ctx, c.ESCO, c.Drifted); err != nil {
			return userError(err)
		}
	}
	var meters []flows.Meter
	if len(serials) > 0 {
		if meters, err = store.Meters(a.ctx, postgres.Filter{Serials: serials, Due: true}); err != nil {
			return userError(err)
		}
	}
	if err := asked(serials, meters); err != nil {
		return err
	}
	reports := make([]clockReport, len(meters))
	limit := make(chan struct{}, c.Parallel)
	var all sync.WaitGroup
	for i, m := range meters {
		limit <- struct{}{}
		all.Go(func() {
			defer func() { <-limit }()
			reports[i] = setClock(a.ctx, store, client, m)
		})
	}
	all.Wait()
	return c.print(a, reports)
}

func setClock(ctx context.Context, store *postgres.Store, client *emlite.Client, m flows.Meter) clockReport {
	r := clockReport{Serial: m.Serial}
	set, err := syncer.SetClock(ctx, m, client)
	if err == nil {
		r.Before, r.After = &set.Before, &set.After
		err = store.SaveClock(context.WithoutCancel(ctx), m.ID, set.After, set.At)
	}
	if err != nil {
		r.Code, r.Error = flows.CodeOf(err, flows.Mediator), err.Error()
	}
	return r
}

func (c *clockSetCmd) print(a *app, reports []clockReport) error {
	code := exitDone
	var rows [][]string
	for _, r := range reports {
		row := []string{r.Serial, "-", "-", dash(r.Error)}
		if r.Before != nil {
			row[1], row[2] = strconv.Itoa(*r.Before), strconv.Itoa(*r.After)
		}
		rows = append(rows, row)
		if r.Code != "" {
			code = max(code, exitFailed)
			if r.Code.Owner() != flows.TheMeters && r.Code != flows.OutcomeUnknown {
				code = exitNotDone
			}
		}
	}
	var err error
	switch {
	case c.JSON:
		err = printJSON(a.stdout, reports)
	case len(rows) == 0:
		_, err = fmt.Fprintln(a.stdout, "no meter's clock is that far off")
	default:
		err = table(a.stdout, []string{"SERIAL", "BEFORE (s)", "AFTER (s)", "ERROR"}, rows)
	}
	if err == nil && code != exitDone {
		err = exit{code: code}
	}
	return err
}
