package vee

// offGrid reports records whose time is not on a half-hour. They count as register reads of their own time and are never moved.
func offGrid(j *judgement) string {
	if j.in.Register.NoLog {
		return "the meter keeps no log"
	}
	found := daily{cal: j.cal}
	for _, f := range j.offGrid {
		if j.onShownDay(f.t) {
			found.add(f.t, f.t)
		}
	}
	found.raise(j.raise)
	return ""
}
