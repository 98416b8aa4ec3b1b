package syncer

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flows"
	"flows/emop"
)

// logStub is a single-element meter whose profile log 1 answers as told and whose profile log 2 is unknown. Times are slots: half-hours
// since the midnight before day0.
type logStub struct {
	answer func(slot int) []int
	fails  int // the n-th question, from 1, fails with err
	err    error

	asked []int
}

var day0 = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func at(slot int) time.Time { return day0.Add(time.Duration(slot) * flows.SlotLength) }

func slotOf(t time.Time) int { return int(t.Sub(day0) / flows.SlotLength) }

func (s *logStub) Batch(_ context.Context, _ string, items []emop.Item) []emop.Answer {
	a := emop.Answer{Sent: t0, Answered: t0.Add(time.Second), Tries: 1, FrameAddress: own}
	field := items[0].DataField
	if field[0] != emop.FormatProfile1 {
		a.Err = &flows.Error{Code: flows.NAK, NAK: flows.NAKUnknownObject}
		return []emop.Answer{a}
	}
	slot := slotOf(emop.Epoch.Add(time.Duration(binary.LittleEndian.Uint32(field[1:])) * time.Second))
	s.asked = append(s.asked, slot)
	if s.fails == len(s.asked) {
		a.Err = s.err
		return []emop.Answer{a}
	}
	a.Payload = slices.Clone(field[1:])
	for _, n := range s.answer(slot) {
		a.Payload = binary.LittleEndian.AppendUint32(a.Payload, uint32(at(n).Unix()-emop.Epoch.Unix()))
		a.Payload = append(a.Payload, 0, 0x80)
		a.Payload = binary.LittleEndian.AppendUint32(a.Payload, uint32(1000+n))
		a.Payload = append(a.Payload, 0, 0, 0, 0)
	}
	return []emop.Answer{a}
}

func single() flows.Meter {
	m := known()
	m.Hardware = "B1.w"
	return m
}

// slots is a log with these half-hours, both ends included, that answers with at most five records from the one it is asked for on.
type slots [][2]int

func (s slots) from(slot int) (found []int) {
	for _, r := range s {
		for n := max(r[0], slot); n <= r[1] && len(found) < 5; n++ {
			found = append(found, n)
		}
	}
	return found
}

// elsewhere answers with from, when the log does not have what it is asked for.
func (s slots) elsewhere(from func(slot int) int) func(int) []int {
	return func(slot int) []int {
		if found := s.from(slot); len(found) > 0 && found[0] == slot {
			return found
		}
		return s.from(from(slot))
	}
}

func run1(from, to int) (all []int) {
	for n := from; n <= to; n++ {
		all = append(all, n)
	}
	return all
}

func TestAnswersOfAnotherTime(t *testing.T) {
	daysOlder := func(slot int) int { return slot - 96 }
	for _, c := range []struct {
		name   string
		answer func(int) []int
		asked  []int // slots, 0 to 20 are wanted
		read   []int
	}{
		{"all there: from answer to answer", slots{{-100, 100}}.from, []int{0, 5, 10, 15, 20}, run1(0, 24)},
		{"empty: nothing more is asked", func(int) []int { return nil }, []int{0, 20}, nil},
		{"the same answer for ever, older", func(int) []int { return []int{-9, -8, -7, -6, -5} }, []int{0, 20}, nil},
		{"the same answer for ever, from what was asked first", func(int) []int { return run1(0, 4) }, []int{0, 5, 20}, run1(0, 4)},
		{"the same record five times", func(int) []int { return []int{3, 3, 3, 3, 3} }, []int{0, 4, 20}, []int{3, 3, 3, 3, 3}},
		{"records in no order", func(n int) []int { return []int{n + 4, n, n + 2, n + 1, n + 3} }, []int{0, 5, 10, 15, 20},
			[]int{4, 0, 2, 1, 3, 9, 5, 7, 6, 8, 14, 10, 12, 11, 13, 19, 15, 17, 16, 18, 24, 20, 22, 21, 23}},
		{"a hole in an answer is not asked for", slots{{0, 2}, {14, 100}}.from, []int{0, 16}, []int{0, 1, 2, 14, 15, 16, 17, 18, 19, 20}},
		{"a hole before an answer is not asked for", slots{{0, 4}, {14, 100}}.from, []int{0, 5, 19}, slices.Concat(run1(0, 4), run1(14, 23))},
		{"the next it has is months ahead", slots{{4000, 4100}}.from, []int{0}, run1(4000, 4004)},
		{"months ahead behind what there is", slots{{0, 2}, {4000, 4100}}.from, []int{0, 3}, slices.Concat([]int{0, 1, 2, 4000, 4001}, run1(4000, 4004))},
		{"the nearest, with the next behind it", slots{{0, 4}, {14, 100}}.elsewhere(func(int) int { return 4 }), []int{0, 5, 18},
			slices.Concat(run1(0, 4), run1(14, 17), run1(18, 22))},
		{"the log has ended", slots{{-100, 6}}.elsewhere(func(int) int { return 6 }), []int{0, 5, 7, 20}, run1(0, 6)},
		{"days older, and the log goes on behind a hole", slots{{-200, 4}, {13, 100}}.elsewhere(daysOlder), []int{0, 5, 20, 12, 16, 14, 13, 18},
			slices.Concat(run1(0, 4), run1(13, 22))},
		{"days older, then the nearest", slots{{-200, 4}, {13, 100}}.elsewhere(func(slot int) int {
			if slot == 5 {
				return -100
			}
			return 4
		}), []int{0, 5, 20, 12, 17}, slices.Concat(run1(0, 4), run1(13, 21))},
		{"days older, and there is nothing more", slots{{-200, 4}}.elsewhere(daysOlder), []int{0, 5, 20}, run1(0, 4)},
		{"days older, the newest half-hour is not there yet", slots{{-200, 19}}.elsewhere(daysOlder), []int{0, 5, 10, 15, 20}, run1(0, 19)},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &logStub{answer: c.answer}
			reads, resume, err := profile(t.Context(), single(), at(0), at(20), 50, s)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.asked, s.asked); diff != "" {
				t.Errorf("asked (want, got):\n%s", diff)
			}
			var read []int
			for _, r := range reads {
				read = append(read, slotOf(r.Time))
				if want := flows.Energy(1000+slotOf(r.Time)) * flows.WattHour; r.Read != want || r.Status != 0x0080 || r.Element != "A" || r.Direction != flows.Import {
					t.Errorf("%+v, want %s", r, want)
				}
			}
			if diff := cmp.Diff(c.read, read); diff != "" {
				t.Errorf("read (want, got):\n%s", diff)
			}
			if !resume.IsZero() {
				t.Errorf("there would be more from %s on", resume)
			}
		})
	}
}

// profile is readProfile without the holes.
func profile(ctx context.Context, m flows.Meter, from, to time.Time, calls int, c Client) ([]flows.ProfileRead, time.Time, error) {
	found, resume, err := readProfile(ctx, m, from, to, calls, c)
	return found.Reads, resume, err
}

func TestHolesThatTheMeterHasShown(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(int) []int
		holes  [][2]int // slots, the end not included
	}{
		{"none", slots{{-100, 100}}.from, nil},
		{"none that has been asked for", slots{{-100, 21}, {30, 100}}.from, nil},
		{"in an answer and between answers", slots{{0, 2}, {4, 4}, {6, 7}, {10, 100}}.from, [][2]int{{3, 4}, {5, 6}, {8, 10}}},
		{"before the first", slots{{7, 100}}.from, [][2]int{{0, 7}}},
		{"months", slots{{0, 4}, {4000, 4100}}.from, [][2]int{{5, 21}}},
		{"a log that has ended shows none", slots{{-100, 6}}.elsewhere(func(int) int { return 6 }), nil},
		{"an empty log shows none", func(int) []int { return nil }, nil},
		{"behind answers of days ago", slots{{-200, 4}, {13, 100}}.elsewhere(func(n int) int { return n - 96 }), [][2]int{{5, 13}}},
	} {
		found, _, err := readProfile(t.Context(), single(), at(0), at(20), 50, &logStub{answer: c.answer})
		var got [][2]int
		for _, h := range found.Holes {
			got = append(got, [2]int{slotOf(h.From), slotOf(h.To)})
			if h.Element != "A" || h.Direction != flows.Import {
				t.Errorf("%s: %+v", c.name, h)
			}
		}
		if diff := cmp.Diff(c.holes, got); diff != "" || err != nil {
			t.Errorf("%s: %v (want, got):\n%s", c.name, err, diff)
		}
	}
}

func TestAnyAnswersEndTheQuestions(t *testing.T) {
	for seed := range 2000 {
		s := &logStub{answer: func(slot int) (all []int) {
			n := seed
			for range seed % 6 {
				n = (n*1103515245 + 12345 + slot) & 0x7fffffff
				all = append(all, slot+n>>16%60-30)
			}
			return all
		}}
		_, resume, err := profile(t.Context(), single(), at(0), at(48), 1000, s)
		if most := 49 * 8; len(s.asked) > most || err != nil || !resume.IsZero() {
			t.Fatalf("seed %d: %d questions, resume %s, %v", seed, len(s.asked), resume, err)
		}
	}
}

func TestProfileGoesOnWhereItsQuestionsEnded(t *testing.T) {
	all := slots{{-100, 100}}.from
	var read []int
	resume := at(0)
	for range 3 {
		s := &logStub{answer: all}
		reads, next, err := profile(t.Context(), single(), resume, at(20), 3, s) // one is for the log it does not have
		if err != nil || len(s.asked) > 3 {
			t.Fatalf("%d questions, %v", len(s.asked), err)
		}
		for _, r := range reads {
			read = append(read, slotOf(r.Time))
		}
		if resume = next; resume.IsZero() {
			break
		}
	}
	if diff := cmp.Diff(run1(0, 24), read); diff != "" || !resume.IsZero() {
		t.Errorf("resume %s, read (want, got):\n%s", resume, diff)
	}
}

func TestProfileKeepsWhatItReadBeforeItFailed(t *testing.T) {
	for _, c := range []struct {
		err    error
		resume int
	}{
		{flows.Errorf(flows.Timeout, "no answer"), 10},
		{flows.Errorf(flows.Mediator, "gone"), 10},
		{&flows.Error{Code: flows.NAK, NAK: 6, Err: fmt.Errorf("refused")}, 10},
	} {
		s := &logStub{answer: slots{{-100, 100}}.from, fails: 3, err: c.err}
		reads, resume, err := profile(t.Context(), single(), at(0), at(20), 50, s)
		if len(reads) != 10 || flows.CodeOf(err, "") != flows.CodeOf(c.err, "") || !resume.Equal(at(c.resume)) {
			t.Errorf("%v: %d reads, resume %s, %v", c.err, len(reads), resume, err)
		}
	}
}

func TestAMeterWithoutHalfHourlyLogsSaysSo(t *testing.T) {
	s := &logStub{fails: 1, err: &flows.Error{Code: flows.NAK, NAK: flows.NAKUnknownObject}}
	if reads, resume, err := profile(t.Context(), single(), at(0), at(20), 50, s); len(reads) != 0 || !resume.IsZero() || flows.NAKOf(err) != flows.NAKUnknownObject {
		t.Errorf("%d reads, resume %s, %v", len(reads), resume, err)
	}
}

func TestProfileMakesSureWhoAnswers(t *testing.T) {
	h, m := &housed{meterStub: twin(), log: &logStub{answer: endless}}, single()
	m.Hardware, h.objects[0x600100] = "", "454d4c39393939393939393939202020"
	reads, resume, err := profile(t.Context(), m, at(0), at(20), 50, h)
	if len(reads) != 0 || len(h.log.asked) != 0 || flows.CodeOf(err, "") != flows.ForeignMeter || !resume.Equal(at(0)) {
		t.Errorf("%d reads, resume %s, %v", len(reads), resume, err)
	}
}

// readProfile reads the half-hourly logs of a meter from one half-hour to another, both included, with at most calls questions, and tells
// where to go on.
func readProfile(ctx context.Context, m flows.Meter, from, to time.Time, calls int, c Client) (found HalfHours, resume time.Time, err error) {
	r := &run{ctx: ctx, client: c, meter: m, class: emop.ClassOf(m.Hardware)}
	from, to = after(from.Add(-1)), to.UTC().Truncate(flows.SlotLength)
	if (m.Hardware == "" || m.FrameAddress == nil) && !r.identify() {
		return HalfHours{}, from, r.cannotTell()
	}
	logs := r.logs()
	for _, l := range logs {
		l.next, l.to = from, to
	}
	found, _ = r.halfHours(logs, calls)
	unknown := 0
	for _, l := range logs {
		if flows.NAKOf(l.err) == flows.NAKUnknownObject {
			if unknown++; unknown == len(logs) {
				err = l.err
			}
			continue
		}
		if l.err != nil && err == nil {
			err = l.err
		}
		if l.left() && (resume.IsZero() || l.next.Before(resume)) {
			resume = l.next
		}
	}
	return found, resume, err
}
