package csvfile

import (
	"encoding/csv"
	"io"
	"strconv"
	"time"
)

// IntervalLine is one half-hour of one register.
type IntervalLine struct {
	Serial, Element string
	Start           time.Time // written with the offset of its zone
	Import, Export  IntervalValue
}

// IntervalValue is one direction of a half-hour.
type IntervalValue struct {
	KWh                     string // "" = nobody knows
	Quality, Method, Reason string
	Billable                *bool // nil: nobody has judged it
}

// Intervals writes half-hours as CSV. What may not be billed has its value left out, but for the quality that says there is one.
type Intervals struct {
	All bool // values that may not be billed too

	csv   *csv.Writer
	cells []string
}

// NewIntervals begins with the header.
func NewIntervals(w io.Writer) (*Intervals, error) {
	i := &Intervals{csv: csv.NewWriter(w)}
	return i, i.csv.Write([]string{"serial", "element", "start", "import_kwh", "import_quality", "import_method", "import_reason", "import_billable",
		"export_kwh", "export_quality", "export_method", "export_reason", "export_billable"})
}

// Write adds a line.
func (i *Intervals) Write(l IntervalLine) error {
	i.cells = append(i.cells[:0], l.Serial, l.Element, stamp(l.Start))
	for _, v := range []IntervalValue{l.Import, l.Export} {
		billable := ""
		if v.Billable != nil {
			billable = strconv.FormatBool(*v.Billable)
		}
		if !i.All && billable != "true" {
			v.KWh = ""
		}
		i.cells = append(i.cells, v.KWh, v.Quality, v.Method, v.Reason, billable)
	}
	return i.csv.Write(i.cells)
}

// Flush writes out what is kept back.
func (i *Intervals) Flush() error {
	i.csv.Flush()
	return i.csv.Error()
}

// ReadLine is what a register stood at, both ways; "" = not read.
type ReadLine struct {
	Serial, Element string
	Time            time.Time // written with the offset of its zone
	Import, Export  string    // kWh
}

// Reads writes register reads as CSV.
type Reads struct{ csv *csv.Writer }

// NewReads begins with the header.
func NewReads(w io.Writer) (*Reads, error) {
	r := &Reads{csv.NewWriter(w)}
	return r, r.csv.Write([]string{"serial", "element", "timestamp", "import_kwh", "export_kwh"})
}

// Write adds a line.
func (r *Reads) Write(l ReadLine) error {
	return r.csv.Write([]string{l.Serial, l.Element, stamp(l.Time), l.Import, l.Export})
}

// stamp is RFC 3339: UTC with Z, local time with its offset, of zero too.
func stamp(t time.Time) string {
	if t.Location() == time.UTC {
		return t.Format(time.RFC3339Nano)
	}
	return t.Format("2006-01-02T15:04:05.999999999-07:00")
}

// Flush writes out what is kept back.
func (r *Reads) Flush() error {
	r.csv.Flush()
	return r.csv.Error()
}
