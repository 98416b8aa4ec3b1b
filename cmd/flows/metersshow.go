package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"flows/postgres"
)

// printDescription shows all that is known of a meter, a line each.
func printDescription(w io.Writer, d postgres.Description) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, value string) { fmt.Fprintf(t, "%s\t%s\n", name, value) }
	line("serial", d.Serial)
	line("name", or(d.Name))
	line("esco", or(d.ESCO))
	line("mode", string(d.Mode))
	line("hardware", or(d.Hardware))
	line("address", address(d.Row))
	if d.FrameAddress != nil {
		line("frame address", fmt.Sprintf("%06x", *d.FrameAddress))
	}
	line("firmware", or(d.FirmwareVersion))
	line("health", dash(string(d.Health)))
	line("details", dash(d.Details))
	line("updated (UTC)", when(d.UpdatedAt))
	line("last healthy (UTC)", when(d.LastHealthyAt))
	for _, r := range d.Registers {
		line("register "+r.Element, r.ID+" ("+r.Status+")"+life(r, d.Serial))
	}
	for _, v := range shadowValues(d.Shadow) {
		line(v[0], v[1])
	}
	if d.NotRead != "" {
		line("NOT READ", d.NotRead)
	}
	if d.Note != "" {
		line("note", d.Note)
	}
	return t.Flush()
}

// life tells of a register that is not as when its meter was registered: whose it was and until when, and the readings at an exchange.
func life(r postgres.Register, serial string) (text string) {
	if r.Serial != serial {
		text += " of " + r.Serial
	}
	if r.InitialRead != nil || r.EndTime != nil {
		text += " from " + when(&r.StartTime)
	}
	if r.InitialRead != nil {
		text += " at " + r.InitialRead.String() + " kWh"
	}
	if r.EndTime != nil {
		text += " to " + when(r.EndTime)
	}
	if r.FinalRead != nil {
		text += " at " + r.FinalRead.String() + " kWh"
	}
	return text
}

// shadowValues gives the columns of the shadow in the order the database has them; what was never read is left out.
func shadowValues(shadow json.RawMessage) (values [][2]string) {
	d := json.NewDecoder(bytes.NewReader(shadow))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return values
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return values
		}
		if text := string(value); text != "null" {
			if s, err := strconv.Unquote(text); err == nil {
				text = s
			}
			values = append(values, [2]string{fmt.Sprint(name), text})
		}
	}
	return values
}
