package vee

// Step says how a register went from one read to the next.
type Step int

// Steps.
const (
	Forward Step = iota
	Rollover
	Excess // forward, but by more than can have flowed
	Fall
)

// Difference is what flowed between the reads x and y, and whether that can be. It is the only place where a read is subtracted from
// another; the database trigger makes the Forward case alone. A rollover can be told from a fall only as long as less than a whole
// round of the counter can have flowed.
func Difference(x, y Count, most Limit) (Count, Step) {
	d := y - x // modulo 2^32
	switch {
	case y >= x && most.allows(d):
		return d, Forward
	case y >= x:
		return d, Excess
	case most.Known && most.Counts < 1<<32 && most.allows(d):
		return d, Rollover
	}
	return d, Fall
}

// within is the difference of two reads that must not come to more than a total that is known.
func within(x, y, total Count) (Count, bool) {
	d, step := Difference(x, y, Limit{Counts: uint64(total), Known: true})
	return d, step == Forward || step == Rollover
}
