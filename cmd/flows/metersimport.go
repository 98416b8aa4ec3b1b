package main

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"flows"
	"flows/csvfile"
	"flows/postgres"
)

type metersImportCmd struct {
	database
	JSON bool   `name:"json" help:"Print the counts as JSON."`
	File string `arg:"" type:"existingfile" help:"CSV file with a header."`
}

// Help is kong's.
func (metersImportCmd) Help() string {
	return `Example:
  flows meters import registry.csv

The header names any of: serial,ip_address,port,hardware,esco,mode,name,feeder,fuse_rating,phases,maintenance
A column that is absent leaves what is there; an empty cell clears it. New serials are added, known ones changed. When any line is
bad, every bad line is reported and nothing is loaded.`
}

// Run is kong's.
func (c *metersImportCmd) Run(a *app) error {
	f, err := os.Open(c.File)
	if err != nil {
		return usage("%w", err)
	}
	defer f.Close()
	store, err := c.open(a)
	if err != nil {
		return err
	}
	defer store.Close()
	lines, problems := csvfile.ReadRegistry(f)
	all := make([]flows.Registration, len(lines))
	for i, l := range lines {
		all[i] = l.Registration
	}
	p := a.progress("meters import", "lines", 0) // one transaction: how far it is nobody sees
	p.add(len(lines), 0)
	ended := p.begin()
	var added, changed int
	if len(problems) > 0 {
		err = store.Check(a.ctx, all)
	} else {
		added, changed, err = store.Register(a.ctx, all)
	}
	ended()
	var refused postgres.RegistrationErrors
	if err != nil && !errors.As(err, &refused) {
		return userError(err)
	}
	for _, r := range refused {
		problems = append(problems, csvfile.Problem{Line: lines[r.Index].Number, Reason: r.Reason})
	}
	if len(problems) > 0 {
		return c.refuse(a, problems)
	}
	if c.JSON {
		return printJSON(a.stdout, map[string]int{"added": added, "changed": changed})
	}
	fmt.Fprintf(a.stdout, "%d meters added, %d changed\n", added, changed)
	return nil
}

// refuse reports every bad line and loads nothing.
func (c *metersImportCmd) refuse(a *app, problems []csvfile.Problem) error {
	slices.SortFunc(problems, func(x, y csvfile.Problem) int { return x.Line - y.Line })
	for _, p := range problems {
		fmt.Fprintf(a.stderr, "%s:%d: %s\n", c.File, p.Line, p.Reason)
	}
	return usage("%s: %d problems, nothing was loaded: mend them and run it again", c.File, len(problems))
}
