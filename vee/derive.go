package vee

import (
	"cmp"
	"math/big"
	"math/bits"
	"slices"
	"time"

	"flows"
)

// near is how far apart two register reads may be for the register between them to count as known.
const near = int64(2 * time.Hour / time.Microsecond)

// derive fills half-hours from register reads alone: all of them where the hardware keeps no log, and where the log is lost those that no
// two reads of the log enclose. The register at a half-hour lies on the straight line between two reads at most two hours apart, rounded
// down; between reads further apart the energy is an estimate. A half-hour is known when all of it is covered.
func (j *judgement) derive() {
	c, lost := j.side, j.in.Register.Lost
	if j.in.Register.NoLog {
		c, lost = j.main, []flows.Period{{}}
	}
	if len(c.links) == 0 {
		return
	}
	pieces := make([]piecewise, len(j.slots))
	for _, l := range c.links {
		x, y := c.points[l.from], c.points[l.to]
		switch {
		case !touches(lost, x.t-slotMicros, y.t+slotMicros):
			continue
		case l.known():
			j.spread(l, x, y, pieces)
			continue
		}
		j.each(x.t, y.t, func(k int64, _ *slot) { pieces[k-j.first].broken = l.rule })
	}
	for _, p := range lost {
		from, to := bounds(p)
		j.each(max(from, j.start), min(to, j.end), func(k int64, s *slot) { j.takeDerived(k, s, pieces[k-j.first]) })
	}
}

func touches(periods []flows.Period, from, to int64) bool {
	return slices.ContainsFunc(periods, func(p flows.Period) bool {
		a, b := bounds(p)
		return a < to && from < b
	})
}

// piecewise is what register reads say of one half-hour.
type piecewise struct {
	covered int64 // µs
	total   Count
	method  flows.Method // LIKE_DAY or FLAT when a part had to be estimated
	rule    flows.Rule   // ROLLOVER
	broken  flows.Rule   // nobody knows what flowed
}

func (j *judgement) takeDerived(k int64, s *slot, p piecewise) {
	from, to := max(k*slotMicros, j.start), min((k+1)*slotMicros, j.end)
	switch {
	case s.quality != flows.NoQuality: // between two reads of the log
	case s.reason != flows.RuleMissing && !j.in.Register.NoLog:
	case p.broken != "":
		s.value, s.quality, s.method, s.reason, s.withdraws = 0, flows.NoQuality, flows.NoMethod, p.broken, true
	case p.covered < to-from:
	case p.method != "":
		s.value, s.quality, s.method, s.reason = j.energy(p.total), flows.Estimated, p.method, cmp.Or(p.rule, flows.RuleMissing)
	default:
		s.value, s.quality, s.method, s.reason = j.energy(p.total), flows.Derived, flows.Interpolation, p.rule
	}
}

// spread divides what flowed between two reads between the half-hours.
func (j *judgement) spread(l link, x, y point, pieces []piecewise) {
	g := newGap(l, x, y)
	method := flows.NoMethod
	var counts []Count
	if y.t-x.t > near {
		j.measure(&g)
		g.weights, method = j.weighLong(g)
		counts = round(share(new(big.Rat).SetUint64(uint64(g.total)), g.weights, g.flat, g.caps))
	} else {
		counts = g.interpolate()
	}
	for i, c := range counts {
		from, to := g.overlap(i, x.t, y.t)
		p := &pieces[g.first+int64(i)-j.first]
		p.covered, p.total = p.covered+to-from, p.total+c
		if method != "" {
			p.method = method
		}
		if l.rule != "" {
			p.rule = l.rule
		}
	}
}

// weighLong looks at like days alone: there are no actual neighbours that could be looked at.
func (j *judgement) weighLong(g gap) ([]*big.Rat, flows.Method) {
	weights := j.likeOtherDays(g.first, g.last)
	if weights == nil || sum(weights, nil).Sign() == 0 {
		return g.flat, flows.Flat
	}
	for i := range weights {
		weights[i] = new(big.Rat).Mul(weights[i], g.flat[i])
	}
	return weights, flows.LikeDay
}

// interpolate makes the differences of the register's values at the half-hours, each rounded down.
func (g gap) interpolate() []Count {
	counts := make([]Count, g.slots())
	var done Count
	for i := range counts {
		_, to := g.overlap(i, g.x.t, g.y.t)
		hi, lo := bits.Mul64(uint64(g.total), uint64(to-g.x.t))
		upTo, _ := bits.Div64(hi, lo, uint64(g.y.t-g.x.t))
		counts[i], done = Count(upTo)-done, Count(upTo)
	}
	return counts
}
