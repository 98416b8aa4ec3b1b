package vee

// staleRead finds register reads that stand still while the log moves, and the reverse: one of the two is not the register.
func staleRead(j *judgement) string {
	n := j.limits.StaleReads
	switch {
	case j.in.Register.NoLog:
		return "the meter keeps no log"
	case len(j.reads) < n:
		return "too few register reads"
	}
	found := daily{cal: j.cal}
	for i := n - 1; i < len(j.reads); i++ {
		first, last := j.reads[i-n+1], j.reads[i]
		if !j.shown(last.t) {
			continue
		}
		still := true
		for _, r := range j.reads[i-n+1 : i] {
			still = still && r.v == last.v
		}
		moved, seen := j.main.inside(first.t+first.uncertainty, last.t-last.uncertainty)
		_, _, around, ok := j.main.between(first.t-first.uncertainty, last.t+last.uncertainty)
		switch {
		case still && seen && moved > 0:
			found.add(first.t, last.t).Details["still"] = "reads"
		case first.v != last.v && ok && around == 0:
			found.add(first.t, last.t).Details["still"] = "log"
		}
	}
	found.raise(j.raise)
	return ""
}

// inside is what flowed between the first read of the log after a time and the last one before another.
func (c chain) inside(after, before int64) (total Count, seen bool) {
	for _, l := range c.links {
		if c.points[l.from].t >= after && c.points[l.to].t <= before && l.known() {
			total, seen = total+l.total, true
		}
	}
	return total, seen
}
