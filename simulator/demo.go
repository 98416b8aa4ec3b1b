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
		*s = Spec{Hardware: "EMA1.w", CreditMode: true, Block: 8, Behaviours: []Behaviour{{Kind: Pieces}, {Kind: LogReset}}}
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
		*s = Spec{Hardware: "C1.w", Block: 8, ClockError: 1500 * time.Millisecond, Behaviours: []Behaviour{{Kind: LogHole}, {Kind: LogOlder}}}
	},
}

// Demo gives the options of a demonstration's fleet. Twelve meters have every hardware and every ordinary trouble, of their profile logs
// too; three are a C1.w, a P1.ax and a dead one; beyond twelve the seed decides, with some troubles here and there.
func Demo(n int, seed uint64) Options {
	return Options{
		Meters: n, Seed: seed,
		Faults: FaultShares{Dead: 0.03, CloseAfterAnswer: 0.05, Pieces: 0.05, WrongCRC: 0.05, StaleFirst: 0.05, Gap: 0.05,
			LogHole: 0.05, LogInvalid: 0.05, LogFlag: 0.05, LogReset: 0.05, LogGlitch: 0.05, LogReversal: 0.05, Rollover: 0.05, ClockOff: 0.05,
			LogOlder: 0.05, LogNearest: 0.05, LogLong: 0.05},
		Meter: func(i int, s *Spec) {
			if i < len(demo) {
				demo[i](s)
			}
		},
	}
}
