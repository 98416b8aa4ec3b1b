package flows

import "time"

// ProfileRead is what a register stood at by the meter's own half-hourly log.
type ProfileRead struct {
	Element   string // A or B; A is the only one of a meter that has one
	Direction Direction
	Time      time.Time // by the meter's clock
	Read      Energy
	Status    uint16 // the record's two status bytes as the meter gave them, first byte high
}

// ProfileHole is half-hourly times of which the meter has shown that its log has no record; the last is before To.
type ProfileHole struct {
	Element   string
	Direction Direction
	Period
}

// ProfileMark is how far the log of one register and direction is known without a hole.
type ProfileMark struct {
	Element   string
	Direction Direction
	Through   time.Time // the last record of the unbroken run; zero = nothing is known
}
