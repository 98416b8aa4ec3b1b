package simulator

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"flows/emop"
)

// tariff is the price list of a meter. All prices are in 1/100000 GBP.
type tariff struct {
	standing, futureStanding int64 // a day
	mask                     int64
	block, rate, rateB       int64 // in use, from 1
	hasFuture                bool
}

func newTariff(r *rand.Rand, s Spec) tariff {
	return tariff{
		standing: 10_000 + r.Int64N(40_000), futureStanding: 10_000 + r.Int64N(40_000),
		mask:  []int64{0x01, 0x21, 0x01, 0x05}[r.IntN(4)],
		block: int64(min(max(s.Block, 1), 8)), rate: 1, rateB: 1 + r.Int64N(4), hasFuture: r.IntN(3) > 0,
	}
}

// Where the pricing tables start: block 1, rate 1 is one above.
const (
	activeCells = emop.ID(0xfff900)
	futureCells = emop.ID(0xfff800)
	activeB     = emop.ID(0xfff700)
	futureB     = emop.ID(0xfff600)
)

// price is what stands in a cell of a table; each cell has another one.
func (m *meter) price(table emop.ID, cell int64) int64 {
	return within(mix(m.seed, uint64(table)), uint64(cell), 5_000, 45_000)
}

// inUse is the price of element A, inUseB that of element B, a kWh.
func (p *tariff) inUse(m *meter) int64  { return m.price(activeCells, (p.block-1)*8+p.rate) }
func (p *tariff) inUseB(m *meter) int64 { return m.price(activeB, p.rateB) }

// pricingCell finds the object of a cell of one of the tables.
func pricingCell(id emop.ID) (entry, bool) {
	cell := int64(id & 0xff)
	if cell == 0 {
		return entry{}, false
	}
	switch table := id &^ 0xff; {
	case table == activeCells && cell <= 64, table == activeB && cell <= 4:
		return active(func(m *meter, _ time.Time) int64 { return m.price(table, cell) }), true
	case table == futureCells && cell <= 64, table == futureB && cell <= 4:
		return future(id, func(m *meter) int64 { return m.price(table, cell) }), true
	}
	return entry{}, false
}

// active is a price of the tariff in force.
func active(value func(*meter, time.Time) int64) entry {
	return entry{on: singlePhase, read: func(m *meter, t time.Time, r *reply) { r.u32("price", "1/100000 GBP", value(m, t)) }}
}

// future is a price of the tariff to come: what was written, else what the model has.
func future(id emop.ID, value func(*meter) int64) entry {
	return entry{
		on:    singlePhase,
		read:  func(m *meter, _ time.Time, r *reply) { r.u32("price", "1/100000 GBP", m.planned(id, value)) },
		write: keep(id, 4),
	}
}

// planned is a number of the tariff to come.
func (m *meter) planned(id emop.ID, value func(*meter) int64) int64 {
	if p, ok := m.written[id]; ok {
		var wide [8]byte
		copy(wide[:], p)
		return int64(binary.LittleEndian.Uint64(wide[:]))
	}
	if !m.tariff.hasFuture {
		return 0
	}
	return value(m)
}

// keep accepts a write of n bytes and keeps them.
func keep(id emop.ID, n int) func(*meter, time.Time, []byte) emop.NAK {
	return func(m *meter, _ time.Time, p []byte) emop.NAK {
		if len(p) != n {
			return emop.NAKLength
		}
		if m.written == nil {
			m.written = make(map[emop.ID][]byte)
		}
		m.written[id] = append([]byte(nil), p...)
		return 0
	}
}

// index is a small number of the tariff in force.
func index(value func(*tariff) int64) entry {
	return u8(singlePhase, "index", func(m *meter) int64 { return value(&m.tariff) })
}

// extra is a price that belongs to the meter alone.
func extra(n uint64) func(*meter, time.Time) int64 {
	return func(m *meter, _ time.Time) int64 { return within(m.seed, 60+n, 0, 10) * pound / 10 }
}

// planExtra is the same of the tariff to come.
func planExtra(id emop.ID, n uint64) entry {
	return future(id, func(m *meter) int64 { return within(m.seed, 70+n, 0, 10) * pound / 10 })
}

// tariffObjects are the tariff's but for the pricing cells.
var tariffObjects = map[emop.ID]entry{
	0xffff22: active(func(m *meter, _ time.Time) int64 { return m.tariff.standing }),
	0xffff2e: active(func(m *meter, _ time.Time) int64 { return m.tariff.inUse(m) }),
	0xffff4d: active(func(m *meter, _ time.Time) int64 { return m.tariff.inUseB(m) }),
	0xffc805: active(extra(0)), 0xffc806: active(extra(1)), 0xffc807: active(extra(2)), 0xffc964: active(extra(3)),

	0xffff2c: index(func(p *tariff) int64 { return p.block }),
	0xffff2b: index(func(p *tariff) int64 { return p.rate }),
	0xffff4b: index(func(p *tariff) int64 { return p.rateB }),
	0xffff2d: index(func(p *tariff) int64 { return (p.block-1)*8 + p.rate }),
	0xffff4c: index(func(p *tariff) int64 { return p.rateB }),
	0xffff4e: u8(singlePhase, "tou_flag", func(m *meter) int64 { return int64(m.seed>>8) & 1 }),
	0xffff20: {on: singlePhase, read: func(m *meter, _ time.Time, r *reply) { r.mask(m.tariff.mask) }},
	0xffff1e: {on: singlePhase, read: func(m *meter, _ time.Time, r *reply) {
		for i := range int64(7) {
			r.u16(thresholdNames[i], "", m.threshold(80, i))
		}
	}},

	0xffff23: future(0xffff23, func(m *meter) int64 { return m.tariff.futureStanding }),
	0xffc808: planExtra(0xffc808, 0), 0xffc809: planExtra(0xffc809, 1), 0xffc80a: planExtra(0xffc80a, 2), 0xffc965: planExtra(0xffc965, 3),
	0xffff21: {on: singlePhase, write: keep(0xffff21, 1), read: func(m *meter, _ time.Time, r *reply) {
		r.mask(m.planned(0xffff21, func(m *meter) int64 { return m.tariff.mask ^ 0x80 }))
	}},
	0xffff4f: {on: singlePhase, write: keep(0xffff4f, 1), read: func(m *meter, _ time.Time, r *reply) {
		r.u8("tou_flag", "", m.planned(0xffff4f, func(m *meter) int64 { return int64(m.seed>>9) & 1 }))
	}},
	0xffff1f: {on: singlePhase, write: keep(0xffff1f, 14), read: (*meter).readPlannedThresholds},
	0xffff24: {on: singlePhase, write: keep(0xffff24, 4), read: (*meter).readActivation},
}

var (
	rateNames      = [8]string{"rate1", "rate2", "rate3", "rate4", "rate5", "rate6", "rate7", "rate8"}
	thresholdNames = [7]string{"th1", "th2", "th3", "th4", "th5", "th6", "th7"}
)

func (m *meter) threshold(what uint64, i int64) int64 {
	return (i + 1) * within(mix(m.seed, what), uint64(i), 100, 9_000)
}

// mask encodes rate 1 in bit 0.
func (r *reply) mask(n int64) {
	r.data = append(r.data, byte(n))
	for i, name := range rateNames {
		r.note(name, "", n>>i&1)
	}
}

func (m *meter) readPlannedThresholds(_ time.Time, r *reply) {
	written := m.written[0xffff1f]
	for i, name := range thresholdNames {
		n := m.threshold(81, int64(i))
		switch {
		case written != nil:
			n = int64(binary.LittleEndian.Uint16(written[2*i:]))
		case !m.tariff.hasFuture:
			n = 0
		}
		r.u16(name, "", n)
	}
}

// readActivation gives when the tariff to come begins: the first of next month at midnight, local time when the meter's daylight flag is
// set. The wire has the time the meter's own clock will show.
func (m *meter) readActivation(t time.Time, r *reply) {
	c := m.clock(t)
	local := time.Date(c.Year(), c.Month()+1, 1, 0, 0, 0, 0, time.UTC).Unix()
	if p, ok := m.written[0xffff24]; ok {
		local = emop.Epoch.Unix() + int64(binary.LittleEndian.Uint32(p))
	} else if !m.tariff.hasFuture {
		local = emop.Epoch.Unix()
	}
	r.seconds("activation_local", local)
	truth := local
	if ms := (local - emop.Epoch.Unix()) * second; m.daylight == 1 && ms > hour && summer(ms-hour) {
		truth -= 3600
	}
	r.note("activation", "s", truth)
}
