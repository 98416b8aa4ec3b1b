package ledger

import (
	"fmt"
	"slices"
	"strings"

	"flows"
)

// FaultCount is how often something befell the fleet's logs, and how often validation found it.
type FaultCount struct {
	Fault  string `json:"fault"`
	Seen   int    `json:"seen"` // where it shows in what the meters answered
	Found  int    `json:"found"`
	Wanted string `json:"wanted"` // what must be found of it
}

// faults are what can befall a log, how it shows in the answers, and what must be found of it. A strike is half-hours in a row, the records
// at whose ends it touches lie inside.
var faults = []struct {
	kind  string
	rules []flows.Rule
	shows func(l *line, s strike) bool
	found func(l *line, s strike) bool // nil: an exception of one of the rules
}{
	{"log_hole", nil, func(l *line, s strike) bool {
		p, q := l.around(s)
		return l.read(p) && l.read(q) && !l.any(s, func(r logged) bool { return r.status&validData != 0 })
	}, (*line).bridged},
	{"log_invalid", []flows.Rule{flows.RuleStatus}, func(l *line, s strike) bool {
		return l.any(s, func(r logged) bool { return r.status&validData == 0 })
	}, nil},
	{"log_flag", []flows.Rule{flows.RuleStatus}, func(l *line, s strike) bool {
		return l.any(s, func(r logged) bool { return r.status&trouble != 0 })
	}, nil},
	{"log_glitch", []flows.Rule{flows.RuleBadRead, flows.RuleResetSuspected}, (*line).falls, nil},
	{"log_reversal", []flows.Rule{flows.RuleReversal, flows.RuleBadRead}, (*line).falls, nil},
	{"log_reset", []flows.Rule{flows.RuleStatus}, func(l *line, s strike) bool { return l.raw[s.to-1].status&logReset != 0 }, nil},
	{"zeroed", []flows.Rule{flows.RuleReset}, func(l *line, s strike) bool { return l.reads[s.from].value > l.reads[s.to].value }, nil},
	{"set_back", []flows.Rule{flows.RuleReversal}, func(l *line, s strike) bool { return l.reads[s.from].value > l.reads[s.to].value }, nil},
	{"rollover", []flows.Rule{flows.RuleRollover}, func(l *line, s strike) bool { return l.reads[s.from].value > l.reads[s.to].value }, nil},
	{"clock_off", []flows.Rule{flows.RuleClock}, nil, nil},
}

// strike is the half-hours from one to another, without the last.
type strike struct{ from, to int64 }

// any asks the records inside.
func (l *line) any(s strike, is func(logged) bool) bool {
	for k := s.from + 1; k < s.to; k++ {
		if r, ok := l.raw[k]; ok && is(r) {
			return true
		}
	}
	return false
}

// falls says that a record inside stands lower than the reading before.
func (l *line) falls(s strike) bool {
	return l.read(s.from) && l.any(s, func(r logged) bool { return r.status&validData != 0 && r.value < l.reads[s.from].value })
}

// around are the next readings before and behind; see unread.
func (l *line) around(s strike) (p, q int64) {
	for p = s.from; p > l.first && !l.read(p); p-- {
	}
	for q = s.to; q < l.last && !l.read(q); q++ {
	}
	return p, q
}

// bridged says that what went through a hole is shared out, and that the gap is listed.
func (l *line) bridged(s strike) bool {
	p, q := l.around(s)
	for k := p; k < q; k++ {
		if l.rows[k].Quality != flows.Estimated {
			return false
		}
	}
	return slices.ContainsFunc(l.Gaps, func(p flows.Period) bool { return p.From.Before(startOf(s.to)) && p.To.After(startOf(s.from)) })
}

// spoken says that one of the rules has found something there.
func spoken(all []flows.Exception, rules []flows.Rule, s strike) bool {
	return slices.ContainsFunc(all, func(e flows.Exception) bool {
		return slices.Contains(rules, e.Rule) && !e.Period.From.After(startOf(s.to)) && !e.Period.To.Before(startOf(s.from))
	})
}

// strikesOf finds where something befell the log.
func strikesOf(kind string, truth []Slot) (all []strike) {
	for i := 0; i < len(truth); i++ {
		if !slices.Contains(truth[i].Wrong, kind) {
			continue
		}
		first := i
		for i < len(truth) && slices.Contains(truth[i].Wrong, kind) {
			i++
		}
		all = append(all, strike{slotOf(truth[first].Start), slotOf(truth[first].Start) + int64(i-first)})
	}
	return all
}

// faults looks for what must have been found of one meter.
func (r *HalfHourReport) faults(h HalfHours, m Meter, lines []*line, found map[string]*FaultCount, off Clock) {
	if !m.Reachable || m.Foreign || !m.Active {
		return
	}
	for i := range faults {
		f := &faults[i]
		if f.shows == nil {
			continue
		}
		shown := false
		for _, s := range strikesOf(f.kind, h.Truth[m.Serial]) {
			seen, missed := 0, false
			for _, l := range lines {
				at := s
				at.from = max(at.from, l.first)
				if f.kind == "log_reset" {
					at.from = max(at.from, at.to-2) // of all that is gone, the record that tells
				}
				if at.from >= at.to || at.to > l.last || !f.shows(l, at) {
					continue
				}
				seen++
				if found := f.found; found != nil && found(l, at) || found == nil && spoken(l.Exceptions, f.rules, at) {
					continue
				}
				if missed = true; !l.told(at.from, at.to) {
					l.wrongRun(at.from, fmt.Sprintf("%s to %s", l.text(at.from), l.text(at.to-1)), wanted(f.rules), "nobody has found the "+f.kind+" of the meter's log")
				}
			}
			shown = shown || seen > 0
			note(found, f.kind, f.rules, seen > 0, !missed)
		}
		if !shown && len(lines) > 0 && slices.Contains(h.Faults[m.Serial], f.kind) {
			l := lines[0]
			l.wrongRun(l.first, fmt.Sprintf("half-hours up to %s", clock(startOf(l.last))), "a "+f.kind, "the fault does not show in what the meter answered")
		}
	}
	r.clockFault(h, m, lines, found, off)
}

// clockFault wants a clock that is off to be found. It was measured in whole seconds, on the way there and back.
func (r *HalfHourReport) clockFault(h HalfHours, m Meter, lines []*line, found map[string]*FaultCount, off Clock) {
	if sure := clockWarning + 3; off.Seconds >= sure || off.Seconds <= -sure {
		rules := []flows.Rule{flows.RuleClock}
		said := slices.ContainsFunc(h.OfMeter[m.Serial], func(e flows.Exception) bool { return e.Rule == flows.RuleClock })
		if !said && len(lines) > 0 {
			lines[0].wrongRun(lines[0].first, lines[0].text(lines[0].first), wanted(rules), fmt.Sprintf("nobody has found that the meter's clock is %d s off", off.Seconds))
		}
		note(found, "clock_off", rules, true, said)
	}
}

func note(found map[string]*FaultCount, kind string, rules []flows.Rule, seen, all bool) {
	if !seen {
		return
	}
	if found[kind] == nil {
		found[kind] = &FaultCount{Fault: kind, Wanted: wanted(rules)}
	}
	found[kind].Seen++
	if all {
		found[kind].Found++
	}
}

func wanted(rules []flows.Rule) string {
	if rules == nil {
		return "estimates and a gap"
	}
	var names []string
	for _, r := range rules {
		names = append(names, string(r))
	}
	return "an exception " + strings.Join(names, " or ")
}
