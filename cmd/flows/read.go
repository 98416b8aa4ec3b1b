package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"flows"
	"flows/emlite"
	"flows/emop"
)

type readCmd struct {
	mediators
	meterTiming
	Serial string `arg:"" help:"The meter."`
	Object string `arg:"" help:"Name of an object, or its id as six hex digits."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// Help is kong's.
func (readCmd) Help() string {
	var b strings.Builder
	b.WriteString("Examples:\n  flows read EML2137580761 prepay_balance\n  flows read EML2137580761 active_price.8.1\n  flows read EML2137580761 fffd1d --json\n\nObjects:\n")
	for _, d := range emop.Table {
		if e := d.Info(); d.Readable() {
			name := e.Name
			if f, ok := d.(emop.Family); ok {
				name = f.Pattern()
			}
			fmt.Fprintf(&b, "  %-28s %s  %s%s\n", name, e.ID, e.Note, unit(e))
		}
	}
	return b.String()
}

func unit(e emop.Entry) string {
	if e.Unit == "" {
		return ""
	}
	return " (" + e.Unit + ")"
}

// Run is kong's.
func (c *readCmd) Run(a *app) error {
	object, err := emop.Lookup(c.Object)
	if err != nil {
		return usage("%w", err)
	}
	e := object.Info()
	if !object.Readable() {
		return usage("%s can only be written", e.Name)
	}
	client, err := c.dial(a, c.meterTiming, emlite.Person)
	if err != nil {
		return err
	}
	defer client.Close()
	hardware, err := hardwareOf(a.ctx, client, c.Serial)
	if err != nil {
		return err
	}
	payload, err := client.Read(a.ctx, c.Serial, e.ID)
	if err != nil {
		if class := emop.ClassOf(hardware); class != 0 && e.On&class == 0 {
			err = fmt.Errorf("%w (%s is not on %s)", err, e.Name, hardware)
		}
		return fmt.Errorf("%s of %s: %w", e.Name, c.Serial, err)
	}
	text, err := object.Text(payload, emop.ClassOf(hardware))
	if err != nil {
		return exit{exitFailed, fmt.Errorf("%s of %s: answer %x: %w", e.Name, c.Serial, payload, err)}
	}
	if c.JSON {
		return printJSON(a.stdout, map[string]string{"serial": c.Serial, "object": e.Name, "id": e.ID.String(), "unit": e.UnitOn(emop.ClassOf(hardware)),
			"value": text, "payload": hex.EncodeToString(payload)})
	}
	if text == "" {
		text = "(empty)"
	}
	_, err = fmt.Fprintln(a.stdout, text)
	return err
}

// hardwareOf is what the mediator's registry knows of the meter's hardware; "" when it knows none.
func hardwareOf(ctx context.Context, client *emlite.Client, serial string) (string, error) {
	b, err := client.Info(ctx, serial)
	if flows.CodeOf(err, "") == flows.Database {
		return "", nil // the mediator may still know where the meter is
	}
	if err != nil {
		return "", err
	}
	var info struct {
		Registry struct {
			Hardware *string `json:"hardware"`
		} `json:"registry"`
	}
	if err := json.Unmarshal(b, &info); err != nil || info.Registry.Hardware == nil {
		return "", nil
	}
	return *info.Registry.Hardware, nil
}
