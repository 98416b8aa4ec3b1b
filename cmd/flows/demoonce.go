package main

import (
	"context"
	"fmt"
	"slices"

	"flows"
	"flows/ledger"
	"flows/postgres"
	"flows/simulator"
	"flows/syncer"
)

// onceReport is what demo --once found.
type onceReport struct {
	Meters     int              `json:"meters"`
	Healthy    int              `json:"healthy"`
	Unhealthy  int              `json:"unhealthy"`
	Runs       []syncer.Summary `json:"runs"`
	Unexpected []string         `json:"unexpected"` // meters whose verdict is not what their behaviour deserves
	Mismatched int              `json:"mismatches"`
	ledger.Report
}

// once reads every frequency once and compares every stored row with what the simulated meters answered.
func (d *demo) once(a *app, c *demoCmd) error {
	earlier, err := d.store.Facts(a.ctx)
	if err != nil {
		return err
	}
	if len(earlier) > 0 {
		return usage("--once compares everything that is stored, and %s holds earlier runs: give another --data-dir", c.DataDir)
	}
	report := onceReport{Unexpected: []string{}}
	var runs []ledger.Run
	for _, f := range flows.Frequencies {
		names, err := d.store.EnabledMetrics(a.ctx, f)
		if err != nil {
			return err
		}
		s, err := d.sync(a, f)
		if err != nil {
			return err
		}
		report.Runs = append(report.Runs, s)
		runs = append(runs, ledger.Run{Frequency: f, Metrics: names, Started: s.Started, Ended: s.Finished})
	}
	if d.afterSync != nil {
		if err := d.afterSync(a.ctx, d.server.URL("postgres")); err != nil {
			return err
		}
	}
	facts, err := d.store.Facts(a.ctx)
	if err != nil {
		return err
	}
	report.Report = ledger.Compare(ledgerMeters(d.fleet.Meters()), ledgerAnswers(d.fleet.Ledger()), runs, facts)
	if err := d.verdicts(a.ctx, &report); err != nil {
		return err
	}
	report.Mismatched = len(report.Mismatches) + len(report.Unexpected)
	if c.JSON {
		if err := printJSON(a.stdout, report); err != nil {
			return err
		}
	} else {
		printOnce(a, report)
	}
	for _, m := range report.Mismatches {
		fmt.Fprintln(a.stderr, m)
	}
	for _, u := range report.Unexpected {
		fmt.Fprintln(a.stderr, u)
	}
	if n := report.Mismatched; n > 0 {
		return exit{exitFailed, fmt.Errorf("%d mismatches between what the meters answered and what the database holds", n)}
	}
	return nil
}

// sync runs the whole fleet once.
func (d *demo) sync(a *app, f flows.Frequency) (syncer.Summary, error) {
	meters, err := d.store.Meters(a.ctx, postgres.Filter{ESCO: demoESCO, Due: true})
	if err != nil {
		return syncer.Summary{}, err
	}
	return fleetSync{store: d.store, client: d.client, meters: meters, frequency: f, parallel: demoParallel, esco: demoESCO}.run(a)
}

// demoParallel is how many meters the demo asks at a time.
const demoParallel = 30

// verdicts counts meters by verdict and names those that got another than they deserve: unhealthy is for meters that cannot be reached
// and for foreign ones.
func (d *demo) verdicts(ctx context.Context, report *onceReport) error {
	rows, err := d.store.List(ctx, postgres.Filter{ESCO: demoESCO})
	if err != nil {
		return err
	}
	health := map[string]flows.Health{}
	for _, r := range rows {
		health[r.Serial] = r.Health
	}
	for _, m := range d.fleet.Meters() {
		report.Meters++
		want := flows.Healthy
		if !m.Reachable || m.OwnSerial != m.Serial {
			want = flows.Unhealthy
		}
		switch health[m.Serial] {
		case flows.Healthy:
			report.Healthy++
		case flows.Unhealthy:
			report.Unhealthy++
		}
		if got := health[m.Serial]; got != want {
			report.Unexpected = append(report.Unexpected, fmt.Sprintf("meter %s (%v) is %q, not %q", m.Serial, m.Behaviour, got, want))
		}
	}
	return nil
}

func ledgerMeters(all []simulator.Meter) []ledger.Meter {
	var meters []ledger.Meter
	for _, m := range all {
		meters = append(meters, ledger.Meter{Serial: m.Serial, Hardware: m.Hardware, Reachable: m.Reachable, Foreign: m.OwnSerial != m.Serial, Active: true,
			FrameAddress: m.FrameAddress})
	}
	return meters
}

func ledgerAnswers(all []simulator.Answer) []ledger.Answer {
	var answers []ledger.Answer
	for _, x := range all {
		var values []ledger.Value
		for _, v := range x.Values {
			values = append(values, ledger.Value(v))
		}
		answers = append(answers, ledger.Answer{Serial: x.Serial, Object: uint32(x.Object), Block: x.EventBlock, Write: x.Write,
			Arrived: x.Arrived, Departed: x.Departed, Whole: x.Whole, NAK: x.NAK, Values: values})
	}
	return answers
}

func printOnce(a *app, r onceReport) {
	for _, s := range r.Runs {
		printSummary(a.stdout, s)
	}
	fmt.Fprintf(a.stdout, "\n%d meters: %d healthy, %d unhealthy\n%d values answered by the fleet\n", r.Meters, r.Healthy, r.Unhealthy, r.Answered)
	var tables []string
	for name := range r.Stored {
		tables = append(tables, name)
	}
	slices.Sort(tables)
	for _, name := range tables {
		fmt.Fprintf(a.stdout, "  %-24s %6d rows\n", name, r.Stored[name])
	}
	fmt.Fprintf(a.stdout, "mismatches: %d\n", r.Mismatched)
}
