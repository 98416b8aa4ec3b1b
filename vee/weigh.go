package vee

import (
	"math/big"
	"slices"
	"time"

	"flows"
)

const (
	atLeast   = 3 // actual half-hours that make a mean
	likeDays  = 28
	otherDays = 14
)

// weigh gives the weights of a gap's half-hours and says what they are made of. A half-hour at the end of the gap that lies in it only
// in part weighs only that part.
func (j *judgement) weigh(g gap) ([]*big.Rat, flows.Method) {
	weights, method := j.linear(g), flows.Linear
	if g.slots() > few {
		weights, method = j.likeOtherDays(g.first, g.last), flows.LikeDay
	}
	if weights == nil || sum(weights, nil).Sign() == 0 {
		weights, method = make([]*big.Rat, g.slots()), flows.Flat
		for i := range weights {
			weights[i] = big.NewRat(1, 1)
		}
	}
	for i := range weights {
		weights[i] = new(big.Rat).Mul(weights[i], g.flat[i])
	}
	return weights, method
}

// linear goes from the half-hour before the gap to the one after it; both must be actual.
func (j *judgement) linear(g gap) []*big.Rat {
	before, after := j.at(g.first-1), j.at(g.last+1)
	if before == nil || after == nil || !before.actual() || !after.actual() {
		return nil
	}
	a, z := int64(before.value), int64(after.value)
	m := int64(g.slots())
	weights := make([]*big.Rat, m)
	for i := range weights {
		weights[i] = big.NewRat(a*(m+1)+(z-a)*int64(i+1), m+1)
	}
	return weights
}

// likeness finds the actual half-hours of the days before. They are kept by half-hour of the day, in order of time.
type likeness struct {
	from    int64 // how far back it wanted to look, µs
	sameDay [48][]likeSlot
}

type likeSlot struct {
	day   int64
	value flows.Energy
}

// likeOtherDays weighs half-hours by what the same half-hour of earlier days used: days of the same class within 28 days, or if they are
// fewer than three any of the last 14; nil when one half-hour has neither. Estimates are never looked at.
func (j *judgement) likeOtherDays(first, last int64) []*big.Rat {
	wanted := first*slotMicros - int64((LookBack+24*time.Hour)/time.Microsecond)
	inside := last*slotMicros >= j.from && first*slotMicros < j.to
	l := j.likeness()
	if inside {
		l.from = min(l.from, wanted)
	}
	weights := make([]*big.Rat, 0, last-first+1)
	for k := first; k <= last; k++ {
		day, half := j.cal.local(k * slotMicros)
		w := l.mean(half, day, likeDays, func(d int64) bool { return class(d) == class(day) })
		if w == nil {
			w = l.mean(half, day, otherDays, func(int64) bool { return true })
		}
		if w == nil {
			return nil
		}
		weights = append(weights, w)
	}
	return weights
}

func (j *judgement) likeness() *likeness {
	if j.like != nil {
		return j.like
	}
	j.like = &likeness{from: distantFuture}
	for i := range j.slots {
		if s := &j.slots[i]; s.actual() {
			day, half := j.cal.local((j.first + int64(i)) * slotMicros)
			j.like.sameDay[half] = append(j.like.sameDay[half], likeSlot{day, s.value})
		}
	}
	return j.like
}

// mean of those of the days before that are like it, exact; nil of fewer than three half-hours.
func (l *likeness) mean(half int, day, back int64, like func(day int64) bool) *big.Rat {
	var total, n int64
	for _, s := range slices.Backward(l.sameDay[half]) {
		if s.day < day-back {
			break
		}
		if s.day < day && like(s.day) {
			total, n = total+int64(s.value), n+1
		}
	}
	if n < atLeast {
		return nil
	}
	return big.NewRat(total, n)
}
