package emlite

import (
	"testing"
	"time"

	"flows"
	"flows/emop"
)

func TestBatchAnswersInOrderWithTimesAndFrameAddress(t *testing.T) {
	c := start(t, meter(t))
	before := time.Now()
	answers := c.Batch(t.Context(), "EML1", []emop.Item{{Object: 0x600100}, {Object: 0xfffffc}, {DataField: []byte{2, 0x63, 0x62, 0, 1}}})
	for i, want := range []string{"\x60\x01\x00", "", "\x63\x62\x00\x01\x63\x62\x00"} {
		a := answers[i]
		if got := string(a.Payload); got != want || a.Tries != 1 || a.FrameAddress != 0x18b0 {
			t.Errorf("item %d: %+v, want payload %x", i, a, want)
		}
		if a.Sent.Before(before) || a.Answered.Before(a.Sent) || time.Now().Before(a.Answered) {
			t.Errorf("item %d: sent %s, answered %s", i, a.Sent, a.Answered)
		}
		if got, want := flows.NAKOf(a.Err), map[int]int{1: 5}[i]; got != want {
			t.Errorf("item %d: NAK %d, want %d (%v)", i, got, want, a.Err)
		}
	}
}

func TestOneMeterIsASourceOfObjects(t *testing.T) {
	c := start(t, meter(t))
	payload, err := c.Meter("EML1").ReadObject(t.Context(), 0x600100)
	if err != nil || string(payload) != "\x60\x01\x00" {
		t.Errorf("%x, %v", payload, err)
	}
	if _, err = c.Meter("EML1").ReadObject(t.Context(), 0xfffffc); flows.NAKOf(err) != flows.NAKUnknownObject {
		t.Errorf("%v, want NAK 5", err)
	}
	raw, err := c.Raw(t.Context(), "EML1", []byte{1, 0x60, 0x01, 0, 0})
	if want := "\x60\x01\x00\x00\x60\x01\x00"; err != nil || string(raw) != want {
		t.Errorf("raw %x, %v, want %x", raw, err, want)
	}
	if err := c.Write(t.Context(), "EML1", 0x600100, []byte{1}); err != nil {
		t.Error(err)
	}
	if info, err := c.Info(t.Context(), "EML1"); err != nil || string(info) != `{"registry":{"serial":"EML1"},"shadow":{}}` {
		t.Errorf("info %s, %v", info, err)
	}
}

func TestAnUnknownSerialFailsEveryItem(t *testing.T) {
	c := start(t, meter(t))
	for i, a := range c.Batch(t.Context(), "EML2", []emop.Item{{Object: 1}, {Object: 2}}) {
		if got, want := flows.CodeOf(a.Err, ""), flows.UnknownSerial; got != want || a.Err.Error() != "Meter 'EML2' not known" {
			t.Errorf("item %d: %s %v, want %s", i, got, a.Err, want)
		}
	}
	if _, err := c.Info(t.Context(), "EML2"); flows.CodeOf(err, "") != flows.UnknownSerial {
		t.Errorf("info: %v", err)
	}
}

// BenchmarkBatch is what a meter's hourly run costs client, mediator and meter together, without gaps and latency.
func BenchmarkBatch(b *testing.B) {
	c := start(b, meter(b))
	b.ReportAllocs()
	for b.Loop() {
		for _, a := range c.Batch(b.Context(), "EML1", []emop.Item{{Object: 1}, {Object: 2}, {Object: 3}}) {
			if a.Err != nil {
				b.Fatal(a.Err)
			}
		}
	}
}
