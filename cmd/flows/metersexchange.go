package main

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"flows"
	"flows/postgres"
)

type metersExchangeCmd struct {
	database
	Old      string     `arg:"" help:"Serial number of the meter that was there."`
	New      string     `arg:"" help:"Serial number of the meter that is there now."`
	At       time.Time  `required:"" placeholder:"TIME" help:"When, with its zone: 2026-03-04T10:40:00Z."`
	Final    []string   `name:"final-read" sep:"none" placeholder:"[A|B=]KWH" help:"What the old meter's import register stood at; of two registers one each: A=1234.567."`
	Initial  []string   `name:"initial-read" sep:"none" placeholder:"[A|B=]KWH" help:"What the new meter's import register stood at."`
	Hardware string     `help:"The new meter's hardware; when not given it tells at first contact, and has the registers of the old one until then."`
	Address  netip.Addr `name:"ip-address" aliases:"ip" placeholder:"IP" help:"The new meter's IP address, if it has another one."`
	Port     *uint16    `help:"The new meter's TCP port, if it has another one."`
}

// Help is kong's.
func (metersExchangeCmd) Help() string {
	return `Examples:
  flows meters exchange EML2137580761 EML2411760124 --at 2026-03-04T10:40:00Z --final-read 18204.331 --initial-read 0.012
  flows meters exchange EML2137580761 EML2411760124 --at 2026-03-04T10:40:00Z --final-read A=18204.331 --final-read B=77.1 \
    --initial-read A=0.012 --initial-read B=0

The place keeps its name, address, ESCO and history; what the old meter had told of itself is forgotten. Both readings of a register or
neither: without them nobody can tell what flowed from the old meter's last half-hour to the new one's first. Reads that were stored
before the exchange was told stay as they are.`
}

// Run is kong's.
func (c *metersExchangeCmd) Run(a *app) error {
	e := postgres.Exchange{Old: c.Old, New: c.New, At: c.At, Hardware: c.Hardware, Port: c.Port}
	if c.Port != nil && *c.Port == 0 {
		return usage("--port must be 1 to 65535")
	}
	if c.Address.IsValid() {
		e.Address = &c.Address
	}
	var err error
	if e.Final, err = readings("--final-read", c.Final); err != nil {
		return err
	}
	if e.Initial, err = readings("--initial-read", c.Initial); err != nil {
		return err
	}
	store, err := c.open(a)
	if err != nil {
		return err
	}
	defer store.Close()
	done, err := store.Exchange(a.ctx, e)
	if err != nil {
		return userError(err)
	}
	return printExchanged(a.stdout, e, done)
}

// readings takes KWH of a meter with one register, and A=KWH and B=KWH.
func readings(flag string, given []string) (postgres.Readings, error) {
	all := postgres.Readings{}
	for _, text := range given {
		element, number, named := strings.Cut(text, "=")
		if !named {
			element, number = "", text
		}
		element = strings.ToUpper(strings.TrimSpace(element))
		if named && element != "A" && element != "B" {
			return nil, usage("%s %s: give KWH, or with two registers A=KWH and B=KWH", flag, text)
		}
		energy, err := flows.ParseEnergy(strings.TrimSpace(number))
		if err != nil {
			return nil, usage("%s %s: %w", flag, text, err)
		}
		_, twice := all[element]
		if _, plain := all[""]; twice || plain || len(all) > 0 && !named {
			return nil, usage("%s comes twice: with two registers give %[1]s A=KWH %[1]s B=KWH", flag)
		}
		all[element] = energy
	}
	return all, nil
}

func printExchanged(w io.Writer, e postgres.Exchange, done postgres.Exchanged) error {
	fmt.Fprintf(w, "meter %s exchanged for %s at %s\n", e.Old, e.New, e.At.UTC().Format(time.RFC3339))
	for _, element := range done.Unread {
		fmt.Fprintf(w, "register %s: no readings, so what flowed from the last half-hour of %s to the first of %s stays unknown\n", element, e.Old, e.New)
	}
	if done.Later > 0 {
		fmt.Fprintf(w, "%d reads of later times stay under the registers of %s and are not used\n", done.Later, e.Old)
	}
	_, err := fmt.Fprintf(w, "to read the new meter now: flows sync --freq daily --serial %s\n", e.New)
	return err
}
