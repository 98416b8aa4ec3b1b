package simulator

import (
	"fmt"
	"math/rand/v2"
	"time"

	"flows/emop"
)

// kind is a set of kinds of hardware.
type kind uint8

const (
	single kind = 1 << iota // one element; unknown hardware too
	twin
	wholeCurrent
	ctOperated

	singlePhase = single | twin
	threePhase  = wholeCurrent | ctOperated
	every       = singlePhase | threePhase
)

// meter is one meter: constants of its physical model, and the little that a write changes. What it measures is a pure function of
// time. The caller locks.
type meter struct {
	seed     uint64
	who      int
	serial   string
	address  uint32
	kind     kind
	hardware string // true name
	text     string // as the meter calls itself
	pad      byte
	device   byte // device type in its answers
	firmware string

	installed int64 // ms since emop.Epoch
	a, b      load  // element A or the whole, element B
	export    load
	reactive  int64 // percent of active

	volts    int64 // 0.1 V
	signal   int64
	operator int64

	tariff tariff
	credit bool  // credit mode: prepay disabled
	topUp  int64 // 1/100000 GBP, each time the credit is used up
	opened int64 // balance at installation

	clockError int64     // ms, at clockSet
	clockRate  int64     // parts per billion
	clockSet   int64     // ms since emop.Epoch
	earlier    []setting // of the clock, before the last write, oldest first
	daylight   int64
	backlight  int64
	loadSwitch int64

	faults []Behaviour // of its profile logs, nil when there are none
	reach  int64       // days its profile logs go back; 0 = mostDays

	written map[emop.ID][]byte // future tariff, as written
	tokens  []token            // entered over the wire
}

// hardwareTexts is what the hardware object says. Three phase meters say nothing.
var hardwareTexts = map[string]struct {
	kind  kind
	texts []string
}{
	"B1.w":   {single, []string{"6Bw"}},
	"EMA1.w": {single, []string{"3Aw"}},
	"C1.w":   {twin, []string{"6Cw", "6C"}},
	"P1.ax":  {wholeCurrent, []string{""}},
	"P1.cx":  {ctOperated, []string{""}},
}

// newMeter builds the meter whose number is who.
func newMeter(seed uint64, who int, s Spec) meter {
	r := rand.New(rand.NewPCG(seed^0x5eed, uint64(who)))
	m := meter{
		seed: mix(seed, uint64(who)), who: who, serial: serialOf(seed, who), address: addressOf(seed, who),
		hardware: s.Hardware, text: s.Hardware, kind: single, pad: []byte{' ', 0}[who%2],
		installed: first2024 + int64(r.IntN(500))*day + int64(r.IntN(24))*hour,
		reactive:  10 + r.Int64N(15),
		volts:     2340 + r.Int64N(120), signal: 8 + r.Int64N(20), operator: 1 + r.Int64N(4),
		credit: s.CreditMode, clockError: s.ClockError.Milliseconds(), clockRate: r.Int64N(60) - 30,
		daylight: r.Int64N(2), backlight: r.Int64N(3), loadSwitch: r.Int64N(4),
	}
	m.clockSet = m.installed
	if who%3 == 2 {
		m.device = 0x40
	}
	if h, ok := hardwareTexts[s.Hardware]; ok {
		m.kind, m.text = h.kind, h.texts[r.IntN(len(h.texts))]
	}
	m.loads(r, s)
	if m.kind&threePhase != 0 {
		m.firmware = string([]byte{1, byte(r.IntN(9)), 3, byte(r.IntN(30)), 5})
		m.backlight = []int64{3, 4, 5, 255}[r.IntN(4)]
	} else {
		m.firmware = fmt.Sprintf("30%d%d", 2+r.IntN(2), r.IntN(10))
	}
	m.money(r, s)
	return m
}

const first2024 = 8766 * day // 2024-01-01T00:00:00Z

const (
	second = int64(1000)
	hour   = 3600 * second
	day    = 24 * hour
)

// millis is a time as the model counts it.
func millis(t time.Time) int64 { return t.Sub(emop.Epoch).Milliseconds() }

func (m *meter) own() emop.Address { return emop.Address(uint32(m.device)<<24 | m.address) }

// firmwareName is the firmware as a registry holds it.
func (m *meter) firmwareName() string {
	if f := m.firmware; len(f) == 4 {
		return f[:1] + "_" + f[1:3] + "_" + f[3:]
	}
	return fmt.Sprintf("%x", m.firmware)
}

func (m *meter) phases() int {
	if m.kind&threePhase != 0 {
		return 3
	}
	return 1
}

// fuse is in A. It lets through whatever the model makes flow.
func (m *meter) fuse() int {
	switch m.kind {
	case ctOperated:
		return []int{200, 400, 630}[m.seed%3]
	case wholeCurrent:
		return []int{63, 100, 200}[m.seed%3]
	}
	return []int{60, 80, 100}[m.seed%3]
}
