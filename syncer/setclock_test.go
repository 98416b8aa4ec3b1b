package syncer

import (
	"context"
	"strings"
	"testing"

	"flows"
	"flows/emop"
)

// clockStub is a meter whose clock is 60 s slow until a write reaches it.
type clockStub struct {
	*meterStub
	takes  bool  // the write reaches the meter
	answer error // what the caller hears of it
	writes int
}

const (
	slow  = "1a03010b3b0000" // 11:59:00 on 2026-03-01, when the stub's first second is 12:00:00
	right = "1a03010c320a00" // 12:50:10, about when it is read back
)

func (s *clockStub) Write(_ context.Context, _ string, id emop.ID, payload []byte) error {
	s.writes++
	if s.takes && id == emop.Time.ID && len(payload) == 0 {
		s.objects[emop.Time.ID] = right
	}
	return s.answer
}

func TestSetClockWritesOnceAndBelievesTheClockItReadsBack(t *testing.T) {
	unknown := flows.Errorf(flows.OutcomeUnknown, "nobody knows")
	refused := &flows.Error{Code: flows.NAK, NAK: 6, Err: emop.NAKSecurity}
	for _, c := range []struct {
		name   string
		takes  bool
		answer error
		change func(*clockStub)
		code   flows.Code
		says   string
		writes int
	}{
		{"set", true, nil, nil, "", "", 1},
		{"answer lost, but set", true, unknown, nil, "", "", 1},
		{"answer lost, and not set", false, unknown, nil, flows.OutcomeUnknown, "still", 1},
		{"taken without effect", false, nil, nil, flows.BadAnswer, "took the write", 1},
		{"refused", false, refused, nil, flows.NAK, "clock not set", 1},
		{"another meter", true, nil, func(s *clockStub) { s.objects[0x600100] = "454d4c39393939393939393939202020" }, flows.ForeignMeter, "EML9999999999", 0},
		{"unreachable", true, nil, func(s *clockStub) { s.down = flows.Errorf(flows.Unreachable, "refused") }, flows.Unreachable, "refused", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &clockStub{meterStub: twin(), takes: c.takes, answer: c.answer}
			s.objects[emop.Time.ID] = slow
			if c.change != nil {
				c.change(s)
			}
			got, err := SetClock(t.Context(), known(), s)
			if code := flows.CodeOf(err, ""); code != c.code || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v (%s), want %s: %s", err, code, c.code, c.says)
			}
			if err == nil && (got.After < -clockTolerance || got.After > clockTolerance) {
				t.Errorf("set from %d to %d s", got.Before, got.After)
			}
			if s.writes != c.writes {
				t.Errorf("%d writes, want %d", s.writes, c.writes)
			}
		})
	}
}
