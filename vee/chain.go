package vee

import "flows"

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
	bad    []int // points the way goes round: BAD_READ
}

// walker knows what decides between two points.
type walker struct {
	most      func(micros int64) Limit
	restarted func(after, upTo int64) bool // a log reset or an exchange lies between
}

// walk takes the points in order of time. What becomes of a read depends on the last accepted read and on the read after it, on
// nothing else: so two walks that begin at different points agree from the second read on that one of them accepts in a row.
func (w walker) walk(points []point) chain {
	c := chain{points: points}
	for x := 0; x+1 < len(points); {
		y, r := x+1, x+2
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
		case r < len(points) && w.returns(points[x], points[r]):
			total, step := w.step(points[x], points[r])
			c.bad = append(c.bad, y)
			c.links = append(c.links, link{x, r, total, ruleOf(step)})
			x = r
		default:
			c.links = append(c.links, link{x, y, 0, w.verdict(points[x:], step)})
			x = y
		}
	}
	return c
}

func (w walker) step(x, y point) (Count, Step) { return Difference(x.v, y.v, w.most(y.t-x.t)) }

// returns is the three-point test: r goes on from x as if the read between had not been. A counter that ran round on the way counts too.
func (w walker) returns(x, r point) bool {
	_, step := w.step(x, r)
	return step == Forward || step == Rollover
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

// settled is the time from which this way is the one that any longer history would take: see walk.
func (c chain) settled() (int64, bool) {
	for _, l := range c.links {
		if l.to == l.from+1 {
			return c.points[l.to].t, true
		}
	}
	return 0, false
}
