package syncer

import (
	"fmt"

	"flows"
	"flows/emop"
)

// stranger tells whether a valid answer came from another frame address than the meter's. An answer that does not tell where it came
// from, as through the mediators of the field, is a stranger's until the meter has been identified in this run.
func (r *run) stranger(a emop.Answer) bool {
	if a.Err != nil && flows.CodeOf(a.Err, "") != flows.NAK {
		return false
	}
	own := r.result.Registry.FrameAddress
	if own == nil {
		own = r.meter.FrameAddress
	}
	if a.FrameAddress == 0 || own == nil {
		return !r.trusted
	}
	return a.FrameAddress != *own
}

// identify asks who answers at the meter's address: its hardware, then the serial number that such hardware has. The right one gives the
// registry its hardware and frame address. False: it is not known to be the right one, and nothing it says may be used.
func (r *run) identify() bool {
	first := r.ask([]emop.Item{{Object: emop.Hardware.ID}})[0]
	name, err := decode(emop.Hardware, first)
	if err != nil {
		return r.unidentified("hardware", err)
	}
	serialObject, rest := emop.Serial, []emop.Item{{Object: emop.Serial.ID}}
	if name == "" {
		serialObject, rest = emop.ThreePhaseSerial, []emop.Item{{Object: emop.ThreePhaseSerial.ID}, {Object: emop.ThreePhaseHardware.ID}}
	}
	answers := r.ask(rest)
	serial, err := decode(serialObject, answers[0])
	if err != nil {
		return r.unidentified("serial", err)
	}
	if serial != r.meter.Serial {
		r.foreign = fmt.Sprintf("%s (frame address %06x)", serial, answers[0].FrameAddress)
		return false
	}
	if a := answers[0].FrameAddress; a != first.FrameAddress {
		return r.unidentified("serial", flows.Errorf(flows.BadAnswer, "answers come from frame addresses %06x and %06x", first.FrameAddress, a))
	}
	if name == "" {
		if name, err = decode(emop.ThreePhaseHardware, answers[1]); err != nil {
			return r.unidentified("three_phase_hardware", err)
		}
	}
	if r.meter.Hardware == "" {
		r.result.Registry.Hardware = &name
		r.class = emop.ClassOf(name)
	}
	r.compare(name)
	if a := first.FrameAddress; a != 0 && (r.meter.FrameAddress == nil || *r.meter.FrameAddress != a) {
		r.result.Registry.FrameAddress = &a
	}
	r.trusted = true
	return true
}

// unidentified keeps why the meter could not tell who it is.
func (r *run) unidentified(object string, err error) bool {
	r.result.Object = object
	r.metersTrouble = fmt.Errorf("cannot tell which meter answers: %s: %w", object, err)
	return false
}
