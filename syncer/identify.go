package syncer

import (
	"fmt"

	"flows"
	"flows/emop"
)

// stranger tells whether any answer came from another frame address than the meter's; an answer of an unknown one is a stranger's.
func (r *run) stranger(answers []emop.Answer) bool {
	own := r.result.Registry.FrameAddress
	if own == nil {
		own = r.meter.FrameAddress
	}
	for _, a := range answers {
		if (a.Err == nil || flows.CodeOf(a.Err, "") == flows.NAK) && (own == nil && a.FrameAddress != 0 || own != nil && a.FrameAddress != *own) {
			return true
		}
	}
	return false
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
	if answers[0].FrameAddress != first.FrameAddress {
		return r.giveUp(flows.Errorf(flows.BadAnswer, "answers come from changing frame addresses"))
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
	if a := first.FrameAddress; a != 0 && (r.meter.FrameAddress == nil || *r.meter.FrameAddress != a) {
		r.result.Registry.FrameAddress = &a
	}
	return true
}

// unidentified keeps why the meter could not tell who it is.
func (r *run) unidentified(object string, err error) bool {
	r.result.Object = object
	r.metersTrouble = fmt.Errorf("cannot tell which meter answers: %s: %w", object, err)
	return false
}
