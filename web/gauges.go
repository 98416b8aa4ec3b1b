package web

import (
	"fmt"
	"time"

	"flows"
)

// gauges are the numbers that come from a status. What is not known is left out.
var gauges = []gauge{
	newGauge("flows_meters", "Active meters by their last verdict; never_run has none.", []string{"health"}, func(s flows.Status, add adder) {
		add(float64(s.Meters.Healthy), "healthy")
		add(float64(s.Meters.Unhealthy), "unhealthy")
		add(float64(s.Meters.NeverRun), "never_run")
	}),
	newGauge("flows_meters_passive", "Meters that are known but never asked.", nil, func(s flows.Status, add adder) {
		add(float64(s.Meters.Passive))
	}),
	newGauge("flows_meters_maintenance", "Meters under maintenance: they are read, and counted nowhere else.", nil, func(s flows.Status, add adder) {
		add(float64(s.Meters.Maintenance))
	}),
	newGauge("flows_meters_low_balance", fmt.Sprintf("Active meters with a balance below %d.00.", flows.LowBalance/flows.Pound), nil, func(s flows.Status, add adder) {
		add(float64(s.Meters.LowBalance))
	}),
	newGauge("flows_meters_weak_signal", fmt.Sprintf("Active meters with a signal (csq) below %d.", flows.WeakSignal), nil, func(s flows.Status, add adder) {
		add(float64(s.Meters.WeakSignal))
	}),
	newGauge("flows_meters_clock_drift", fmt.Sprintf("Active meters with a clock that is off by %d s and more.", flows.ClockDrift/time.Second), nil, func(s flows.Status, add adder) {
		add(float64(s.Meters.Drifting))
	}),
	newGauge("flows_meters_failing_day", "Unhealthy meters that have not been healthy for a day and more.", nil, func(s flows.Status, add adder) {
		add(float64(s.FailingMeters()))
	}),
	newGauge("flows_run_last_scheduled_timestamp_seconds", "When the newest run of the frequency was due.", []string{"frequency"}, func(s flows.Status, add adder) {
		for _, f := range flows.Frequencies {
			if newest := s.Newest(f); !newest.IsZero() {
				add(float64(newest.Unix()), string(f))
			}
		}
	}),
	newGauge("flows_run_success_ratio", "Healthy meters in the last finished run, of those asked.", []string{"frequency"}, func(s flows.Status, add adder) {
		for f, r := range lastRuns(s) {
			if ratio, known := flows.RateOf(r).Ratio(); known {
				add(ratio, string(f))
			}
		}
	}),
	newGauge("flows_run_meters", "Meters in the last finished run, by verdict.", []string{"frequency", "verdict"}, func(s flows.Status, add adder) {
		for f, r := range lastRuns(s) {
			add(float64(r.Healthy), string(f), string(flows.VerdictHealthy))
			add(float64(r.Unhealthy), string(f), string(flows.VerdictUnhealthy))
			add(float64(r.Skipped), string(f), string(flows.VerdictSkipped))
			add(float64(r.NotDone), string(f), string(flows.VerdictNotDone))
		}
	}),
	newGauge("flows_success_ratio_24h", "Healthy readings of all in the last 24 hours.", nil, func(s flows.Status, add adder) {
		if ratio, known := s.Success.Ratio(); known {
			add(ratio)
		}
	}),
	newGauge("flows_ticks_missed_24h", "Ticks of the last 24 hours that nobody ran, the one due now too.", nil, func(s flows.Status, add adder) {
		add(float64(s.Missed()))
	}),
	newGauge("flows_runs_unfinished", "Runs that have not finished.", nil, func(s flows.Status, add adder) {
		add(float64(len(s.Unfinished)))
	}),
	newGauge("flows_jobs", "Jobs in the queue.", []string{"state"}, func(s flows.Status, add adder) {
		add(float64(s.Jobs.Waiting), "waiting")
		add(float64(s.Jobs.Running), "running")
	}),
	newGauge("flows_job_oldest_waiting_seconds", "How long the oldest job that is due has waited; 0 if none does.", nil, func(s flows.Status, add adder) {
		if s.Jobs.Oldest.IsZero() {
			add(0)
			return
		}
		add(s.Time.Sub(s.Jobs.Oldest).Seconds())
	}),
	newGauge("flows_halfhours_meters", "Active meters with a register that was there yesterday, by the time zone of their ESCO.", nil,
		halfHours(func(h *flows.HalfHours) int { return h.Meters })),
	newGauge("flows_halfhours_meters_judged", "Of flows_halfhours_meters, those whose half-hours were judged after yesterday had ended.", nil,
		halfHours(func(h *flows.HalfHours) int { return h.Judged })),
	newGauge("flows_halfhours_meters_complete", "Of flows_halfhours_meters, those of which every half-hour of yesterday is known, none by estimate.", nil,
		halfHours(func(h *flows.HalfHours) int { return h.Complete })),
	newGauge("flows_halfhours_expected", "Half-hours of these meters yesterday, each register and direction.", nil,
		halfHours(func(h *flows.HalfHours) int { return h.Expected })),
	newGauge("flows_halfhours_estimated", "Half-hours of yesterday that are estimated.", nil,
		halfHours(func(h *flows.HalfHours) int { return h.Estimated })),
	newGauge("flows_halfhours_unknown", "Half-hours of yesterday that nobody knows, or not yet.", nil,
		halfHours(func(h *flows.HalfHours) int { return h.Unknown })),
	newGauge("flows_halfhours_oldest_gap_seconds", "How long ago the oldest day began of which half-hours are still asked for; 0 if none are.", nil, func(s flows.Status, add adder) {
		switch {
		case s.HalfHours == nil:
		case s.HalfHours.OldestGap == nil:
			add(0)
		default:
			add(s.Time.Sub(s.HalfHours.OldestGap.Since).Seconds())
		}
	}),
	newGauge("flows_halfhours_exceptions_open", "Exceptions that nobody has answered.", []string{"rule", "severity"}, func(s flows.Status, add adder) {
		if s.HalfHours == nil {
			return
		}
		for _, x := range s.HalfHours.Exceptions {
			add(float64(x.Count), string(x.Rule), string(x.Severity))
		}
	}),
	newGauge("flows_database_bytes", "Size of the database.", nil, func(s flows.Status, add adder) {
		add(float64(s.Database.Bytes))
	}),
	newGauge("flows_database_days_left", "Days until the database's disk is full, at last week's growth.", nil, func(s flows.Status, add adder) {
		if s.Database.DaysLeft != nil {
			add(float64(*s.Database.DaysLeft))
		}
	}),
	newGauge("flows_needs_person", "Meters, exceptions, ticks, jobs or runs that need a person; flows status says what to do.", []string{"kind"}, func(s flows.Status, add adder) {
		counts := map[flows.NeedKind]int{}
		for _, n := range s.Needs() {
			counts[n.Kind] += n.Count
		}
		for _, kind := range flows.NeedKinds {
			add(float64(counts[kind]), string(kind))
		}
	}),
}

// lastRuns adds up the runs of several ESCOs.
func lastRuns(s flows.Status) map[flows.Frequency]flows.Run {
	all := map[flows.Frequency]flows.Run{}
	for _, r := range s.Runs {
		sum := all[r.Frequency]
		sum.Healthy, sum.Unhealthy = sum.Healthy+r.Healthy, sum.Unhealthy+r.Unhealthy
		sum.Skipped, sum.NotDone = sum.Skipped+r.Skipped, sum.NotDone+r.NotDone
		all[r.Frequency] = sum
	}
	return all
}

// halfHours tells one number of them.
func halfHours(number func(*flows.HalfHours) int) func(flows.Status, adder) {
	return func(s flows.Status, add adder) {
		if s.HalfHours != nil {
			add(float64(number(s.HalfHours)))
		}
	}
}
