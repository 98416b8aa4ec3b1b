package emop

import (
	"bytes"
	"errors"
	"testing"
	"unicode/utf8"
)

func FuzzParse(f *testing.F) {
	for _, s := range []string{goodRequest, goodResponse, spoiledCRC, spoiledCRC + goodResponse, "7e17" + goodResponse, "7e", ""} {
		f.Add(mustHex(f, s))
	}
	good := mustHex(f, goodResponse)
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, n, err := Parse(b)
		switch {
		case n < 0 || n > len(b):
			t.Fatalf("consumed %d of %d bytes", n, len(b))
		case err == nil:
			again, err := AppendFrame(nil, frame)
			if err != nil || !bytes.HasSuffix(b[:n], again) {
				t.Fatalf("wrote %x, %v, from %x", again, err, b[:n])
			}
		case errors.Is(err, ErrCRC) && (n != len(b) || n == 0):
			t.Fatalf("wrong CRC with %d of %d bytes consumed", n, len(b))
		}

		noise := bytes.ReplaceAll(b, []byte{Delimiter}, nil)
		if frame, n, err := Parse(append(noise, good...)); err != nil || n != len(noise)+len(good) || frame.From != 0x18b0 {
			t.Fatalf("behind %x: %+v, %d, %v", noise, frame, n, err)
		}
		findBehind(t, b, good)
	})
}

// findBehind looks for a good frame behind any bytes, with so many behind it that every other frame is complete by its length. Only a
// good frame that begins in those bytes may be found instead.
func findBehind(t *testing.T, b, good []byte) {
	buf := append(append(bytes.Clone(b), good...), make([]byte, MaxFrame)...)
	frame, n, err := Parse(buf)
	if err != nil {
		t.Fatalf("behind %x: %v", b, err)
	}
	if n != len(b)+len(good) && n-headerSize-2-len(frame.Data) >= len(b) {
		t.Fatalf("behind %x: found %+v, consumed %d", b, frame, n)
	}
}

func FuzzDecode(f *testing.F) {
	for _, p := range mustCaptured(f, "payload", 3) {
		f.Add(mustHex(f, p[1]))
	}
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, payload []byte) {
		before := bytes.Clone(payload)
		for _, d := range Table {
			s, err := d.Text(payload, All)
			if err == nil && (!utf8.ValidString(s) || bytes.ContainsRune([]byte(s), 0)) {
				t.Errorf("%s: %q is no text", d.Info().Name, s)
			}
			if err != nil && s != "" {
				t.Errorf("%s: %q and %v", d.Info().Name, s, err)
			}
		}
		if !bytes.Equal(payload, before) {
			t.Errorf("payload %x became %x", before, payload)
		}
	})
}

func FuzzEventBlock(f *testing.F) {
	for _, s := range []string{"", "7036732d0507", "7036732d05077036732d2101000000000000ffffffffffff", "00"} {
		f.Add(mustHex(f, s))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		events, invalid, err := EventBlock(payload)
		if err != nil {
			if len(payload)%eventSize == 0 || len(payload) >= eventsInBlock*eventSize {
				t.Fatalf("%d bytes: %v", len(payload), err)
			}
			return
		}
		if got, most := len(events)+invalid, min(len(payload)/eventSize, eventsInBlock); got > most {
			t.Fatalf("%d bytes: %d events, %d invalid, at most %d together", len(payload), len(events), invalid, most)
		}
		for _, e := range events {
			if e.Type < 1 || e.Type > 255 || e.Time.Before(Epoch) {
				t.Fatalf("got %+v", e)
			}
		}
	})
}
