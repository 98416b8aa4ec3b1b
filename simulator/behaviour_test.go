package simulator

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"flows/emop"
)

func twinWith(b ...Behaviour) Spec { return Spec{Hardware: "C1.w", Block: 8, Behaviours: b} }

const idElementA = emop.ID(0xfffffc)

func TestDeadMeterRefuses(t *testing.T) {
	_, m := one(t, twinWith(Behaviour{Kind: Dead}))
	if m.Reachable {
		t.Error("a dead meter is listed as reachable")
	}
	if c, err := net.Dial("tcp", m.Address.String()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("Dial = %v, %v, want connection refused", c, err)
	}
}

func TestSilentMeterAcceptsAndSaysNothing(t *testing.T) {
	f, m := one(t, twinWith(Behaviour{Kind: Silent}))
	c := dial(t, m)
	c.ask(1, emop.AppendRead(nil, idCSQ))
	c.SetDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := c.next(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("next = %v, want nothing until the deadline", err)
	}
	if got := f.Ledger(); len(got) != 1 || got[0].Whole || !got[0].Departed.IsZero() || got[0].Values != nil {
		t.Errorf("ledger %+v, want one request that was not answered", got)
	}
}

func TestMeterClosesAfterEachAnswer(t *testing.T) {
	_, m := one(t, twinWith(Behaviour{Kind: CloseAfterAnswer}))
	c := dial(t, m)
	c.get(idCSQ)
	if _, err := c.next(); err != io.EOF {
		t.Errorf("after the answer: %v, want EOF", err)
	}
}

func TestMeterClosesWithoutAnswer(t *testing.T) {
	f, m := one(t, twinWith(Behaviour{Kind: CloseWithoutAnswer}))
	for _, want := range []int{0, 10} { // bytes: nothing, then half of a frame of 20
		c := dial(t, m)
		c.ask(0, emop.AppendRead(nil, 0xffc802))
		got, err := io.ReadAll(c)
		if err != nil || len(got) > 0 != (want > 0) || len(got) > want+1 {
			t.Errorf("%d bytes, %v, want about %d and EOF", len(got), err, want)
		}
	}
	for _, a := range f.Ledger() {
		if a.Whole {
			t.Errorf("ledger has %+v as whole", a)
		}
	}
}

func TestAnswerInPiecesTakesSeveralReads(t *testing.T) {
	_, m := one(t, twinWith(Behaviour{Kind: Pieces}))
	c := dial(t, m)
	c.ask(2, emop.AppendRead(nil, idElementA))
	var all []byte
	reads := 0
	for buf := make([]byte, 512); ; reads++ {
		n, err := c.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, buf[:n]...)
		if _, _, err := emop.Parse(all); err == nil {
			break
		}
	}
	if reads < 2 {
		t.Errorf("the frame came whole after %d reads", reads+1)
	}
}

func TestEveryFifthAnswerIsSpoiled(t *testing.T) {
	f, m := one(t, twinWith(Behaviour{Kind: WrongCRC}))
	c := dial(t, m)
	for i := 1; i <= 10; i++ {
		c.ask(uint8(i), emop.AppendRead(nil, idElementA))
		_, err := c.next()
		if bad := errors.Is(err, emop.ErrCRC); bad != (i%5 == 0) {
			t.Errorf("answer %d: %v", i, err)
		}
	}
	for i, a := range f.Ledger() {
		if want := (i+1)%5 != 0; a.Whole != want {
			t.Errorf("ledger has answer %d whole %v, want %v", i+1, a.Whole, want)
		}
	}
}

func TestAStaleAnswerGoesFirst(t *testing.T) {
	f, m := one(t, twinWith(Behaviour{Kind: StaleFirst}))
	c := dial(t, m)
	for i, want := range []struct {
		sequence uint8
		object   emop.ID
	}{{2, idElementA}, {3, idCSQ}} {
		request := emop.Frame{From: caller, Sequence: 3, Data: emop.AppendRead(nil, idElementA)}
		c.ask(3, request.Data)
		stale, err := c.next()
		if err != nil {
			t.Fatal(err)
		}
		if stale.Sequence != want.sequence || object(stale.Data) != want.object {
			t.Errorf("first answer %d: sequence %d object %s, want %d %s", i, stale.Sequence, object(stale.Data), want.sequence, want.object)
		}
		right, err := c.next()
		if err != nil {
			t.Fatal(err)
		}
		if !right.Answers(request) || bytes.Equal(right.Data, stale.Data) {
			t.Errorf("second answer %d: %x after %x", i, right.Data, stale.Data)
		}
	}
	if got := f.Ledger(); len(got) != 2 || !got[0].Whole || !got[1].Whole {
		t.Errorf("ledger %+v, want the two right answers", got)
	}
}

func TestAStaleAnswerToAWriteWritesNothingTwice(t *testing.T) {
	f, m := one(t, twinWith(Behaviour{Kind: StaleFirst}))
	c := dial(t, m)
	before := f.slots[0].m.balance(time.Now())
	c.ask(3, emop.AppendWrite(nil, 0xffc803, []byte("12345678901234567890")))
	for range 2 {
		if _, err := c.next(); err != nil {
			t.Fatal(err)
		}
	}
	f.slots[0].mu.Lock()
	defer f.slots[0].mu.Unlock()
	if got := f.slots[0].m.balance(time.Now()) - before; got > tokenWorth || got < tokenWorth-10 {
		t.Errorf("one token moved the balance by %d, want %d", got, tokenWorth)
	}
}

// gapFleet is one meter with the gap fault whose clock the test moves.
func gapFleet(t *testing.T) (Meter, *atomic.Int64) {
	t.Helper()
	var ms atomic.Int64
	f := New(Options{Meters: 1, Spacing: time.Second, Meter: func(_ int, s *Spec) { *s = twinWith(Behaviour{Kind: Gap}) }})
	f.clock = func() time.Time { return time.UnixMilli(1_700_000_000_000 + ms.Load()) }
	if err := f.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Stop)
	return f.Meters()[0], &ms
}

func TestAnEarlySecondRequestIsIgnored(t *testing.T) {
	m, ms := gapFleet(t)
	c := dial(t, m)
	c.get(idCSQ)
	ms.Add(799)
	c.ask(4, emop.AppendRead(nil, idCSQ))
	c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := c.next(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("early request: %v, want silence", err)
	}
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	ms.Add(1)
	if got := c.get(idCSQ); got.Sequence != 3 {
		t.Errorf("request in time was answered with sequence %d, want 3", got.Sequence)
	}
}

func TestAnEarlySecondConnectionIsReset(t *testing.T) {
	m, ms := gapFleet(t)
	dial(t, m).get(idCSQ)
	ms.Add(799)
	if c, err := net.Dial("tcp", m.Address.String()); err == nil { // the reset may come before or after the handshake's end
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("an early connection was served")
		}
		c.Close()
	}
	ms.Add(1)
	dial(t, m).get(idCSQ)
}

func TestNAKInsteadOfAnObject(t *testing.T) {
	f, m := one(t, twinWith(Behaviour{Kind: NAKObject, Object: idElementA}, Behaviour{Kind: NAKObject, Object: idCSQ, NAK: emop.NAKFormat}))
	c := dial(t, m)
	for id, want := range map[emop.ID]emop.NAK{idElementA: emop.NAKUnknownObject, idCSQ: emop.NAKFormat, idHardware: 0} {
		if got := c.get(id); got.NAK != want {
			t.Errorf("%s: %v, want %v", id, got.NAK, want)
		}
	}
	for _, a := range f.Ledger() {
		if (a.NAK != 0) == (a.Values != nil) || !a.Whole {
			t.Errorf("ledger has %+v", a)
		}
	}
}

func TestASpoiledRequestGetsNAK1OnlyFromMetersThatDo(t *testing.T) {
	spoiled, _ := emop.AppendFrame(nil, emop.Frame{From: caller, Sequence: 5, Data: emop.AppendRead(nil, idCSQ)})
	spoiled[len(spoiled)-1] ^= 1
	_, plain := one(t, twinWith())
	c := dial(t, plain)
	c.Write(spoiled)
	if got := c.get(idHardware); got.Sequence != 3 || object(got.Data) != idHardware {
		t.Errorf("after a spoiled request: %+v, want the answer to the good one", got)
	}
	_, strict := one(t, twinWith(Behaviour{Kind: NAKCRC}))
	c = dial(t, strict)
	c.Write(spoiled)
	if got, err := c.next(); err != nil || got.NAK != emop.NAKCRC || got.Sequence != 5 || object(got.Data) != idCSQ || got.To != caller {
		t.Errorf("spoiled request: %+v, %v, want NAK 1", got, err)
	}
}

func TestForeignMeterHasItsOwnSerialAndAddress(t *testing.T) {
	f := started(t, Options{Meters: 2, Meter: func(i int, s *Spec) {
		*s = twinWith()
		if i == 1 {
			s.Behaviours = []Behaviour{{Kind: Foreign}}
		}
	}})
	own, foreign := f.Meters()[0], f.Meters()[1]
	if own.OwnSerial != own.Serial || foreign.OwnSerial == foreign.Serial || own.FrameAddress == foreign.FrameAddress {
		t.Fatalf("%+v and %+v", own, foreign)
	}
	got := dial(t, foreign).get(0x600100)
	if text := string(bytes.TrimRight(got.Data[5:], " \x00")); text != foreign.OwnSerial || got.From.Number() != foreign.FrameAddress {
		t.Errorf("answered %q from %s", text, got.From)
	}
}

func TestASlowMeterAnswersAfterItsDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, ours := piped(t, twinWith(Behaviour{Kind: Slow, Delay: 7 * time.Second}))
		defer f.cancel()
		start := time.Now()
		ours.get(idCSQ)
		if took := time.Since(start); took != 7*time.Second {
			t.Errorf("answered after %v", took)
		}
		ours.Close()
	})
}

func TestHalfARequestIsGivenUpAfterFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, ours := piped(t, twinWith())
		defer f.cancel()
		ours.Write([]byte{0x7e, 0xff, 0x00})
		time.Sleep(partial + time.Second) // fake time
		ours.get(idCSQ)
		ours.Close()
	})
}

// piped is one meter at the other end of a pipe, for tests in fake time.
func piped(t *testing.T, s Spec) (*Fleet, *client) {
	t.Helper()
	f := New(Options{Meters: 1, Meter: func(_ int, to *Spec) { *to = s }})
	f.ctx, f.cancel = context.WithCancel(t.Context())
	ours, theirs := net.Pipe()
	go func() {
		f.serve(theirs, &f.slots[0])
		theirs.Close()
	}()
	return f, &client{t: t, Conn: ours}
}
