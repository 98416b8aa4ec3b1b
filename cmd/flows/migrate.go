package main

import (
	"fmt"
	"strconv"
	"time"

	"flows/schema"
)

type migrateCmd struct {
	Up     migrateUpCmd     `cmd:"" help:"Apply every migration that is missing."`
	Down   migrateDownCmd   `cmd:"" help:"Take the newest migration back. Drops its tables and what is in them."`
	Status migrateStatusCmd `cmd:"" help:"Show which migrations are applied."`
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
