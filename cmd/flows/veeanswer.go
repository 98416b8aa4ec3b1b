package main

import (
	"fmt"
	"os/user"

	"flows"
	"flows/postgres"
)

// answer is what a person says to exceptions.
type answer struct {
	database
	IDs []int64 `arg:"" name:"id" help:"Exceptions, by the ids of flows vee list."`
	Why string  `required:"" placeholder:"TEXT" help:"Why."`
	Who string  `placeholder:"NAME" help:"Who says so; who is logged in when not given."`
}

// give stores it.
func (c *answer) give(a *app, store *postgres.Store, more flows.Answer) (meters []string, err error) {
	more.IDs, more.Who, more.Why = c.IDs, c.Who, c.Why
	if more.Who == "" {
		more.Who = loggedIn(a.getenv)
	}
	meters, err = store.Answer(a.ctx, more)
	return meters, userError(err)
}

func (c *answer) count() string {
	if len(c.IDs) == 1 {
		return fmt.Sprintf("exception %d", c.IDs[0])
	}
	return fmt.Sprintf("%d exceptions", len(c.IDs))
}

// loggedIn is the person's name, or "".
func loggedIn(getenv func(string) string) string {
	if name := getenv("USER"); name != "" {
		return name
	}
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}

type veeAckCmd struct{ answer }

// Help is kong's.
func (veeAckCmd) Help() string {
	return `Example:
  flows vee ack 17 18 --why "electrician booked for Tuesday"

All of them or none.`
}

// Run is kong's.
func (c *veeAckCmd) Run(a *app) error {
	store, err := c.open(a)
	if err != nil {
		return err
	}
	defer store.Close()
	if _, err := c.give(a, store, flows.Answer{}); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "acknowledged %s\n", c.count())
	return nil
}

type veeResolveCmd struct {
	answer
	Pick string `placeholder:"KWH" help:"Of a CONFLICT: which of the values that arrived the register had."`
}

// Help is kong's.
func (veeResolveCmd) Help() string {
	return `Examples:
  flows vee resolve 17 18 --why "meter replaced"
  flows vee resolve 23 --pick 18204.331 --why "agrees with the photo of the display"

All of them or none. What was resolved is reported again only when more of it is found. A CONFLICT keeps its half-hours from being billed
until a value is picked; it must be one of those that arrived, and a wrong one makes the error that lists them.`
}

// Run is kong's.
func (c *veeResolveCmd) Run(a *app) error {
	more := flows.Answer{Resolve: true}
	if c.Pick != "" {
		pick, err := flows.ParseEnergy(c.Pick)
		if err != nil {
			return usage("--pick: %w", err)
		}
		more.Pick = &pick
	}
	store, err := c.open(a)
	if err != nil {
		return err
	}
	defer store.Close()
	meters, err := c.give(a, store, more)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "resolved %s\n", c.count())
	if more.Pick == nil {
		return nil
	}
	n, err := settle(a.ctx, store, meters)
	if err == nil {
		fmt.Fprintf(a.stdout, "%s kWh it is; %d registers were judged again\n", more.Pick, n)
	}
	return err
}
