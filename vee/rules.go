package vee

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"flows"
)

// rule is a row of the table of rules. A function says why it could not look, or "".
type rule struct {
	name     flows.Rule
	severity flows.Severity // unless the function says another
	register func(*judgement) string
	meter    func(*meterJudgement) string
}

// rules are all of them. What they need to know of differences and gaps is settled when they run; none changes a value.
var rules = []rule{
	{flows.RuleReset, flows.SeverityWarning, broken, nil},
	{flows.RuleResetSuspected, flows.SeverityError, broken, nil},
	{flows.RuleReversal, flows.SeverityCritical, broken, nil},
	{flows.RuleMaxEnergy, flows.SeverityCritical, maxEnergy, nil},
	{flows.RuleRollover, flows.SeverityInfo, rollover, nil},
	{flows.RuleBadRead, flows.SeverityWarning, badRead, nil},
	{flows.RuleStatus, flows.SeverityError, status, nil},
	{flows.RuleConflict, flows.SeverityError, conflicting, nil},
	{flows.RuleOffGrid, flows.SeverityWarning, offGrid, nil},
	{flows.RuleFuture, flows.SeverityError, future, nil},
	{flows.RuleClock, flows.SeverityWarning, clockOfRegister, clockOfMeter},
	{flows.RuleBracket, flows.SeverityError, bracket, nil},
	{flows.RuleMissing, flows.SeverityWarning, missing, nil},
	{flows.RuleSpike, flows.SeverityInfo, spike, nil},
	{flows.RuleHighLow, flows.SeverityWarning, highLow, nil},
	{flows.RuleZeroRun, flows.SeverityWarning, zeroRun, nil},
	{flows.RuleUseWhileOff, flows.SeverityError, useWhileOff, nil},
	{flows.RuleStaleRead, flows.SeverityWarning, staleRead, nil},
	{flows.RuleReverseEnergy, flows.SeverityWarning, unwantedExport, reverseEnergy},
	{flows.RuleVoltage, flows.SeverityWarning, nil, voltage},
	{flows.RuleTamper, flows.SeverityWarning, nil, tamper},
	{flows.RuleProlongedEstimation, flows.SeverityError, prolonged, nil},
	{flows.RuleReplacedAfterExport, flows.SeverityWarning, replacedAfterExport, nil},
}

func (j *judgement) runRules() {
	for i := range rules {
		r := &rules[i]
		if r.register == nil {
			continue
		}
		j.rule = r
		if why := r.register(j); why != "" {
			j.result.NotRun = append(j.result.NotRun, NotRun{r.name, why})
		} else {
			j.result.Ran = append(j.result.Ran, r.name)
		}
	}
	sortExceptions(j.result.Exceptions)
}

// raise adds an exception of the rule that is running.
func (j *judgement) raise(e flows.Exception) {
	e.Rule, e.Severity = j.rule.name, cmp.Or(e.Severity, j.rule.severity)
	j.result.Exceptions = append(j.result.Exceptions, e)
}

func sortExceptions(all []flows.Exception) {
	slices.SortStableFunc(all, func(a, b flows.Exception) int {
		return cmp.Or(a.Period.From.Compare(b.Period.From), strings.Compare(string(a.Rule), string(b.Rule)), strings.Compare(a.Key, b.Key))
	})
}

// shown says whether a time is one of those this judgement speaks of.
func (j *judgement) shown(t int64) bool { return t >= j.from && t <= j.to }

func timeName(t int64) string { return timeOf(t).Format(time.RFC3339) }

func (j *judgement) kwh(c Count) string { return j.energy(c).String() }

// daily gathers what is found on a local day into one exception of that day.
type daily struct {
	cal  *calendar
	days map[int64]*flows.Exception
}

func (d *daily) add(t, end int64) *flows.Exception {
	day, _ := d.cal.local(t)
	return d.addKey(day, dayName(day), t, end)
}

func (d *daily) addKey(n int64, key string, t, end int64) *flows.Exception {
	if d.days == nil {
		d.days = map[int64]*flows.Exception{}
	}
	e := d.days[n]
	if e == nil {
		e = &flows.Exception{Key: key, Period: period(t, end), Details: map[string]string{}}
		d.days[n] = e
	}
	if from := timeOf(t); from.Before(e.Period.From) {
		e.Period.From = from
	}
	if to := timeOf(end); to.After(e.Period.To) {
		e.Period.To = to
	}
	e.Count++
	return e
}

func (d *daily) raise(raise func(flows.Exception)) {
	for _, e := range d.days {
		raise(*e)
	}
}
