package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"flows"
	"flows/postgres"
)

type veeCmd struct {
	List    veeListCmd    `cmd:"" help:"Exceptions, the worst first, and what could not be looked at."`
	Ack     veeAckCmd     `cmd:"" help:"An exception is known; it stays open."`
	Resolve veeResolveCmd `cmd:"" help:"An exception is done with."`
}

type veeListCmd struct {
	database
	Rule     []string `placeholder:"RULE" help:"Only what these rules found."`
	Severity []string `placeholder:"SEVERITY" help:"Only critical, error, warning or info."`
	Status   string   `default:"open" enum:"open,acknowledged,resolved,all" help:"open, acknowledged, resolved or all."`
	Serial   []string `sep:"none" placeholder:"SERIAL" help:"Only these meters; one that was exchanged keeps its own."`
	ESCO     string   `name:"esco" setting:"ESCO" placeholder:"CODE" help:"Only the meters of this ESCO ($$ESCO)."`
	Limit    int      `default:"50" help:"At most so many; 0 = all."`
	JSON     bool     `name:"json" help:"Print JSON."`
}

// Help is kong's.
func (veeListCmd) Help() string {
	return `Examples:
  flows vee list
  flows vee list --rule CONFLICT --rule REVERSAL --status all --limit 0
  flows vee list --esco EXAMPLE --severity critical --json

The worst first, of those the ones that were seen last. Below stands which rules could not look, why, and at how many registers and
directions: that they found nothing there says nothing.

Rules: ` + ruleList()
}

// rules are all that there are, in the order in which they run.
var rules = []flows.Rule{
	flows.RuleReset, flows.RuleResetSuspected, flows.RuleReversal, flows.RuleMaxEnergy, flows.RuleRollover, flows.RuleBadRead, flows.RuleStatus,
	flows.RuleConflict, flows.RuleOffGrid, flows.RuleFuture, flows.RuleClock, flows.RuleBracket, flows.RuleMissing, flows.RuleSpike,
	flows.RuleHighLow, flows.RuleZeroRun, flows.RuleUseWhileOff, flows.RuleStaleRead, flows.RuleReverseEnergy, flows.RuleVoltage,
	flows.RuleTamper, flows.RuleProlongedEstimation, flows.RuleReplacedAfterExport,
}

var severities = []flows.Severity{flows.SeverityCritical, flows.SeverityError, flows.SeverityWarning, flows.SeverityInfo}

func ruleList() string {
	names := make([]string, len(rules))
	for i, r := range rules {
		names[i] = string(r)
	}
	return strings.Join(names, ", ")
}

// oneOf finds words in a list without regard to case.
func oneOf[W ~string](flag string, words []string, list []W) (found []W, err error) {
	for _, w := range words {
		i := slices.IndexFunc(list, func(l W) bool { return strings.EqualFold(string(l), w) })
		if i < 0 {
			return nil, usage("%s %q is none of %s", flag, w, strings.Trim(fmt.Sprint(list), "[]"))
		}
		found = append(found, list[i])
	}
	return found, nil
}

func (c *veeListCmd) filter() (f flows.ExceptionFilter, err error) {
	f = flows.ExceptionFilter{ESCO: c.ESCO, Serials: c.Serial, Limit: c.Limit, Status: c.Status}
	if c.Status == "all" {
		f.Status = ""
	}
	if c.Limit < 0 {
		return f, usage("--limit must be 0 or more, not %d", c.Limit)
	}
	if f.Rules, err = oneOf("--rule", c.Rule, rules); err != nil {
		return f, err
	}
	f.Severities, err = oneOf("--severity", c.Severity, severities)
	return f, err
}

// exceptions is what a list comes to.
type exceptions struct {
	List     []flows.ExceptionRow `json:"exceptions"`
	All      int                  `json:"all"` // without --limit
	Unlooked []postgres.Unlooked  `json:"not_looked"`
}

// Run is kong's.
func (c *veeListCmd) Run(a *app) error {
	f, err := c.filter()
	if err != nil {
		return err
	}
	store, err := c.open(a)
	if err != nil {
		return err
	}
	defer store.Close()
	var e exceptions
	if e.List, e.All, err = store.Exceptions(a.ctx, f); err == nil {
		e.Unlooked, err = store.Unlooked(a.ctx, f)
	}
	if err != nil {
		return userError(err)
	}
	if c.JSON {
		return printJSON(a.stdout, e)
	}
	return printExceptions(a.stdout, e)
}

func printExceptions(w io.Writer, e exceptions) error {
	var rows [][]string
	for _, x := range e.List {
		rows = append(rows, []string{fmt.Sprint(x.ID), string(x.Severity), string(x.Rule), dash(x.Serial), dash(x.Element), dash(string(x.Direction)),
			localPeriod(x.Period, x.Zone), fmt.Sprint(x.Count), when(&x.FirstSeen), when(&x.LastSeen), dash(printable(said(x)))})
	}
	if len(rows) == 0 {
		fmt.Fprintln(w, "No exception.")
	} else if err := table(w, []string{"ID", "SEVERITY", "RULE", "SERIAL", "ELEMENT", "DIRECTION", "PERIOD (LOCAL)", "COUNT", "FIRST SEEN (UTC)", "LAST SEEN (UTC)",
		"DETAILS"}, rows); err != nil {
		return err
	}
	if n := e.All - len(e.List); n > 0 {
		fmt.Fprintf(w, "and %d more: flows vee list --limit 0\n", n)
	}
	if len(e.Unlooked) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\nNot looked at (registers and directions):")
	for _, u := range e.Unlooked {
		fmt.Fprintf(w, "  %6d  %-21s %s\n", u.Count, dash(string(u.Rule)), printable(u.Why))
	}
	return nil
}

// said is what a rule says of an exception, and a person of it.
func said(x flows.ExceptionRow) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(x.Details)) {
		words = append(words, name+" "+x.Details[name])
	}
	if x.Status != "open" {
		words = append(words, fmt.Sprintf("%s by %s: %s", x.Status, x.Who, x.Why))
	}
	return strings.Join(words, "; ")
}

// localPeriod shows a time in the ESCO's zone: whole days as their dates, both included, else with the offset, for an hour can come twice.
func localPeriod(p flows.Period, zone string) string {
	l, err := location(zone)
	if err != nil {
		l = time.UTC
	}
	const full, clock = "2006-01-02 15:04-07:00", "15:04-07:00"
	from, to := p.From.In(l), p.To.In(l)
	switch {
	case p.From.IsZero() && p.To.IsZero():
		return "-"
	case p.From.IsZero():
		return "until " + to.Format(full)
	case p.To.IsZero():
		return "from " + from.Format(full)
	case p.From.Equal(p.To):
		return from.Format(full)
	case midnight(from) && midnight(to):
		first, last := from.Format(time.DateOnly), to.AddDate(0, 0, -1).Format(time.DateOnly)
		if first == last {
			return first
		}
		return first + " to " + last
	case from.Format(time.DateOnly) == to.Format(time.DateOnly):
		return from.Format(full) + " to " + to.Format(clock)
	}
	return from.Format(full) + " to " + to.Format(full)
}

func midnight(t time.Time) bool {
	return t.Equal(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location()))
}
