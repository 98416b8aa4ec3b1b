package syncer

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"flows"
	"flows/emop"
)

// book keeps what a backfill saves.
type book struct {
	pieces [][]int // slots read, by piece
	holes  [][2]int
	err    error
	then   func()
}

func (b *book) save(ctx context.Context, r flows.Result) error {
	if b.err != nil {
		return b.err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var slots []int
	for _, read := range r.Profile {
		slots = append(slots, slotOf(read.Time))
	}
	b.pieces = append(b.pieces, slots)
	for _, h := range r.Holes {
		b.holes = append(b.holes, [2]int{slotOf(h.From), slotOf(h.To)})
	}
	if b.then != nil {
		b.then()
	}
	return nil
}

// imports gives what is missing of a single-element meter's import, by slots; the last is not included.
func imports(missing ...[2]int) (all []flows.ProfileHole) {
	for _, m := range missing {
		all = append(all, flows.ProfileHole{Element: "A", Direction: flows.Import, Period: flows.Period{From: at(m[0]), To: at(m[1])}})
	}
	return all
}

// onDay runs a test at a time of day0, when slot 4800 is the newest.
func onDay(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(at(4800).Add(2 * time.Minute)))
		test(t)
	})
}

func TestBackfillAsksForWhatIsMissingAndNothingElse(t *testing.T) {
	older := func(slot int) int { return slot - 480 }
	for _, c := range []struct {
		name    string
		answer  func(int) []int
		missing [][2]int
		asked   []int
		holes   [][2]int
		filled  Filled
	}{
		{"nothing", slots{{0, 5000}}.from, nil, nil, nil, Filled{}},
		{"a stretch", slots{{0, 5000}}.from, [][2]int{{3, 10}}, []int{3, 8}, nil, Filled{Records: 7}},
		{"just what one answer holds", slots{{0, 5000}}.from, [][2]int{{3, 8}}, []int{3}, nil, Filled{Records: 5}},
		{"what stands between is not asked for", slots{{0, 5000}}.from, [][2]int{{3, 4}, {40, 47}, {4000, 4001}}, []int{3, 40, 45, 4000}, nil, Filled{Records: 9}},
		{"an answer reaches over several", slots{{0, 5000}}.from, [][2]int{{3, 4}, {6, 7}}, []int{3}, nil, Filled{Records: 2}},
		{"weeks before the log begins", slots{{3000, 5000}}.from, [][2]int{{0, 3004}}, []int{0}, [][2]int{{0, 3000}}, Filled{Records: 4, Holes: 3000}},
		{"a hole that reaches to its end", slots{{0, 9}, {20, 5000}}.from, [][2]int{{5, 15}}, []int{5, 10}, [][2]int{{10, 20}}, Filled{Records: 5, Holes: 5}},
		{"a hole, and records of the future behind it", slots{{0, 9}, {6000, 6100}}.from, [][2]int{{5, 15}}, []int{5, 10}, [][2]int{{10, 15}}, Filled{Records: 5, Holes: 5}},
		{"only older, and what is known behind it tells a hole", slots{{0, 9}, {20, 5000}}.elsewhere(older), [][2]int{{5, 15}},
			[]int{5, 10, 34, 22, 16, 19, 20}, [][2]int{{10, 20}}, Filled{Records: 5, Holes: 5}},
		{"only older, for days", slots{{0, 9}, {100, 5000}}.elsewhere(older), [][2]int{{10, 12}}, []int{10, 34, 58, 106, 58, 82, 94, 100, 97, 98, 99}, [][2]int{{10, 100}}, Filled{Holes: 2}},
		{"only older, and the log has ended", slots{{-500, 4790}}.elsewhere(older), [][2]int{{4700, 4701}, {4790, 4795}},
			[]int{4700, 4790, 4791, 4800}, nil, Filled{Records: 2, Missing: 4}},
		{"empty", func(int) []int { return nil }, [][2]int{{4700, 4702}, {4790, 4795}}, []int{4700, 4724, 4748, 4796, 4800}, nil, Filled{Missing: 7}},
	} {
		t.Run(c.name, func(t *testing.T) {
			onDay(t, func(t *testing.T) {
				log, b := &logStub{answer: c.answer}, &book{}
				got, err := Backfill{Client: log, Save: b.save}.Meter(t.Context(), single(), imports(c.missing...))
				c.filled.Questions = len(c.asked)
				if diff := cmp.Diff(c.filled, got); diff != "" || err != nil {
					t.Errorf("%v (want, got):\n%s", err, diff)
				}
				if diff := cmp.Diff(c.asked, log.asked); diff != "" {
					t.Errorf("asked (want, got):\n%s", diff)
				}
				if diff := cmp.Diff(c.holes, b.holes); diff != "" {
					t.Errorf("holes (want, got):\n%s", diff)
				}
			})
		})
	}
}

func TestBackfillOfAnyLog(t *testing.T) {
	onDay(t, func(t *testing.T) {
		for seed := range uint64(300) {
			r := rand.New(rand.NewPCG(seed, 0))
			var log slots
			for n := r.IntN(3000); n < 4800; n += 1 + r.IntN(60) {
				log = append(log, [2]int{n, min(n+r.IntN(400), 4900)})
				n = log[len(log)-1][1] + 1
			}
			log = append(log, [2]int{4800, 4900})
			var missing []flows.ProfileHole
			for n := r.IntN(2000); n < 4600; n += 1 + r.IntN(500) {
				missing = append(missing, imports([2]int{n, n + 1 + r.IntN(200)})...)
				n = slotOf(missing[len(missing)-1].To) + 1
			}
			style := seed % 3
			answer := [](func(int) []int){log.from, log.elsewhere(func(n int) int { return n - 480 }), log.elsewhere(func(n int) int { return log.before(n) })}[style]
			log1, b := &logStub{answer: answer}, &book{}
			got, err := Backfill{Client: log1, Save: b.save}.Meter(t.Context(), single(), missing)
			if err != nil || got.Missing != 0 {
				t.Fatalf("seed %d: %+v, %v", seed, got, err)
			}
			read := map[int]bool{}
			for _, n := range slices.Concat(b.pieces...) {
				read[n] = true
			}
			records, passed := 0, 0
			for _, m := range missing {
				for n := slotOf(m.From); n < slotOf(m.To); n++ {
					switch in := log.has(n); {
					case read[n] && !in, !in && !within(b.holes, n), in && !read[n] && style == 0:
						t.Errorf("seed %d: slot %d: in the log %t, read %t, in a hole %t", seed, n, in, read[n], within(b.holes, n))
					case read[n]:
						records++
					case in:
						passed++
					}
				}
			}
			if records != got.Records {
				t.Errorf("seed %d: %d records, counted %d", seed, records, got.Records)
			}
			if passed > (records+passed)/20 {
				t.Errorf("seed %d: %d of %d records lie between holes and were passed over", seed, passed, records+passed)
			}
		}
	})
}

func (s slots) has(slot int) bool {
	return slices.ContainsFunc(s, func(r [2]int) bool { return r[0] <= slot && slot <= r[1] })
}

// before is the last half-hour before one; long before it when there is none.
func (s slots) before(slot int) int {
	last := -10
	for _, r := range s {
		if r[0] < slot {
			last = min(r[1], slot-1)
		}
	}
	return last
}

func within(holes [][2]int, slot int) bool {
	return slices.ContainsFunc(holes, func(h [2]int) bool { return h[0] <= slot && slot < h[1] })
}

func TestBackfillSavesAPieceBeforeItAsksForMore(t *testing.T) {
	onDay(t, func(t *testing.T) {
		log, b := &logStub{answer: slots{{0, 5000}}.from}, &book{}
		var asked []int
		b.then = func() { asked = append(asked, len(log.asked)) }
		got, err := Backfill{Client: log, Save: b.save}.Meter(t.Context(), single(), imports([2]int{0, 225}))
		if diff := cmp.Diff(Filled{Questions: 45, Records: 225}, got); diff != "" || err != nil {
			t.Errorf("%v (want, got):\n%s", err, diff)
		}
		if want := []int{20, 40, 45}; !slices.Equal(asked, want) || !slices.Equal(slices.Concat(b.pieces...), run1(0, 224)) {
			t.Errorf("saved after %v questions, want %v: %v", asked, want, b.pieces)
		}
	})
}

func TestBackfillGoesOnAfterWhatPasses(t *testing.T) {
	nak := func(n int) error { return &flows.Error{Code: flows.NAK, NAK: n, Err: fmt.Errorf("NAK %d", n)} }
	fail := func(code flows.Code) error { return flows.Errorf(code, "trouble") }
	const pause = 5 * time.Second
	for _, c := range []struct {
		name    string
		first   int // question that fails
		times   int // in a row
		err     error
		code    flows.Code // of the end
		records int
		asked   int
		took    time.Duration
	}{
		{"busy", 1, 2, fail(flows.Busy), "", 100, 22, 3 * pause},
		{"busy for minutes", 3, 9, fail(flows.Busy), "", 100, 29, 45 * pause},
		{"busy, too long", 3, 10, fail(flows.Busy), flows.Busy, 10, 12, 45 * pause},
		{"mediator away for a while", 1, 2, fail(flows.Mediator), "", 100, 22, 3 * pause},
		{"mediator away", 1, 9, fail(flows.Mediator), flows.Mediator, 0, 3, 3 * pause},
		{"mediator being stopped", 1, 9, fail(flows.Cancelled), flows.Mediator, 0, 3, 3 * pause},
		{"gateway away", 1, 9, fail(flows.Gateway), flows.Gateway, 0, 3, 3 * pause},
		{"a meter that is dead", 1, 9, fail(flows.Unreachable), flows.Unreachable, 0, 1, 0},
		{"a meter that falls silent for a while", 3, 2, fail(flows.Timeout), "", 100, 22, 3 * pause},
		{"a meter that falls silent", 3, 9, fail(flows.Timeout), flows.Timeout, 10, 5, 3 * pause},
		{"another meter", 3, 9, fail(flows.ForeignMeter), flows.ForeignMeter, 10, 3, 0},
		{"not known to the mediator", 1, 9, fail(flows.UnknownSerial), flows.UnknownSerial, 0, 1, 0},
		{"an answer that cannot be used costs half a day", 3, 1, nak(6), flows.NAK, 76, 17, 0},
		{"two", 3, 2, fail(flows.BadAnswer), flows.BadAnswer, 52, 13, 0},
		{"three end the log", 3, 3, nak(6), flows.NAK, 10, 5, 0},
		{"no such log", 1, 9, nak(flows.NAKUnknownObject), "", 0, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			onDay(t, func(t *testing.T) {
				log, b, begun := &flaky{logStub: &logStub{answer: slots{{0, 5000}}.from}, first: c.first, times: c.times, failure: c.err}, &book{}, time.Now()
				got, err := Backfill{Client: log, Save: b.save, Pause: pause}.Meter(t.Context(), single(), imports([2]int{0, 100}))
				want := Filled{Questions: c.asked, Records: c.records, Missing: 100 - c.records}
				if flows.NAKOf(c.err) == flows.NAKUnknownObject {
					want.Unknown = []string{"profile_log_1"}
				}
				if diff := cmp.Diff(want, got); diff != "" || flows.CodeOf(err, "") != c.code {
					t.Errorf("%v, want %q (want, got):\n%s", err, c.code, diff)
				}
				if took := time.Since(begun); took != c.took {
					t.Errorf("took %s, want %s", took, c.took)
				}
			})
		})
	}
}

func TestBackfillBearsTroubleNowAndThen(t *testing.T) {
	for code, want := range map[flows.Code]Filled{
		flows.Timeout:   {Questions: 111, Records: 500},
		flows.BadAnswer: {Questions: 74, Records: 500 - 7*24, Missing: 7 * 24},
	} {
		onDay(t, func(t *testing.T) {
			log, b := &flaky{logStub: &logStub{answer: slots{{0, 5000}}.from}, every: 10, failure: flows.Errorf(code, "trouble")}, &book{}
			got, err := Backfill{Client: log, Save: b.save, Pause: time.Second}.Meter(t.Context(), single(), imports([2]int{0, 500}))
			if diff := cmp.Diff(want, got); diff != "" || err != nil && code == flows.Timeout {
				t.Errorf("%s: %v (want, got):\n%s", code, err, diff)
			}
		})
	}
}

// flaky fails some questions: so many in a row, or each n-th.
type flaky struct {
	*logStub
	first, times, every int
	failure             error
	n                   int
}

func (f *flaky) Batch(ctx context.Context, serial string, items []emop.Item) []emop.Answer {
	if f.n++; f.every > 0 && f.n%f.every == 0 || f.first <= f.n && f.n < f.first+f.times {
		return []emop.Answer{{Err: f.failure, FrameAddress: own}}
	}
	return f.logStub.Batch(ctx, serial, items)
}

func TestBackfillThatIsInterruptedHasSavedWhatItRead(t *testing.T) {
	onDay(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		log, b := &logStub{answer: slots{{0, 5000}}.from}, &book{}
		stub := &ending{logStub: log, after: 27, cancel: cancel}
		got, err := Backfill{Client: stub, Save: b.save, Pause: time.Hour}.Meter(ctx, single(), imports([2]int{0, 225}))
		if want := (Filled{Questions: 28, Records: 135, Missing: 90}); !cmp.Equal(want, got) || flows.CodeOf(err, "") != flows.Cancelled {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
		if !slices.Equal(slices.Concat(b.pieces...), run1(0, 134)) {
			t.Errorf("saved %v", b.pieces)
		}
	})
}

// ending is interrupted after so many questions.
type ending struct {
	*logStub
	after  int
	cancel func()
}

func (e *ending) Batch(ctx context.Context, serial string, items []emop.Item) []emop.Answer {
	if len(e.asked) == e.after {
		e.cancel()
		return []emop.Answer{{Err: flows.Errorf(flows.Cancelled, "%w", ctx.Err())}}
	}
	return e.logStub.Batch(ctx, serial, items)
}

func TestBackfillThatCannotSaveAsksNoMore(t *testing.T) {
	onDay(t, func(t *testing.T) {
		log, b := &logStub{answer: slots{{0, 5000}}.from}, &book{err: flows.Errorf(flows.Database, "away")}
		got, err := Backfill{Client: log, Save: b.save}.Meter(t.Context(), single(), imports([2]int{0, 225}))
		if want := (Filled{Questions: 20, Missing: 225}); !cmp.Equal(want, got) || flows.CodeOf(err, "") != flows.Database {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	})
}

func TestBackfillMakesSureWhoAnswersAndThatOnce(t *testing.T) {
	onDay(t, func(t *testing.T) {
		m := single()
		m.FrameAddress = nil
		stub, b := twin(), &book{}
		stub.objects[0x608000] = "31422020" // no hardware of a name that is known
		h := &housed{meterStub: stub, log: &logStub{answer: slots{{0, 5000}}.from}}
		got, err := Backfill{Client: h, Save: b.save}.Meter(t.Context(), m, imports([2]int{0, 225}))
		if want := (Filled{Questions: 47, Records: 225}); !cmp.Equal(want, got) || err != nil {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
		stub.objects[0x600100], h.log.asked = "454d4c39393939393939393939202020", nil
		got, err = Backfill{Client: h, Save: b.save}.Meter(t.Context(), m, imports([2]int{0, 225}))
		if flows.CodeOf(err, "") != flows.ForeignMeter || len(h.log.asked) != 0 || got.Records != 0 {
			t.Errorf("another meter: %+v, %v", got, err)
		}
		stub.address++
		delete(stub.objects, 0x608000)
		got, err = Backfill{Client: h, Save: b.save}.Meter(t.Context(), single(), imports([2]int{0, 225}))
		if flows.CodeOf(err, "") != flows.NAK || len(h.log.asked) != 1 || got.Records != 0 {
			t.Errorf("a meter that does not say who it is: %+v, %v, asked %v", got, err, h.log.asked)
		}
	})
}

func TestBackfillAsksEachLogForWhatIsMissingOfIt(t *testing.T) {
	hole := func(element string, d flows.Direction, from, to int) flows.ProfileHole {
		return flows.ProfileHole{Element: element, Direction: d, Period: flows.Period{From: at(from), To: at(to)}}
	}
	f := newFill(t.Context(), nil, known(), []flows.ProfileHole{
		hole("B", flows.Import, 9, 12), hole("A", flows.Import, 0, 5), hole("A", flows.Export, 3, 4), hole("B", flows.Import, 5, 7), hole("B", flows.Import, 2, 3)})
	var got []string
	for _, l := range f.logs {
		for _, p := range l.missing {
			got = append(got, fmt.Sprintf("%s %d-%d", l.name, slotOf(p.From), slotOf(p.To)))
		}
	}
	if diff := cmp.Diff([]string{"profile_log_1 0-7", "profile_log_1 9-12", "profile_log_2 3-4"}, got); diff != "" {
		t.Errorf("(want, got):\n%s", diff)
	}
	for _, want := range []string{"profile_log_1", "profile_log_2", "profile_log_1"} {
		l := f.behind()
		if l.name != want {
			t.Errorf("%s is asked at %d, want %s", l.name, slotOf(l.next), want)
		}
		l.next = l.next.Add(4 * flows.SlotLength)
	}
}

func TestBackfillSummaryAndItsExitCode(t *testing.T) {
	m, noHardware := single(), flows.Meter{Serial: "M2"}
	for _, c := range []struct {
		name   string
		meter  flows.Meter
		filled Filled
		err    error
		exit   int
		want   string // done, unsupported, failed, skipped, not done
		says   string
	}{
		{"done", m, Filled{Records: 3}, nil, 0, "1 0 0 0 0", ""},
		{"one log of two", m, Filled{Unknown: []string{"profile_log_2"}, Missing: 3}, nil, 0, "1 0 0 0 0", "no profile_log_2"},
		{"no log", m, Filled{Unknown: []string{"a", "b"}, NoLog: true, Missing: 3}, nil, 0, "0 1 0 0 0", "no half-hourly log"},
		{"the log ends before", m, Filled{Missing: 3}, nil, 0, "1 0 0 0 0", "the log ends before the last half-hours that are missing"},
		{"no hardware yet", noHardware, Filled{}, nil, 0, "0 0 0 1 0", "no register yet: no run has found out its hardware"},
		{"dead", m, Filled{Missing: 3}, flows.Errorf(flows.Timeout, "silent"), 1, "0 0 1 0 0", "silent"},
		{"busy", m, Filled{}, flows.Errorf(flows.Busy, "busy"), 3, "0 0 0 1 0", "busy"},
		{"gateway", m, Filled{}, flows.Errorf(flows.Gateway, "away"), 3, "0 0 0 0 1", "away"},
		{"database", m, Filled{}, flows.Errorf(flows.Database, "away"), 3, "0 0 0 0 1", "away"},
		{"without a code", m, Filled{}, context.DeadlineExceeded, 3, "0 0 0 0 1", "context deadline exceeded"},
	} {
		var s BackfillSummary
		s.Add(c.meter, c.filled, c.err)
		var says string
		for _, r := range slices.Concat(s.Reasons, s.Notes) {
			says += r.Text
		}
		got := fmt.Sprint(s.Done, s.Unsupported, s.Failed, s.Skipped, s.NotDone)
		if got != c.want || says != c.says || s.Exit() != c.exit || s.Counted() != 1 {
			t.Errorf("%s: %s %q exit %d, want %s %q %d", c.name, got, says, s.Exit(), c.want, c.says, c.exit)
		}
		s.Add(m, Filled{Records: 1, Holes: 2, Missing: 3, Questions: 4}, nil)
		if s.Exit() != c.exit || s.Records != c.filled.Records+1 || s.Missing != c.filled.Missing+3 || s.Holes != 2 || s.Questions != 4 {
			t.Errorf("%s, and another meter: %+v", c.name, s)
		}
	}
}
