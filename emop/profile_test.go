package emop

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"
)

// capturedAsked is what the captured answer was asked for, capturedFirst where it begins: eight days earlier.
var (
	capturedAsked = time.Date(2024, 4, 24, 0, 0, 0, 0, time.UTC)
	capturedFirst = time.Date(2024, 4, 16, 6, 0, 0, 0, time.UTC)
)

func capturedLog(t testing.TB) (request, payload []byte) {
	t.Helper()
	line := mustCaptured(t, "log", 3)[0]
	return mustHex(t, line[0]), mustHex(t, line[1])[1:]
}

// run is n records of profile log 1 with registers of the captured meter.
func run(from time.Time, n int) (all []Profile1) {
	for i := range n {
		all = append(all, Profile1{from.Add(time.Duration(i) * 30 * time.Minute), ValidData, 1776, 1861})
	}
	return all
}

func TestCapturedProfileLogIsOfAnotherTimeThanAsked(t *testing.T) {
	request, payload := capturedLog(t)
	if got := AppendProfile1(nil, capturedAsked); string(got) != string(request) {
		t.Errorf("request %x, want %x", got, request)
	}
	got, err := ProfileLog1(payload, capturedAsked)
	want := run(capturedFirst, 5)
	want[0].Status = LogReset
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

func TestProfileLog1GivesWhatIsThere(t *testing.T) {
	_, captured := capturedLog(t)
	const echo = "0008bb2d"
	record := hex.EncodeToString(captured[4+14 : 4+28]) // 06:30, valid
	second := capturedFirst.Add(30 * time.Minute)
	one := run(second, 1)
	tests := []struct {
		name, payload string
		want          []Profile1
	}{
		{"one record", echo + record, one},
		{"seventeen records of a long answer", echo + strings.Repeat(record, 17), slices.Repeat(one, 17)},
		{"no record", echo, nil},
		{"less than a record means nothing", echo + record + record[:26], one},
		{"places never written are left out", echo + strings.Repeat("ff", 14) + record + strings.Repeat("00", 14), one},
		{"nothing but places never written", echo + strings.Repeat("ff", 80), nil},
		{"a register full of ones is a value", echo + record[:12] + "ffffffff" + record[20:], []Profile1{{second, ValidData, 0xffffffff, 1861}}},
		{"a record of the epoch that holds something", echo + "00000000" + record[8:], []Profile1{{Epoch, ValidData, 1776, 1861}}},
		{"all flags", echo + record[:8] + "01f8" + record[12:],
			[]Profile1{{second, LogReset | ValidData | PowerFail | MinorTimeError | MajorTimeError | CommunicationError, 1776, 1861}}},
		{"records that go back", echo + record + "0000000000800000000000000000", append(slices.Clone(one), Profile1{Epoch, ValidData, 0, 0})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ProfileLog1(mustHex(t, tt.payload), capturedAsked)
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("got %v, %v, want %v", got, err, tt.want)
			}
		})
	}
}

// The layout of profile log 2 is documented; no answer was captured.
func TestProfileLog2RecordsAreLongerOnTwinElementMeters(t *testing.T) {
	const echo, record = "7036732d", "7036732d" + "0080" + "4e61bc00" + "87d61200" + "47940300" + "52090000"
	const twin = "07870000" + "e21d0000" + "03000000"
	at := time.Date(2024, 2, 29, 12, 34, 56, 0, time.UTC)
	single := Profile2{Time: at, Status: ValidData, ExportA: 12345678, ReactiveImportA: 1234567, ReactiveExportA: 234567, Voltage: 2386}
	both := single
	both.ExportB, both.ReactiveImportB, both.ReactiveExportB = 34567, 7650, 3
	tests := []struct {
		name, payload string
		class         Class
		want          []Profile2
	}{
		{"three records of one element in 80 bytes", echo + strings.Repeat(record, 3) + strings.Repeat("34", 14), SingleElement, slices.Repeat([]Profile2{single}, 3)},
		{"two records of two elements in 80 bytes", echo + strings.Repeat(record+twin, 2) + strings.Repeat("34", 12), TwinElement, slices.Repeat([]Profile2{both}, 2)},
		{"unknown hardware has one element", echo + record, 0, []Profile2{single}},
		{"seven of two elements in a long answer", echo + strings.Repeat(record+twin, 7), TwinElement, slices.Repeat([]Profile2{both}, 7)},
		{"places never written are left out", echo + strings.Repeat("00", 22) + record + strings.Repeat("ff", 22), SingleElement, []Profile2{single}},
		{"no record", echo, TwinElement, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ProfileLog2(mustHex(t, tt.payload), at, tt.class)
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("got %v, %v, want %v", got, err, tt.want)
			}
		})
	}
}

func TestProfileAnswersThatAreNoneFail(t *testing.T) {
	_, captured := capturedLog(t)
	for _, tt := range []struct {
		name    string
		payload []byte
		asked   time.Time
		want    string
	}{
		{"nothing", nil, capturedAsked, "0 bytes where 4 or more are needed"},
		{"half an echo", captured[:3], capturedAsked, "3 bytes where 4 or more are needed"},
		{"echo of another question", captured, capturedFirst, "an answer about 2024-04-24 00:00:00 UTC, asked was 2024-04-16 06:00:00 UTC"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			one, err := ProfileLog1(tt.payload, tt.asked)
			two, err2 := ProfileLog2(tt.payload, tt.asked, TwinElement)
			if one != nil || two != nil || err == nil || err2 == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err2.Error(), tt.want) {
				t.Errorf("got %v, %v and %v, %v, want an error with %q", one, err, two, err2, tt.want)
			}
		})
	}
}

func TestAProfileAnswerIsMatchedByTheTimeAskedForNotByItsRecords(t *testing.T) {
	request, payload := capturedLog(t)
	answer := Frame{To: 7, From: 0x18b0, Sequence: 3, Data: append([]byte{FormatProfile1}, payload...)}
	for _, tt := range []struct {
		name string
		data []byte
		want bool
	}{
		{"the question itself", request, true},
		{"the time of the answer's first record", AppendProfile1(nil, capturedFirst), false},
		{"the other log at the same time", AppendProfile2(nil, capturedAsked), false},
	} {
		if got := answer.Answers(Frame{From: 7, Sequence: 3, Data: tt.data}); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.name, got, tt.want)
		}
	}
}

func TestATimeTheWireCannotSayBecomesTheNearest(t *testing.T) {
	for _, tt := range []struct {
		at   time.Time
		want string
	}{
		{time.Time{}, "0400000000"}, {Epoch.Add(-time.Second), "0400000000"}, {Epoch.Add(1999 * time.Millisecond), "0401000000"},
		{Epoch.AddDate(200, 0, 0), "04feffffff"}, {erased, "04feffffff"},
	} {
		if got := hex.EncodeToString(AppendProfile2(nil, tt.at)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.at, got, tt.want)
		}
	}
}

func TestStatusNamesItsBits(t *testing.T) {
	for s, want := range map[ProfileStatus]string{
		0: "none", ValidData: "valid data", LogReset: "log reset", 0xffff: "log reset, valid data, power fail, minor time error, major time error, communication error, fe07",
	} {
		if got := s.String(); got != want {
			t.Errorf("%04x: %q, want %q", uint16(s), got, want)
		}
	}
	if s := ValidData | PowerFail; !s.Has(ValidData) || s.Has(ValidData|MajorTimeError) {
		t.Errorf("%v", s)
	}
}
