package mediator

import (
	"encoding/hex"
	"testing"

	"flows/emop"
)

func TestRawDataFieldsAreReadsWritesOrRefused(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"read", "01fffd1d00", "read"},
		{"write", "01ffff100101", "write"},
		{"write without a payload", "01ffff1001", "write"},
		{"event log", "0263620003", "read"},
		{"profile log 1", "0300000000", "read"},
		{"profile log 2", "0400000000", "read"},
		{"three phase log", "05000000000000000000ffffffff", "read"},
		{"three phase log reset", "05010000000000000000ffffffff", "refused"},
		{"three phase log of the highest number", "05ff0000000000000000ffffffff", "refused"},
		{"three phase log cut short", "0501", "refused"},
		{"nothing", "", "refused"},
		{"format 0", "00fffd1d00", "refused"},
		{"format 6", "06fffd1d00", "refused"},
		{"too short", "01fffd1d", "refused"},
		{"neither read nor write", "01fffd1d02", "refused"},
		{"profile log too long", "030000000000", "refused"},
		{"longer than a frame holds", "01ffff1001" + hex.EncodeToString(make([]byte, emop.MaxData-4)), "refused"},
	} {
		data, err := hex.DecodeString(c.data)
		if err != nil {
			t.Fatal(err)
		}
		r, err := rawRequest(data)
		got := "read"
		switch {
		case err != nil:
			got = "refused"
		case r.write:
			got = "write"
		}
		if got != c.want {
			t.Errorf("%s: %s (%v), want %s", c.name, got, err, c.want)
		}
		if err == nil && r.subject() == "" {
			t.Errorf("%s has no subject", c.name)
		}
	}
}

func TestAPayloadThatNoFrameHoldsIsRefused(t *testing.T) {
	if _, err := writeRequest(csq, make([]byte, emop.MaxData-5)); err != nil {
		t.Error(err)
	}
	if _, err := writeRequest(csq, make([]byte, emop.MaxData-4)); err == nil {
		t.Error("taken")
	}
}

func FuzzRawRequest(f *testing.F) {
	f.Add([]byte{1, 0xff, 0xfd, 0x1d, 0})
	f.Add([]byte{5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := rawRequest(data)
		if err == nil && (r.data[0] == emop.FormatThreePhaseLog && r.data[1] != 0 || len(r.data) > emop.MaxData) {
			t.Errorf("taken: %x", data)
		}
	})
}
