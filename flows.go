// Package flows holds the words that every part of the head-end shares: meters, shadows, results, energy, money, health and error
// codes. It does no I/O, starts no goroutine and imports the standard library only.
package flows

import (
	"fmt"
	"strings"
)

// Frequency is how often a metric is read.
type Frequency string

// The three frequencies of meter_metrics.run_frequency.
const (
	Hourly       Frequency = "hourly"
	TwelveHourly Frequency = "12hourly"
	Daily        Frequency = "daily"
)

// Frequencies lists all of them, the most frequent first.
var Frequencies = []Frequency{Hourly, TwelveHourly, Daily}

// Health is the verdict on a meter after its last run.
type Health string

// A meter that was never run has no health at all.
const (
	NeverRun  Health = ""
	Healthy   Health = "healthy"
	Unhealthy Health = "unhealthy"
)

// Mode says whether a meter is asked.
type Mode string

// Passive meters are known but never asked.
const (
	Active  Mode = "active"
	Passive Mode = "passive"
)

// ParseMode accepts the names used in meter_registry.mode.
func ParseMode(s string) (Mode, error) {
	switch m := Mode(strings.ToLower(s)); m {
	case Active, Passive:
		return m, nil
	}
	return "", fmt.Errorf("unknown mode %q: use active or passive", s)
}
