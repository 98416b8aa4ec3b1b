package vee

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"flows"
)

// VoltageRead is one reading of a phase's voltage.
type VoltageRead = flows.VoltageReading

// MeterInput is what is known of a meter as a whole in a time.
type MeterInput struct {
	Zone       *time.Location
	Drifts     []Drift
	Events     []flows.Event
	Voltages   []VoltageRead
	NoEvents   bool // the hardware keeps no event log
	Thresholds Thresholds
}

// MeterResult is what JudgeMeter found. The exceptions are the meter's, not a register's.
type MeterResult struct {
	Exceptions []flows.Exception
	Ran        []flows.Rule
	NotRun     []NotRun
}

type meterJudgement struct {
	in     *MeterInput
	limits Thresholds
	cal    *calendar
	rule   *rule
	result MeterResult
}

// JudgeMeter runs the rules that look at a meter and not at one of its registers.
func JudgeMeter(in MeterInput) MeterResult {
	m := &meterJudgement{in: &in, limits: in.Thresholds, cal: newCalendar(in.Zone)}
	if m.limits == (Thresholds{}) {
		m.limits = Defaults()
	}
	for i := range rules {
		r := &rules[i]
		if r.meter == nil {
			continue
		}
		m.rule = r
		if why := r.meter(m); why != "" {
			m.result.NotRun = append(m.result.NotRun, NotRun{r.name, why})
		} else {
			m.result.Ran = append(m.result.Ran, r.name)
		}
	}
	sortExceptions(m.result.Exceptions)
	return m.result
}

func (m *meterJudgement) raise(e flows.Exception) {
	e.Rule, e.Severity = m.rule.name, cmp.Or(e.Severity, m.rule.severity)
	m.result.Exceptions = append(m.result.Exceptions, e)
}

// events reports events of these types, one exception each.
func (m *meterJudgement) events(names map[int]string) string {
	if m.in.NoEvents {
		return "the meter keeps no event log"
	}
	for _, e := range m.in.Events {
		if name, ok := names[e.Type]; ok {
			m.raise(flows.Exception{
				Key: strconv.Itoa(e.Type) + " " + timeName(micros(e.Time)), Period: flows.Period{From: e.Time.UTC(), To: e.Time.UTC()}, Count: 1,
				Details: map[string]string{"event": name},
			})
		}
	}
	return ""
}

// reverseEnergy reports what the meter itself has noticed.
func reverseEnergy(m *meterJudgement) string {
	return m.events(map[int]string{3: "BM_REVERSE_ENERGY_DETECT"})
}

// tamper reports an opened cover and a magnet.
func tamper(m *meterJudgement) string {
	return m.events(map[int]string{4: "BM_TERMINAL_COVER_REMOVED", 10: "BM_MAGNETIC_FRAUD"})
}

// voltage reports, a local day, readings outside what the supply may have.
func voltage(m *meterJudgement) string {
	if len(m.in.Voltages) == 0 {
		return "no voltage was read"
	}
	found := daily{cal: m.cal}
	worst := map[string]VoltageRead{}
	for _, v := range m.in.Voltages {
		if v.Value >= m.limits.VoltageLow && v.Value <= m.limits.VoltageHigh {
			continue
		}
		e := found.add(micros(v.Time), micros(v.Time))
		extreme := "lowest"
		if v.Value > m.limits.VoltageHigh {
			extreme = "highest"
		}
		id := e.Key + extreme
		if w, seen := worst[id]; !seen || (v.Value < w.Value) == (extreme == "lowest") && v.Value != w.Value {
			worst[id] = v
			e.Details[extreme] = strings.TrimSpace(v.Value.String() + " " + v.Phase)
		}
	}
	found.raise(m.raise)
	return ""
}
