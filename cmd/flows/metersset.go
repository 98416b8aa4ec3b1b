package main

import (
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"flows"
	"flows/postgres"
)

type metersSetCmd struct {
	database
	Serials     []string    `arg:"" name:"serial" help:"The meters, all of them or none."`
	Address     *netip.Addr `name:"ip-address" aliases:"ip" placeholder:"IP" help:"IP address; without one a meter is not asked."`
	Port        *uint16     `help:"TCP port."`
	Hardware    *string     `help:"C1.w, B1.w, EMA1.w, P1.ax or P1.cx; without it the meter tells at the next contact."`
	ESCO        *string     `name:"esco" placeholder:"CODE" help:"ESCO."`
	Mode        *flows.Mode `enum:"active,passive" placeholder:"MODE" help:"active or passive; a passive meter is never asked."`
	Name        *string     `help:"What people call it, for example its plot."`
	Feeder      *string     `help:"Feeder it hangs on."`
	FuseRating  *clearable  `placeholder:"AMPERES" help:"Rating of its fuse."`
	Phases      *clearable  `help:"1, 2 or 3."`
	Maintenance *string     `enum:"true,false" placeholder:"true|false" help:"A meter under maintenance is read as ever, and left out of status and alerts."`
	JSON        bool        `name:"json" help:"Print the values as JSON."`
}

// Help is kong's.
func (metersSetCmd) Help() string {
	return `Examples:
  flows meters set EML2137580761 --ip-address 10.12.0.7 --port 8080
  flows meters set EML2137580761 EML2411760124 --maintenance true --feeder ""

What is not named stays as it is. An empty value ("") clears address, hardware, ESCO, name, feeder, fuse rating or phases. When
anything is wrong with one meter, none is changed.`
}

// clearable is a number above zero, or zero for "".
type clearable int

// UnmarshalText is kong's.
func (n *clearable) UnmarshalText(text []byte) error {
	i, err := strconv.Atoi(string(text))
	if len(text) > 0 && (err != nil || i < 1) {
		return fmt.Errorf("%q is not a number above 0; \"\" clears", text)
	}
	*n = clearable(i)
	return nil
}

// Run is kong's.
func (c *metersSetCmd) Run(a *app) error {
	r := flows.Registration{Address: c.Address, Port: c.Port, Hardware: c.Hardware, ESCO: c.ESCO, Mode: c.Mode, Name: c.Name, Feeder: c.Feeder,
		FuseRating: (*int)(c.FuseRating), Phases: (*int)(c.Phases)}
	if c.Maintenance != nil {
		r.Maintenance = new(*c.Maintenance == "true")
	}
	switch {
	case r == flows.Registration{}:
		return usage("nothing to set: say what, for example flows meters set %s --mode passive", c.Serials[0])
	case c.Port != nil && *c.Port == 0:
		return usage("--port must be 1 to 65535")
	}
	list := make([]flows.Registration, len(c.Serials))
	for i, serial := range c.Serials {
		list[i] = r
		list[i].Serial = serial
	}
	store, err := c.open(a)
	if err != nil {
		return err
	}
	defer store.Close()
	values, err := store.Change(a.ctx, list)
	if err != nil {
		return userError(err)
	}
	if c.JSON {
		return printJSON(a.stdout, values)
	}
	return printChanged(a.stdout, values, len(values)/len(list))
}

// printChanged has a line for each meter, of which there are so many values each.
func printChanged(w io.Writer, values []postgres.Changed, each int) error {
	meters, changed := len(values)/each, 0
	for ; len(values) > 0; values = values[each:] {
		var differ, same []string
		for _, v := range values[:each] {
			if is := v.Column + " " + or(v.New); v.Same() {
				same = append(same, is)
			} else {
				differ = append(differ, v.Column+" "+or(v.Old)+" → "+or(v.New))
			}
		}
		text := strings.Join(differ, ", ")
		if len(differ) > 0 {
			changed++
		}
		if len(same) > 0 {
			text = strings.TrimPrefix(text+"; as it was: ", "; ") + strings.Join(same, ", ")
		}
		fmt.Fprintf(w, "%s: %s\n", values[0].Serial, text)
	}
	_, err := fmt.Fprintf(w, "%d of %d meters changed\n", changed, meters)
	return err
}
