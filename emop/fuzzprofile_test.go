package emop

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"
)

// Whatever a meter answers comes out as records or as an error.

func FuzzProfileLog1(f *testing.F) {
	_, captured := capturedLog(f)
	for _, b := range [][]byte{nil, captured, captured[:17], bytes.Repeat([]byte{0xff}, 84), make([]byte, 242)} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		records, err := ProfileLog1(payload, echoOf(payload))
		checkCount(t, payload, profile1Size, len(records), err)
		for _, p := range records {
			checkTime(t, p.Time)
		}
	})
}

func FuzzProfileLog2(f *testing.F) {
	for _, b := range [][]byte{nil, make([]byte, 4+80), bytes.Repeat([]byte{0xff}, 84), bytes.Repeat([]byte{1, 2, 3}, 80)} {
		f.Add(b, true)
		f.Add(b, false)
	}
	f.Fuzz(func(t *testing.T, payload []byte, twin bool) {
		class, size := SingleElement, profile2Size
		if twin {
			class, size = TwinElement, profile2TwinLength
		}
		records, err := ProfileLog2(payload, echoOf(payload), class)
		checkCount(t, payload, size, len(records), err)
		for _, p := range records {
			checkTime(t, p.Time)
			if !twin && (p.ExportB != 0 || p.ReactiveImportB != 0 || p.ReactiveExportB != 0) {
				t.Errorf("element B on a single-element meter: %+v", p)
			}
		}
	})
}

func FuzzThreePhaseLog(f *testing.F) {
	for _, b := range [][]byte{nil, mustHex(f, blockHead), append(mustHex(f, blockHead), make([]byte, 90)...), bytes.Repeat([]byte{0xff}, 242)} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		b, err := ThreePhaseLog(payload)
		if err != nil {
			if b.Channels != nil || b.Rows != nil {
				t.Errorf("%+v and %v", b, err)
			}
			return
		}
		size := 2 + 4*len(b.Channels)
		if most := len(payload) / size; len(b.Rows) > most || b.Interval <= 0 || len(b.Channels) == 0 {
			t.Errorf("%d bytes: %+v", len(payload), b)
		}
		for i, row := range b.Rows {
			if len(row.Values) != len(b.Channels) || i > 0 && !row.Time.After(b.Rows[i-1].Time) {
				t.Errorf("row %d: %+v", i, row)
			}
		}
	})
}

// FuzzThreePhaseRequest looks for a request that a meter would take for a reset of its log.
func FuzzThreePhaseRequest(f *testing.F) {
	f.Add(int64(0), int64(0))
	f.Add(int64(1709210096), int64(1709210096+86400))
	f.Add(int64(-1<<63), int64(1<<62))
	f.Fuzz(func(t *testing.T, from, to int64) {
		b := AppendThreePhaseLog(nil, time.Unix(from, 0), time.Unix(to, 0))
		if len(b) != 14 || b[0] != FormatThreePhaseLog || b[1] != 0 || string(b[10:]) != "\xff\xff\xff\xff" {
			t.Fatalf("%x", b)
		}
		start, end := binary.LittleEndian.Uint32(b[2:]), binary.LittleEndian.Uint32(b[6:])
		if end < start || end-start > uint32(ThreePhaseSpan/time.Second) {
			t.Errorf("from %d to %d", start, end)
		}
	})
}

// echoOf is the time that an answer with this echo was asked for.
func echoOf(payload []byte) time.Time {
	if len(payload) < 4 {
		return time.Time{}
	}
	return fromSeconds(binary.LittleEndian.Uint32(payload))
}

func checkCount(t *testing.T, payload []byte, size, records int, err error) {
	t.Helper()
	switch {
	case err != nil:
		if records > 0 || len(payload) >= 4 && binary.LittleEndian.Uint32(payload) != 0xffffffff {
			t.Errorf("%d bytes: %d records, %v", len(payload), records, err)
		}
	case len(payload) < 4, records > (len(payload)-4)/size:
		t.Errorf("%d records in %d bytes", records, len(payload))
	}
}

func checkTime(t *testing.T, at time.Time) {
	t.Helper()
	if at.Before(Epoch) || !at.Before(erased) {
		t.Errorf("a record of %s", at)
	}
}
