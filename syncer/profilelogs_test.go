package syncer

import (
	"context"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flows"
	"flows/emop"
)

// rangeStub is a three phase meter whose log answers as told to ranges of slots: where its rows begin and which of them hold something.
type rangeStub struct {
	channels []emop.ID
	answer   func(from, to int) (start int, rows []bool)

	asked [][2]int
}

func (s *rangeStub) Batch(_ context.Context, _ string, items []emop.Item) []emop.Answer {
	f := items[0].DataField
	slot := func(b []byte) int {
		return slotOf(emop.Epoch.Add(time.Duration(binary.LittleEndian.Uint32(b)) * time.Second))
	}
	from, to := slot(f[2:]), slot(f[6:])
	s.asked = append(s.asked, [2]int{from, to})
	start, rows := s.answer(from, to)
	b := binary.LittleEndian.AppendUint32(nil, uint32(at(start).Unix()-emop.Epoch.Unix()))
	b = append(b, 30, byte(len(s.channels)))
	for _, id := range s.channels {
		b = append(b, byte(id>>16), byte(id>>8), byte(id))
	}
	for i, holds := range rows {
		status, n := uint16(0xffff), uint32(0xffffffff)
		if holds {
			status, n = 0x8000, uint32(1000+start+i) // the valid bit is in the second byte
		}
		b = binary.LittleEndian.AppendUint16(b, status)
		for _, id := range s.channels {
			if holds && id != emop.TotalImportActive.ID {
				n += 100_000
			}
			b = binary.LittleEndian.AppendUint32(b, n)
		}
	}
	return []emop.Answer{{Payload: b, Sent: t0, Answered: t0.Add(time.Second), FrameAddress: own}}
}

// rows are n rows, of which those numbered hold nothing.
func rows(n int, empty ...int) []bool {
	all := make([]bool, n)
	for i := range all {
		all[i] = !slices.Contains(empty, i)
	}
	return all
}

func TestAnswersOfTheThreePhaseLog(t *testing.T) {
	whole := func(from, to int) (int, []bool) { return from, rows(to - from + 1) }
	for _, c := range []struct {
		name   string
		answer func(from, to int) (int, []bool)
		asked  [][2]int // slots; 0 to 20 are wanted
		read   []int
	}{
		{"in pieces of four hours", whole, [][2]int{{0, 8}, {9, 17}, {18, 20}}, run1(0, 20)},
		{"fewer rows than asked for", func(from, _ int) (int, []bool) { return from, rows(6) }, [][2]int{{0, 8}, {6, 14}, {12, 20}, {18, 20}}, run1(0, 23)},
		{"a piece that holds nothing is a hole", func(from, to int) (int, []bool) {
			if from == 9 {
				return from, rows(9, run1(0, 8)...)
			}
			return whole(from, to)
		}, [][2]int{{0, 8}, {9, 17}, {18, 20}}, slices.Concat(run1(0, 8), run1(18, 20))},
		{"a hole at the end of a piece is not asked for again", func(from, to int) (int, []bool) { return from, rows(to-from+1, 5, 6, 7, 8) },
			[][2]int{{0, 8}, {9, 17}, {18, 20}}, slices.Concat(run1(0, 4), run1(9, 13), run1(18, 20))},
		{"before its first row: the first", func(from, to int) (int, []bool) {
			if from < 12 {
				return 12, rows(1)
			}
			return whole(from, to)
		}, [][2]int{{0, 8}, {13, 20}}, run1(12, 20)},
		{"behind its last row: the last", func(from, to int) (int, []bool) {
			if from > 8 {
				return 8, rows(1)
			}
			return whole(from, to)
		}, [][2]int{{0, 8}, {9, 17}}, run1(0, 8)},
		{"no rows", func(from, _ int) (int, []bool) { return from, nil }, [][2]int{{0, 8}}, nil},
		{"the same for ever", func(int, int) (int, []bool) { return 3, rows(9) }, [][2]int{{0, 8}, {12, 20}}, run1(3, 11)},
		{"months ahead", func(int, int) (int, []bool) { return 4000, rows(1) }, [][2]int{{0, 8}}, []int{4000}},
	} {
		for _, hardware := range []string{"P1.ax", "P1.cx"} {
			t.Run(c.name+" "+hardware, func(t *testing.T) {
				s := &rangeStub{channels: []emop.ID{0xd79600, 0x020800, 0x030800, 0x010800}, answer: c.answer}
				m, unit := single(), flows.WattHour
				if m.Hardware = hardware; hardware == "P1.cx" {
					unit = flows.DeciWattHour
				}
				reads, resume, err := profile(t.Context(), m, at(0), at(20), 50, s)
				if err != nil || !resume.IsZero() {
					t.Fatalf("resume %s, %v", resume, err)
				}
				if diff := cmp.Diff(c.asked, s.asked); diff != "" {
					t.Errorf("asked (want, got):\n%s", diff)
				}
				read := map[flows.Direction][]int{}
				for _, r := range reads {
					read[r.Direction] = append(read[r.Direction], slotOf(r.Time))
					want := flows.Energy(1000+slotOf(r.Time)) * unit
					if r.Direction == flows.Export {
						want += 200_000 * unit // the second channel
					} else {
						want += 300_000 * unit
					}
					if r.Read != want || r.Status != 0x0080 || r.Element != "A" {
						t.Errorf("%+v, want %s", r, want)
					}
				}
				for _, d := range []flows.Direction{flows.Import, flows.Export} {
					if diff := cmp.Diff(c.read, read[d]); diff != "" {
						t.Errorf("%s (want, got):\n%s", d, diff)
					}
				}
			})
		}
	}
}

func TestChannelsThatAreNoRegistersAreNotTakenForOnes(t *testing.T) {
	m := single()
	m.Hardware = "P1.ax"
	s := &rangeStub{channels: []emop.ID{0xd79600, 0xd79601}, answer: func(from, to int) (int, []bool) { return from, rows(1) }}
	reads, _, err := profile(t.Context(), m, at(0), at(20), 50, s)
	if len(reads) != 0 || flows.CodeOf(err, "") != flows.BadAnswer || len(s.asked) != 1 {
		t.Errorf("%d reads from %d questions, %v", len(reads), len(s.asked), err)
	}
	s = &rangeStub{channels: []emop.ID{0xd79600, 0x010800}, answer: func(from, to int) (int, []bool) { return from, rows(to - from + 1) }}
	found, resume, err := readProfile(t.Context(), m, at(0), at(20), 50, s)
	if len(found.Reads) != 21 || err != nil || !resume.IsZero() || found.Reads[0].Direction != flows.Import {
		t.Errorf("without a channel for export: %d reads, resume %s, %v", len(found.Reads), resume, err)
	}
	if h := found.Holes; len(h) != 3 || h[0].Direction != flows.Export || !h[0].From.Equal(at(0)) || !h[2].To.Equal(at(21)) {
		t.Errorf("holes of a log without a channel for export: %v", h)
	}
}
