package syncer

import (
	"flows"
	"flows/emop"
)

// reads takes the registers: of the elements on single phase, the totals on three phase.
func reads(r *run) {
	s := &r.result.Shadow
	get(r, emop.ElementA, func(v emop.Registers) {
		s.ImportA, s.ExportA = wattHours(v.ImportActive), wattHours(v.ExportActive)
	})
	get(r, emop.ElementB, func(v emop.Registers) {
		s.ImportB, s.ExportB = wattHours(v.ImportActive), wattHours(v.ExportActive)
	})
	get(r, emop.TotalImportActive, func(v uint32) { s.ImportA = r.total(v) })
	get(r, emop.TotalExportActive, func(v uint32) { s.ExportA = r.total(v) })
}

func wattHours(n uint32) *flows.Energy { return ptr(flows.Energy(n) * flows.WattHour) }

// total applies the unit that this hardware counts its totals in.
func (r *run) total(n uint32) *flows.Energy {
	if r.class == emop.CTOperated {
		return ptr(flows.Energy(n) * flows.DeciWattHour)
	}
	return wattHours(n)
}
