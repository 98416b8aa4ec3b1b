package vee

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"flows"
)

// threshold is one that can be set by name.
type threshold struct {
	name, form string
	of         func(*Thresholds) any
}

var thresholds = []threshold{
	{"future_by", duration, func(t *Thresholds) any { return &t.FutureBy }},
	{"clock_warning", duration, func(t *Thresholds) any { return &t.ClockWarning }},
	{"clock_error", duration, func(t *Thresholds) any { return &t.ClockError }},
	{"clock_unbillable", duration, func(t *Thresholds) any { return &t.ClockUnbillable }},
	{"missing_after", duration, func(t *Thresholds) any { return &t.MissingAfter }},
	{"missing_error", duration, func(t *Thresholds) any { return &t.MissingError }},
	{"spike_window", "an odd number of half-hours", func(t *Thresholds) any { return &t.SpikeWindow }},
	{"spike_factor", "ten-thousandths of the median absolute deviation", func(t *Thresholds) any { return &t.SpikeFactor }},
	{"low_percent", percent, func(t *Thresholds) any { return &t.LowPercent }},
	{"high_percent", percent, func(t *Thresholds) any { return &t.HighPercent }},
	{"earlier_days", "a number of days", func(t *Thresholds) any { return &t.EarlierDays }},
	{"zero_run", duration, func(t *Thresholds) any { return &t.ZeroRun }},
	{"zero_run_use", energy, func(t *Thresholds) any { return &t.ZeroRunUse }},
	{"off_use", energy, func(t *Thresholds) any { return &t.OffUse }},
	{"stale_reads", "a number of reads", func(t *Thresholds) any { return &t.StaleReads }},
	{"prolonged_percent", percent, func(t *Thresholds) any { return &t.ProlongedPercent }},
	{"prolonged_gap", duration, func(t *Thresholds) any { return &t.ProlongedGap }},
	{"voltage_low", volts, func(t *Thresholds) any { return &t.VoltageLow }},
	{"voltage_high", volts, func(t *Thresholds) any { return &t.VoltageHigh }},
}

const (
	duration = "a time such as 20s or 12h"
	percent  = "a whole number of percent"
	energy   = "kWh such as 0.5"
	volts    = "volts such as 253.0"
)

// ParseThresholds gives the defaults with those set that the JSON object names, their values strings or numbers. What cannot be read
// leaves the default and is an error.
func ParseThresholds(object json.RawMessage) (Thresholds, error) {
	t := Defaults()
	if len(object) == 0 {
		return t, nil
	}
	set := map[string]json.RawMessage{}
	if err := json.Unmarshal(object, &set); err != nil {
		return t, fmt.Errorf("thresholds are no JSON object: %w", err)
	}
	var failed error
	for name, raw := range set {
		if err := t.set(name, strings.Trim(string(raw), `"`)); err != nil {
			failed = err
		}
	}
	return t, failed
}

func (t *Thresholds) set(name, text string) error {
	i := slices.IndexFunc(thresholds, func(h threshold) bool { return h.name == name })
	if i < 0 {
		return fmt.Errorf("there is no threshold %q; there are %s", name, strings.Join(ThresholdNames(), ", "))
	}
	var n int64
	var err error
	switch p := thresholds[i].of(t).(type) {
	case *time.Duration:
		var d time.Duration
		if d, err = time.ParseDuration(text); err == nil && d > 0 {
			*p = d
			return nil
		}
	case *flows.Energy:
		var e flows.Energy
		if e, err = flows.ParseEnergy(text); err == nil && e >= 0 {
			*p = e
			return nil
		}
	case *flows.Voltage:
		var v float64
		if v, err = strconv.ParseFloat(text, 64); err == nil && v > 0 && v < 1000 {
			*p = flows.Voltage(v*10 + 0.5)
			return nil
		}
	case *int:
		if n, err = strconv.ParseInt(text, 10, 32); err == nil && n > 0 {
			*p = int(n)
			return nil
		}
	case *int64:
		if n, err = strconv.ParseInt(text, 10, 32); err == nil && n > 0 {
			*p = n
			return nil
		}
	}
	return fmt.Errorf("threshold %s is %s, not %q", name, thresholds[i].form, text)
}

// ThresholdNames are those that can be set, in the order of the rules.
func ThresholdNames() []string {
	names := make([]string, len(thresholds))
	for i, h := range thresholds {
		names[i] = h.name
	}
	return names
}
