package syncer

import (
	"fmt"

	"flows/emop"
)

// serial makes sure that the meter is the one the registry means. Another serial is an alarm, never an overwrite.
func serial(r *run) {
	check := func(v string) {
		if v != r.meter.Serial {
			r.foreign = fmt.Sprintf("%s says its serial", v)
		}
	}
	get(r, emop.Serial, check)
	get(r, emop.ThreePhaseSerial, check)
}
