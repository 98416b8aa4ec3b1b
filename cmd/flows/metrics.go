package main

import "strconv"

type metricsCmd struct {
	List metricsListCmd `cmd:"" help:"List what is read and how often."`
	Set  metricsSetCmd  `cmd:"" help:"Read a metric at a frequency, or do not."`
}

type metricsListCmd struct {
	database
	JSON bool `name:"json" help:"Print JSON."`
}

// Help is kong's.
func (metricsListCmd) Help() string {
	return `Example:
  flows metrics list

A metric is read at a frequency when any enabled row of meter_metrics says so.`
}

// Run is kong's.
func (c *metricsListCmd) Run(a *app) error {
	store, err := c.open(a)
	if err != nil {
		return err
	}
	defer store.Close()
	metrics, err := store.Metrics(a.ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(a.stdout, metrics)
	}
	var rows [][]string
	for _, m := range metrics {
		rows = append(rows, []string{m.Name, string(m.Frequency), strconv.FormatBool(m.Enabled)})
	}
	return table(a.stdout, []string{"METRIC", "FREQUENCY", "ENABLED"}, rows)
}
