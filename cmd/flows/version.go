package main

import (
	"fmt"
	"runtime/debug"

	"flows/schema"
)

type versionCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Help is kong's.
func (versionCmd) Help() string { return "Example:\n  flows version" }

// Run is kong's.
func (c *versionCmd) Run(a *app) error {
	commit := "unknown commit"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				commit = s.Value
			}
		}
	}
	if c.JSON {
		return printJSON(a.stdout, map[string]any{"commit": commit, "schema": schema.Version()})
	}
	fmt.Fprintf(a.stdout, "flows %s, schema %d\n", commit, schema.Version())
	return nil
}
