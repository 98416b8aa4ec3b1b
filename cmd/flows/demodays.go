package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"flows"
	"flows/ledger"
	"flows/postgres"
	"flows/simulator"
	"flows/syncer"
)

// mostDemoDays is how far meters' logs reach back.
const mostDemoDays = 90

// daysReport is what --days found.
type daysReport struct {
	From      time.Time                 `json:"from"`
	Backfills []*syncer.BackfillSummary `json:"backfills"`
	Exchange  demoExchange              `json:"exchange"`
	Settled   int                       `json:"registers_validated"`
	Seconds   float64                   `json:"validated_in_seconds"`
	ledger.HalfHourReport
}

// demoExchange is the meter that took another's place.
type demoExchange struct {
	Old     string            `json:"old"`
	New     string            `json:"new"`
	At      time.Time         `json:"at"`
	Final   map[string]string `json:"final_kwh"` // by element
	Initial map[string]string `json:"initial_kwh"`
}

// demoDays is what came in.
type demoDays struct {
	daysReport
	before         []flows.Fact // what was stored before the exchange
	final, initial map[string]*flows.Energy
}

// spareMeter is a meter of the first one's kind that stands by.
func spareMeter(seed uint64) simulator.Options {
	return simulator.Options{Meters: 1, Seed: seed + 1, Meter: func(_ int, s *simulator.Spec) {
		*s = simulator.Spec{Hardware: "C1.w", Solar: true, Block: 8}
	}}
}

// takeDays reads the half-hours of the fleet since the demo's registers began, has the first meter exchanged in their midst, and validates
// all of them.
func (d *demo) takeDays(a *app, c *demoCmd) (*demoDays, error) {
	meters, err := d.store.Meters(a.ctx, postgres.Filter{ESCO: demoESCO, Due: true})
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, m := range meters {
		ids = append(ids, m.ID)
	}
	days := &demoDays{daysReport: daysReport{From: d.since}}
	if days.before, err = d.store.Facts(a.ctx); err != nil {
		return nil, err
	}
	if err := d.store.BeginRegisters(a.ctx, ids, d.since); err != nil {
		return nil, err
	}
	if err := d.backfill(a, days, meters); err != nil {
		return nil, err
	}
	if err := d.exchange(a, c, days); err != nil {
		return nil, err
	}
	began := time.Now()
	days.Settled, err = settle(a.ctx, d.store, ids)
	days.Seconds = time.Since(began).Round(10 * time.Millisecond).Seconds()
	return days, err
}

// backfill reads what is missing of these meters.
func (d *demo) backfill(a *app, days *demoDays, meters []flows.Meter) error {
	to := time.Now().Add(-time.Minute).UTC().Truncate(flows.SlotLength)
	f := fleetBackfill{store: d.store, client: d.client, meters: meters, from: d.since, to: to, parallel: demoParallel, pause: time.Second}
	s := f.run(a)
	days.Backfills = append(days.Backfills, s)
	if a.ctx.Err() != nil {
		return exit{exitInterrupted, fmt.Errorf("interrupted: %d of %d meters were done", s.Done, s.Meters)}
	}
	return nil
}

// exchange puts the spare meter into the place of the first one, and reads it.
func (d *demo) exchange(a *app, c *demoCmd, days *demoDays) error {
	before, after := d.fleet.Meters()[0], d.spare.Meters()[0]
	x := demoExchange{Old: before.Serial, New: after.Serial, Final: map[string]string{}, Initial: map[string]string{}}
	x.At = d.since.Add(time.Duration(c.Days) * 12 * time.Hour).Add(10*time.Minute + 40*time.Second)
	final, err := d.fleet.Registers(before.Serial, x.At)
	if err != nil {
		return err
	}
	initial, err := d.spare.Registers(after.Serial, x.At)
	if err != nil {
		return err
	}
	ip, port := after.Address.Addr(), after.Address.Port()
	e := postgres.Exchange{Old: x.Old, New: x.New, At: x.At, Final: standing(final), Initial: standing(initial), Hardware: after.Hardware, Address: &ip, Port: &port}
	days.final, days.initial = map[string]*flows.Energy{}, map[string]*flows.Energy{}
	for element := range e.Final {
		x.Final[element], x.Initial[element] = e.Final[element].String(), e.Initial[element].String()
		days.final[element], days.initial[element] = new(e.Final[element]), new(e.Initial[element])
	}
	if _, err := d.store.Exchange(a.ctx, e); err != nil {
		return err
	}
	meters, err := d.store.Meters(a.ctx, postgres.Filter{Serials: []string{x.New}})
	if err != nil {
		return err
	}
	days.Exchange = x
	return d.backfill(a, days, meters)
}

func standing(e simulator.Energies) postgres.Readings {
	return postgres.Readings{"A": flows.Energy(e.ImportA), "B": flows.Energy(e.ImportB)}
}

// withoutExchange gives the facts with what now stands under the new meter as it was before, for the comparison with what the old one had
// answered. Its registers are still its own.
func (days *demoDays) withoutExchange(facts []flows.Fact) []flows.Fact {
	own := map[string]bool{}
	kept := slices.DeleteFunc(slices.Clone(facts), func(f flows.Fact) bool {
		own[f.Table] = own[f.Table] || f.Serial == days.Exchange.Old
		return f.Serial == days.Exchange.New
	})
	for _, f := range days.before {
		if f.Serial == days.Exchange.Old && !own[f.Table] {
			kept = append(kept, f)
		}
	}
	return kept
}

// compareDays holds every record against the answers and every half-hour against the truth.
func (d *demo) compareDays(days *demoDays, report *onceReport, stored []ledger.Stored, ofMeters map[string][]flows.Exception) (err error) {
	h := ledger.HalfHours{Stored: stored, OfMeter: ofMeters, Truth: map[string][]ledger.Slot{}, Faults: map[string][]string{}}
	for _, fleet := range []*simulator.Fleet{d.fleet, d.spare} {
		h.Meters = append(h.Meters, ledgerMeters(fleet.Meters())...)
		h.Answers = append(h.Answers, ledgerAnswers(fleet.Ledger())...)
		for _, m := range fleet.Meters() {
			h.Faults[m.Serial] = m.Behaviour
			if h.Truth[m.Serial], err = truthOf(fleet, m.Serial, d.since); err != nil {
				return err
			}
		}
	}
	if h.Zone, err = time.LoadLocation("Europe/London"); err != nil { // the ESCO's
		h.Zone = time.UTC
	}
	report.Logs(h.Meters, h.Answers, stored)
	for i := range stored { // the readings at an exchange are those that the meters showed
		switch s := &stored[i]; {
		case s.Direction != flows.Import:
		case s.Serial == days.Exchange.Old:
			s.Final = days.final[s.Element]
		case s.Serial == days.Exchange.New:
			s.Initial = days.initial[s.Element]
		}
	}
	days.HalfHourReport = h.Compare()
	report.Days = &days.daysReport
	return nil
}

// truthOf is what went through a meter's registers since a day before.
func truthOf(fleet *simulator.Fleet, serial string, since time.Time) ([]ledger.Slot, error) {
	truth, err := fleet.Truth(serial, since.AddDate(0, 0, -1), time.Now())
	var slots []ledger.Slot
	for _, s := range truth {
		slot := ledger.Slot{Start: s.Start, Moved: ledger.Energies(s.Clocked)}
		for _, k := range s.Wrong {
			slot.Wrong = append(slot.Wrong, string(k))
		}
		slots = append(slots, slot)
	}
	return slots, err
}

// mostWrong is how many half-hours are named on standard error; --json has all.
const mostWrong = 200

func printWrong(w io.Writer, all []ledger.SlotFault) {
	for i, f := range all {
		if i == mostWrong {
			fmt.Fprintf(w, "and %d more, see --json\n", len(all)-mostWrong)
			break
		}
		fmt.Fprintln(w, f)
	}
}

// mostNulls is how many spans are printed; --json has all.
const mostNulls = 20

func (r *daysReport) print(w io.Writer) {
	fmt.Fprintln(w)
	for _, s := range r.Backfills {
		printBackfill(w, s)
	}
	x := r.Exchange
	fmt.Fprintf(w, "meter %s exchanged for %s at %s: registers end at A %s, B %s kWh, begin at A %s, B %s kWh\n", x.Old, x.New, x.At.Format(time.RFC3339),
		x.Final["A"], x.Final["B"], x.Initial["A"], x.Initial["B"])
	fmt.Fprintf(w, "%d registers validated in %gs\n\nhalf-hours of %d registers and directions since %s\n", r.Settled, r.Seconds, r.Registers, r.From.Format(time.RFC3339))
	fmt.Fprintf(w, "  %-10s %10s %13s\n", "quality", "billable", "not billable")
	for _, q := range r.Slots {
		fmt.Fprintf(w, "  %-10s %10d %13d\n", q.Quality, q.Billable, q.Other)
	}
	fmt.Fprintf(w, "%d actual ones are what truly went through the register\n", r.Compared)
	if r.Unread > 0 {
		fmt.Fprintf(w, "%d are in a meter's log between two holes, and were passed over\n", r.Unread)
	}
	fmt.Fprintf(w, "%d runs between two readings: %s kWh in half-hours, %s kWh by the registers, %s kWh lost or invented\n", r.Runs, r.Sum, r.Moved, r.Astray)
	r.printNulls(w)
	fmt.Fprintln(w, "exceptions")
	for _, x := range r.Exceptions {
		fmt.Fprintf(w, "  %-22s %5d, of %6d half-hours, records or samples\n", x.Rule, x.Exceptions, x.Count)
	}
	fmt.Fprintln(w, "what befell the meters' logs, and what was found of it")
	for _, f := range r.Faults {
		fmt.Fprintf(w, "  %-12s %3d of %3d  %s\n", f.Fault, f.Found, f.Seen, f.Wanted)
	}
	fmt.Fprintln(w, "clocks that are off, whose half-hours are compared with those of the clock")
	for _, c := range r.Clocks {
		fmt.Fprintf(w, "  %s %+8d s  %d of %d half-hours billable\n", c.Serial, c.Seconds, c.Billable, c.Slots)
	}
	fmt.Fprintf(w, "wrong half-hours: %d\n", len(r.Wrong))
}

func (r *daysReport) printNulls(w io.Writer) {
	fmt.Fprintf(w, "%d spans without a value, how many half-hours each, why, and what the readings at their ends say\n", len(r.Nulls))
	for i, n := range r.Nulls {
		if i == mostNulls {
			fmt.Fprintf(w, "  and %d more, see --json\n", len(r.Nulls)-mostNulls)
			break
		}
		fmt.Fprintf(w, "  %s\n", n)
	}
}
