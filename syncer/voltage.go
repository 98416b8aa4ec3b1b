package syncer

import (
	"flows"
	"flows/emop"
)

// voltage takes the voltage, or those of the three phases; L2 and L3 sometimes fail alone.
func voltage(r *run) {
	s := &r.result.Shadow
	take := func(to **flows.Voltage) func(uint16) {
		return func(v uint16) { *to = ptr(flows.Voltage(v)) }
	}
	get(r, emop.Voltage, take(&s.Voltage))
	get(r, emop.VoltageL1, take(&s.VoltageL1))
	get(r, emop.VoltageL2, take(&s.VoltageL2))
	get(r, emop.VoltageL3, take(&s.VoltageL3))
}
