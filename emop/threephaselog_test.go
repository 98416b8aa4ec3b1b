package emop

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestThreePhaseRequestsNameProfile0AndFourHoursAtMost(t *testing.T) {
	start := time.Date(2024, 2, 29, 12, 34, 56, 0, time.UTC) // 2d733670
	for _, tt := range []struct {
		name string
		end  time.Time
		want string
	}{
		{"two hours", start.Add(2 * time.Hour), "90 52 73 2d"},
		{"a day is cut to four hours", start.AddDate(0, 0, 1), "b0 6e 73 2d"},
		{"an end before the start", start.Add(-time.Second), "70 36 73 2d"},
		{"no end", time.Time{}, "70 36 73 2d"},
	} {
		want := "0500" + "7036732d" + strings.ReplaceAll(tt.want, " ", "") + "ffffffff"
		if got := hex.EncodeToString(AppendThreePhaseLog(nil, start, tt.end)); got != want {
			t.Errorf("%s: %s, want %s", tt.name, got, want)
		}
	}
	late := AppendThreePhaseLog(nil, Epoch.AddDate(200, 0, 0), Epoch.AddDate(300, 0, 0))
	if got, want := hex.EncodeToString(late), "0500feffffff"+"feffffff"+"ffffffff"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// blockHead is two channels from 2024-02-29T12:34:56 on, every half-hour.
const blockHead = "7036732d" + "1e" + "02" + "010800" + "d79601"

func TestThreePhaseBlockGivesItsRows(t *testing.T) {
	at := time.Date(2024, 2, 29, 12, 34, 56, 0, time.UTC)
	const a, b = "0080" + "4e61bc00" + "87d61200", "0140" + "00000000" + "ffffffff"
	row := func(i int, s ProfileStatus, v ...uint32) ThreePhaseRow {
		return ThreePhaseRow{at.Add(time.Duration(i) * 30 * time.Minute), s, v}
	}
	erased := strings.Repeat("ff", 10)
	tests := []struct {
		name, payload string
		want          []ThreePhaseRow
	}{
		{"two rows", blockHead + a + b, []ThreePhaseRow{row(0, ValidData, 12345678, 1234567), row(1, LogReset|PowerFail, 0, 0xffffffff)}},
		{"no rows", blockHead, nil},
		{"a row never written keeps its time", blockHead + a + erased + a, []ThreePhaseRow{row(0, ValidData, 12345678, 1234567), row(2, ValidData, 12345678, 1234567)}},
		{"a row of nothing is a row", blockHead + strings.Repeat("00", 10), []ThreePhaseRow{row(0, 0, 0, 0)}},
		{"nothing but rows never written", blockHead + erased, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ThreePhaseLog(mustHex(t, tt.payload))
			if err != nil {
				t.Fatal(err)
			}
			if !got.Start.Equal(at) || got.Interval != 30*time.Minute || !slices.Equal(got.Channels, []ID{0x010800, 0xd79601}) {
				t.Errorf("head %+v", got)
			}
			same := func(a, b ThreePhaseRow) bool {
				return a.Time.Equal(b.Time) && a.Status == b.Status && slices.Equal(a.Values, b.Values)
			}
			if !slices.EqualFunc(got.Rows, tt.want, same) {
				t.Errorf("got %v, want %v", got.Rows, tt.want)
			}
		})
	}
}

func TestThreePhaseAnswersThatAreNoBlockFail(t *testing.T) {
	for _, tt := range []struct{ name, payload, want string }{
		{"nothing", "", "0 bytes where 4 or more are needed"},
		{"cut in the channels", blockHead[:20], "10 bytes where 12 or more are needed"},
		{"more channels than bytes", "7036732d1eff010800", "9 bytes where 771 or more are needed"},
		{"no interval", "7036732d0001010800", "an interval of no length"},
		{"no channels", "7036732d1e00", "no channels"},
		{"rows of another width", blockHead + "00804e61bc00", "6 bytes of rows where 10 make one"},
	} {
		got, err := ThreePhaseLog(mustHex(t, tt.payload))
		if err == nil || !strings.Contains(err.Error(), tt.want) || got.Channels != nil || got.Rows != nil {
			t.Errorf("%s: %+v, %v, want an error with %q", tt.name, got, err, tt.want)
		}
	}
}

func TestDecodingALogAllocatesItsSliceOnly(t *testing.T) {
	_, payload := capturedLog(t)
	block := mustHex(t, blockHead+strings.Repeat("00804e61bc0087d61200", 9))
	if n := testing.AllocsPerRun(100, func() { ProfileLog1(payload, capturedAsked) }); n > 1 {
		t.Errorf("%v allocations for five records", n)
	}
	if n := testing.AllocsPerRun(100, func() { ThreePhaseLog(block) }); n > 3 { // channels, values, rows
		t.Errorf("%v allocations for nine rows", n)
	}
}
