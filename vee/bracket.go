package vee

import (
	"cmp"
	"slices"
	"strconv"

	"flows"
)

// outlier is a register read that does not lie between the log's reads around it.
type outlier struct {
	read   registerRead
	lo, hi point
}

// bracketReads holds every register read against the log: by the meter's clock it was read between t-u and t+u, so the log's last read
// before and first read after bound it. Reads that lie across a break in the log, or beyond its end, cannot be held against anything.
func (j *judgement) bracketReads() {
	if j.in.Register.NoLog {
		return
	}
	for _, r := range j.reads {
		from, to, total, ok := j.main.between(r.t-r.uncertainty, r.t+r.uncertainty)
		if !ok {
			continue
		}
		j.bracketed++
		if _, inside := within(from.v, r.v, total); !inside {
			j.outliers = append(j.outliers, outlier{r, from, to})
		}
	}
}

// between finds the last accepted read up to a time, the first one from another time on, and what flowed between them; not ok across a
// break.
func (c chain) between(after, before int64) (from, to point, total Count, ok bool) {
	first, found := slices.BinarySearchFunc(c.links, after, func(l link, t int64) int { return cmp.Compare(c.points[l.from].t, t) })
	if !found {
		first--
	}
	if first < 0 {
		return from, to, 0, false
	}
	if from = c.points[c.links[first].from]; from.t >= before { // read at the very time
		return from, from, 0, true
	}
	for i := first; i < len(c.links) && c.links[i].known(); i++ {
		l := c.links[i]
		from, to = c.points[c.links[first].from], c.points[l.to]
		total += l.total
		if to.t >= before {
			return from, to, total, true
		}
	}
	return from, to, 0, false
}

// bracket reports the reads that disagree with the log.
func bracket(j *judgement) string {
	for _, o := range j.outliers {
		if !j.shown(o.read.t) {
			continue
		}
		j.raise(flows.Exception{
			Period: period(o.lo.t, o.hi.t), Key: timeName(o.read.t), Count: 1,
			Details: map[string]string{
				"read_kwh": j.kwh(o.read.v), "at": timeName(o.read.t), "uncertainty_seconds": strconv.FormatInt(o.read.uncertainty/1e6, 10),
				"least_kwh": j.kwh(o.lo.v), "most_kwh": j.kwh(o.hi.v),
			},
		})
	}
	switch {
	case j.in.Register.NoLog:
		return "the meter keeps no log"
	case j.bracketed == 0:
		return "no register read lies between two reads of the log"
	}
	return ""
}
