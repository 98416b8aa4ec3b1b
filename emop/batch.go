package emop

import "time"

// Item is one question of a batch: an object to read, or a data field as it goes over the wire (format byte included).
type Item struct {
	Object    ID
	DataField []byte // used instead of Object when not empty
}

// Answer is what became of an Item.
type Answer struct {
	Payload []byte // the object's payload; for a DataField everything after the format byte
	Err     error  // nil when Payload is the meter's answer

	Sent, Answered time.Time // of the last try, by the mediator's clock
	Tries          int
	FrameAddress   uint32 // who answered; 0 when nobody did or the mediator does not tell
}

// Middle is the best guess of when the meter looked at its registers.
func (a Answer) Middle() time.Time { return a.Sent.Add(a.Answered.Sub(a.Sent) / 2) }
