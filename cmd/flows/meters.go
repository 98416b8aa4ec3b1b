package main

import (
	"fmt"
	"net/netip"
	"time"

	"flows"
	"flows/postgres"
)

type metersCmd struct {
	List     metersListCmd     `cmd:"" help:"List meters with their state."`
	Show     metersShowCmd     `cmd:"" help:"Show one meter, its shadow, and why it is not read if it is not."`
	Add      metersAddCmd      `cmd:"" help:"Add one meter."`
	Set      metersSetCmd      `cmd:"" help:"Change what is named of one or more meters, all or nothing."`
	Import   metersImportCmd   `cmd:"" help:"Add and change meters from a CSV file, all or nothing."`
	Exchange metersExchangeCmd `cmd:"" help:"A meter on site was replaced by another one."`
}

type metersListCmd struct {
	database
	ESCO string `name:"esco" setting:"ESCO" placeholder:"CODE" help:"Only the meters of this ESCO ($$ESCO)."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Help is kong's.
func (metersListCmd) Help() string { return "Example:\n  flows meters list --esco EXAMPLE" }

// Run is kong's.
func (c *metersListCmd) Run(a *app) error {
	store, err := c.open(a)
	if err != nil {
		return err
	}
	defer store.Close()
	meters, err := store.List(a.ctx, postgres.Filter{ESCO: c.ESCO})
	if err != nil {
		return userError(err)
	}
	if c.JSON {
		return printJSON(a.stdout, meters)
	}
	var rows [][]string
	for _, m := range meters {
		rows = append(rows, []string{m.Serial, or(m.ESCO), string(m.Mode), or(m.Hardware), address(m), dash(string(m.Health)), when(m.UpdatedAt), dash(m.Details)})
	}
	return table(a.stdout, []string{"SERIAL", "ESCO", "MODE", "HARDWARE", "ADDRESS", "HEALTH", "UPDATED (UTC)", "DETAILS"}, rows)
}

func or(s *string) string {
	if s == nil {
		return "-"
	}
	return dash(*s)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func address(r postgres.Row) string {
	if r.Address == nil {
		return "-"
	}
	return netip.AddrPortFrom(*r.Address, r.Port).String()
}

func when(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

type metersShowCmd struct {
	database
	Serial string `arg:"" help:"The meter."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// Help is kong's.
func (metersShowCmd) Help() string { return "Example:\n  flows meters show EML2137580761" }

// Run is kong's.
func (c *metersShowCmd) Run(a *app) error {
	store, err := c.open(a)
	if err != nil {
		return err
	}
	defer store.Close()
	d, err := store.Describe(a.ctx, c.Serial)
	if err != nil {
		return userError(err)
	}
	if c.JSON {
		return printJSON(a.stdout, d)
	}
	return printDescription(a.stdout, d)
}

type metersAddCmd struct {
	database
	Serial   string     `arg:"" help:"Serial number, as the meter says it."`
	Address  netip.Addr `name:"ip" placeholder:"IP" help:"Its IP address; without one it is not asked."`
	Port     uint16     `default:"8080" help:"Its TCP port."`
	Hardware string     `help:"C1.w, B1.w, EMA1.w, P1.ax or P1.cx; when not given the meter tells at first contact."`
	ESCO     string     `name:"esco" placeholder:"CODE" help:"Its ESCO."`
	Mode     string     `default:"active" enum:"active,passive" help:"active or passive; a passive meter is never asked."`
	Name     string     `help:"What people call it, for example its plot."`
	Feeder   string     `help:"Feeder it hangs on."`
}

// Help is kong's.
func (metersAddCmd) Help() string {
	return "Example:\n  flows meters add EML2137580761 --ip 10.12.0.7 --esco EXAMPLE --name \"Plot 34\""
}

// Run is kong's.
func (c *metersAddCmd) Run(a *app) error {
	if c.Port == 0 {
		return usage("--port must be 1 to 65535")
	}
	store, err := c.open(a)
	if err != nil {
		return err
	}
	defer store.Close()
	mode := flows.Mode(c.Mode)
	r := flows.Registration{Serial: c.Serial, Port: &c.Port, Mode: &mode, Hardware: given(c.Hardware), ESCO: given(c.ESCO),
		Name: given(c.Name), Feeder: given(c.Feeder)}
	if c.Address.IsValid() {
		r.Address = &c.Address
	}
	if _, err := store.Describe(a.ctx, c.Serial); err == nil {
		return usage("meter %s is known already: change it with flows meters set", c.Serial)
	}
	if _, _, err := store.Register(a.ctx, []flows.Registration{r}); err != nil {
		return userError(err)
	}
	fmt.Fprintf(a.stdout, "added meter %s\n", c.Serial)
	return nil
}

// given is nil for a flag that was not given.
func given(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
