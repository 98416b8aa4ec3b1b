package vee

import (
	"cmp"
	"slices"
	"time"

	"flows"
)

// registerRead is a read outside the log that may be a half-hour off by the meter's clock.
type registerRead struct {
	point
	uncertainty int64 // µs
}

// fact is a raw record that a rule will speak of.
type fact struct {
	t        int64
	status   Status
	received int64
}

// conflict is a time for which several values arrived.
type conflict struct {
	t      int64
	kept   Count
	others []Count
}

// screened is what is left of the raw records, and what was kept out.
type screened struct {
	log       []point
	reads     []registerRead
	resets    []int64 // times of records that carry the log-reset flag
	conflicts []conflict
	future    []fact
	invalid   []fact // times with records of which none is valid
	flagged   []fact
	offGrid   []fact
	outside   []point // before the register's start, after its end
}

// screen sorts the records by time, the first to arrive first, and takes one of each time.
func (j *judgement) screen() {
	records := j.inContext()
	slices.SortFunc(records, func(a, b Record) int {
		return cmp.Or(a.Time.Compare(b.Time), a.Received.Compare(b.Received), cmp.Compare(a.Status, b.Status), cmp.Compare(a.Value, b.Value))
	})
	j.log = make([]point, 0, len(records)+2)
	for i := 0; i < len(records); {
		n := i + 1
		for n < len(records) && records[n].Time.Equal(records[i].Time) {
			n++
		}
		j.screenTime(records[i:n])
		i = n
	}
	for _, r := range j.in.Reads {
		if t := micros(r.Time); t >= j.contextFrom && t < j.contextTo && t >= j.start && t <= j.end {
			j.reads = append(j.reads, registerRead{point{t: t, v: r.Value, received: t}, int64(r.Uncertainty / time.Microsecond)})
		}
	}
	slices.SortFunc(j.reads, func(a, b registerRead) int {
		return cmp.Or(cmp.Compare(a.t, b.t), cmp.Compare(a.uncertainty, b.uncertainty), cmp.Compare(a.v, b.v))
	})
	j.reads = slices.CompactFunc(j.reads, func(a, b registerRead) bool { return a.t == b.t })
	slices.Sort(j.resets)
}

func (j *judgement) inContext() []Record {
	if j.in.Register.NoLog {
		return nil
	}
	kept := make([]Record, 0, len(j.in.Records))
	for _, r := range j.in.Records {
		if t := micros(r.Time); t >= j.contextFrom && t < j.contextTo {
			kept = append(kept, r)
		}
	}
	return kept
}

// screenTime takes the records of one time: the first valid one counts, or the one that a person picked.
func (j *judgement) screenTime(group []Record) {
	t := micros(group[0].Time)
	var usable []Record
	bad := fact{t: t, received: distantPast}
	for i, r := range group {
		if slices.ContainsFunc(group[:i], func(old Record) bool { return old.Value == r.Value && old.Status == r.Status }) {
			continue // the same record again: when it first arrived is what counts
		}
		if !r.Received.IsZero() && r.Time.Sub(r.Received) > j.limits.FutureBy {
			j.future = append(j.future, fact{t, r.Status, micros(r.Received)})
			continue
		}
		if r.Status.Has(LogReset) {
			j.resets = append(j.resets, t)
		}
		if r.Status.Has(ValidData) {
			usable = append(usable, r)
			continue
		}
		bad.status, bad.received = bad.status|r.Status, max(bad.received, micros(r.Received))
	}
	if len(usable) == 0 {
		if bad.received > distantPast {
			j.invalid = append(j.invalid, bad)
		}
		return
	}
	j.keep(t, usable)
}

func (j *judgement) keep(t int64, usable []Record) {
	first, picked := j.choose(usable)
	p := point{t: t, v: first.Value, received: micros(first.Received), status: first.Status, log: true}
	c := conflict{t: t, kept: p.v}
	for _, r := range usable {
		if r.Value != p.v && !slices.Contains(c.others, r.Value) {
			c.others = append(c.others, r.Value)
		}
	}
	if c.others != nil && !picked {
		j.conflicts, p.conflict = append(j.conflicts, c), true
	}
	if first.Status&(PowerFail|MinorTimeError|MajorTimeError|CommunicationError) != 0 {
		j.flagged = append(j.flagged, fact{t, first.Status, p.received})
	}
	switch {
	case t < j.start || t > j.end:
		j.outside = append(j.outside, p)
	case t%slotMicros != 0:
		p.log = false
		j.offGrid = append(j.offGrid, fact{t, first.Status, p.received})
		j.reads = append(j.reads, registerRead{p, 0})
	default:
		j.log = append(j.log, p)
	}
}

// choose takes the record that a person picked, or the first.
func (j *judgement) choose(usable []Record) (r Record, picked bool) {
	for _, p := range j.picks {
		if !p.Time.Equal(usable[0].Time) {
			continue
		}
		for _, r := range usable {
			if r.Value == p.Value {
				return r, true
			}
		}
	}
	return usable[0], false
}

// excluded gives the half-hour boundaries for which records arrived and none could be used, with the reason.
func (j *judgement) excluded(visit func(t, since int64, rule flows.Rule)) {
	for _, f := range j.invalid {
		visit(f.t, f.received, flows.RuleStatus)
	}
	for _, f := range j.future {
		if !hasPoint(j.log, f.t) {
			visit(f.t, f.received, flows.RuleFuture)
		}
	}
}

func hasPoint(points []point, t int64) bool {
	_, found := slices.BinarySearchFunc(points, t, func(p point, t int64) int { return cmp.Compare(p.t, t) })
	return found
}
