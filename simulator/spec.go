package simulator

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Spec is what is chosen of a meter before it is built. The seed fills it in, Options.Meter may change it.
type Spec struct {
	Hardware   string // B1.w, EMA1.w, C1.w, P1.ax, P1.cx; any other text is sent as it is, by a single-element meter
	Behaviours []Behaviour

	Solar      bool          // exports
	CreditMode bool          // prepay disabled
	InDebt     bool          // the balance is negative
	LongUsed   bool          // element A (or the total) stands above 17 000 kWh
	Block      int           // 1..8, whose price is charged; 8 = the unit rate
	ClockError time.Duration // meter minus truth
}

// draw chooses the i-th meter's spec from the seed.
func draw(o Options, i int) Spec {
	r := rand.New(rand.NewPCG(o.Seed, uint64(i)))
	s := Spec{Block: 8}
	switch p := r.IntN(100); {
	case p < 60:
		s.Hardware = "C1.w"
	case p < 75:
		s.Hardware = "B1.w"
	case p < 85:
		s.Hardware = "EMA1.w"
	case p < 95:
		s.Hardware = "P1.ax"
	default:
		s.Hardware = "P1.cx"
	}
	s.Solar = r.IntN(5) == 0
	s.CreditMode = r.IntN(10) == 0
	s.InDebt = r.IntN(12) == 0
	s.LongUsed = r.IntN(10) == 0
	if r.IntN(6) == 0 {
		s.Block = 1 + r.IntN(8)
	}
	s.ClockError = time.Duration(r.IntN(8000)-4000) * time.Millisecond
	if r.IntN(8) == 0 {
		s.ClockError = time.Duration(r.IntN(1200)-600) * time.Second
	}
	// In the order of their names, so that a map's order does not decide. The kinds of a log have numbers of their own.
	log := rand.New(rand.NewPCG(o.Seed^0x10c, uint64(i)))
	for _, kind := range Kinds() {
		of := r
		if _, ok := logKinds[kind]; ok {
			of = log
		}
		if share := o.Faults[kind]; of.Float64() < share {
			s.Behaviours = append(s.Behaviours, Behaviour{Kind: kind})
		}
	}
	return s
}

// Serials and frame addresses: an odd step through the whole range, so that no two meters of a fleet share one.
const (
	serialRange  = 100_000_000
	serialStep   = 48_271
	addressRange = 1<<24 - 2 // without 000000 and ffffff
	addressStep  = 7_919
)

func serialOf(seed uint64, who int) string {
	start := mix(seed, 1) % serialRange
	return fmt.Sprintf("EML21%08d", (start+uint64(who)*serialStep)%serialRange)
}

func addressOf(seed uint64, who int) uint32 {
	start := mix(seed, 2) % addressRange
	return uint32((start+uint64(who)*addressStep)%addressRange) + 1
}
