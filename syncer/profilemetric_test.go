package syncer

import (
	"context"
	"strings"
	"testing"
	"time"

	"flows"
	"flows/emop"
)

// housed is a meter with objects and a half-hourly log.
type housed struct {
	*meterStub
	log *logStub
}

func (h *housed) Batch(ctx context.Context, serial string, items []emop.Item) []emop.Answer {
	if len(items[0].DataField) == 0 {
		return h.meterStub.Batch(ctx, serial, items)
	}
	answers := h.log.Batch(ctx, serial, items)
	answers[0].FrameAddress = h.address
	return answers
}

// endless has a record for every half-hour.
func endless(slot int) []int { return run1(slot, slot+4) }

func TestProfileLogInARun(t *testing.T) {
	nak := func(n int) error { return &flows.Error{Code: flows.NAK, NAK: n, Err: emop.NAK(n)} }
	silent := flows.Errorf(flows.Timeout, "no answer in 10 s")
	names := []string{"SyncerReads", "SyncerProfileLog"}
	for _, c := range []struct {
		name      string
		change    func(*housed, *flows.Meter)
		alone     bool // without another metric
		health    flows.Health
		code      flows.Code
		state     flows.State
		reason    string // part of
		questions int    // for log 1
		reads     int
	}{
		{"a day", nil, false, flows.Healthy, "", flows.Read, "no profile_log_2", 10, 50},
		{"alone in a run", nil, true, flows.Healthy, "", flows.Read, "no profile_log_2", 10, 50},
		{"no such log", func(h *housed, _ *flows.Meter) { h.log.fails, h.log.err = 1, nak(5) }, false,
			flows.Healthy, "", flows.Unsupported, "", 1, 0},
		{"no such log, alone", func(h *housed, _ *flows.Meter) { h.log.fails, h.log.err = 1, nak(5) }, true,
			flows.Healthy, "", flows.Unsupported, "", 1, 0},
		{"fails at once", func(h *housed, _ *flows.Meter) { h.log.fails, h.log.err = 1, silent }, false,
			flows.Unhealthy, flows.Timeout, flows.Failed, "no answer", 1, 0},
		{"fails at once, alone: the meter is silent", func(h *housed, _ *flows.Meter) { h.log.fails, h.log.err = 1, silent }, true,
			flows.Unhealthy, flows.Timeout, flows.Skipped, "", 1, 0},
		{"fails in the middle", func(h *housed, _ *flows.Meter) { h.log.fails, h.log.err = 4, silent }, false,
			flows.Unhealthy, flows.Timeout, flows.Partial, "no answer", 4, 15},
		{"refused in the middle", func(h *housed, _ *flows.Meter) { h.log.fails, h.log.err = 4, nak(6) }, true,
			flows.Unhealthy, flows.NAK, flows.Partial, "6", 4, 15},
		{"busy in the middle", func(h *housed, _ *flows.Meter) { h.log.fails, h.log.err = 4, flows.Errorf(flows.Busy, "busy") }, true,
			flows.Healthy, "", flows.Skipped, "busy", 4, 15},
		{"mediator away, alone", func(h *housed, _ *flows.Meter) { h.log.fails, h.log.err = 1, flows.Errorf(flows.Mediator, "away") }, true,
			flows.NeverRun, flows.Mediator, flows.Skipped, "", 1, 0},
		{"nothing is missing", func(_ *housed, m *flows.Meter) { m.Profile = marks(newest(time.Now(), nil)) }, false,
			flows.Healthy, "", flows.Read, "", 0, 0},
		{"nothing is missing, alone: nothing was asked", func(_ *housed, m *flows.Meter) { m.Profile = marks(newest(time.Now(), nil)) }, true,
			flows.NeverRun, "", flows.Read, "", 0, 0},
		{"two months are missing", func(_ *housed, m *flows.Meter) { m.Profile = marks(newest(time.Now(), nil).Add(-60 * 24 * time.Hour)) }, false,
			flows.Healthy, "", flows.Read, "more half-hours", 34, 170},
		{"another meter answers, alone", func(h *housed, _ *flows.Meter) {
			h.address, h.objects[0x600100] = 0x123456, "454d4c39393939393939393939202020"
		}, true, flows.Unhealthy, flows.ForeignMeter, flows.Skipped, "", 1, 0},
		{"a new module in the same meter, alone", func(h *housed, _ *flows.Meter) { h.address = 0x123456 }, true,
			flows.Healthy, "", flows.Read, "no profile_log_2", 11, 50},
		{"nobody can tell who answers, alone", func(h *housed, _ *flows.Meter) {
			h.address = 0x123456
			delete(h.objects, 0x600100)
		}, true, flows.Unhealthy, flows.NAK, flows.Failed, "cannot tell which meter", 1, 0},
		{"another meter by its serial: its log is not asked", func(h *housed, _ *flows.Meter) {
			h.objects[0x600100] = "454d4c39393939393939393939202020"
		}, false, flows.Unhealthy, flows.ForeignMeter, flows.Skipped, "", 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, m := &housed{meterStub: twin(), log: &logStub{answer: endless}}, single()
			h.objects[0x608000] = "36427720" // 6Bw
			if c.change != nil {
				c.change(h, &m)
			}
			asked := append([]string{"SyncerSerial"}, names...)
			if c.alone {
				asked = names[1:]
			}
			r := Run(t.Context(), m, flows.TwelveHourly, asked, h)
			if r.Health != c.health || r.Code != c.code {
				t.Errorf("verdict %q %q %s", r.Health, r.Code, r.Details)
			}
			o := r.Outcomes[len(r.Outcomes)-1]
			if o.Metric != "SyncerProfileLog" || o.State != c.state || !strings.Contains(o.Reason, c.reason) {
				t.Errorf("outcome %+v, want %s: %s", o, c.state, c.reason)
			}
			if len(h.log.asked) != c.questions || len(r.Profile) != c.reads {
				t.Errorf("%d reads from %d questions, want %d from %d", len(r.Profile), len(h.log.asked), c.reads, c.questions)
			}
			if c.reason == "cannot tell which meter" && len(h.batches) != 2 {
				t.Errorf("%d questions of who it is", len(h.batches))
			}
			if foreign := c.code == flows.ForeignMeter; !c.alone && !foreign && r.Shadow.ImportA == nil {
				t.Error("what the batch had is gone")
			}
		})
	}
}

// marks are those of a single-element meter.
func marks(t time.Time) []flows.ProfileMark {
	return []flows.ProfileMark{{Element: "A", Direction: flows.Import, Through: t}, {Element: "A", Direction: flows.Export, Through: t}}
}

func TestWhatIsMissingOfALog(t *testing.T) {
	newest := at(100)
	a := func(slot int) flows.ProfileMark {
		return flows.ProfileMark{Element: "A", Direction: flows.Import, Through: at(slot)}
	}
	b := a(95)
	b.Element = "B"
	export := a(100)
	export.Direction = flows.Export
	for _, c := range []struct {
		name  string
		marks []flows.ProfileMark
		next  int // slot
	}{
		{"nothing known: the last day", nil, 52},
		{"a mark of no time", []flows.ProfileMark{{Element: "A", Direction: flows.Import}, b}, 52},
		{"from the oldest of two elements", []flows.ProfileMark{a(90), b}, 91},
		{"one element is not known", []flows.ProfileMark{a(90)}, 52},
		{"export says nothing of import", []flows.ProfileMark{export, b}, 52},
		{"nothing is missing", []flows.ProfileMark{a(100), {Element: "B", Direction: flows.Import, Through: at(100)}}, 101},
		{"a clock that was some hours fast", []flows.ProfileMark{a(110), {Element: "B", Direction: flows.Import, Through: at(110)}}, 111},
		{"a mark of a clock days ahead", []flows.ProfileMark{a(4000), b}, 52},
		{"no farther back than a log goes", []flows.ProfileMark{a(-90000), b}, 100 - 90*48},
	} {
		l := missing([]*halfLog{profileLog1([]string{"A", "B"})}, c.marks, newest)[0]
		if !l.next.Equal(at(c.next)) || !l.to.Equal(newest) || l.open() != (c.next <= 100) {
			t.Errorf("%s: from slot %d to %d, want %d", c.name, slotOf(l.next), slotOf(l.to), c.next)
		}
	}
}

func TestTheNewestHalfHourByTheMetersClock(t *testing.T) {
	for _, c := range []struct {
		after string // past slot 100
		diff  *int   // s
		slot  int
	}{
		{"1m", nil, 100}, {"59s", nil, 99}, {"30m", nil, 100}, {"31m", nil, 101},
		{"5m", ptr(-600), 99}, {"5m", ptr(1800), 101}, {"5m", ptr(-100 * 1800), 0},
	} {
		r := &run{}
		r.result.Shadow.ClockDiff = c.diff
		after, err := time.ParseDuration(c.after)
		if err != nil {
			t.Fatal(err)
		}
		if got := slotOf(r.newestBoundary(at(100).Add(after))); got != c.slot {
			t.Errorf("%s: slot %d, want %d", c.after, got, c.slot)
		}
	}
}
