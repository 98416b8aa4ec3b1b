package vee

// replacedAfterExport finds half-hours that were given out with another value before the meter's own came.
func replacedAfterExport(j *judgement) string {
	found := daily{cal: j.cal}
	for _, old := range j.in.Exported {
		t := micros(old.Start)
		s := j.at(slotAt(t))
		if s == nil || t < j.from || t >= j.to || !s.actual() {
			continue
		}
		if old.Value == nil || *old.Value != s.value {
			found.add(t, t+slotMicros)
		}
	}
	found.raise(j.raise)
	return ""
}
