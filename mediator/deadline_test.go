package mediator

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"flows/mediator/mediatorpb"
)

func TestAThousandCallersOfADeadMeterAreAnsweredByTheirDeadlineAndLeaveNothing(t *testing.T) {
	const callers, deadline, early = 1000, 5 * time.Second, 250 * time.Millisecond
	for death, meter := range map[string]func() *fake{
		"silent": every(mute), "refusing": refuses(ever), "hanging": hangs(ever), "closing": endsAfter(0, ever), "babbling": every(endless),
	} {
		for _, each := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, a meter each %t", death, each), func(t *testing.T) {
				onBench(t, meter(), func(t *testing.T, b bench) {
					others, known := goleak.IgnoreCurrent(), b.registry.(book)
					names := slices.Repeat([]string{serial}, callers)
					for i := range names {
						if each {
							names[i] = fmt.Sprintf("EML%010d", i)
							known[names[i]] = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 8080)
						}
					}
					ctx, cancel := context.WithTimeout(t.Context(), deadline)
					defer cancel()
					begun := time.Now()
					var wg sync.WaitGroup
					for _, name := range names {
						wg.Go(func() {
							_, err := b.ReadElement(ctx, &mediatorpb.ReadElementRequest{Serial: name, ObjectId: csq})
							if took := time.Since(begun); err == nil || took > deadline-early {
								t.Errorf("answered after %s: %v", took, err)
							}
						})
					}
					wg.Wait()
					synctest.Wait()
					tries, dials := b.meter.tries(), b.meter.dials
					if tries == 0 || each && tries < callers {
						t.Errorf("%d tries, want one a meter at least", tries)
					}
					time.Sleep(time.Minute)
					if got := b.meter.tries(); got != tries || b.meter.dials != dials || b.meter.sockets() != 0 {
						t.Errorf("after the answers: %d tries, %d dials, %d sockets", got-tries, b.meter.dials-dials, b.meter.sockets())
					}
					if err := goleak.Find(others); err != nil {
						t.Error(err)
					}
				})
			})
		}
	}
}
