package syncer

import (
	"fmt"

	"flows/emop"
)

// hardware fills a registry that does not know the hardware; a registry that says another is reported and never overwritten.
func hardware(r *run) {
	take := func(v string) {
		switch known := r.meter.Hardware; {
		case v == "": // three phase: the other object tells
		case known == "":
			r.result.Registry.Hardware = &v
		case v != known && (emop.ClassOf(v) != emop.ClassOf(known) || emop.ClassOf(v)&emop.SinglePhase != 0):
			r.note = fmt.Sprintf("the meter is %s, the registry says %s", v, known)
		}
	}
	get(r, emop.Hardware, take)
	get(r, emop.ThreePhaseHardware, take)
}
