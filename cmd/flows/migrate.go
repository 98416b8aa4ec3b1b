package main

import (
	"fmt"
	"strconv"
	"time"

	"flows/schema"
)

type migrateCmd struct {
	Up        migrateUpCmd        `cmd:"" help:"Apply every migration that is missing."`
	Down      migrateDownCmd      `cmd:"" help:"Take the newest migration back. Drops its tables and what is in them."`
	Status    migrateStatusCmd    `cmd:"" help:"Show which migrations are applied."`
	Timescale migrateTimescaleCmd `cmd:"" help:"Up, and TimescaleDB must be there: time series move into its compressed tables with what is in them."`
}

type migrateUpCmd struct {
	database
	JSON bool `name:"json" help:"Print JSON."`
}

// Help is kong's.
func (migrateUpCmd) Help() string {
	return "Example:\n  DATABASE_URL=postgres://postgres@localhost/flows flows migrate up"
}

// Run is kong's.
func (c *migrateUpCmd) Run(a *app) error {
	url, err := c.url()
	if err != nil {
		return err
	}
	report, err := schema.Up(a.ctx, url)
	if err != nil {
		return err
	}
	return printMigrated(a, c.JSON, "applied", report)
}

type migrateDownCmd struct {
	database
	JSON bool `name:"json" help:"Print JSON."`
	Yes  bool `required:"" help:"Needed: the tables of that migration are dropped with their rows."`
}

// Help is kong's.
func (migrateDownCmd) Help() string { return "Example:\n  flows migrate down --yes" }

// Run is kong's.
func (c *migrateDownCmd) Run(a *app) error {
	url, err := c.url()
	if err != nil {
		return err
	}
	report, err := schema.Down(a.ctx, url)
	if err != nil {
		return err
	}
	return printMigrated(a, c.JSON, "taken back", report)
}

type migrateTimescaleCmd struct {
	database
	JSON    bool `name:"json" help:"Print JSON."`
	KeepRaw *int `name:"keep-raw" placeholder:"DAYS" help:"Drop register reads and records of the meters' logs so many days after their time; half-hours made of them stay, but cannot be judged again. 0: never, as when nobody has said otherwise."`
}

// leastRaw (days) leaves the judging of half-hours what it looks back to.
const leastRaw = 90

// Help is kong's.
func (migrateTimescaleCmd) Help() string {
	return "Tables are locked while what is in them moves. Example:\n  flows migrate timescale --keep-raw 730"
}

// Run is kong's.
func (c *migrateTimescaleCmd) Run(a *app) error {
	url, err := c.url()
	if err != nil {
		return err
	}
	if c.KeepRaw != nil && *c.KeepRaw != 0 && *c.KeepRaw < leastRaw {
		return usage("--keep-raw %d: half-hours are still judged by what is younger than %d days; give that or more, or 0 to drop nothing", *c.KeepRaw, leastRaw)
	}
	report, err := schema.Timescale(a.ctx, url, c.KeepRaw)
	if err != nil {
		return err
	}
	return printMigrated(a, c.JSON, "applied", report)
}

func printMigrated(a *app, asJSON bool, what string, r schema.Report) error {
	for _, n := range r.Notices {
		fmt.Fprintf(a.stderr, "flows: not allowed here, let an owner run: %s\n", n)
	}
	if asJSON {
		return printJSON(a.stdout, r)
	}
	for _, m := range r.Applied {
		fmt.Fprintf(a.stdout, "%s %d %s\n", what, m.Version, m.Name)
	}
	if len(r.Applied) == 0 {
		fmt.Fprintln(a.stdout, "nothing to do")
	}
	return nil
}

type migrateStatusCmd struct {
	database
	JSON bool `name:"json" help:"Print JSON."`
}

// Help is kong's.
func (migrateStatusCmd) Help() string { return "Example:\n  flows migrate status" }

// Run is kong's.
func (c *migrateStatusCmd) Run(a *app) error {
	url, err := c.url()
	if err != nil {
		return err
	}
	all, err := schema.Status(a.ctx, url)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(a.stdout, all)
	}
	var rows [][]string
	for _, m := range all {
		state := "missing"
		if m.AppliedAt != nil {
			state = "applied " + m.AppliedAt.UTC().Format(time.RFC3339)
		}
		rows = append(rows, []string{strconv.FormatInt(m.Version, 10), m.Name, state})
	}
	return table(a.stdout, []string{"VERSION", "NAME", "STATE"}, rows)
}
