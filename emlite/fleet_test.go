package emlite

import (
	"context"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"flows"
	"flows/emop"
	"flows/mediator"
	"flows/simulator"
)

// town is a registry with the meters of a fleet.
type town map[string]simulator.Meter

func (t town) Addresses(_ context.Context, serials []string, each func(string, netip.AddrPort)) error {
	if len(serials) == 0 {
		serials = slices.Collect(maps.Keys(t))
	}
	for _, serial := range serials {
		if m, ok := t[serial]; ok {
			each(serial, m.Address)
		}
	}
	return nil
}

func (t town) Changes(ctx context.Context, _ func([]string) error) error { return never(ctx) }

func (t town) Info(context.Context, string) ([]byte, error)   { return []byte("{}"), nil }
func (t town) Meters(context.Context, string) ([]byte, error) { return []byte("[]"), nil }

const spacing = 30 * time.Millisecond

// build starts a fleet, a mediator before it and a client.
func build(t *testing.T, o simulator.Options) (*simulator.Fleet, town, *Client) {
	t.Helper()
	o.Spacing, o.Listen = spacing, "127.61.0.1:0"
	fleet := simulator.New(o)
	if err := fleet.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	meters := town{}
	for _, m := range fleet.Meters() {
		meters[m.Serial] = m
	}
	s, err := mediator.New(meters, mediator.Options{
		Timeout: 2 * time.Second, Spacing: spacing, IdleClose: spacing, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	lis := listen(t)
	served := make(chan error)
	go func() { served <- s.Serve(lis) }()
	c, err := Dial([]string{lis.Addr().String()}, Options{Timeout: 2 * time.Second, Spacing: spacing})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		s.Stop(context.Background())
		<-served
		fleet.Stop()
	})
	return fleet, meters, c
}

// serialObject is the object that holds a meter's serial.
func serialObject(m simulator.Meter) emop.ID {
	if emop.ClassOf(m.Hardware)&emop.ThreePhase != 0 {
		return 0xd7ff10
	}
	return 0x600100
}

// checkAnswers looks at a batch whose every item asked for the serial.
func checkAnswers(t *testing.T, m simulator.Meter, answers []emop.Answer) {
	for i, a := range answers {
		switch {
		case !m.Reachable:
			if code := flows.CodeOf(a.Err, ""); code.Owner() != flows.TheMeters {
				t.Errorf("%s %v, item %d: %s %v, want the meter's trouble", m.Serial, m.Behaviour, i, code, a.Err)
			}
		case a.Err != nil:
			t.Errorf("%s %v, item %d: %v", m.Serial, m.Behaviour, i, a.Err)
		case strings.TrimRight(string(a.Payload), " \x00") != m.OwnSerial || a.FrameAddress != m.FrameAddress:
			t.Errorf("%s, item %d: answer %q of %06x, want %s of %06x", m.Serial, i, a.Payload, a.FrameAddress, m.OwnSerial, m.FrameAddress)
		case a.Sent.IsZero() || a.Answered.Before(a.Sent):
			t.Errorf("%s, item %d: sent %s, answered %s", m.Serial, i, a.Sent, a.Answered)
		}
	}
}

// Every answer belongs to its meter whatever the others do, and the requests of two callers to one meter are spaced.
func TestAFleetWithEveryTroubleIsRead(t *testing.T) {
	fleet, meters, c := build(t, simulator.Demo(40, 7))
	var all sync.WaitGroup
	for _, m := range meters {
		items := make([]emop.Item, 10)
		for i := range items {
			items[i].Object = serialObject(m)
		}
		all.Go(func() {
			both := make([][]emop.Answer, 2)
			var callers sync.WaitGroup
			for i := range both {
				callers.Go(func() { both[i] = c.Batch(t.Context(), m.Serial, items) })
			}
			callers.Wait()
			checkAnswers(t, m, both[0])
			checkAnswers(t, m, both[1])
			checkSpacing(t, m, slices.Concat(both...))
		})
	}
	all.Wait()
	if got := len(fleet.Ledger()); got < 20*len(meters)*9/10 {
		t.Errorf("the fleet was asked %d times", got)
	}
}

// checkSpacing looks at last tries only; those before them make the gaps longer.
func checkSpacing(t *testing.T, m simulator.Meter, answers []emop.Answer) {
	answers = slices.DeleteFunc(answers, func(a emop.Answer) bool { return a.Sent.IsZero() })
	slices.SortFunc(answers, func(a, b emop.Answer) int { return a.Sent.Compare(b.Sent) })
	for i := 1; i < len(answers); i++ {
		if gap := answers[i].Sent.Sub(answers[i-1].Answered); gap < spacing {
			t.Errorf("%s %v was asked %s after its last answer", m.Serial, m.Behaviour, gap)
		}
	}
}
