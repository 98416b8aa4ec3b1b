package syncer

import (
	"fmt"
	"slices"

	"flows"
	"flows/emop"
)

// hardware fills a registry that does not know the hardware; a registry that says another is reported and never overwritten.
func hardware(r *run) {
	take := func(v string) {
		if v == "" {
			return // three phase: the other object tells
		}
		if r.meter.Hardware == "" {
			r.result.Registry.Hardware = &v
		}
		r.compare(v)
		r.note = r.mismatch
	}
	get(r, emop.Hardware, take)
	get(r, emop.ThreePhaseHardware, take)
}

// compare keeps how the meter's hardware differs from the registry's. Old registries have names of their own for three phase hardware.
func (r *run) compare(v string) {
	known := r.meter.Hardware
	c := emop.ClassOf(v)
	if known != "" && v != known && (c != emop.ClassOf(known) || c&emop.ThreePhase == 0) {
		r.mismatch = fmt.Sprintf("the meter is %s, the registry says %s", v, known)
	}
}

// noteMismatch makes sure that another hardware is reported by a run that met it while it identified the meter.
func (r *run) noteMismatch() {
	reported := slices.ContainsFunc(r.result.Outcomes, func(o flows.Outcome) bool { return o.Metric == "SyncerHardware" })
	if r.mismatch != "" && !reported {
		r.result.Outcomes = append(r.result.Outcomes, flows.Outcome{Metric: "SyncerHardware", State: flows.Read, Reason: r.mismatch})
	}
}
