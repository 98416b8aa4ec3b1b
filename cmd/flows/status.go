package main

import (
	"flows"
)

type statusCmd struct {
	database
	schedules
	disk
	ESCO string `name:"esco" setting:"ESCO" placeholder:"CODE" help:"Only the meters of this ESCO ($$ESCO)."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Help is kong's.
func (statusCmd) Help() string {
	return `Examples:
  flows status
  flows status --esco EXAMPLE
  flows status --json | jq -r '.needs[].text'

Exit code 0: nothing needs a person. 1: something does; the lines with ▲ say what, and what to do.

Give it the schedules that flows serve has: they tell which runs should have been. Off: no run of that frequency is expected.
Meters under maintenance are read, but left out here. With --esco, runs of all meters are counted for that ESCO's meters alone.`
}

// Run is kong's.
func (c *statusCmd) Run(a *app) error {
	if _, err := c.parse(); err != nil {
		return err
	}
	store, err := c.open(a)
	if err != nil {
		return err
	}
	defer store.Close()
	s, err := c.status(a.ctx, store, c.ESCO)
	if err != nil {
		return userError(err)
	}
	c.measure(&s.Database)
	needs := s.Needs()
	if c.JSON {
		err = printJSON(a.stdout, struct {
			flows.Status
			Needs []flows.Need `json:"needs"`
		}{s, append([]flows.Need{}, needs...)})
	} else {
		err = printStatus(a.stdout, s, needs)
	}
	if err == nil && len(needs) > 0 {
		err = exit{code: exitFailed}
	}
	return err
}
