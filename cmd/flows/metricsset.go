package main

import (
	"context"
	"fmt"
	"strings"

	"flows"
	"flows/emop"
	"flows/syncer"
)

type metricsSetCmd struct {
	database
	Name      string          `arg:"" help:"The metric, as flows metrics list has it; case does not matter."`
	Frequency flows.Frequency `required:"" aliases:"freq" enum:"hourly,12hourly,daily" help:"How often: hourly, 12hourly or daily."`
	Off       bool            `help:"Do not read it at this frequency any more."`
}

// Help is kong's.
func (metricsSetCmd) Help() string {
	return `Examples:
  flows metrics set SyncerVoltage --frequency 12hourly
  flows metrics set SyncerVoltage --frequency hourly --off

The next run goes by it. What is read at other frequencies stays as it is.`
}

// Run is kong's.
func (c *metricsSetCmd) Run(a *app) error {
	if strings.TrimSpace(c.Name) == "" {
		return usage("the metric has no name; flows metrics list shows which there are")
	}
	name, known := metricName(a.ctx, strings.TrimSpace(c.Name))
	store, err := c.open(a)
	if err != nil {
		return err
	}
	defer store.Close()
	if !known {
		fmt.Fprintf(a.stderr, "flows: warning: this flows knows no metric %s and does not read it; flows metrics list shows those of the database\n", name)
	}
	changed, err := store.SetMetric(a.ctx, flows.Metric{Name: name, Frequency: c.Frequency, Enabled: !c.Off})
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s %s\n", name, c.became(changed))
	for _, f := range flows.Frequencies {
		names, err := store.EnabledMetrics(a.ctx, f)
		if err != nil {
			return err
		}
		fmt.Fprintf(a.stdout, "%s: %s\n", f, dash(strings.Join(names, ", ")))
	}
	return nil
}

func (c *metricsSetCmd) became(changed bool) string {
	switch {
	case c.Off && changed:
		return fmt.Sprintf("is not read %s any more", c.Frequency)
	case c.Off:
		return fmt.Sprintf("is not read %s, as before", c.Frequency)
	case changed:
		return fmt.Sprintf("is read %s from now on", c.Frequency)
	}
	return fmt.Sprintf("is read %s, as before", c.Frequency)
}

// metricName gives a metric's name as a run writes it, and whether a run knows it.
func metricName(ctx context.Context, name string) (string, bool) {
	r := syncer.Run(ctx, flows.Meter{}, flows.Daily, []string{name}, nobody{})
	return r.Outcomes[0].Metric, r.Outcomes[0].State != flows.Unknown
}

// nobody is a meter that cannot be reached.
type nobody struct{}

// Batch is syncer's.
func (nobody) Batch(_ context.Context, _ string, items []emop.Item) []emop.Answer {
	answers := make([]emop.Answer, len(items))
	for i := range answers {
		answers[i].Err = flows.Errorf(flows.Mediator, "nobody is asked")
	}
	return answers
}
