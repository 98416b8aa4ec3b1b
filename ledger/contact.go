package ledger

import "fmt"

// expectRegistry adds what the registry may know without a metric: hardware and frame address come with a first contact, which asks
// for the hardware and then for the serial.
func (b *book) expectRegistry() {
	const hardware, frame = "meter_registry.hardware", "meter_registry.frame_address"
	if b.Registered != "" { // another one is reported, never written
		b.present[hardware] = exactly(b.Registered, b.last)
	}
	if b.Active && !b.Foreign {
		if w := b.hardwareHeard(); b.present[hardware] == nil && w != nil {
			b.present[hardware] = w
		}
		if w := b.frameHeard(); w != nil {
			b.present[frame] = w
		}
	}
	b.report.expect(b.present)
}

// hardwareHeard is what the meter said of its hardware in any run; nil = nothing.
func (b *book) hardwareHeard() *want {
	w := &want{null: true, absent: true, at: b.last}
	for _, v := range b.visits {
		for _, object := range []uint32{hardwareID, hardware3ID} {
			for _, a := range v.whole[about(object)] {
				for _, value := range a.Values {
					if value.Name == "hardware" && value.Text != "" {
						w.truths = append(w.truths, word(a, value))
					}
				}
			}
		}
	}
	if w.truths == nil {
		return nil
	}
	return w
}

// frameHeard is the address that every answer carries. It must be kept once the serial was answered too, and may be before.
func (b *book) frameHeard() *want {
	w := &want{truths: []truth{{text: fmt.Sprint(b.FrameAddress)}}, absent: true, at: b.last}
	if b.FrameAddress == 0 {
		w.truths[0] = truth{text: "its frame address", fits: func(string) bool { return true }}
	}
	met := false
	for _, v := range b.visits {
		met = met || len(v.whole) > 0
		if len(v.whole[about(serialID)]) > 0 || len(v.whole[about(serial3ID)]) > 0 {
			w.absent = false
		}
	}
	if !met {
		return nil
	}
	return w
}
