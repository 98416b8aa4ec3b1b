package simulator

import (
	"context"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"flows/emop"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheSameSeedMakesTheSameFleet(t *testing.T) {
	now := func() time.Time { return time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC) }
	o := Options{Meters: 200, Seed: 5, Now: now, Faults: FaultShares{Dead: .1, Pieces: .2, Foreign: .05}}
	a, b := New(o), New(o)
	o.Seed = 6
	c := New(o)
	if !reflect.DeepEqual(a.Meters(), b.Meters()) || reflect.DeepEqual(a.Meters(), c.Meters()) {
		t.Error("the seed does not decide the meters")
	}
	serials, addresses, dead := map[string]bool{}, map[uint32]bool{}, 0
	for i, m := range a.Meters() {
		serials[m.Serial], addresses[m.FrameAddress] = true, true
		if !m.Reachable {
			dead++
		}
		for id := range objects {
			data := emop.AppendRead(nil, id)
			if !reflect.DeepEqual(a.slots[i].m.respond(data, now()), b.slots[i].m.respond(data, now())) {
				t.Errorf("meter %d answers %s in two ways", i, id)
			}
		}
	}
	if len(serials) != 200 || len(addresses) != 200 {
		t.Errorf("%d serials and %d addresses of 200 meters", len(serials), len(addresses))
	}
	if dead < 10 || dead > 30 {
		t.Errorf("%d of 200 are dead, want about 20", dead)
	}
}

func TestLedgerHasEveryAnswerThatWasReceived(t *testing.T) {
	f, m := one(t, twinWith())
	before := time.Now()
	c := dial(t, m)
	for i := range 100 {
		frame := c.get(idElementA)
		all := f.Ledger()
		if len(all) != i+1 {
			t.Fatalf("after %d answers the ledger has %d", i+1, len(all))
		}
		a := all[i]
		if a.Serial != m.Serial || a.Object != idElementA || a.EventBlock != -1 || !a.Whole || a.NAK != 0 || a.Write {
			t.Fatalf("%+v", a)
		}
		if a.Arrived.Before(before) || a.Departed.Before(a.Arrived) || a.Departed.After(time.Now()) {
			t.Fatalf("arrived %v, departed %v", a.Arrived, a.Departed)
		}
		want := Value{Name: "import_active", Unit: "Wh", Number: int64(frame.Data[5]) | int64(frame.Data[6])<<8 | int64(frame.Data[7])<<16 | int64(frame.Data[8])<<24}
		if len(a.Values) != 4 || a.Values[0] != want {
			t.Fatalf("values %+v, want first %+v", a.Values, want)
		}
	}
	c.ask(1, []byte{emop.FormatEventLog, 0x63, 0x62, 0, 4})
	if _, err := c.next(); err != nil {
		t.Fatal(err)
	}
	if a := f.Ledger()[100]; a.EventBlock != 4 || len(a.Values) != 30 {
		t.Errorf("event block in the ledger: %+v", a)
	}
	if f.Requests() != 101 || f.Connections() != 1 {
		t.Errorf("%d requests on %d connections", f.Requests(), f.Connections())
	}
	f.ClearLedger()
	if got := f.Ledger(); len(got) != 0 {
		t.Errorf("cleared, %d left", len(got))
	}
}

func TestOnlyRequestsForTheMeterAreAnswered(t *testing.T) {
	f, m := one(t, twinWith())
	c := dial(t, m)
	send := func(to emop.Address, sequence uint8, data []byte) {
		b, _ := emop.AppendFrame([]byte("noise~\x05 "), emop.Frame{To: to, From: caller, Sequence: sequence, Data: data})
		c.Write(b)
	}
	before := f.slots[0].m.balance(time.Now())
	send(emop.Address(m.FrameAddress^1), 1, emop.AppendRead(nil, idCSQ))
	send(emop.Broadcast, 2, emop.AppendWrite(nil, 0xffc803, []byte("17446349461258916120")))
	send(emop.Address(m.FrameAddress), 6, emop.AppendRead(nil, idCSQ))
	got, err := c.next()
	if err != nil || got.Sequence != 6 || got.From.Number() != m.FrameAddress || got.To != caller {
		t.Errorf("%+v, %v, want the answer to sequence 6 alone", got, err)
	}
	if paid := f.slots[0].m.balance(time.Now()) - before; paid < tokenWorth-10 {
		t.Errorf("a broadcast token moved the balance by %d", paid)
	}
	if all := f.Ledger(); len(all) != 2 || all[0].Whole || !all[0].Write || !all[1].Whole {
		t.Errorf("ledger %+v", all)
	}
}

func TestTwoRequestsAtOnceGetTwoAnswers(t *testing.T) {
	_, m := one(t, twinWith())
	c := dial(t, m)
	var b []byte
	for sequence := range uint8(2) {
		b, _ = emop.AppendFrame(b, emop.Frame{From: caller, Sequence: sequence, Data: emop.AppendRead(nil, idCSQ)})
	}
	c.Write(b)
	for sequence := range uint8(2) {
		if got, err := c.next(); err != nil || got.Sequence != sequence {
			t.Errorf("%+v, %v, want sequence %d", got, err, sequence)
		}
	}
}

func TestAThousandMetersStartAnswerAndStop(t *testing.T) {
	for _, n := range []int{1000, 3000} { // a listener each, and one for all
		f := New(Options{Meters: n, Seed: 1})
		start := time.Now()
		if err := f.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		meters := f.Meters()
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				for i := w * n / 4; i < (w+1)*n/4; i += 7 {
					c := dial(t, meters[i])
					if got := c.get(idHardware); got.From.Number() != meters[i].FrameAddress {
						t.Errorf("meter %d of %d is %s, want %06x", i, n, got.From, meters[i].FrameAddress)
					}
					c.Close()
				}
			})
		}
		wg.Wait()
		f.Stop()
		f.Stop()
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%d meters took %v", n, took)
		}
		if c, err := net.Dial("tcp", meters[0].Address.String()); err == nil {
			c.Close()
			t.Errorf("%d meters: the first still listens", n)
		}
	}
}

func TestDeadMeterOnASharedListenerResets(t *testing.T) {
	f := started(t, Options{Meters: sharedFrom, Meter: func(i int, s *Spec) {
		*s = twinWith()
		if i == 3 {
			s.Behaviours = []Behaviour{{Kind: Dead}}
		}
	}})
	if !f.shared {
		t.Skip("no shared listener here")
	}
	c, err := net.Dial("tcp", f.Meters()[3].Address.String())
	if err == nil {
		defer c.Close()
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("a dead meter spoke")
		}
	}
	dial(t, f.Meters()[4]).get(idCSQ)
}

func TestFleetsAtTheSameBaseDoNotCollide(t *testing.T) {
	a, b := started(t, Options{Meters: 5, Seed: 1}), started(t, Options{Meters: 5, Seed: 2})
	c := started(t, Options{Meters: 5, Seed: 3, Listen: "127.0.0.1:0", PortPerMeter: true})
	seen := map[netip.AddrPort]bool{}
	for _, f := range []*Fleet{a, b, c} {
		for _, m := range f.Meters() {
			if got := dial(t, m).get(idHardware); got.From.Number() != m.FrameAddress {
				t.Errorf("%s answers as %s, want %06x", m.Address, got.From, m.FrameAddress)
			}
			seen[m.Address] = true
		}
	}
	if len(seen) != 15 {
		t.Errorf("%d addresses of 15 meters", len(seen))
	}
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	for _, o := range []Options{
		{Meters: 1, Listen: "0.0.0.0:8080"}, {Meters: 1, Listen: "[::1]:8080"}, {Meters: 1, Listen: "nonsense"}, {Meters: 5000, Listen: "127.255.255.1:0"},
	} {
		if err := New(o).Start(t.Context()); err == nil {
			t.Errorf("%d meters at %q started", o.Meters, o.Listen)
		}
	}
	f := started(t, Options{Meters: 1})
	if err := f.Start(t.Context()); err == nil {
		t.Error("a fleet started twice")
	}
	taken := Options{Meters: 2, Listen: f.Meters()[0].Address.String()}
	if err := New(taken).Start(t.Context()); err == nil {
		t.Error("a fleet started at a port that is taken")
	}
}

func TestFleetStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	f := New(Options{Meters: 1, Latency: Latency{Median: time.Hour}})
	if err := f.Start(ctx); err != nil {
		t.Fatal(err)
	}
	c := dial(t, f.Meters()[0])
	c.ask(1, emop.AppendRead(nil, idCSQ))
	cancel()
	if _, err := c.next(); err == nil {
		t.Error("the connection outlived the fleet")
	}
	f.Stop()
}

func TestAMeterDiesAndComesBack(t *testing.T) {
	f, m := one(t, twinWith())
	dial(t, m).get(idCSQ)
	if err := f.SetBehaviours(m.Serial, Behaviour{Kind: Dead}); err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("tcp", m.Address.String()); err == nil {
		c.Close()
		t.Error("the dead meter accepts")
	}
	if err := f.SetBehaviours(m.Serial); err != nil {
		t.Fatal(err)
	}
	dial(t, m).get(idCSQ)
	for _, err := range []error{f.SetBehaviours("EML0"), f.SetBehaviours(m.Serial, Behaviour{Kind: "odd"}), f.SetBehaviours(m.Serial, Behaviour{Kind: Foreign})} {
		if err == nil {
			t.Error("a change that cannot be made was accepted")
		}
	}
}

func TestDemoHasEveryHardwareAndEveryTrouble(t *testing.T) {
	three := New(Demo(3, 9)).Meters()
	if three[0].Hardware != "C1.w" || three[1].Hardware != "P1.ax" || three[2].Reachable {
		t.Errorf("demo of three: %+v", three)
	}
	f := New(Demo(12, 9))
	now := time.Now()
	found := map[string]bool{}
	for i, m := range f.Meters() {
		s := &f.slots[i].m
		found[m.Hardware] = true
		for _, b := range m.Behaviour {
			found[b] = true
		}
		found["foreign serial"] = found["foreign serial"] || m.OwnSerial != m.Serial
		found["debt"] = found["debt"] || s.kind&singlePhase != 0 && s.balance(now) < 0
		found["credit"] = found["credit"] || s.kind&singlePhase != 0 && s.credit
		found["above 16 384 kWh"] = found["above 16 384 kWh"] || s.a.at(millis(now), s.installed) > 16_384_000_000
		found["solar"] = found["solar"] || s.export.curve != nil
		found["minutes"] = found["minutes"] || abs(s.drift(now)) > 2*60*second && abs(s.drift(now)) < hour
		found["days"] = found["days"] || abs(s.drift(now)) > 2*day
	}
	for _, want := range []string{"B1.w", "EMA1.w", "C1.w", "P1.ax", "P1.cx", "1", "dead", "close_after_answer", "pieces", "wrong_crc", "stale_first",
		"gap", "log_hole", "log_invalid", "log_flag", "log_reset", "log_glitch", "log_reversal", "rollover", "zeroed", "set_back", "log_nearest", "log_older", "foreign", "foreign serial", "debt", "credit", "above 16 384 kWh", "solar", "minutes", "days"} {
		if !found[want] {
			t.Errorf("no %s in the demo", want)
		}
	}
	if all := New(Demo(60, 9)).Meters(); len(all) != 60 || !slices.ContainsFunc(all[12:], func(m Meter) bool { return len(m.Behaviour) > 0 }) {
		t.Error("a demo of sixty has no trouble beyond the twelfth")
	}
}

func abs(n int64) int64 { return max(n, -n) }
