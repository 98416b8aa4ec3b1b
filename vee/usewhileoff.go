package vee

import (
	"slices"

	"flows"
)

// useWhileOff finds use where there can be none: the meter passive, its load off, or the register not (or no longer) in service.
func useWhileOff(j *judgement) string {
	found := daily{cal: j.cal}
	off := slices.Concat(j.in.Register.Passive, j.in.Register.LoadOff)
	for _, p := range off {
		from, to := bounds(p)
		j.each(max(from, j.from), min(to, j.to), func(k int64, s *slot) {
			v, _ := s.energyOf()
			if t := k * slotMicros; v > j.limits.OffUse && t >= from && t+slotMicros <= to {
				found.add(t, t+slotMicros)
			}
		})
	}
	spanFrom, spanTo := bounds(j.in.Span)
	for i := 1; i < len(j.outside); i++ {
		x, y := j.outside[i-1], j.outside[i]
		used, step := Difference(x.v, y.v, j.mostIn(y.t-x.t))
		sameSide := (x.t > j.end) == (y.t > j.end)
		if sameSide && (step == Forward || step == Rollover) && j.energy(used) > j.limits.OffUse && x.t >= spanFrom && x.t < spanTo {
			found.add(x.t, y.t)
		}
	}
	found.raise(j.raise)
	return ""
}

// unwantedExport finds energy sent out where that is not allowed.
func unwantedExport(j *judgement) string {
	if j.in.Register.Direction != flows.Export || !j.in.Register.NoExport {
		return ""
	}
	found := daily{cal: j.cal}
	j.each(j.from, j.to, func(k int64, s *slot) {
		if v, _ := s.energyOf(); v > 0 {
			found.add(k*slotMicros, (k+1)*slotMicros)
		}
	})
	found.raise(j.raise)
	return ""
}
