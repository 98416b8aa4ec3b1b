package vee

import (
	"slices"
	"time"

	"flows"
)

// around is how many accepted reads to each side of a changed one the change can reach: the way before it may turn off at any of the
// mostWrong+1 before it, and after it goes on as before where it meets the old one; a break there, or an estimate, touches one more. After it
// there are more when no mostWrong+1 in a row are accepted.
const around = mostWrong + 2

// extend widens the span to accepted reads, so that gaps are given out whole.
func (j *judgement) extend() {
	from, to := bounds(j.in.Span)
	first, last := int64(distantFuture), int64(distantPast)
	j.from, j.to = from, to
	for _, c := range []chain{j.main, j.side} {
		times := c.accepted()
		if len(times) == 0 {
			continue
		}
		first, last = min(first, times[0]), max(last, times[len(times)-1])
		// With no read behind it nothing in the span says anything of what was before, but of the half-hour that ends there: a meter may be
		// silent for months.
		i, _ := slices.BinarySearch(times, from)
		if i < len(times) {
			j.from = min(j.from, times[max(i-around, 0)])
		} else if from > distantPast {
			j.from = min(j.from, from-slotMicros)
		}
		i, _ = slices.BinarySearch(times, to)
		met, _ := c.meets(i)
		j.to = max(j.to, times[min(met+1, len(times)-1)])
	}
	if first > last {
		first, last = max(from, j.start, epoch), max(from, j.start, epoch)
	}
	if from == distantPast {
		j.from = max(first, j.start)
	}
	if to == distantFuture {
		j.to = min(last, j.end)
	}
	j.from, j.to = max(j.from, j.start), min(j.to, j.end)
	j.to = max(j.to, j.from)
	j.from, j.to = slotAt(j.from)*slotMicros, ceilSlot(j.to)*slotMicros
	j.result.Span = period(j.from, j.to)
}

// want says how much more context this judgement needs.
func (j *judgement) want() {
	spanFrom, spanTo := bounds(j.in.Span)
	from, to := j.contextFrom, j.contextTo
	if day, _ := j.cal.local(j.from); j.cal.midnight(day) < from {
		from = j.cal.midnight(day)
	}
	if day, _ := j.cal.local(max(spanTo, spanFrom+1) - 1); spanTo < distantFuture {
		to = max(to, j.cal.midnight(day+1))
	}
	if j.like != nil {
		from = min(from, j.like.from)
	}
	if j.zerosFrom != 0 {
		from = min(from, j.zerosFrom)
	}
	chains := []chain{j.main}
	if len(j.side.points) > 0 {
		chains = append(chains, j.side)
	}
	for _, c := range chains {
		if !c.seenBefore(spanFrom) {
			from = min(from, j.contextFrom-2*max(spanFrom-j.contextFrom, 0)-int64(24*time.Hour/time.Microsecond))
		}
		if !c.seenAfter(spanTo) {
			to = max(to, j.contextTo+2*max(j.contextTo-spanTo, 0)+int64(24*time.Hour/time.Microsecond))
		}
	}
	if from = max(from, j.start, epoch); j.contextFrom <= from {
		from = j.contextFrom
	}
	switch {
	case j.contextTo >= distantFuture || j.contextTo > j.end:
		to = j.contextTo
	case to > j.contextTo && (to > micros(j.in.AsOf) || to-spanTo > LookBack.Microseconds()):
		to = distantFuture // there may be nothing more
	}
	if from != j.contextFrom || to != j.contextTo {
		j.result.Wanted = &flows.Period{From: period(from, to).From, To: period(from, to).To}
	}
}

// epoch is the first time a meter can show.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()

// seenBefore says whether enough reads before a time are known: those that are given out with it, and one more that any longer
// history would accept too.
func (c chain) seenBefore(t int64) bool {
	times := c.accepted()
	i, _ := slices.BinarySearch(times, t)
	met, ok := c.meets(0)
	return ok && i-around-1 >= met
}

// seenAfter says whether the reads that are given out after a time are known, and those that the last of them depends on.
func (c chain) seenAfter(t int64) bool {
	i, _ := slices.BinarySearch(c.accepted(), t)
	met, ok := c.meets(i)
	return ok && met < len(c.links) && c.links[met].to+mostWrong+1 < len(c.points)
}
