package simulator

import (
	"math"
	"math/rand/v2"
	"time"

	"flows/emop"
)

// load is an energy that grows with time: a curve, how strong it is, and what the register stood at when the meter was installed.
//
// The energy up to a boundary of half-hours is known in closed form, so a register costs the same however old the meter is. Noise moves
// each boundary by at most 45 % of the smaller of its neighbours: a half-hour holds between a tenth and nearly twice its mean, and
// the energy never goes back.
type load struct {
	curve   *curve
	half    int64 // half of the mean power, W: mWh of half an hour are 500 × W, curves count permille
	initial int64 // Wh
	seed    uint64
}

const slotMillis = 1800 * 1000

// at is the register in mWh at ms since emop.Epoch, for a meter installed at from.
func (l load) at(ms, from int64) int64 {
	if ms < from {
		ms = from
	}
	return l.initial*1000 + l.energy(ms) - l.energy(from)
}

// watts is the power at that time.
func (l load) watts(ms int64) int64 {
	u := ms / slotMillis
	return (l.boundary(u+1) - l.boundary(u)) / 500
}

func (l load) energy(ms int64) int64 {
	if l.curve == nil {
		return 0
	}
	u := ms / slotMillis
	start := l.boundary(u)
	return start + (l.boundary(u+1)-start)*(ms%slotMillis)/slotMillis
}

// boundary is the energy at the start of half-hour u, noise included. A clock that is not set may ask for one before the epoch.
func (l load) boundary(u int64) int64 {
	if l.curve == nil || u < 1 {
		return 0
	}
	mean := l.half * l.curve.until(u)
	before, after := mean-l.half*l.curve.until(u-1), l.half*l.curve.until(u+1)-mean
	return mean + min(before, after)*within(l.seed, uint64(u), -450, 450)/1000
}

// curve is the mean over time, in permille of the mean power. Consumption follows the local week, the sun follows the year.
type curve struct {
	until func(u int64) int64 // from emop.Epoch to the start of half-hour u
}

// Shapes of a day, one number an hour from midnight, local time.
var (
	household = weekly(
		[24]int64{45, 40, 38, 38, 40, 50, 90, 140, 120, 85, 75, 75, 85, 80, 75, 85, 115, 170, 210, 200, 180, 150, 110, 70},
		[24]int64{55, 48, 42, 40, 40, 45, 60, 95, 140, 160, 150, 140, 150, 140, 120, 120, 135, 170, 190, 180, 165, 145, 115, 80})
	heatPump = weekly(
		[24]int64{90, 110, 120, 120, 130, 150, 170, 150, 110, 90, 80, 70, 70, 70, 80, 90, 110, 130, 130, 120, 110, 100, 90, 85},
		[24]int64{90, 110, 120, 120, 120, 130, 150, 160, 140, 110, 90, 80, 80, 80, 85, 95, 115, 130, 130, 120, 110, 100, 90, 85})
	solarHome = weekly( // what a house with panels still takes from the grid
		[24]int64{70, 65, 60, 60, 62, 75, 110, 120, 60, 25, 12, 10, 10, 12, 18, 35, 90, 190, 260, 250, 220, 180, 130, 95},
		[24]int64{75, 68, 62, 60, 60, 65, 85, 110, 70, 35, 18, 15, 15, 18, 25, 45, 100, 190, 240, 230, 205, 175, 135, 100})
	business = weekly(
		[24]int64{40, 40, 40, 40, 45, 60, 100, 160, 200, 210, 210, 205, 195, 205, 205, 200, 185, 150, 110, 80, 60, 50, 45, 42},
		[24]int64{40, 40, 40, 40, 40, 42, 50, 60, 75, 80, 80, 80, 75, 72, 70, 65, 60, 52, 48, 45, 42, 40, 40, 40})
	sun = yearly([24]int64{0, 0, 0, 0, 0, 10, 50, 130, 230, 330, 400, 440, 450, 430, 370, 290, 190, 100, 35, 5, 0, 0, 0, 0})
)

// weekly makes the curve of a local week. The emop epoch is a Saturday.
func weekly(workday, weekend [24]int64) *curve {
	const slots = 7 * 48
	var sum [slots + 1]int64
	for s := range slots {
		shape := workday
		if s/48 < 2 {
			shape = weekend
		}
		sum[s+1] = sum[s] + shape[s%48/2]*10
	}
	// The clocks change at 01:00 UTC on a Sunday: the hour after it is left out in spring and comes twice in autumn.
	changed := sum[48+4] - sum[48+2]
	return &curve{func(u int64) int64 {
		var out int64
		if summer(u * slotMillis) {
			u, out = u+2, changed
		}
		return u/slots*sum[slots] + sum[u%slots] - out
	}}
}

// yearly makes the curve of the sun: a day's shape in UTC, weaker in winter.
func yearly(shape [24]int64) *curve {
	var sum [49]int64
	for s := range 48 {
		sum[s+1] = sum[s] + shape[s/2]*10
	}
	const days = 365
	var weight, sums [days + 1]int64 // permille
	for d := range days {
		weight[d] = 550 - int64(450*math.Cos(2*math.Pi*float64(d+10)/days))
		sums[d+1] = sums[d] + weight[d]
	}
	return &curve{func(u int64) int64 {
		d, s := u/48, u%48
		whole := d/days*sums[days] + sums[d%days]
		return (whole*sum[48] + weight[d%days]*sum[s]) / 1000
	}}
}

// summer tells whether British Summer Time holds: from the last Sunday of March to the last of October, 01:00 UTC.
func summer(ms int64) bool {
	year := emop.Epoch.Add(time.Duration(ms) * time.Millisecond).Year()
	return ms >= change(year, time.March) && ms < change(year, time.October)
}

func change(year int, month time.Month) int64 {
	last := time.Date(year, month, 31, 1, 0, 0, 0, time.UTC)
	return millis(last.AddDate(0, 0, -int(last.Weekday())))
}

// loads chooses what the meter measures.
func (m *meter) loads(r *rand.Rand, s Spec) {
	m.a = load{curve: household, half: 80 + r.Int64N(220), initial: r.Int64N(3_000_000), seed: mix(m.seed, 10)}
	m.b = load{seed: mix(m.seed, 11)}
	m.export = load{seed: mix(m.seed, 12)}
	if m.kind == twin {
		m.b = load{curve: heatPump, half: 150 + r.Int64N(450), initial: r.Int64N(3_000_000), seed: m.b.seed}
	}
	if s.Solar {
		m.a.curve = solarHome
		m.export = load{curve: sun, half: 250 + r.Int64N(750), initial: r.Int64N(1_000_000), seed: m.export.seed}
	}
	switch m.kind {
	case wholeCurrent:
		m.a.curve, m.a.half = business, m.a.half*8
	case ctOperated:
		m.a.curve, m.a.half = business, m.a.half*30
	}
	if s.LongUsed {
		m.a.initial = 17_000_001 + r.Int64N(500_000)*2
	}
}
