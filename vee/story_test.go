package vee

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"flows"
)

// tell makes a register of 100 A, single phase, from its log written out: a value for each half-hour from the start on, "-" for none, "x"
// before a value whose valid bit is not set, "r" before one with the log-reset flag, "m" for a major time error, and a second value after
// "/" that arrived for the same time later.
func tell(start, log string) Input {
	at := mustTime(start)
	in := Input{Zone: london, AsOf: at.Add(48 * time.Hour)}
	in.Register = Register{Direction: flows.Import, Unit: flows.WattHour, Rating: Rating{100, 1}}
	for _, word := range strings.Fields(log) {
		for n, value := range strings.Split(word, "/") {
			status := ValidData
			digits := strings.TrimLeft(value, "xrm")
			for _, mark := range strings.TrimSuffix(value, digits) {
				switch mark {
				case 'x':
					status &^= ValidData
				case 'r':
					status |= LogReset
				case 'm':
					status |= MajorTimeError
				}
			}
			if v, err := strconv.ParseUint(digits, 10, 32); err == nil {
				in.Records = append(in.Records, Record{at, Count(v), status, at.Add(time.Duration(n+1) * time.Hour)})
			}
		}
		at = at.Add(flows.SlotLength)
	}
	return in
}

// rows writes intervals as "value" for a plain difference, else "value quality method reason", "!" when it may not be billed; values in Wh.
func rows(intervals []flows.Interval) string {
	words := make([]string, len(intervals))
	for i, row := range intervals {
		words[i] = "null"
		if row.Value != nil {
			words[i] = strings.TrimSuffix(fmt.Sprintf("%d.%d", *row.Value/flows.WattHour, *row.Value%flows.WattHour), ".0")
		}
		if row.Quality != flows.Actual {
			words[i] += " " + strings.TrimSpace(fmt.Sprint(row.Quality, " ", row.Method))
		}
		if row.Reason != "" {
			words[i] += " " + row.Reason
		}
		if row.Value != nil && !row.Billable {
			words[i] += "!"
		}
		words[i] = strings.Join(strings.Fields(words[i]), " ")
	}
	return strings.Join(words, ", ")
}

// found writes exceptions as "RULE severity ×count", those of these rules only.
func found(exceptions []flows.Exception, rules ...flows.Rule) string {
	var words []string
	for _, e := range exceptions {
		for _, r := range rules {
			if e.Rule == r {
				words = append(words, fmt.Sprintf("%s %s ×%d", e.Rule, e.Severity, e.Count))
			}
		}
	}
	return strings.Join(words, ", ")
}

var verdicts = []flows.Rule{
	flows.RuleReset, flows.RuleResetSuspected, flows.RuleRollover, flows.RuleReversal, flows.RuleBadRead, flows.RuleMaxEnergy, flows.RuleStatus,
	flows.RuleConflict, flows.RuleOffGrid, flows.RuleFuture,
}
