package vee

import (
	"time"

	"flows"
)

// Thresholds can be set for each ESCO. They decide what is reported; FutureBy also which records are kept out, and ClockUnbillable what
// may be billed.
type Thresholds struct {
	FutureBy time.Duration // a record may be this far ahead of its arrival

	ClockWarning, ClockError, ClockUnbillable time.Duration

	MissingAfter time.Duration // beyond the log's own period
	MissingError time.Duration // beyond that

	SpikeWindow int   // half-hours, odd
	SpikeFactor int64 // 1/10 000 of the median absolute deviation

	LowPercent, HighPercent int64 // of the average of earlier days
	EarlierDays             int   // how many of them there must be

	ZeroRun    time.Duration
	ZeroRunUse flows.Energy // a day, before

	OffUse flows.Energy // in a half-hour

	StaleReads int

	ProlongedPercent int64 // of a local month
	ProlongedGap     time.Duration

	VoltageLow, VoltageHigh flows.Voltage
}

// Defaults are the thresholds of an ESCO that has set none.
func Defaults() Thresholds {
	return Thresholds{
		FutureBy:     time.Minute,
		ClockWarning: 20 * time.Second, ClockError: 180 * time.Second, ClockUnbillable: 900 * time.Second,
		MissingAfter: 2 * time.Hour, MissingError: 24 * time.Hour,
		SpikeWindow: 25, SpikeFactor: 6 * 14826,
		LowPercent: 25, HighPercent: 400, EarlierDays: 7,
		ZeroRun: 24 * time.Hour, ZeroRunUse: flows.KiloWattHour / 2,
		OffUse:           10 * flows.WattHour,
		StaleReads:       6,
		ProlongedPercent: 10, ProlongedGap: 7 * 24 * time.Hour,
		VoltageLow: 2162, VoltageHigh: 2530,
	}
}
