package vee

import (
	"math/big"
	"slices"

	"flows"
)

// What follows says the rules again in another way: with big integers where the code has a counter that wraps, by labelling reads and looking
// at the labels where the code walks, by integers over a common denominator where the code has fractions. It knows logs without edits.

var wrap = new(big.Int).Lsh(big.NewInt(1), 32)

// reference is a register's history as the rules see it.
type reference struct {
	rating  Rating
	perWh   int64
	at      []int64 // half-hours of the valid reads
	value   []*big.Int
	resets  []int64 // µs
	zone    *calendar
	actual  map[int64]*big.Int
	unknown map[int64]flows.Rule
	gaps    []refGap
	bad     map[int64]bool
}

type refGap struct {
	from, to int64
	total    *big.Int
}

// bound is ⌈1.2 · 253 · fuse · phases · hours⌉ Wh; nil is no bound.
func (r *reference) bound(halfHours int64) *big.Int {
	if r.rating.Fuse == 0 {
		return nil
	}
	wh := new(big.Rat).Mul(big.NewRat(12, 10), big.NewRat(253, 1))
	wh.Mul(wh, big.NewRat(int64(r.rating.Fuse)*int64(r.rating.Phases)*halfHours, 2))
	up := new(big.Int).Add(wh.Num(), new(big.Int).Sub(wh.Denom(), big.NewInt(1)))
	up.Quo(up, wh.Denom())
	return up.Mul(up, big.NewInt(r.perWh))
}

func (r *reference) plain(i, j int) *big.Int { // y - x, if y ≥ x and it can have flowed
	d := new(big.Int).Sub(r.value[j], r.value[i])
	if most := r.bound(r.at[j] - r.at[i]); d.Sign() < 0 || most != nil && d.Cmp(most) > 0 {
		return nil
	}
	return d
}

func (r *reference) over(i, j int) *big.Int { // across the counter's end
	most := r.bound(r.at[j] - r.at[i])
	d := new(big.Int).Sub(r.value[j], r.value[i])
	if d.Sign() >= 0 || most == nil || most.Cmp(wrap) >= 0 {
		return nil
	}
	if d.Add(d, wrap); d.Cmp(most) > 0 {
		return nil
	}
	return d
}

func (r *reference) any(i, j int) *big.Int {
	if d := r.plain(i, j); d != nil {
		return d
	}
	return r.over(i, j)
}

// label sorts out all reads, then looks at each pair of good neighbours.
func (r *reference) label() {
	r.actual, r.unknown, r.bad = map[int64]*big.Int{}, map[int64]flows.Rule{}, map[int64]bool{}
	good := []int{}
	for i := 0; i < len(r.at); {
		if n := len(good); n > 0 {
			if m := r.wrong(good[n-1], i); m > 0 {
				for ; m > 0; m-- {
					r.bad[r.at[i]] = true
					i++
				}
				continue
			}
		}
		good = append(good, i)
		i++
	}
	for n := 1; n < len(good); n++ {
		r.pair(good, n)
	}
}

// wrong counts the reads from i on that are wrong: all before the first that goes on from the last good one.
func (r *reference) wrong(last, i int) int {
	fell := r.value[i].Cmp(r.value[last]) < 0
	if r.any(last, i) != nil || fell && r.reset(last, i) {
		return 0
	}
	back := i + 1
	for back < len(r.at) && r.any(last, back) == nil {
		back++
	}
	switch n := back - i; {
	case back == len(r.at):
		return 0
	case n == 1:
		return 1
	case !fell, n > 4, r.at[back]-r.at[last] > 48, r.reset(last, back-1):
		return 0
	}
	fall, left := new(big.Int).Sub(r.value[last], r.value[i]), new(big.Int).Sub(r.value[last], r.value[back-1])
	if left.Sign() > 0 && left.Lsh(left, 1).Cmp(fall) < 0 { // most of the way back was not a jump
		return 0
	}
	return back - i
}

func (r *reference) pair(good []int, n int) {
	i, j := good[n-1], good[n]
	if d := r.any(i, j); d != nil {
		if r.at[j]-r.at[i] == 1 {
			r.actual[r.at[i]] = d
		} else {
			r.gaps = append(r.gaps, refGap{r.at[i], r.at[j], d})
		}
		return
	}
	rule := flows.RuleMaxEnergy
	if r.value[j].Cmp(r.value[i]) < 0 {
		most := r.bound(r.at[j] - r.at[i])
		switch {
		case r.reset(i, j):
			rule = flows.RuleReset
		case most == nil || r.value[j].Cmp(most) > 0:
			rule = flows.RuleReversal
		case j+1 < len(r.at) && r.plain(j, j+1) != nil:
			rule = flows.RuleReset
		default:
			rule = flows.RuleResetSuspected
		}
	}
	for k := r.at[i]; k < r.at[j]; k++ {
		r.unknown[k] = rule
	}
}

func (r *reference) reset(i, j int) bool {
	return slices.ContainsFunc(r.resets, func(t int64) bool { return t > r.at[i]*slotMicros && t <= r.at[j]*slotMicros })
}

// shares estimates a gap.
func (r *reference) shares(g refGap) map[int64]*big.Int {
	m := g.to - g.from
	weights := make([]*big.Rat, 0, m)
	for k := g.from; k < g.to; k++ {
		var w *big.Rat
		if a, z := r.actual[g.from-1], r.actual[g.to]; m <= 4 {
			if a != nil && z != nil {
				i := k - g.from + 1 // a + (z-a)·i/(m+1)
				w = new(big.Rat).SetInt(new(big.Int).Sub(z, a))
				w.Mul(w, big.NewRat(i, m+1)).Add(w, new(big.Rat).SetInt(a))
			}
		} else {
			w = r.likeDay(k)
		}
		if w == nil {
			weights = nil
			break
		}
		weights = append(weights, w)
	}
	if len(weights) == 0 || allZero(weights) {
		weights = slices.Repeat([]*big.Rat{big.NewRat(1, 1)}, int(m))
	}
	out := map[int64]*big.Int{}
	for i, e := range hamilton(g.total, weights, r.bound(1)) {
		out[g.from+int64(i)] = e
	}
	return out
}

// likeDay looks at every half-hour of the last 28 days.
func (r *reference) likeDay(k int64) *big.Rat {
	day, half := r.zone.local(k * slotMicros)
	for _, wide := range []bool{false, true} {
		total, n := new(big.Int), int64(0)
		for c := k - 30*48; c < k; c++ {
			d, h := r.zone.local(c * slotMicros)
			like := class(d) == class(day) && day-d <= 28
			if wide {
				like = day-d <= 14
			}
			if v := r.actual[c]; v != nil && h == half && d < day && like {
				total.Add(total, v)
				n++
			}
		}
		if n >= 3 {
			return new(big.Rat).SetFrac(total, big.NewInt(n))
		}
	}
	return nil
}

func allZero(w []*big.Rat) bool {
	return !slices.ContainsFunc(w, func(w *big.Rat) bool { return w.Sign() != 0 })
}

// hamilton hands out a total: those that fill up first are filled, one after the other; the rest by weight, and what is left over after
// rounding down goes out one by one to whoever is owed most.
func hamilton(total *big.Int, weights []*big.Rat, most *big.Int) []*big.Int {
	n := len(weights)
	exact := make([]*big.Rat, n)
	left := new(big.Rat).SetInt(total)
	open := func() (all []int) {
		for i := range n {
			if exact[i] == nil {
				all = append(all, i)
			}
		}
		return all
	}
	for len(open()) > 0 {
		w, all := weights, new(big.Rat)
		for _, i := range open() {
			all.Add(all, w[i])
		}
		if all.Sign() == 0 {
			w = slices.Repeat([]*big.Rat{big.NewRat(1, 1)}, n)
			all.SetInt64(int64(len(open())))
		}
		heaviest := slices.MaxFunc(open(), func(a, b int) int { return w[a].Cmp(w[b]) })
		part := func(i int) *big.Rat {
			p := new(big.Rat).Mul(left, w[i])
			return p.Quo(p, all)
		}
		if most != nil && part(heaviest).Cmp(new(big.Rat).SetInt(most)) > 0 {
			exact[heaviest] = new(big.Rat).SetInt(most)
			left.Sub(left, exact[heaviest])
			continue
		}
		for _, i := range open() {
			exact[i] = part(i)
		}
	}
	given := make([]*big.Int, n)
	owed := new(big.Int).Set(total)
	for i, e := range exact {
		given[i] = new(big.Int).Quo(e.Num(), e.Denom())
		owed.Sub(owed, given[i])
	}
	for ; owed.Sign() > 0; owed.Sub(owed, big.NewInt(1)) {
		best, debt := -1, new(big.Rat)
		for i, e := range exact {
			if d := new(big.Rat).Sub(e, new(big.Rat).SetInt(given[i])); best < 0 || d.Cmp(debt) > 0 {
				best, debt = i, d
			}
		}
		given[best].Add(given[best], big.NewInt(1))
	}
	return given
}
