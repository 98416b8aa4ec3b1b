package web

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"flows"
)

// thin is what stands between thousands, and between a number and its unit: narrow, and no line is broken there.
const thin = "\u202f"

// grouped puts thin spaces between the thousands of a decimal number.
func grouped(number string) string {
	whole, rest, _ := strings.Cut(number, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "−", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + thin + whole[i:]
	}
	if rest != "" {
		rest = "." + rest
	}
	return sign + whole + rest
}

// energy in kWh: exact, with three decimals; the fourth is there only when a meter counted one.
func energy(e *flows.Energy) string {
	if e == nil {
		return "–"
	}
	return grouped(e.String())
}

// money in pounds, with pence; more decimals are for who looks closer.
func money(m *flows.Money) string {
	if m == nil {
		return "–"
	}
	pence := *m / (flows.Pound / 100)
	text := grouped(fmt.Sprintf("%d.%02d", abs(pence)/100, abs(pence)%100))
	if *m < 0 && pence != 0 {
		return "−" + text
	}
	return text
}

func abs(m flows.Money) flows.Money { return max(m, -m) }

func count(n int) string { return grouped(fmt.Sprint(n)) }

// sentence begins with a capital.
func sentence(text string) string {
	_, first := utf8.DecodeRuneInString(text)
	return strings.ToUpper(text[:first]) + text[first:]
}

func signal(csq *int) string {
	if csq == nil {
		return "–"
	}
	return grouped(fmt.Sprint(*csq))
}

// clock tells times to somebody who lives in a time zone.
type clock struct {
	now  time.Time
	zone *time.Location
}

// in is the same moment in another zone; one that this machine does not know is told in UTC.
func (c clock) in(zone string) clock {
	at, err := time.LoadLocation(zone)
	if err != nil {
		at = time.UTC
	}
	return clock{c.now, at}
}

// told is a time as a page shows it.
type told struct{ Text, Title, Stamp string }

// Ago says how long ago it was.
func (c clock) Ago(t time.Time) told {
	if t.IsZero() {
		return told{Text: "never"}
	}
	text := flows.Span(c.now.Sub(t)) + " ago"
	if t.After(c.now.Add(time.Minute)) {
		text = "in " + flows.Span(t.Sub(c.now))
	}
	return c.tell(text, t)
}

// Exact is the local time with the day.
func (c clock) Exact(t time.Time) told {
	if t.IsZero() {
		return told{Text: "–"}
	}
	return c.tell(t.In(c.zone).Format("2 Jan 2006 15:04"), t)
}

// Slot is the local time of day.
func (c clock) Slot(t time.Time) told { return c.tell(t.In(c.zone).Format("15:04"), t) }

func (c clock) tell(text string, t time.Time) told {
	return told{text, t.In(c.zone).Format("Mon 2 Jan 2006 15:04:05 MST") + " = " + t.UTC().Format("2006-01-02 15:04:05") + " UTC", t.UTC().Format(time.RFC3339)}
}

// mark is a state that colour alone does not tell.
type mark struct{ Glyph, Class, Word string }

func healthMark(m flows.MeterLine) mark {
	switch {
	case m.NotRead() != "":
		return mark{"–", "none", "not asked"}
	case m.Health == flows.Healthy:
		return mark{"●", "good", "healthy"}
	case m.Health == flows.Unhealthy:
		return mark{"▲", "bad", "unhealthy"}
	}
	return mark{"○", "none", "never read"}
}

func severityMark(s flows.Severity) mark {
	switch s {
	case flows.SeverityCritical, flows.SeverityError:
		return mark{"▲", "bad", string(s)}
	case flows.SeverityWarning:
		return mark{"◐", "some", string(s)}
	}
	return mark{"○", "none", string(s)}
}

// findings say what the rules found, in a few words.
var findings = map[flows.Rule]string{
	flows.RuleMissing: "half-hours that should be there by now are not", flows.RuleConflict: "two values for one time; pick one",
	flows.RuleOffGrid: "records beside the half-hour", flows.RuleFuture: "records from the future", flows.RuleStatus: "records that the meter has marked",
	flows.RuleClock: "the meter's clock is off", flows.RuleReset: "the register began anew", flows.RuleResetSuspected: "the register seems to have begun anew",
	flows.RuleRollover: "the register has gone round", flows.RuleReversal: "the register went backwards", flows.RuleBadRead: "a read that cannot be",
	flows.RuleMaxEnergy: "more energy than the fuse lets through", flows.RuleBracket: "a register read that lies outside what the log says",
	flows.RuleSpike: "use far above the register's own", flows.RuleHighLow: "use unlike that of like days", flows.RuleZeroRun: "no use for long",
	flows.RuleStaleRead: "the register stands still", flows.RuleUseWhileOff: "use while the switch is off", flows.RuleReverseEnergy: "energy the wrong way",
	flows.RuleVoltage: "voltage outside its limits", flows.RuleTamper: "the meter says that it was opened or disturbed",
	flows.RuleProlongedEstimation: "estimated for too long", flows.RuleReplacedAfterExport: "the meter's own value came after the half-hour had left the house",
}
