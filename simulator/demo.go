package simulator

import "time"

// demo is what the first meters of a demonstration are: every hardware, and one of each that a reader of meters must cope with.
var demo = []func(*Spec){
	func(s *Spec) { *s = Spec{Hardware: "C1.w", Solar: true, LongUsed: true, Block: 8} },
	func(s *Spec) {
		*s = Spec{Hardware: "P1.ax", Solar: true, Block: 8, Behaviours: []Behaviour{{Kind: LogHole}}}
	},
	func(s *Spec) { *s = Spec{Hardware: "C1.w", Block: 8, Behaviours: []Behaviour{{Kind: Dead}}} },
	func(s *Spec) {
		*s = Spec{Hardware: "B1.w", InDebt: true, Block: 8, Behaviours: []Behaviour{{Kind: CloseAfterAnswer}, {Kind: LogInvalid}, {Kind: LogFlag}}}
	},
	func(s *Spec) {
		*s = Spec{Hardware: "EMA1.w", CreditMode: true, Block: 8, Behaviours: []Behaviour{{Kind: Pieces}, {Kind: LogReset}, {Kind: Zeroed}}}
	},
	func(s *Spec) {
		*s = Spec{Hardware: "P1.cx", Block: 8, Behaviours: []Behaviour{{Kind: WrongCRC}, {Kind: Rollover}}}
	},
	func(s *Spec) { *s = Spec{Hardware: "1", Block: 8, ClockError: -7*time.Minute - 12*time.Second} },
	func(s *Spec) {
		*s = Spec{Hardware: "C1.w", Solar: true, Block: 3, Behaviours: []Behaviour{{Kind: StaleFirst}, {Kind: LogGlitch}, {Kind: LogNearest}}}
	},
	func(s *Spec) {
		*s = Spec{Hardware: "C1.w", Block: 8, ClockError: 50 * time.Hour, Behaviours: []Behaviour{{Kind: Gap}}}
	},
	func(s *Spec) { *s = Spec{Hardware: "C1.w", Block: 8, Behaviours: []Behaviour{{Kind: Foreign}}} },
	func(s *Spec) {
		*s = Spec{Hardware: "B1.w", Solar: true, Block: 5, ClockError: 3 * time.Minute, Behaviours: []Behaviour{{Kind: WrongCRC}, {Kind: Pieces}, {Kind: LogReversal}}}
	},
	func(s *Spec) {
		*s = Spec{Hardware: "C1.w", Block: 8, ClockError: 1500 * time.Millisecond, Behaviours: []Behaviour{{Kind: LogHole}, {Kind: LogOlder}, {Kind: SetBack}}}
	},
}

// Demo gives the options of a demonstration's fleet. Twelve meters have every hardware and every ordinary trouble, of their profile logs
// too; three are a C1.w, a P1.ax and a dead one; beyond twelve the seed decides, with some troubles here and there.
func Demo(n int, seed uint64) Options {
	return Options{
		Meters: n, Seed: seed,
		Faults: FaultShares{Dead: 0.03, CloseAfterAnswer: 0.05, Pieces: 0.05, WrongCRC: 0.05, StaleFirst: 0.05, Gap: 0.05,
			LogHole: 0.05, LogInvalid: 0.05, LogFlag: 0.05, LogReset: 0.05, LogGlitch: 0.05, LogReversal: 0.05, Rollover: 0.05, Zeroed: 0.05, SetBack: 0.05, ClockOff: 0.05,
			LogOlder: 0.05, LogNearest: 0.05, LogLong: 0.05},
		Meter: func(i int, s *Spec) {
			if i < len(demo) {
				demo[i](s)
			}
		},
	}
}

// DemoBetween is a demonstration's fleet whose logs have their faults between two times and at no others, so that whoever reads that time
// must find each of them.
func DemoBetween(n int, seed uint64, from, to time.Time) Options {
	o := Demo(n, seed)
	choose := o.Meter
	o.Meter = func(i int, s *Spec) {
		choose(i, s)
		s.Behaviours = struckBetween(s.Behaviours, mix(seed, uint64(i)), from, to)
	}
	return o
}

// strikes are where in a time the faults strike, in permille, far enough apart to be told from each other, and for how many records; what
// is weekly does so in every week of it.
var strikes = map[Kind][]struct {
	place   int64
	records int
	weekly  bool
}{
	LogReset:    {{place: 50}},
	LogHole:     {{place: 120, records: 2, weekly: true}, {place: 290, records: 6, weekly: true}},
	LogInvalid:  {{place: 460, records: 2, weekly: true}},
	LogFlag:     {{place: 540, records: 6, weekly: true}},
	LogGlitch:   {{place: 680, records: 2, weekly: true}},
	LogReversal: {{place: 720, records: 3, weekly: true}},
	Zeroed:      {{place: 770}},
	SetBack:     {{place: 820}},
	Rollover:    {{place: 870}},
}

// struckBetween sets the faults of a log to times between two others. The seed moves them by up to a fiftieth of it.
func struckBetween(all []Behaviour, seed uint64, from, to time.Time) (placed []Behaviour) {
	const week = 7 * 24 * time.Hour
	for _, b := range all {
		at := strikes[b.Kind]
		if at == nil {
			placed = append(placed, b)
			continue
		}
		for begin := from; begin.Before(to); begin = begin.Add(week) {
			for i, s := range at {
				if begin.Equal(from) || s.weekly && to.Sub(begin) >= week {
					place := s.place + within(seed^noiseOf(b.Kind), uint64(i), 0, 20)
					b.At, b.Records = begin.Add(min(to.Sub(begin), week)*time.Duration(place)/1000), s.records
					placed = append(placed, b)
				}
			}
		}
	}
	return placed
}
