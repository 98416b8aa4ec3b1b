package vee

import (
	"flows"
)

// broken reports the breaks that bear the running rule's name.
func broken(j *judgement) string {
	j.links(func(c chain, l link) {
		if l.rule != j.rule.name {
			return
		}
		x, y := c.points[l.from], c.points[l.to]
		e := flows.Exception{
			Period: period(x.t, y.t), Key: timeName(y.t), Count: int(ceilSlot(y.t) - slotAt(x.t)),
			Details: map[string]string{"before_kwh": j.kwh(x.v), "after_kwh": j.kwh(y.v)},
		}
		if most := j.mostIn(y.t - x.t); most.Known {
			e.Details["most_kwh"] = j.kwh(Count(min(most.Counts, 1<<32-1)))
		}
		j.raise(e)
	})
	return ""
}

// maxEnergy cannot look without a fuse rating.
func maxEnergy(j *judgement) string {
	if !j.most.Known {
		return "the fuse rating is not known"
	}
	return broken(j)
}

// rollover reports counters that ran round.
func rollover(j *judgement) string {
	if !j.most.Known {
		return "the fuse rating is not known"
	}
	return broken(j)
}

// badRead reports reads that were found wrong, each one apart.
func badRead(j *judgement) string {
	report := func(c chain) {
		for _, b := range c.bad {
			x, y, r := c.points[b.from], c.points[b.at], c.points[b.to]
			if j.shown(y.t) {
				j.raise(flows.Exception{
					Period: period(x.t, r.t), Key: timeName(y.t), Count: 1,
					Details: map[string]string{"before_kwh": j.kwh(x.v), "read_kwh": j.kwh(y.v), "after_kwh": j.kwh(r.v)},
				})
			}
		}
	}
	report(j.main)
	report(j.lostSide())
	return ""
}

// links visits the links that touch what is given out.
func (j *judgement) links(visit func(c chain, l link)) {
	for _, c := range []chain{j.main, j.lostSide()} {
		for _, l := range c.links {
			if c.points[l.from].t < j.to && c.points[l.to].t > j.from {
				visit(c, l)
			}
		}
	}
}

// lostSide is the part of the way through log and reads together that lies where the log is lost.
func (j *judgement) lostSide() chain {
	c := chain{points: j.side.points}
	inLog := func(l link) bool { return c.points[l.from].log && c.points[l.to].log }
	for _, l := range j.side.links {
		if !inLog(l) && touches(j.in.Register.Lost, c.points[l.from].t, c.points[l.to].t) {
			c.links = append(c.links, l)
		}
	}
	for _, b := range j.side.bad {
		if p := c.points[b.at]; !p.log && touches(j.in.Register.Lost, p.t, p.t+1) {
			c.bad = append(c.bad, b)
		}
	}
	return c
}
