package vee

import (
	"math/big"
	"slices"

	"flows"
)

// few is the most half-hours that are estimated between their neighbours; longer gaps look at like days.
const few = 4

// gap is a link whose total is known and whose half-hours are not.
type gap struct {
	link
	x, y        point
	first, last int64 // half-hours, both in it
	flat        []*big.Rat
	weights     []*big.Rat
	method      flows.Method
	caps        []*big.Rat // nil: no bound is known
}

func (g gap) slots() int { return int(g.last - g.first + 1) }

// estimateGaps shares out what went through each gap.
func (j *judgement) estimateGaps() {
	if j.in.Register.NoLog {
		return
	}
	for _, l := range j.main.links {
		x, y := j.main.points[l.from], j.main.points[l.to]
		if l.known() && !(x.log && y.log && y.t-x.t == slotMicros) {
			j.estimate(newGap(l, x, y))
		}
	}
}

func newGap(l link, x, y point) gap {
	return gap{link: l, x: x, y: y, first: slotAt(x.t), last: ceilSlot(y.t) - 1}
}

// measure says how much of each half-hour lies in the gap, and how much can flow in it.
func (j *judgement) measure(g *gap) {
	g.flat = make([]*big.Rat, g.slots())
	if j.most.Known {
		g.caps = make([]*big.Rat, g.slots())
	}
	for i := range g.flat {
		from, to := g.overlap(i, g.x.t, g.y.t)
		g.flat[i] = big.NewRat(to-from, slotMicros)
		if g.caps != nil {
			g.caps[i] = new(big.Rat).SetUint64(j.mostIn(to - from).Counts)
		}
	}
}

// overlap is the part of the gap's i-th half-hour that lies between two times.
func (g gap) overlap(i int, from, to int64) (int64, int64) {
	k := (g.first + int64(i)) * slotMicros
	return max(from, k), min(to, k+slotMicros)
}

// estimate writes the gap's half-hours. A single one has no need of an estimate: it has the whole total.
func (j *judgement) estimate(g gap) {
	var counts []Count
	quality := flows.Estimated
	if g.slots() == 1 {
		counts, quality, g.method = []Count{g.total}, flows.Derived, flows.Reading
	} else {
		j.measure(&g)
		g.weights, g.method = j.weigh(g)
		counts = j.shareOut(g)
	}
	for i, c := range counts {
		k := g.first + int64(i)
		s := j.at(k)
		s.value, s.quality, s.method, s.reason = j.energy(c), quality, g.method, g.rule
		if quality == flows.Estimated {
			s.reason = j.reasonOf(g.rule, k)
		}
	}
}

// reasonOf says why a half-hour had to be estimated: what the link it is part of is, or what happened to the reads at its ends.
func (j *judgement) reasonOf(link flows.Rule, k int64) flows.Rule {
	if link != "" {
		return link
	}
	reason := flows.RuleMissing
	for _, t := range []int64{k * slotMicros, (k + 1) * slotMicros} {
		switch r := j.why[t]; {
		case r == flows.RuleBadRead:
			return r
		case r != "":
			reason = r
		}
	}
	return reason
}

// shareOut divides the gap's total: what edited half-hours leave of it, or, with none, between the register reads inside, rounded once.
func (j *judgement) shareOut(g gap) []Count {
	total := new(big.Rat).SetUint64(uint64(g.total))
	if counts := j.aroundEdits(g, total); counts != nil {
		return counts
	}
	shares := make([]*big.Rat, g.slots())
	for i := range shares {
		shares[i] = new(big.Rat)
	}
	stops := j.splits(g)
	if len(stops) == 2 {
		return round(share(total, g.weights, g.flat, g.caps))
	}
	for n := 1; n < len(stops); n++ {
		x, y := stops[n-1], stops[n]
		part, _ := within(x.v, y.v, g.total)
		j.sharePiece(g, shares, x.t, y.t, part)
	}
	return round(shares)
}

// sharePiece adds what flowed between two reads to the shares of the half-hours between them.
func (j *judgement) sharePiece(g gap, shares []*big.Rat, from, to int64, total Count) {
	a, b := int(slotAt(from)-g.first), int(ceilSlot(to)-g.first)
	flat, weights := make([]*big.Rat, b-a), make([]*big.Rat, b-a)
	var caps []*big.Rat
	for i := a; i < b; i++ {
		p, q := g.overlap(i, from, to)
		flat[i-a] = big.NewRat(q-p, slotMicros)
		weights[i-a] = new(big.Rat).Mul(g.weights[i], flat[i-a])
		if j.most.Known {
			caps = append(caps, j.flow(q-p))
		}
	}
	for i, s := range share(new(big.Rat).SetUint64(uint64(total)), weights, flat, caps) {
		shares[a+i].Add(shares[a+i], s)
	}
}

// flow is E_max of a time before it is rounded up, so that parts of a half-hour add up.
func (j *judgement) flow(micros int64) *big.Rat {
	r := j.in.Register.Rating
	watts := big.NewRat(deciVolts*int64(r.Fuse)*int64(r.Phases)*int64(flows.WattHour/j.unit), 10)
	return watts.Mul(watts, big.NewRat(micros, secondsPerHour*1e6))
}

// aroundEdits leaves edited half-hours as they are and shares out the rest of the total; nil when there are none, or when they do not go
// into the total: then the person and the register disagree and the estimates keep to the register.
func (j *judgement) aroundEdits(g gap, total *big.Rat) []Count {
	open := make([]int, 0, g.slots())
	rest := new(big.Rat).Set(total)
	for i := range g.slots() {
		if e := j.at(g.first + int64(i)).edit; e == nil {
			open = append(open, i)
		} else {
			rest.Sub(rest, big.NewRat(int64(e.Value), int64(j.unit)))
		}
	}
	pick := func(all []*big.Rat) []*big.Rat {
		var some []*big.Rat
		for _, i := range open {
			if all != nil {
				some = append(some, all[i])
			}
		}
		return some
	}
	room := g.caps == nil || rest.Cmp(sum(pick(g.caps), nil)) <= 0
	if len(open) == g.slots() || len(open) == 0 || rest.Sign() < 0 || !rest.IsInt() || !room {
		return nil
	}
	counts := make([]Count, g.slots())
	for n, c := range round(share(rest, pick(g.weights), pick(g.flat), pick(g.caps))) {
		counts[open[n]] = c
	}
	return counts
}

// splits are the gap's ends with the register reads inside that cut it. A read that another contradicts is not used, nor are two between
// which more would have flowed than can.
func (j *judgement) splits(g gap) []point {
	stops := []point{g.x}
	for _, r := range j.reads {
		if r.t <= g.x.t || r.t >= g.y.t {
			continue
		}
		if _, ok := within(g.x.v, r.v, g.total); ok {
			stops = append(stops, r.point)
		}
	}
	stops = consistent(append(stops, g.y), g.total)
	for i := 1; j.most.Known && len(stops) > 2 && i < len(stops); i++ {
		total, _ := within(stops[i-1].v, stops[i].v, g.total)
		if part := new(big.Rat).SetUint64(uint64(total)); part.Cmp(j.flow(stops[i].t-stops[i-1].t)) <= 0 {
			continue
		}
		last := len(stops) - 1
		from, to := max(i-1, 1), min(i+1, last)
		stops = slices.Delete(stops, from, to)
		i = 0
	}
	return stops
}

// consistent keeps of the points between the first and the last those that none other contradicts: nothing before is higher, nothing
// after is lower, counted from the first.
func consistent(p []point, total Count) []point {
	above := func(q point) Count {
		d, _ := within(p[0].v, q.v, total)
		return d
	}
	low := make([]Count, len(p))
	low[len(p)-1] = above(p[len(p)-1])
	for i := len(p) - 2; i >= 0; i-- {
		low[i] = min(low[i+1], above(p[i]))
	}
	kept, high := []point{p[0]}, Count(0)
	for i := 1; i < len(p); i++ {
		high = max(high, above(p[i]))
		if i == len(p)-1 || (above(p[i]) == high && above(p[i]) == low[i]) {
			kept = append(kept, p[i])
		}
	}
	return kept
}
