package syncer

import (
	"encoding/binary"
	"encoding/hex"
	"testing"
	"time"

	"flows"
	"flows/emop"
)

// records encodes events the way emop.md draws them: timestamp u4le, type, set.
func records(times ...int) string {
	var b []byte
	for i, s := range times {
		b = binary.LittleEndian.AppendUint32(b, uint32(s))
		b = append(b, byte(33+i%3), byte(i))
	}
	return hex.EncodeToString(b)
}

func TestEventLogReadsOnWhileABlockHoldsOnlyUnseenEvents(t *testing.T) {
	log := []string{records(1000, 990, 980), records(970, 970, 970), records(950, 940, 930), records(920)}
	for _, c := range []struct {
		name           string
		last           int // second of the newest stored event
		events, blocks int
	}{
		{"never read", 0, 10, 5}, // the fifth is empty
		{"nothing new", 1000, 3, 1},
		{"one block new", 975, 6, 2},
		{"the last stored second ends a block: more of it may be in the next", 970, 9, 3},
		{"all unseen", 100, 10, 5},
		{"the last one was logged under a clock far ahead", 4_000_000_000, 10, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			stub, m := twin(), known()
			stub.blocks = log
			if c.last > 0 {
				m.LastEvent = emop.Epoch.Add(time.Duration(c.last) * time.Second)
			}
			r := Run(t.Context(), m, flows.Hourly, []string{"SyncerEventLog"}, stub)
			if len(r.Events) != c.events || len(stub.batches) != c.blocks {
				t.Errorf("%d events from %d blocks, want %d from %d", len(r.Events), len(stub.batches), c.events, c.blocks)
			}
			if r.Health != flows.Healthy {
				t.Errorf("verdict %q: %s", r.Health, r.Details)
			}
		})
	}
}

func TestEventLogThatFailsInTheMiddleStoresNothingOfIt(t *testing.T) {
	stub := twin()
	stub.blocks = []string{records(1000, 990), "0102030405"}
	r := Run(t.Context(), known(), flows.Hourly, []string{"SyncerReads", "SyncerEventLog"}, stub)
	if r.Health != flows.Unhealthy || r.Code != flows.BadAnswer || r.Shadow.ImportA == nil || r.Outcomes[1].State != flows.Partial {
		t.Errorf("%q %q, %+v", r.Health, r.Code, r.Outcomes)
	}
	if len(r.Events) != 0 {
		t.Error("the newest events would be stored, and the next run would take the older ones behind them for seen")
	}
}

func TestEventLogGoesOnBehindABlockOfInvalidRecords(t *testing.T) {
	stub := twin()
	stub.blocks = []string{"e803000000" + "01", records(990, 980)} // one record of type 0
	r := Run(t.Context(), known(), flows.Hourly, []string{"SyncerEventLog"}, stub)
	if len(r.Events) != 2 || r.Outcomes[0].Reason == "" {
		t.Errorf("%d events, %+v", len(r.Events), r.Outcomes)
	}
}

func TestTroubleAfterTheBatchIsNotTheMetersAndSpoilsNoneOfIt(t *testing.T) {
	stub := twin()
	stub.blocks = []string{records(1000, 990)}
	stub.later = flows.Errorf(flows.Busy, "busy")
	r := Run(t.Context(), known(), flows.Hourly, []string{"SyncerReads", "SyncerEventLog"}, stub)
	if r.Health != flows.Healthy || r.Shadow.ImportA == nil || r.Outcomes[1].State != flows.Skipped || len(r.Events) != 0 {
		t.Errorf("%q %s, %+v", r.Health, r.Details, r.Outcomes)
	}
}

func TestUnknownHardwareNeedNotHaveAnEventLog(t *testing.T) {
	stub, m := twin(), known()
	m.Hardware, stub.noLog = "9", true
	r := Run(t.Context(), m, flows.Hourly, []string{"SyncerReads", "SyncerEventLog"}, stub)
	if r.Health != flows.Healthy || r.Outcomes[1].State != flows.Unsupported {
		t.Errorf("%q %s, %+v", r.Health, r.Details, r.Outcomes)
	}
}
