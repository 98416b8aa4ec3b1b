package emop

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

func mustHex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// mustCaptured gives the lines of testdata/captured.txt of one kind, cut into n fields behind the kind.
func mustCaptured(t testing.TB, kind string, n int) (lines [][]string) {
	t.Helper()
	b, err := os.ReadFile("testdata/captured.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), kind+" ")
		if !ok {
			continue
		}
		fields := strings.SplitN(strings.TrimSpace(rest), " ", n)
		if len(fields) != n {
			t.Fatalf("line with %d fields, want %d: %s", len(fields), n, line)
		}
		lines = append(lines, fields)
	}
	if len(lines) == 0 {
		t.Fatalf("no %s in testdata/captured.txt", kind)
	}
	return lines
}

func mustParse(t testing.TB, s string) Frame {
	t.Helper()
	b := mustHex(t, s)
	f, n, err := Parse(b)
	if err != nil || n != len(b) {
		t.Fatalf("Parse(%s) = %d, %v", s, n, err)
	}
	return f
}

func TestCapturedFramesReadAndWriteBack(t *testing.T) {
	frames := []string{}
	for _, e := range mustCaptured(t, "exchange", 3) {
		frames = append(frames, e[0], e[1])
	}
	for _, f := range mustCaptured(t, "frame", 2) {
		frames = append(frames, f[0])
	}
	for _, want := range frames {
		got, err := AppendFrame(nil, mustParse(t, want))
		if err != nil || hex.EncodeToString(got) != want {
			t.Errorf("wrote %x, %v, want %s", got, err, want)
		}
	}
}

func TestCapturedRequestsAreBuiltFromTheirMeaning(t *testing.T) {
	tests := []struct {
		name string
		f    Frame
		want string
	}{
		{"read firmware", Frame{From: 0xc06f0093, Sequence: 1, Data: AppendRead(nil, Firmware.ID)}, "7e1100000000c06f0093010100020100ae4a"},
		{"read hardware of a meter by address", Frame{To: 0x18b0, From: 0xc06f0093, Sequence: 1, Data: AppendRead(nil, Hardware.ID)},
			"7e11000018b0c06f0093010160800000cb86"},
		{"read serial", Frame{From: 0x0021ae42, Sequence: 5, Data: AppendRead(nil, Serial.ID)}, "7e11000000000021ae42050160010000c02f"},
		{"write to all", Frame{To: Broadcast, From: 0xc0123456, Sequence: 1, Data: AppendWrite(nil, PrepayToken.ID, []byte("71466394621589161020"))},
			"7e2501ffffffc01234560101ffc8030137313436363339343632313538393136313032300830"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := AppendFrame(nil, tt.f)
			if err != nil || hex.EncodeToString(got) != tt.want {
				t.Errorf("got %x, %v, want %s", got, err, tt.want)
			}
		})
	}
}

func TestCapturedResponsesAnswerTheirRequests(t *testing.T) {
	for _, e := range mustCaptured(t, "exchange", 3) {
		request, response := mustParse(t, e[0]), mustParse(t, e[1])
		if !response.Answers(request) {
			t.Errorf("%s does not answer %s", e[1], e[0])
		}
		got := response.NAK.String()
		if response.NAK == 0 {
			d, err := Lookup(hex.EncodeToString(request.Data[1:4]))
			if err != nil {
				t.Fatal(err)
			}
			if got, err = d.Text(Payload(response.Data), All); err != nil {
				t.Fatal(err)
			}
		}
		if want := e[2]; got != want {
			t.Errorf("%s: got %q, want %q", e[1], got, want)
		}
	}
}

func TestCapturedLogAnswersItsRequest(t *testing.T) {
	for _, l := range mustCaptured(t, "log", 3) {
		request := Frame{From: 1, Data: mustHex(t, l[0])}
		response := Frame{To: 1, From: 0x18b0, Data: mustHex(t, l[1])}
		if got, want := len(Payload(response.Data)), 80; !response.Answers(request) || got != want {
			t.Errorf("%d bytes of records, want %d, answers %t", got, want, response.Answers(request))
		}
	}
}

func TestCapturedPayloadsMeanWhatTheySay(t *testing.T) {
	for _, p := range mustCaptured(t, "payload", 3) {
		d, err := Lookup(p[0])
		if err != nil {
			t.Fatal(err)
		}
		if got, err := d.Text(mustHex(t, p[1]), All); err != nil || got != p[2] {
			t.Errorf("%s %s: got %q, %v, want %q", p[0], p[1], got, err, p[2])
		}
	}
}
