package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"flows/csvfile"
	"flows/postgres"
)

type exportCmd struct {
	Intervals exportIntervalsCmd `cmd:"" help:"Half-hours as CSV."`
	Reads     exportReadsCmd     `cmd:"" help:"Register reads as CSV."`
}

// exported is what leaves the house, and where to.
type exported struct {
	database
	From   moment   `required:"" placeholder:"TIME" help:"Since when: a date, which is its midnight at the meter's ESCO (Europe/London without one), or 2026-03-01T00:00:00Z."`
	To     moment   `required:"" placeholder:"TIME" help:"Until when, in the same way; this day or time is not in it."`
	Serial []string `sep:"none" placeholder:"SERIAL" help:"Only these meters; one that was exchanged keeps its own."`
	ESCO   string   `name:"esco" setting:"ESCO" placeholder:"CODE" help:"Only the meters of this ESCO ($$ESCO); all when not given."`
	Local  bool     `help:"Times of the meter's ESCO with their offset instead of UTC."`
	Output string   `short:"o" type:"path" placeholder:"FILE" help:"Write to this file, which appears when it is whole; to the terminal when not given."`
	Force  bool     `help:"Replace the file."`
}

const exportPeriods = `
The period is from --from up to, not including, --to: a day is --from 2026-03-01 --to 2026-03-02. Energy is in kWh, exact. A summary goes to
stderr.`

func (c *exported) query() (q postgres.ExportQuery, err error) {
	if c.From.date == c.To.date && !c.To.time.After(c.From.time) {
		return q, usage("--to is not after --from: --to itself does not belong to the period")
	}
	return postgres.ExportQuery{ESCO: c.ESCO, Serials: c.Serial, From: postgres.Bound{Time: c.From.time, Local: c.From.date},
		To: postgres.Bound{Time: c.To.time, Local: c.To.date}}, nil
}

// export opens both ends.
func (c *exported) export(a *app, write func(*postgres.Store, io.Writer) error) error {
	out, err := createOutput(a.stdout, c.Output, c.Force)
	if err != nil {
		return err
	}
	defer out.discard()
	store, err := c.open(a)
	if err != nil {
		return err
	}
	defer store.Close()
	if err = write(store, out); err == nil {
		err = out.Flush()
	}
	var unknownESCO *postgres.UnknownESCO
	var unknown *postgres.UnknownSerials
	switch {
	case errors.As(err, &unknownESCO), errors.As(err, &unknown):
		return userError(err)
	case err != nil:
		return fmt.Errorf("the export is not whole: %w", err)
	}
	return out.keep()
}

// shown puts a time into the zone to write it in.
func (c *exported) shown(t time.Time, zone string) (time.Time, error) {
	if !c.Local {
		return t.UTC(), nil
	}
	l, err := location(zone)
	if err != nil {
		return t, err
	}
	return t.In(l), nil
}

type exportIntervalsCmd struct {
	exported
	All    bool `help:"Write the values that are not to be billed too."`
	Record bool `help:"Remember what was exported: when the meter's own value comes later, that is reported as REPLACED_AFTER_EXPORT."`
}

// Help is kong's.
func (exportIntervalsCmd) Help() string {
	return `Examples:
  flows export intervals --from 2026-03-01 --to 2026-04-01 --esco EXAMPLE --output march.csv --record
  flows export intervals --from 2026-03-28 --to 2026-03-29 --serial EML2137580761 --local --all

One line a half-hour and register, by serial, element and start, for import and export each: the energy, its quality (edited, actual, derived,
estimated), method, the rule that has something to say, and whether it may be billed.

Only what may be billed has its energy written. Of other half-hours the columns beside it tell: a quality without energy is a value that
is held back for the reason given (billable false) or has not been judged yet (billable empty); no quality is a half-hour of which
nobody knows, for the reason given. --all writes the values held back too. Do not bill them.
` + exportPeriods
}

// Run is kong's.
func (c *exportIntervalsCmd) Run(a *app) error {
	q, err := c.query()
	if err != nil {
		return err
	}
	q.Record = c.Record
	var sum intervalSum
	var recorded int64
	err = c.export(a, func(store *postgres.Store, w io.Writer) error {
		lines, err := csvfile.NewIntervals(w)
		if err != nil {
			return err
		}
		lines.All = c.All
		recorded, err = store.ExportIntervals(a.ctx, q, func(l *postgres.IntervalLine) error {
			start, err := c.shown(l.Start, l.Zone)
			if err != nil {
				return err
			}
			sum.add(l)
			return lines.Write(csvfile.IntervalLine{Serial: l.Serial, Element: l.Element, Start: start,
				Import: csvfile.IntervalValue(l.Import), Export: csvfile.IntervalValue(l.Export)})
		})
		return errors.Join(err, lines.Flush())
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(a.stderr, sum)
	if c.Record {
		fmt.Fprintf(a.stderr, "remembered as exported: %d half-hours that are not the meter's own value\n", recorded)
	}
	return nil
}

// intervalSum counts what was exported.
type intervalSum struct {
	lines           int
	imports, export directionSum
}

type directionSum struct{ billable, unbillable, unjudged, unknown int }

func (s *intervalSum) add(l *postgres.IntervalLine) {
	s.lines++
	s.imports.add(&l.Import)
	s.export.add(&l.Export)
}

func (s *directionSum) add(v *postgres.IntervalValue) {
	switch {
	case v.KWh == "":
		s.unknown++
	case v.Billable == nil:
		s.unjudged++
	case *v.Billable:
		s.billable++
	default:
		s.unbillable++
	}
}

func (s intervalSum) String() string {
	return fmt.Sprintf("%d half-hours; import: %s; export: %s", s.lines, s.imports, s.export)
}

func (s directionSum) String() string {
	return fmt.Sprintf("%d billable, %d not billable, %d not judged yet, %d without a value", s.billable, s.unbillable, s.unjudged, s.unknown)
}

type exportReadsCmd struct{ exported }

// Help is kong's.
func (exportReadsCmd) Help() string {
	return `Example:
  flows export reads --from 2026-03-01 --to 2026-04-01 --esco EXAMPLE --output march.csv

One line a register and time at which it was read, by serial, element and time: what it stood at, as the meter said it, import and export.
` + exportPeriods
}

// Run is kong's.
func (c *exportReadsCmd) Run(a *app) error {
	q, err := c.query()
	if err != nil {
		return err
	}
	n := 0
	err = c.export(a, func(store *postgres.Store, w io.Writer) error {
		lines, err := csvfile.NewReads(w)
		if err != nil {
			return err
		}
		err = store.ExportReads(a.ctx, q, func(l *postgres.ReadLine) error {
			at, err := c.shown(l.Time, l.Zone)
			if err != nil {
				return err
			}
			n++
			return lines.Write(csvfile.ReadLine{Serial: l.Serial, Element: l.Element, Time: at, Import: l.Import, Export: l.Export})
		})
		return errors.Join(err, lines.Flush())
	})
	if err == nil {
		fmt.Fprintf(a.stderr, "%d reads\n", n)
	}
	return err
}
