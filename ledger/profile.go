package ledger

import (
	"fmt"
	"slices"
	"time"

	"flows"
)

// Profile is a question about a log of half-hours and the records it was answered with.
type Profile struct {
	Log     byte // one of a meter's logs
	From    time.Time
	Records []Record
}

// Record is one record of a log, before the meter encoded it.
type Record struct {
	Time   time.Time // by the meter's clock
	Status uint16    // as on the wire, the first byte in the high one
	Values []Value
}

// Stored is what the database holds of the half-hours of one register in one direction.
type Stored struct {
	Serial         string // of the meter that had the register
	Element        string // A or B
	Direction      flows.Direction
	Follows        bool          // another register was here before
	Start, End     time.Time     // the register's life; a zero End has not come
	Initial, Final *flows.Energy // readings at its ends

	Records    []flows.ProfileRecord
	Intervals  []flows.Interval // a null one has no Quality
	Unjudged   []time.Time      // intervals that nobody has judged yet
	Exceptions []flows.Exception
	Gaps       []flows.Period // local days of which something is missing
}

// registerOf is the register whose stand a record's value is; "" = none that is kept.
func registerOf(value string) (element string, d flows.Direction) {
	switch value {
	case "import_a":
		return "A", flows.Import
	case "import_b":
		return "B", flows.Import
	case "export_a":
		return "A", flows.Export
	case "export_b":
		return "B", flows.Export
	}
	return "", ""
}

// elementsOf are the elements of a hardware.
func elementsOf(hardware string) []string {
	if kindOf(hardware) == twin {
		return []string{"A", "B"}
	}
	return []string{"A"}
}

// tenths is a value in 0.1 Wh.
func tenths(v Value) flows.Energy {
	if v.Unit == "Wh" {
		return flows.Energy(v.Number) * flows.WattHour
	}
	return flows.Energy(v.Number)
}

// readProfile asks whether each log that was asked for was answered in the end, or is one that the meter does not have. A meter of
// whose logs nothing is known must be asked.
func (b *book) readProfile(v *visit, heard []Answer) (failed bool) {
	last := map[byte]Answer{}
	for _, a := range heard {
		if a.Profile != nil {
			last[a.Profile.Log] = a
		}
	}
	for _, a := range last {
		failed = failed || !a.Whole || a.NAK != 0 && a.NAK != unknownObject
	}
	switch {
	case len(last) > 0:
		b.logged = true
	case v.gaveUp:
		failed = true
	case !b.logged:
		b.report.add(b.Serial, "register_profile_hh.read", v.run.Started, "asked", "not asked",
			fmt.Sprintf("the meter has logs of half-hours, but the %s run never asked for them", v.run.Frequency))
	}
	return failed
}

const unknownObject = 5

// register is one register in one direction.
type register struct {
	serial, element string
	direction       flows.Direction
}

func (r register) key() string {
	return fmt.Sprintf("register_profile_hh.%s.%s", r.direction, r.element)
}

// logged is a record as one register has it.
type logged struct {
	value  flows.Energy
	status uint16
	heard  time.Time // when it first left the meter
}

func (l logged) String() string { return fmt.Sprintf("%s status %04x", kWh(l.value), l.status) }

func kWh(e flows.Energy) string {
	return number(Answer{}, Value{Unit: "0.1 Wh", Number: int64(e)}).text
}

// page is an answer's records, as one register has them.
type page struct {
	from    time.Time
	records map[time.Time]logged
}

// pagesOf gives what a register's log was answered with, in the order of the answers.
func pagesOf(meters []Meter, answers []Answer) map[register][]page {
	elements := map[string][]string{}
	for _, m := range meters {
		if m.Active && !m.Foreign {
			elements[m.Serial] = elementsOf(m.Hardware)
		}
	}
	all := map[register][]page{}
	for _, a := range answers {
		if a.Profile == nil || !a.Whole || a.NAK != 0 || a.Write {
			continue
		}
		pages := map[register]page{}
		for _, rec := range a.Profile.Records {
			for _, v := range rec.Values {
				element, direction := registerOf(v.Name)
				if !slices.Contains(elements[a.Serial], element) {
					continue
				}
				r := register{a.Serial, element, direction}
				if pages[r].records == nil {
					pages[r] = page{a.Profile.From.UTC(), map[time.Time]logged{}}
				}
				pages[r].records[rec.Time.UTC()] = logged{tenths(v), rec.Status, a.Departed}
			}
		}
		for r, p := range pages {
			all[r] = append(all[r], p)
		}
	}
	return all
}

// Logs holds every stored record of the meters' logs against the answers, and every answered one against what is stored. What a meter
// tells of times before the one it was asked for need not be stored, nor what it tells when asked beyond a hole where the records stored go
// no further: it will be asked again.
func (r *Report) Logs(meters []Meter, answers []Answer, stored []Stored) {
	pages := pagesOf(meters, answers)
	for _, s := range stored {
		at := register{s.Serial, s.Element, s.Direction}
		r.compareLog(at, pages[at], s.Records)
		delete(pages, at)
	}
	for at, p := range pages {
		r.compareLog(at, p, nil)
	}
	r.sort()
}

func (r *Report) compareLog(at register, pages []page, records []flows.ProfileRecord) {
	const table = "register_profile_hh"
	answered, due := due(pages, newest(records))
	found := map[time.Time]bool{}
	for _, rec := range records {
		t := rec.Time.UTC()
		want, known := answered[t]
		got := logged{rec.Value, rec.Status, time.Time{}}
		r.Stored[table]++
		switch {
		case !known:
			r.add(at.serial, at.key(), t, None, got.String(), "the meter never answered such a record")
		case want.value != got.value || want.status != got.status:
			r.add(at.serial, at.key(), t, want.String(), got.String(), "not what the meter answered")
		case rec.Received.Before(want.heard.Add(-slack)):
			r.add(at.serial, at.key(), t, clock(want.heard)+" or later", clock(rec.Received), "received before the meter answered it")
		case found[t]:
			r.add(at.serial, at.key(), t, "one row", "one more, "+got.String(), "stored twice")
		}
		found[t] = true
	}
	r.Expected[table] += len(due)
	r.Answered += len(due)
	for _, t := range due {
		if !found[t] {
			r.add(at.serial, at.key(), t, answered[t].String(), None, "not stored")
		}
	}
}

func newest(records []flows.ProfileRecord) (t time.Time) {
	for _, r := range records {
		t = later(t, r.Time.UTC())
	}
	return t
}

// due gives all records that were answered, as they were the first time, and those that must be stored when nothing later than last is.
func due(pages []page, last time.Time) (answered map[time.Time]logged, due []time.Time) {
	answered = map[time.Time]logged{}
	must := map[time.Time]bool{}
	var first time.Time // that was asked for
	for _, p := range pages {
		if first.IsZero() || p.from.Before(first) {
			first = p.from
		}
	}
	reach := later(first, last.Add(flows.SlotLength))
	for _, p := range pages {
		for t, l := range p.records {
			if _, known := answered[t]; !known {
				answered[t] = l
			}
			if !t.Before(p.from) && !p.from.After(reach) && !must[t] {
				must[t] = true
				due = append(due, t)
			}
		}
	}
	slices.SortFunc(due, time.Time.Compare)
	return answered, due
}
