package vee

// future reports records that claim a time after their arrival, on the day they arrived.
func future(j *judgement) string {
	if j.in.Register.NoLog {
		return "the meter keeps no log"
	}
	found := daily{cal: j.cal}
	for _, f := range j.future {
		day, _ := j.cal.local(f.received)
		e := found.addKey(day, dayName(day), f.t, f.t)
		e.Details["received"] = dayName(day)
	}
	found.raise(j.raise)
	return ""
}
