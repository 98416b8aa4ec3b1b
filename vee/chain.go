package vee

import (
	"time"

	"flows"
)

// point is a register value at a time.
type point struct {
	t        int64 // µs
	v        Count
	received int64  // µs
	status   Status // of a record that was not read outside the log
	log      bool   // from the profile log, so on a half-hour
	conflict bool   // another value arrived for the same time and nobody has picked
}

// link leads from an accepted read to the next accepted one.
type link struct {
	from, to int // points
	total    Count
	rule     flows.Rule // "" or ROLLOVER: the total is known; else nobody knows what flowed
}

func (l link) known() bool { return l.rule == "" || l.rule == flows.RuleRollover }

// chain is the way of a register through its reads.
type chain struct {
	points []point
	links  []link
	bad    []wrong
}

// wrong is a read that the way goes round (BAD_READ), between the two that it takes.
type wrong struct{ from, at, to int }

// mostWrong is how many low reads in a row are found to be wrong when the register comes back. Every bound on what a changed read can reach,
// and on what has to be seen of the reads around, follows from it.
const mostWrong = 4

// walker knows what decides between two points.
type walker struct {
	most      func(micros int64) Limit
	restarted func(after, upTo int64) bool // a log reset or an exchange lies between
}

// walk takes the points in order of time. What becomes of a read depends on the last accepted read and on the mostWrong reads after it, on
// nothing else; and no more than mostWrong reads are gone round at once. So two walks that begin at different points meet in one of
// mostWrong+1 reads that one of them accepts in a row, and are the same from there on.
func (w walker) walk(points []point) chain {
	c := chain{points: points}
	for x := 0; x+1 < len(points); {
		y := x + 1
		total, step := w.step(points[x], points[y])
		switch {
		case step == Forward:
			c.links = append(c.links, link{x, y, total, ""})
			x = y
		case step == Rollover:
			c.links = append(c.links, link{x, y, total, flows.RuleRollover})
			x = y
		case step == Fall && w.restarted(points[x].t, points[y].t):
			c.links = append(c.links, link{x, y, 0, flows.RuleReset})
			x = y
		default:
			l, found := w.detour(points, x, step)
			if !found {
				l = link{x, y, 0, w.verdict(points[x:], step)}
			}
			for ; y < l.to; y++ {
				c.bad = append(c.bad, wrong{x, y, l.to})
			}
			c.links = append(c.links, l)
			x = l.to
		}
	}
	return c
}

func (w walker) step(x, y point) (Count, Step) { return Difference(x.v, y.v, w.most(y.t-x.t)) }

// detour is the three-point test: the next read but one goes on from x as if the read between had not been. A counter that ran round on
// the way counts too. After a fall it looks over some more reads, so that the way back from several wrong ones is not taken for consumption;
// but not if a reset lies among them, nor if they were going up to where x was, as those of a register that was set back do.
func (w walker) detour(points []point, x int, step Step) (link, bool) {
	const longest = int64(24 * time.Hour / time.Microsecond)
	most := 1
	if step == Fall {
		most = mostWrong
	}
	below := func(i int) uint64 { return uint64(points[x].v - points[i].v) }
	for r := x + 2; r < len(points) && r <= x+1+most; r++ {
		several := r > x+2
		if several && (points[r].t-points[x].t > longest || w.restarted(points[x].t, points[r-1].t)) {
			break
		}
		if total, step := w.step(points[x], points[r]); step == Forward || step == Rollover {
			return link{x, r, total, ruleOf(step)}, !several || 2*below(r-1) >= below(x+1)
		}
	}
	return link{}, false
}

func ruleOf(s Step) flows.Rule {
	if s == Rollover {
		return flows.RuleRollover
	}
	return ""
}

// verdict names the break between the first two points; the third, if there is one, may tell a restart at 0.
func (w walker) verdict(p []point, step Step) flows.Rule {
	if step == Excess {
		return flows.RuleMaxEnergy
	}
	if most := w.most(p[1].t - p[0].t); !most.Known || !most.allows(p[1].v) {
		return flows.RuleReversal
	}
	if len(p) > 2 {
		if _, step := w.step(p[1], p[2]); step == Forward {
			return flows.RuleReset
		}
	}
	return flows.RuleResetSuspected
}

// accepted are the times of the reads the way goes through.
func (c chain) accepted() []int64 {
	if len(c.points) == 0 {
		return nil
	}
	times := make([]int64, 1, len(c.links)+1)
	times[0] = c.points[0].t
	for _, l := range c.links {
		times = append(times, c.points[l.to].t)
	}
	return times
}

// meets gives the accepted read, from the i-th on, by which every other way has come together with this one: see walk. Not ok: it gives the
// last.
func (c chain) meets(i int) (int, bool) {
	row := 0
	for ; i < len(c.links); i++ {
		if row++; c.links[i].to != c.links[i].from+1 {
			row = 0
		}
		if row == mostWrong {
			return i + 1, true
		}
	}
	return len(c.links), false
}
