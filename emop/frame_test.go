package emop

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestCRCIsCCITTFalse(t *testing.T) {
	if got, want := CRC([]byte("123456789")), uint16(0x29b1); got != want { // the check value of the catalogues
		t.Errorf("got %04x, want %04x", got, want)
	}
}

const (
	goodRequest  = "7e1100000000c06f0093010100020100ae4a"
	goodResponse = "7e15c06f0093000018b0010100020100333032309dbd"
	spoiledCRC   = "7e15c06f0093000018b0010100020100333032309dbe"
	spoiledData  = "7e15c06f0093000018b0010100020100333132309dbd"
)

func TestParseFindsTheFrame(t *testing.T) {
	tests := []struct {
		name, buf string
		want      string // the frame; "" when none is found
		n         int
		err       error
	}{
		{"alone", goodResponse, goodResponse, 22, nil},
		{"first of two", goodResponse + goodRequest, goodResponse, 22, nil},
		{"behind noise", "00ff42" + goodResponse, goodResponse, 25, nil},
		{"behind a delimiter with a length too small", "7e107e" + "00" + goodResponse, goodResponse, 26, nil},
		{"behind a stray delimiter whose length ends with the frame", "7e17" + "00" + goodResponse + "00", goodResponse, 25, nil},
		{"inside what would be a longer frame with a wrong CRC", "7e17" + goodResponse, goodResponse, 24, nil},
		{"behind one with a wrong CRC", spoiledCRC + goodResponse, goodResponse, 44, nil},
		{"behind one with spoiled data", spoiledData + goodResponse, goodResponse, 44, nil},
		{"not when its CRC is wrong and nothing follows", spoiledCRC, "", 22, ErrCRC},
		{"not when its data is spoiled and nothing follows", "0000" + spoiledData, "", 24, ErrCRC},
		{"not yet behind a wrong CRC when its end is missing", spoiledCRC + goodResponse[:40], "", 22, ErrIncomplete},
		{"not when its data field is too short for any format", "7e10c06f0093000018b00101000201145f", "", 17, ErrIncomplete},
		{"not in noise, which is dropped", "0011223344", "", 5, ErrIncomplete},
		{"not yet after its delimiter alone", "00007e", "", 2, ErrIncomplete},
		{"not yet behind what may be a longer frame", "7eff" + goodResponse, "", 0, ErrIncomplete},
		{"not in nothing", "", "", 0, ErrIncomplete},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, n, err := Parse(mustHex(t, tt.buf))
			if n != tt.n || !errors.Is(err, tt.err) {
				t.Fatalf("got %d, %v, want %d, %v", n, err, tt.n, tt.err)
			}
			if err != nil {
				return
			}
			if got, _ := AppendFrame(nil, f); !bytes.Equal(got, mustHex(t, tt.want)) {
				t.Errorf("got %x, want %s", got, tt.want)
			}
		})
	}
}

func TestParseWaitsForAFrameThatComesByteByByte(t *testing.T) {
	frame := mustHex(t, goodResponse)
	for i := range frame {
		if _, n, err := Parse(frame[:i]); n != 0 || !errors.Is(err, ErrIncomplete) {
			t.Fatalf("with %d bytes: %d, %v", i, n, err)
		}
	}
}

func TestParseReadsTwoFramesInOneBufferOneAfterTheOther(t *testing.T) {
	buf := mustHex(t, goodRequest+goodResponse)
	first, n, err := Parse(buf)
	if err != nil || first.From != 0xc06f0093 {
		t.Fatalf("got %+v, %v", first, err)
	}
	second, m, err := Parse(buf[n:])
	if err != nil || second.From != 0x18b0 || n+m != len(buf) {
		t.Errorf("got %+v, %v, %d bytes of %d", second, err, n+m, len(buf))
	}
}

func TestParsedDataCannotGrowIntoTheBuffer(t *testing.T) {
	buf := mustHex(t, goodResponse)
	f, _, _ := Parse(buf)
	_ = append(f.Data, 0xaa)
	if !bytes.Equal(buf, mustHex(t, goodResponse)) {
		t.Errorf("buffer became %x", buf)
	}
}

func TestAppendFrameHoldsAtMostMaxData(t *testing.T) {
	b, err := AppendFrame(nil, Frame{Data: make([]byte, MaxData)})
	if err != nil || len(b) != MaxFrame {
		t.Fatalf("got %d bytes, %v", len(b), err)
	}
	if f, n, err := Parse(b); err != nil || n != MaxFrame || len(f.Data) != MaxData {
		t.Errorf("Parse = %d bytes of data, %d, %v", len(f.Data), n, err)
	}
	if _, err := AppendFrame(nil, Frame{Data: make([]byte, MaxData+1)}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one byte more: %v", err)
	}
}

func TestAnswersRejectsEveryOtherFrame(t *testing.T) {
	request := Frame{From: 0xc06f0093, Sequence: 1, Data: AppendRead(nil, Firmware.ID)}
	addressed := request
	addressed.To = 0x18b0
	tests := []struct {
		name    string
		request Frame
		spoil   func(*Frame)
		want    bool
	}{
		{"the answer", request, func(f *Frame) {}, true},
		{"the answer to an addressed request", addressed, func(f *Frame) {}, true},
		{"a NAK", request, func(f *Frame) { f.NAK, f.Data = NAKSecurity, f.Data[:5] }, true},
		{"of any meter when none is named", request, func(f *Frame) { f.From = 0x18b1 }, true},
		{"of another meter", addressed, func(f *Frame) { f.From = 0x18b1 }, false},
		{"another sequence number", request, func(f *Frame) { f.Sequence = 2 }, false},
		{"another object", request, func(f *Frame) { f.Data[3] ^= 1 }, false},
		{"a write", request, func(f *Frame) { f.Data[4] = flagWrite }, false},
		{"another format", request, func(f *Frame) { f.Data[0] = FormatEventLog }, false},
		{"to another address", request, func(f *Frame) { f.To ^= 1 }, false},
		{"to another device type", request, func(f *Frame) { f.To ^= 0x40000000 }, false},
		{"data too short to tell", request, func(f *Frame) { f.Data = f.Data[:4] }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := Frame{To: 0xc06f0093, From: 0x18b0, Sequence: 1, Data: append(AppendRead(nil, Firmware.ID), "3020"...)}
			tt.spoil(&f)
			if got := f.Answers(tt.request); got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
}

func TestNAKsSayWhatIsWrong(t *testing.T) {
	want := []string{"ok", "CRC", "format", "length", "too large", "unknown object", "security", "address", "NAK 8"}
	for n, want := range want {
		if got := NAK(n).Error(); !strings.Contains(got, want) {
			t.Errorf("%d: got %q, want it to hold %q", n, got, want)
		}
	}
}

func TestPayloadIsWhatFollowsTheEcho(t *testing.T) {
	if got := Payload([]byte{1, 0, 2, 1, 0, 42}); string(got) != "*" {
		t.Errorf("got %q", got)
	}
	for n := range 6 {
		if got := Payload(make([]byte, n)); len(got) != 0 {
			t.Errorf("%d bytes: got %x", n, got)
		}
	}
}

func TestParseAndAppendAllocateNothing(t *testing.T) {
	frame := mustHex(t, "0042"+spoiledCRC+goodResponse)
	buf := make([]byte, 0, MaxFrame)
	got := testing.AllocsPerRun(100, func() {
		f, _, err := Parse(frame)
		if err != nil {
			t.Fatal(err)
		}
		if buf, err = AppendFrame(buf[:0], f); err != nil {
			t.Fatal(err)
		}
	})
	if got != 0 {
		t.Errorf("got %v allocations, want 0", got)
	}
}

func TestThreePhaseLogAnswersEchoOnlyTheirFormat(t *testing.T) {
	request := Frame{From: 0x80000001, Sequence: 3, Data: mustHex(t, "050000000000000e0000ffffffff")}
	block := Frame{To: 0x80000001, From: 0x18b0, Sequence: 3, Data: mustHex(t, "0570367300001e")}
	if !block.Answers(request) {
		t.Error("a block of the log is not taken for the answer")
	}
	block.Sequence = 4
	if block.Answers(request) {
		t.Error("an answer to an earlier request is taken for this one's")
	}
}
