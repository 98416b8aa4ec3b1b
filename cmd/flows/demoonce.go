package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

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
	Days *daysReport `json:"days,omitempty"`
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
	if err := d.verdicts(a.ctx, &report); err != nil {
		return err
	}
	if err := d.compare(a, c, &report, runs); err != nil {
		return err
	}
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
	if report.Days != nil {
		printWrong(a.stderr, report.Days.Wrong)
	}
	if n := report.Mismatched; n > 0 {
		return exit{exitFailed, fmt.Errorf("%d mismatches between what the meters answered and what the database holds", n)}
	}
	return nil
}

// compare holds what is stored against what the meters answered; with days, after their half-hours have come in.
func (d *demo) compare(a *app, c *demoCmd, report *onceReport, runs []ledger.Run) error {
	answers := ledgerAnswers(d.fleet.Ledger()) // of the runs
	var days *demoDays
	if c.Days > 0 {
		var err error
		if days, err = d.takeDays(a, c); err != nil {
			return err
		}
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
	halfHours, ofMeters, err := d.store.HalfHours(a.ctx)
	if err != nil {
		return err
	}
	var stored []ledger.Stored
	for _, h := range halfHours {
		stored = append(stored, ledger.Stored(h))
	}
	meters := ledgerMeters(d.fleet.Meters())
	if days == nil {
		report.Report = ledger.Compare(meters, answers, runs, facts)
		report.Logs(meters, answers, stored)
	} else {
		report.Report = ledger.Compare(meters, answers, runs, days.withoutExchange(facts))
		if err := d.compareDays(days, report, stored, ofMeters); err != nil {
			return err
		}
		report.Mismatched = len(report.Days.Wrong)
	}
	report.Mismatched += len(report.Mismatches) + len(report.Unexpected)
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
		answers = append(answers, ledger.Answer{Serial: x.Serial, Object: uint32(x.Object), Block: x.EventBlock, Profile: ledgerProfile(x.Profile), Write: x.Write,
			Arrived: x.Arrived, Departed: x.Departed, Whole: x.Whole, NAK: x.NAK, Values: values})
	}
	return answers
}

// ledgerProfile leaves out what is no energy: the records are many.
func ledgerProfile(p *simulator.Profile) *ledger.Profile {
	if p == nil {
		return nil
	}
	to := &ledger.Profile{Log: p.Format, From: p.From}
	for i, r := range p.Records {
		record := ledger.Record{Time: time.Unix(r.Time, 0).UTC(), Status: r.Status}
		for _, v := range p.Values(i) {
			if strings.HasSuffix(v.Unit, "Wh") {
				record.Values = append(record.Values, ledger.Value(v))
			}
		}
		to.Records = append(to.Records, record)
	}
	return to
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
	if r.Days != nil {
		r.Days.print(a.stdout)
	}
	fmt.Fprintf(a.stdout, "mismatches: %d\n", r.Mismatched)
}
