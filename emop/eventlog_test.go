package emop

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAppendEventLogAsksForABlock(t *testing.T) {
	if got, want := string(AppendEventLog(nil, 9)), "\x02\x63\x62\x00\x09"; got != want {
		t.Errorf("got %x, want %x", got, want)
	}
}

func TestEventBlockGivesTheEventsNewestFirst(t *testing.T) {
	const at, before = "7036732d", "6f36732d"
	second := time.Date(2024, 2, 29, 12, 34, 56, 0, time.UTC)
	reset := Event{Time: second, Type: 5, Set: 7}
	up := Event{Time: second, Type: 33, Set: 255}
	older := Event{Time: second.Add(-time.Second), Type: 52, Set: 1}
	const resetHex, upHex, olderHex = at + "0507", at + "21ff", before + "3401"
	const zero, erased = "000000000000", "ffffffffffff"
	tests := []struct {
		name, payload string
		want          []Event
		invalid       int
	}{
		{"a full block", strings.Repeat(upHex, 10), slices.Repeat([]Event{up}, 10), 0},
		{"two in a second, one unknown", resetHex + upHex + olderHex, []Event{reset, up, older}, 0},
		{"none", "", nil, 0},
		{"type 0 left out and counted", resetHex + at + "0001" + olderHex, []Event{reset, older}, 1},
		{"places without a record left out", upHex + zero + erased, []Event{up}, 0},
		{"nothing behind the tenth", strings.Repeat(olderHex, 10) + "3400000000", slices.Repeat([]Event{older}, 10), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, invalid, err := EventBlock(mustHex(t, tt.payload))
			if err != nil || invalid != tt.invalid || !slices.Equal(got, tt.want) {
				t.Errorf("got %v, %d invalid, %v; want %v, %d", got, invalid, err, tt.want, tt.invalid)
			}
		})
	}
}

func TestEventBlockCutInARecordFails(t *testing.T) {
	events, _, err := EventBlock(make([]byte, 13))
	if err == nil || events != nil || !strings.Contains(err.Error(), "13 bytes") {
		t.Errorf("got %v, %v", events, err)
	}
}
