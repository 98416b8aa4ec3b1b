package syncer

import (
	"context"
	"fmt"
	"time"

	"flows"
	"flows/emop"
)

// Setter is a Client that also writes.
type Setter interface {
	Client
	// Write writes one object, at most once. OUTCOME_UNKNOWN: the meter may have done it or not.
	Write(ctx context.Context, serial string, id emop.ID, payload []byte) error
}

// ClockSet is what setting a meter's clock came to. The differences are seconds, meter minus server.
type ClockSet struct {
	Before, After int
	At            time.Time // when After was read
}

// clockTolerance is how far off a clock may be that has just been set: a slow answer and the meter's whole seconds.
const clockTolerance = 10 // s

// SetClock makes sure who answers, writes the clock once and reads it back. The mediator puts in the time as it sends the write. When
// nobody knows whether the meter did it, the clock that was read back decides; it is never written again on a guess.
func SetClock(ctx context.Context, m flows.Meter, c Setter) (ClockSet, error) {
	r := &run{ctx: ctx, client: c, meter: m, class: emop.ClassOf(m.Hardware)}
	if !r.identify() {
		r.judge(nil)
		return ClockSet{}, flows.Errorf(r.result.Code, "%s", r.result.Details)
	}
	before, _, err := r.clock()
	if err != nil {
		return ClockSet{}, err
	}
	written := c.Write(ctx, m.Serial, emop.Time.ID, nil)
	if written != nil && flows.CodeOf(written, "") != flows.OutcomeUnknown {
		return ClockSet{}, fmt.Errorf("clock not set: %w", written)
	}
	after, at, err := r.clock()
	switch {
	case err != nil && written != nil:
		return ClockSet{}, written
	case err != nil:
		return ClockSet{}, fmt.Errorf("clock written, but it could not be read back: %w", err)
	case max(after, -after) > clockTolerance && written != nil:
		return ClockSet{}, flows.Errorf(flows.OutcomeUnknown, "clock not set, it is still %d s off: %w", after, written)
	case max(after, -after) > clockTolerance:
		return ClockSet{}, flows.Errorf(flows.BadAnswer, "the meter took the write, and its clock is still %d s off", after)
	}
	return ClockSet{Before: before, After: after, At: at}, nil
}

// clock reads how far the meter's clock is off.
func (r *run) clock() (seconds int, at time.Time, err error) {
	a := r.ask([]emop.Item{{Object: emop.Time.ID}})[0]
	v, err := decode(emop.Time, a)
	if err != nil {
		return 0, at, err
	}
	return drift(v, a.Middle()), a.Middle(), nil
}
