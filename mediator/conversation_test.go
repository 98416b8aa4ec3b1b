package mediator

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flows/emop"
)

func TestObjectsOfABatchShareOneConnectionAndAreSpaced(t *testing.T) {
	onBench(t, &fake{}, func(t *testing.T, b bench) {
		begun := time.Now()
		replies, err := b.batch(t.Context(), csq, 0x0c0700, 0xfffffc)
		if err != nil || len(replies) != 3 {
			t.Fatalf("%d replies, %v", len(replies), err)
		}
		seen := b.meter.requests()
		spaced(t, seen, DefaultSpacing)
		if took := time.Since(begun); took > 2*DefaultSpacing+10*time.Millisecond {
			t.Errorf("three objects took %s, want two gaps", took)
		}
		for i, s := range seen {
			first := seen[0].frame
			if s.dial != 1 || s.frame.To != 0 || s.frame.From != first.From || s.frame.From>>24 != 0x80 || s.frame.From.Number() == 0 {
				t.Errorf("request %d: dial %d from %s to %s", i, s.dial, s.frame.From, s.frame.To)
			}
			if got, want := s.frame.Sequence, (first.Sequence+uint8(i))%8; got != want {
				t.Errorf("request %d: sequence %d, want %d", i, got, want)
			}
			r := replies[i]
			if !r.Sent.AsTime().Equal(s.at) || r.Tries != 1 || r.FrameAddress != uint32(fakeAddress) || int(r.Index) != i {
				t.Errorf("reply %d: %v, want sent %s", i, r, s.at)
			}
		}
	})
}

func TestACallSoonAfterUsesTheSameConnectionALaterOneAnother(t *testing.T) {
	onBench(t, &fake{}, func(t *testing.T, b bench) {
		for _, pause := range []time.Duration{0, DefaultIdleClose / 2, DefaultIdleClose * 2} {
			time.Sleep(pause)
			if _, err := b.read(t.Context(), csq); err != nil {
				t.Fatal(err)
			}
		}
		seen := b.meter.requests()
		if got := []int{seen[0].dial, seen[1].dial, seen[2].dial}; !slices.Equal(got, []int{1, 1, 2}) {
			t.Errorf("connections %v, want 1 1 2", got)
		}
		if seen[2].frame.From == seen[0].frame.From {
			t.Errorf("both connections have the source %s", seen[0].frame.From)
		}
		if gap := seen[2].at.Sub(seen[1].at); gap < DefaultIdleClose+DefaultSpacing {
			t.Errorf("the new connection came %s after the last request, %s after the old one was closed", gap, gap-DefaultIdleClose)
		}
	})
}

func TestADeadMeterEndsTheBatchAndWhatWasNotAskedIsSaid(t *testing.T) {
	onBench(t, &fake{do: silence}, func(t *testing.T, b bench) {
		replies, err := b.batch(t.Context(), csq, 0x0c0700, 0xfffffc)
		if err != nil || len(replies) != 3 {
			t.Fatalf("%d replies, %v", len(replies), err)
		}
		for i, r := range replies {
			asked := !strings.Contains(r.GetError().GetMessage(), "not asked")
			if asked != (i == 0) || (r.Tries == 3) != asked || (r.Answered != nil) != asked {
				t.Errorf("object %d: %v, want three tries for the first alone", i, r)
			}
		}
	})
}

func TestOneSilentObjectDoesNotCostTheOthers(t *testing.T) {
	m := &fake{do: func(n int, f emop.Frame, conn net.Conn) bool {
		return objectOf(f) == 0x340700 || answerWell(n, f, conn)
	}}
	onBench(t, m, func(t *testing.T, b bench) {
		replies, err := b.batch(t.Context(), 0x200700, 0x340700, 0x480700)
		if err != nil || len(replies) != 3 {
			t.Fatalf("%d replies, %v", len(replies), err)
		}
		if e := replies[1].GetError(); e.GetReason() != "TIMEOUT" || replies[0].GetError() != nil || replies[2].GetError() != nil {
			t.Errorf("replies %v, want only the middle one to fail", replies)
		}
	})
}

func TestABatchKeepsWhatCameBeforeTheDeadline(t *testing.T) {
	onBench(t, &fake{}, func(t *testing.T, b bench) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		replies, err := b.batch(ctx, 1, 2, 3, 4, 5)
		if err != nil || len(replies) != 5 || ctx.Err() != nil {
			t.Fatalf("%d replies, %v, context %v", len(replies), err, ctx.Err())
		}
		for i, r := range replies {
			if got, want := r.GetError().GetReason(), map[bool]string{true: "TIMEOUT"}[i > 2]; got != want {
				t.Errorf("reply %d: %v, want %q", i, r, want)
			}
		}
	})
}

func TestACallerThatLeavesEndsTheWork(t *testing.T) {
	onBench(t, &fake{do: silence}, func(t *testing.T, b bench) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			_, err := b.batch(ctx, csq, 0x0c0700)
			ended <- err
		}()
		time.Sleep(time.Second)
		begun := time.Now()
		cancel()
		err := <-ended
		if took := time.Since(begun); took != 0 || status.Code(err) != codes.Canceled {
			t.Errorf("ended after %s with %v", took, err)
		}
		synctest.Wait()
		if got := b.meter.sockets(); got != 0 {
			t.Errorf("%d sockets are open", got)
		}
	})
}

func TestAPersonGoesBetweenTwoObjectsOfABatch(t *testing.T) {
	onBench(t, &fake{}, func(t *testing.T, b bench) {
		done := make(chan int, 3)
		go func() { b.batch(t.Context(), 1, 2, 3); done <- 1 }()
		time.Sleep(time.Second) // in the gap after object 1
		go func() { b.batch(t.Context(), 7, 8); done <- 2 }()
		synctest.Wait()
		go func() { b.batch(asPerson(t.Context()), 4, 5); done <- 3 }()
		if got := []int{<-done, <-done, <-done}; !slices.Equal(got, []int{3, 1, 2}) {
			t.Errorf("ended in the order %v, want the person, the running batch, the waiting one", got)
		}
		var order []int32
		for _, s := range b.meter.requests() {
			order = append(order, objectOf(s.frame))
		}
		if want := []int32{1, 4, 5, 2, 3, 7, 8}; !slices.Equal(order, want) {
			t.Errorf("on the wire %v, want %v", order, want)
		}
		spaced(t, b.meter.requests(), DefaultSpacing)
	})
}

func TestTheScheduleGoesBetweenTwoObjectsOfABackfillAndAPersonBeforeBoth(t *testing.T) {
	onBench(t, &fake{}, func(t *testing.T, b bench) {
		done := make(chan int, 4)
		go func() { b.batch(asBackfill(t.Context()), 1, 2, 3); done <- 1 }()
		time.Sleep(time.Second) // in the gap after object 1
		go func() { b.batch(asBackfill(t.Context()), 9); done <- 2 }()
		synctest.Wait()
		go func() { b.batch(t.Context(), 4, 5); done <- 3 }()
		time.Sleep(2 * time.Second) // in the gap after object 4
		go func() { b.batch(asPerson(t.Context()), 7); done <- 4 }()
		if got := []int{<-done, <-done, <-done, <-done}; !slices.Equal(got, []int{4, 3, 1, 2}) {
			t.Errorf("ended in the order %v, want the person, the schedule, the running backfill, the waiting one", got)
		}
		var order []int32
		for _, s := range b.meter.requests() {
			order = append(order, objectOf(s.frame))
		}
		if want := []int32{1, 4, 7, 5, 2, 3, 9}; !slices.Equal(order, want) {
			t.Errorf("on the wire %v, want %v", order, want)
		}
		spaced(t, b.meter.requests(), DefaultSpacing)
	})
}

func TestWaitingLongerThanTheBudgetIsBusy(t *testing.T) {
	onBench(t, &fake{do: silence}, func(t *testing.T, b bench) {
		go b.read(t.Context(), csq)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := b.read(ctx, csq)
		_, batch := b.batch(ctx, csq)
		for _, err := range []error{err, batch} {
			reason, _ := reasonOf(t, err)
			if want := "Meter " + serial + " is busy (timeout)"; status.Convert(err).Message() != want || status.Code(err) != codes.ResourceExhausted || reason != "BUSY" {
				t.Errorf("%s: %v, want %s", reason, err, want)
			}
		}
		time.Sleep(time.Minute)
	})
}

func TestAChangedAddressIsNotReadThroughTheOldConnection(t *testing.T) {
	onBench(t, &fake{}, func(t *testing.T, b bench) {
		known := b.registry.(book)
		b.read(t.Context(), csq)
		known[serial] = known["nowhere"]
		if _, err := b.read(t.Context(), csq); status.Code(err) != codes.NotFound {
			t.Errorf("without an address: %v", err)
		}
		known[serial] = mustAddress("10.0.0.2:8080")
		b.read(t.Context(), csq)
		if seen := b.meter.requests(); len(seen) != 2 || seen[1].dial != 2 {
			t.Errorf("%d requests, the last on connection %d, want 2 on 2", len(seen), seen[1].dial)
		}
	})
}
