package mediator

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"flows"
	"flows/emop"
	"flows/mediator/mediatorpb"
	"flows/simulator"
)

// truth says how each object that the fleet is asked for is encoded, by hand: what its answer must be, given the values in the ledger.
var truth = map[emop.ID]func(v []simulator.Value, payload []byte) bool{
	0x600100: isText, 0xd7ff10: isText, // serials
	0xfffffc: isNumbers(4), 0x010800: isNumbers(4), 0xffc802: isNumbers(4), // element A, a total, the balance
	0x0c0700: isNumbers(2), 0x200700: isNumbers(2), // voltages
	0xffff2e: isNumbers(4), 0xffff10: isNumbers(1), // a price, the backlight
	0xfffd1d: func(v []simulator.Value, payload []byte) bool {
		return len(payload) == 1 && payload[0] == byte(v[1].Number<<5|v[0].Number)
	},
	0x123456: func([]simulator.Value, []byte) bool { return false }, // no meter has it
}

func isText(v []simulator.Value, payload []byte) bool {
	return string(bytes.TrimRight(payload, " \x00")) == v[0].Text
}

func isNumbers(width int) func(v []simulator.Value, payload []byte) bool {
	return func(v []simulator.Value, payload []byte) bool {
		var want []byte
		for _, n := range v {
			want = append(want, binary.LittleEndian.AppendUint64(nil, uint64(n.Number))[:width]...)
		}
		return bytes.Equal(payload, want)
	}
}

// heard is what a caller was told.
type heard struct {
	serial     string
	object     emop.ID
	payload    []byte
	outcome    string
	begun, end time.Time // of the try that was answered, or of the call
}

// TestConversationsOfManyFaultyMetersNeverMix has 200 meters, each asked 50 times by two callers at once, and compares what the callers
// were told with what the fleet says its meters answered.
func TestConversationsOfManyFaultyMetersNeverMix(t *testing.T) {
	const each, timeout = 50, 250 * time.Millisecond
	fleet := simulator.New(simulator.Options{Meters: 200, Seed: 7, Listen: "127.0.0.1:0", PortPerMeter: true, Meter: func(i int, s *simulator.Spec) {
		s.Behaviours = faulty(rand.New(rand.NewPCG(7, uint64(i))), timeout)
	}})
	if err := fleet.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer fleet.Stop()
	known := book{}
	for _, m := range fleet.Meters() {
		known[m.Serial] = m.Address
	}
	s, err := New(known, Options{Timeout: timeout, Spacing: time.Millisecond, IdleClose: 50 * time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop(context.Background())

	var mu sync.Mutex
	var all []heard
	var wg sync.WaitGroup
	for _, m := range fleet.Meters() {
		for _, ask := range []func(*testing.T, elementService, string, int) []heard{askSingly, askInBatches} {
			wg.Go(func() {
				got := ask(t, elementService{Server: s}, m.Serial, each/2)
				mu.Lock()
				defer mu.Unlock()
				all = append(all, got...)
			})
		}
	}
	wg.Wait()
	if got, want := len(all), len(known)*each; got != want {
		t.Errorf("%d outcomes, want %d", got, want)
	}
	compare(t, all, fleet.Ledger())
}

// faulty draws what is wrong with a meter: up to three things, each at some of its requests.
func faulty(r *rand.Rand, timeout time.Duration) []simulator.Behaviour {
	all := []simulator.Behaviour{
		{Kind: simulator.CloseAfterAnswer, Every: 1 + r.IntN(4)}, {Kind: simulator.CloseWithoutAnswer, Every: 3 + r.IntN(6)},
		{Kind: simulator.Pieces, Every: 1 + r.IntN(4)}, {Kind: simulator.WrongCRC, Every: 3 + r.IntN(6)},
		{Kind: simulator.StaleFirst, Every: 1 + r.IntN(3)}, {Kind: simulator.Silent, Every: 11 + r.IntN(20)},
		{Kind: simulator.Slow, Every: 11 + r.IntN(20), Delay: timeout + timeout/4}, {Kind: simulator.Slow, Every: 5, Delay: timeout / 50},
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:r.IntN(4)]
}

// objects gives n objects, in another order for each meter.
func objects(serial string, n int) []emop.ID {
	var ids []emop.ID
	for id := range truth {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	ids = slices.Repeat(ids, n/len(ids)+1)[:n]
	r := rand.New(rand.NewPCG(uint64(emop.CRC([]byte(serial))), 7))
	r.Shuffle(n, func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	return ids
}

func askSingly(t *testing.T, s elementService, serial string, n int) (all []heard) {
	for i, id := range objects(serial, n) {
		h := heard{serial: serial, object: id, begun: time.Now()}
		var err error
		if i%2 == 0 {
			var r *mediatorpb.ReadElementReply
			r, err = s.ReadElement(asPerson(t.Context()), &mediatorpb.ReadElementRequest{Serial: serial, ObjectId: int32(id)})
			h.payload = r.GetResponse()
		} else {
			var r *mediatorpb.SendRawMessageReply
			r, err = s.SendRawMessage(t.Context(), &mediatorpb.SendRawMessageRequest{Serial: serial, DataField: emop.AppendRead(nil, id)})
			h.payload = bytes.TrimPrefix(r.GetResponse(), emop.AppendRead(nil, id)[1:])
		}
		h.end = time.Now()
		h.outcome = outcomeOf(t, err)
		all = append(all, h)
	}
	return all
}

func askInBatches(t *testing.T, s elementService, serial string, n int) (all []heard) {
	for ids := range slices.Chunk(objects(serial, n), 5) {
		out := &stream{ctx: t.Context()}
		in := &mediatorpb.ReadBatchRequest{Serial: serial}
		for _, id := range ids {
			in.Items = append(in.Items, &mediatorpb.BatchItem{What: &mediatorpb.BatchItem_ObjectId{ObjectId: int32(id)}})
		}
		if err := s.ReadBatch(in, out); err != nil {
			t.Errorf("batch of %s: %v", serial, err)
		}
		for _, r := range out.replies {
			h := heard{serial, ids[r.Index], r.GetPayload(), "ok", r.GetSent().AsTime(), r.GetAnswered().AsTime()}
			if e := r.GetError(); e != nil {
				h.outcome = outcomeOf(t, errItem{e})
			}
			all = append(all, h)
		}
	}
	return all
}

// compare finds for each payload and each NAK the answer in the ledger: of that meter, to that object, gone out whole, asked for
// by that try, with those values.
func compare(t *testing.T, all []heard, ledger []simulator.Answer) {
	t.Helper()
	type question struct {
		serial string
		object emop.ID
	}
	given := map[question][]simulator.Answer{}
	for _, a := range ledger {
		if a.Whole {
			q := question{a.Serial, a.Object}
			given[q] = append(given[q], a)
		}
	}
	outcomes := map[string]int{}
	for _, h := range all {
		outcomes[h.outcome]++
		nak := 0
		if _, err := fmt.Sscanf(h.outcome, "NAK%d", &nak); err != nil && h.outcome != "ok" {
			if flows.Code(h.outcome).Owner() != flows.TheMeters {
				t.Errorf("%s %06x: %s", h.serial, uint32(h.object), h.outcome)
			}
			continue
		}
		said := slices.ContainsFunc(given[question{h.serial, h.object}], func(a simulator.Answer) bool {
			inTime := !a.Arrived.Before(h.begun) && !a.Arrived.After(h.end)
			return inTime && a.NAK == nak && (nak != 0 || truth[h.object](a.Values, h.payload))
		})
		if !said {
			t.Errorf("%s %06x: %s %x is not what the meter answered from %s to %s", h.serial, uint32(h.object), h.outcome, h.payload, h.begun, h.end)
		}
	}
	t.Logf("%d requests at the fleet, outcomes %v", len(ledger), outcomes)
	if good := outcomes["ok"] + outcomes["NAK5"]; good < len(all)*9/10 {
		t.Errorf("%d of %d were answered, want nine tenths", good, len(all))
	}
}
