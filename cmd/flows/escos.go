package main

import (
	"fmt"

	"flows"
)

type escosCmd struct {
	Add        escosAddCmd        `cmd:"" help:"Add an ESCO."`
	List       escosListCmd       `cmd:"" help:"List the ESCOs."`
	Thresholds escosThresholdsCmd `cmd:"" help:"Show and set what validation of half-hours goes by."`
}

type escosAddCmd struct {
	database
	Code     string `arg:"" help:"Short code, for example EXAMPLE."`
	Name     string `help:"Full name; the code when not given."`
	Timezone string `default:"Europe/London" help:"Time zone of its local days."`
}

// Help is kong's.
func (escosAddCmd) Help() string {
	return "Example:\n  flows escos add EXAMPLE --name \"Example Energy\""
}

// Run is kong's.
func (c *escosAddCmd) Run(a *app) error {
	store, err := c.open(a)
	if err != nil {
		return err
	}
	defer store.Close()
	if c.Name == "" {
		c.Name = c.Code
	}
	if err := store.AddESCO(a.ctx, flows.ESCO{Code: c.Code, Name: c.Name, Timezone: c.Timezone}); err != nil {
		return userError(err)
	}
	fmt.Fprintf(a.stdout, "added ESCO %s\n", c.Code)
	return nil
}

type escosListCmd struct {
	database
	JSON bool `name:"json" help:"Print JSON."`
}

// Help is kong's.
func (escosListCmd) Help() string { return "Example:\n  flows escos list --json" }

// Run is kong's.
func (c *escosListCmd) Run(a *app) error {
	store, err := c.open(a)
	if err != nil {
		return err
	}
	defer store.Close()
	escos, err := store.ESCOs(a.ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(a.stdout, escos)
	}
	var rows [][]string
	for _, e := range escos {
		rows = append(rows, []string{e.Code, e.Name, e.Timezone})
	}
	return table(a.stdout, []string{"CODE", "NAME", "TIMEZONE"}, rows)
}
