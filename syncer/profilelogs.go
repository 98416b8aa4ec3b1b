package syncer

import (
	"fmt"
	"slices"
	"time"

	"flows"
	"flows/emop"
)

// logs are the half-hourly logs of this hardware. Import and export are two logs on single phase and one on three phase. Hardware of an
// unknown name is asked as a single-element meter is.
func (r *run) logs() []*halfLog {
	if asked(emop.ThreePhase, r.class) {
		return []*halfLog{r.threePhaseLog()}
	}
	elements := []string{"A"}
	if r.class == emop.TwinElement {
		elements = append(elements, "B")
	}
	return []*halfLog{profileLog1(elements), profileLog2(elements, r.class)}
}

func profileLog1(elements []string) *halfLog {
	return &halfLog{
		name: "profile_log_1", registers: registers(elements, flows.Import),
		question: func(at, _ time.Time) emop.Item { return emop.Item{DataField: emop.AppendProfile1(nil, at)} },
		decode: func(payload []byte, at time.Time) (p page, err error) {
			records, err := emop.ProfileLog1(payload, at)
			for _, rec := range records {
				p.add(elements, flows.Import, rec.Time, rec.Status, rec.ImportA, rec.ImportB)
			}
			return p, err
		},
	}
}

func profileLog2(elements []string, c emop.Class) *halfLog {
	return &halfLog{
		name: "profile_log_2", registers: registers(elements, flows.Export),
		question: func(at, _ time.Time) emop.Item { return emop.Item{DataField: emop.AppendProfile2(nil, at)} },
		decode: func(payload []byte, at time.Time) (p page, err error) {
			records, err := emop.ProfileLog2(payload, at, c)
			for _, rec := range records {
				p.add(elements, flows.Export, rec.Time, rec.Status, rec.ExportA, rec.ExportB)
			}
			return p, err
		},
	}
}

func registers(elements []string, d flows.Direction) (all []flows.ProfileMark) {
	for _, e := range elements {
		all = append(all, flows.ProfileMark{Element: e, Direction: d})
	}
	return all
}

// add takes what a record has of these elements, in Wh.
func (p *page) add(elements []string, d flows.Direction, at time.Time, s emop.ProfileStatus, counts ...uint32) {
	for i, e := range elements {
		p.reads = append(p.reads, flows.ProfileRead{Element: e, Direction: d, Time: at, Read: *wattHours(counts[i]), Status: uint16(s)})
	}
}

func (r *run) threePhaseLog() *halfLog {
	return &halfLog{
		name: "three_phase_log", ranged: true,
		registers: []flows.ProfileMark{{Element: "A", Direction: flows.Import}, {Element: "A", Direction: flows.Export}},
		question: func(at, to time.Time) emop.Item {
			return emop.Item{DataField: emop.AppendThreePhaseLog(nil, at, earlier(to, at.Add(emop.ThreePhaseSpan)))}
		},
		decode: r.threePhasePage,
	}
}

// threePhasePage takes the totals, the only channels that are registers. A meter need not log its export.
func (r *run) threePhasePage(payload []byte, _ time.Time) (p page, err error) {
	b, err := emop.ThreePhaseLog(payload)
	if err != nil {
		return p, err
	}
	in, out := slices.Index(b.Channels, emop.TotalImportActive.ID), slices.Index(b.Channels, emop.TotalExportActive.ID)
	if in < 0 && out < 0 {
		return p, fmt.Errorf("three phase interval log: neither %s nor %s is among its channels %v", emop.TotalImportActive.ID, emop.TotalExportActive.ID, b.Channels)
	}
	for _, row := range b.Rows {
		if in >= 0 {
			p.reads = append(p.reads, r.totalRead(flows.Import, row, in))
		}
		if out >= 0 {
			p.reads = append(p.reads, r.totalRead(flows.Export, row, out))
		}
	}
	// Rows that hold nothing have been left out, and are spoken of all the same.
	if rows := (len(payload) - threePhaseHead - 3*len(b.Channels)) / (2 + 4*len(b.Channels)); rows > 0 {
		p.last = b.Start.Add(time.Duration(rows-1) * b.Interval)
	}
	return p, nil
}

// threePhaseHead is the start, the interval and the number of channels.
const threePhaseHead = 6

func (r *run) totalRead(d flows.Direction, row emop.ThreePhaseRow, channel int) flows.ProfileRead {
	return flows.ProfileRead{Element: "A", Direction: d, Time: row.Time, Read: *r.total(row.Values[channel]), Status: uint16(row.Status)}
}
