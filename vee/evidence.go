package vee

import (
	"slices"
	"sync"
	"time"

	"flows"
)

// Rules judge registers and meters by what a store knows of them.
var Rules = flows.Judge{Register: Settle, Meter: SettleMeter}

// Settle judges what a store knows of a register in one direction. A register that cannot be judged, for its ESCO's zone or thresholds are
// nonsense, is judged as if they were not set: rows must not wait for a setting, and whoever set them was told then.
func Settle(e flows.Evidence) flows.Judgement {
	in := inputOf(e)
	r := Judge(in)
	if w := wantedBy(e, r); w != nil {
		return flows.Judgement{Wanted: w}
	}
	out := flows.Judgement{Span: r.Span, Intervals: r.Intervals, Days: r.Days, Ran: r.Ran, NotRun: map[flows.Rule]string{}}
	for _, n := range r.NotRun {
		out.NotRun[n.Rule] = n.Why
	}
	out.Exceptions = touching(r.Exceptions, e.Span)
	j := judgement{in: &in, cal: newCalendar(in.Zone), result: r}
	out.Next = timeOf(j.settledBy())
	return out
}

// wantedBy asks for a wider context, or, when the rows go back over days that were not asked for, to judge those days as well: what was
// said of them has to be said anew. The reads next to a change reach three hours as a rule, which is no gap.
func wantedBy(e flows.Evidence, r Result) *flows.Wanted {
	const near = around * flows.SlotLength
	w := flows.Wanted{Span: e.Span, Context: e.Context}
	cal := newCalendar(zoneOf(e.Zone))
	if from := r.Span.From; from.Before(e.Span.From.Add(-near)) {
		day, _ := cal.local(micros(from))
		w.Span.From, w.Context.From = timeOf(cal.midnight(day)), timeOf(cal.midnight(day-1))
	}
	if to := r.Span.To; to.After(e.Span.To.Add(near)) {
		day, _ := cal.local(micros(to) - 1)
		w.Span.To = timeOf(cal.midnight(day + 1))
	}
	if w.Span == e.Span && r.Wanted == nil {
		return nil
	}
	if r.Wanted != nil {
		w.Context.From = earlier(w.Context.From, r.Wanted.From)
		w.Context.To = r.Wanted.To
	}
	return &w
}

// earlier of two lower bounds, of which zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && a.Before(b) {
		return a
	}
	return b
}

// touching leaves out what belongs to another span. Records of the future belong to every one, theirs may never come.
func touching(all []flows.Exception, span flows.Period) []flows.Exception {
	return slices.DeleteFunc(all, func(e flows.Exception) bool { return e.Rule != flows.RuleFuture && !e.Touches(span) })
}

// SettleMeter judges what a store knows of a meter as a whole.
func SettleMeter(e flows.MeterEvidence) flows.MeterJudgement {
	limits, _ := ParseThresholds(e.Thresholds)
	r := JudgeMeter(MeterInput{Zone: zoneOf(e.Zone), Drifts: e.Drifts, Events: e.Events, Voltages: e.Voltages, Thresholds: limits})
	return flows.MeterJudgement{Exceptions: touching(r.Exceptions, e.Span), Ran: r.Ran}
}

func inputOf(e flows.Evidence) Input {
	unit := UnitOf(e.Hardware)
	limits, _ := ParseThresholds(e.Thresholds)
	in := Input{
		Register: Register{
			Direction: e.Direction, Unit: unit, Rating: RatingOf(e.Hardware, e.Fuse, e.Phases), Start: e.Start, End: e.End,
			NoLog: e.NoLog, Lost: e.Lost, Passive: e.Passive, LogEvery: e.LogEvery,
		},
		Zone: zoneOf(e.Zone), Span: e.Span, Context: e.Context, AsOf: e.AsOf,
		Drifts: e.Drifts, Balances: e.Balances, Events: e.Events, Edits: e.Edits, Past: e.Past, Exported: e.Exported, Thresholds: limits,
	}
	in.Register.Initial, in.Register.Final = maybeCount(e.Initial, unit), maybeCount(e.Final, unit)
	in.Records = make([]Record, len(e.Records))
	for i, r := range e.Records {
		in.Records[i] = Record{Time: r.Time, Value: countOf(r.Value, unit), Status: Status(r.Status), Received: r.Received}
	}
	in.Reads = make([]Read, len(e.Reads))
	for i, r := range e.Reads {
		in.Reads[i] = Read{Time: r.Time, Value: countOf(r.Value, unit), Uncertainty: r.Uncertainty}
	}
	for _, p := range e.Picks {
		in.Picks = append(in.Picks, Pick{Time: p.Time, Value: countOf(p.Value, unit)})
	}
	return in
}

// UnitOf is what one count of the hardware's energy registers is.
func UnitOf(hardware string) flows.Energy {
	if currentTransformers(hardware) {
		return flows.DeciWattHour
	}
	return flows.WattHour
}

func countOf(e, unit flows.Energy) Count { return Count(uint32(e / unit)) }

func maybeCount(e *flows.Energy, unit flows.Energy) *Count {
	if e == nil {
		return nil
	}
	c := countOf(*e, unit)
	return &c
}

// zones remembers what time.LoadLocation reads from a file each time.
var zones sync.Map

func zoneOf(name string) *time.Location {
	if zone, known := zones.Load(name); known {
		return zone.(*time.Location)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		zone = time.UTC
	}
	zones.Store(name, zone)
	return zone
}
