package simulator

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"flows/emop"
)

func TestRegistersNeverGoBack(t *testing.T) {
	for _, hardware := range []string{"C1.w", "P1.cx"} {
		m := build(Spec{Hardware: hardware, Solar: true})
		var last [3]int64
		// Two years in steps that are no multiple of a half-hour, across four changes of the clocks.
		for ms := m.installed - hour; ms < m.installed+730*day; ms += 17*60*second + 123 {
			for i, l := range []load{m.a, m.b, m.export} {
				now := l.at(ms, m.installed)
				if now < last[i] || last[i] > 0 && now-last[i] > l.half*20*500 {
					t.Fatalf("%s register %d: from %d to %d mWh at %d", hardware, i, last[i], now, ms)
				}
				last[i] = now
			}
		}
	}
}

func TestAYearHoldsTheMeanPower(t *testing.T) {
	m := build(Spec{Hardware: "C1.w"})
	from := millis(time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC))
	got := (m.a.energy(from+364*day) - m.a.energy(from)) / 1000
	mean := 2 * m.a.half * household.until(7*48) / (7 * 48) / 1000
	if want := mean * 364 * 24; got < want*98/100 || got > want*102/100 {
		t.Errorf("%d Wh in a year at %d W, want %d", got, mean, want)
	}
}

func TestLoadFollowsLocalTime(t *testing.T) {
	winter := millis(time.Date(2025, 1, 15, 18, 0, 0, 0, time.UTC)) / slotMillis
	inSummer := millis(time.Date(2025, 7, 16, 17, 0, 0, 0, time.UTC)) / slotMillis // both Wednesdays at 18:00 local time
	step := func(u int64) int64 { return household.until(u+1) - household.until(u) }
	if a, b := step(winter), step(inSummer); a != b || a != 2100 {
		t.Errorf("18:00 in winter %d, in summer %d, want 2100", a, b)
	}
	if night := step(winter - 32); night*3 > step(winter) {
		t.Errorf("02:00 has %d, evening %d", night, step(winter))
	}
}

func TestSummerIsBritish(t *testing.T) {
	for _, c := range []struct {
		at   string
		want bool
	}{
		{"2024-03-31T00:59:59Z", false}, {"2024-03-31T01:00:00Z", true}, {"2024-10-27T00:59:59Z", true}, {"2024-10-27T01:00:00Z", false},
		{"2025-03-30T01:00:00Z", true}, {"2026-10-25T00:59:59Z", true}, {"2026-01-01T00:00:00Z", false},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := summer(millis(at)); got != c.want {
			t.Errorf("%s: summer %v", c.at, got)
		}
	}
}

func TestBalanceFallsAtTheTariffsPrice(t *testing.T) {
	m := build(Spec{Hardware: "C1.w", Block: 3})
	now := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	for m.balance(now.Add(time.Hour)) > m.balance(now) { // not the hour of a top-up
		now = now.Add(time.Hour)
	}
	from, to := millis(now), millis(now)+hour
	a := (m.a.energy(to) - m.a.energy(from)) * m.price(activeCells, 2*8+1) / 1_000_000
	b := (m.b.energy(to) - m.b.energy(from)) * m.price(activeB, m.tariff.rateB) / 1_000_000
	want := a + b + m.tariff.standing/24
	if got := m.balance(now) - m.balance(now.Add(time.Hour)); got < want-4 || got > want+4 || got <= 0 {
		t.Errorf("an hour cost %d, want %d", got, want)
	}
}

func TestADebtorIsAlwaysInDebtAndOthersNever(t *testing.T) {
	debtor, other := build(Spec{Hardware: "B1.w", InDebt: true}), build(Spec{Hardware: "B1.w"})
	for d := range 400 {
		at := time.Date(2025, 7, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, d)
		if debtor.balance(at) >= 0 || other.balance(at) < 0 {
			t.Fatalf("%s: %d and %d", at, debtor.balance(at), other.balance(at))
		}
	}
}

func TestPriceInUseIsItsCellOfTheTable(t *testing.T) {
	m := build(Spec{Hardware: "C1.w", Block: 3})
	now := time.Now()
	number := func(id emop.ID) uint32 {
		return binary.LittleEndian.Uint32(m.respond(emop.AppendRead(nil, id), now).data[echoed:])
	}
	if got, want := number(0xffff2e), number(0xfff911); got != want || got == number(0xfff939) {
		t.Errorf("price in use %d, block 3 rate 1 %d, block 8 rate 1 %d", got, want, number(0xfff939))
	}
	if got, want := number(0xffff4d), number(0xfff700+emop.ID(m.tariff.rateB)); got != want {
		t.Errorf("price of element B %d, its cell %d", got, want)
	}
}

func TestActivationIsLocalTimeWhenTheDaylightFlagIsSet(t *testing.T) {
	m := build(Spec{Hardware: "C1.w"})
	m.tariff.hasFuture, m.clockError, m.clockRate = true, 0, 0
	for _, c := range []struct {
		flag int64
		now  time.Month
		want int64 // local less true, s
	}{{1, time.June, 3600}, {1, time.December, 0}, {0, time.June, 0}} {
		m.daylight = c.flag
		r := m.respond(emop.AppendRead(nil, 0xffff24), time.Date(2026, c.now, 9, 0, 0, 0, 0, time.UTC))
		if got := r.values[0].Number - r.values[1].Number; got != c.want {
			t.Errorf("flag %d in %s: %d s apart, want %d", c.flag, c.now, got, c.want)
		}
	}
}

// events reads the whole log.
func events(t *testing.T, m *meter, now time.Time) (all []event) {
	t.Helper()
	for block := range byte(eventBlocks) {
		r := m.respond([]byte{emop.FormatEventLog, 0x63, 0x62, 0, block}, now)
		if len(r.data) != echoed+60 || len(r.values) != 30 {
			t.Fatalf("block %d: %d bytes, %d values, %v", block, len(r.data), len(r.values), r.nak)
		}
		for i := range 10 {
			b := r.data[echoed+6*i:]
			e := event{int64(binary.LittleEndian.Uint32(b)) + emop.Epoch.Unix(), int64(b[4]), int64(b[5])}
			if v := r.values[3*i:]; v[0].Number != e.time || v[1].Number != e.kind || v[2].Number != e.set {
				t.Errorf("event %d of block %d is %+v on the wire and %v in the ledger", i, block, e, v[:3])
			}
			all = append(all, e)
		}
	}
	return all
}

func TestEventLogIsNewestFirstAndStays(t *testing.T) {
	m := build(Spec{Hardware: "C1.w", ClockError: -90 * time.Second})
	now := time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
	log := events(t, m, now)
	kinds, seen, shared := map[int64]int{}, map[event]bool{}, 0
	for i, e := range log {
		kinds[e.kind]++
		if seen[event{e.time, e.kind, 0}] {
			t.Errorf("%+v occurs twice", e)
		}
		seen[event{e.time, e.kind, 0}] = true
		if i == 0 && e.time > m.clock(now).Unix() || i > 0 && e.time > log[i-1].time {
			t.Errorf("event %d is newer than what comes before it", i)
		}
		if i > 0 && e.time == log[i-1].time {
			shared++
		}
	}
	if kinds[0] == 0 || kinds[52] < 5 || shared < 10 {
		t.Errorf("types %v, %d in a second already taken", kinds, shared)
	}
	later := events(t, m, now.Add(30*time.Hour))
	if i := slices.Index(later, log[0]); i < 1 || !slices.Equal(later[i:], log[:100-i]) {
		t.Errorf("a day later the old events are not what they were")
	}
	if i := slices.IndexFunc(log, func(e event) bool { return e.kind == 52 }); log[i-1].kind != 39 || log[i+1].kind != 38 {
		t.Errorf("52 stands between %d and %d", log[i-1].kind, log[i+1].kind)
	}
}

func TestNoEventIsInTheFuture(t *testing.T) {
	m := build(Spec{Hardware: "C1.w"})
	for h := range 100 {
		now := time.Date(2026, 5, 6, h, 8, 9, 0, time.UTC)
		if newest := events(t, m, now)[0]; newest.time > m.clock(now).Unix() {
			t.Fatalf("at %s the newest event is of %s", m.clock(now), time.Unix(newest.time, 0).UTC())
		}
	}
}

func TestARegisterWrapsInTheLedgerToo(t *testing.T) {
	m := build(Spec{Hardware: "P1.ax"})
	m.a.initial = 1<<32 + 5
	r := m.respond(emop.AppendRead(nil, 0x010800), emop.Epoch.Add(time.Duration(m.installed)*time.Millisecond))
	if got := r.values[0].Number; got != 5 {
		t.Errorf("the counter stands at %d, want 5", got)
	}
}

func TestLatencyHasItsMedianAndItsTail(t *testing.T) {
	l := Latency{Median: 600 * time.Millisecond, P99: 5 * time.Second}
	var all []time.Duration
	for i := range uint64(20_000) {
		all = append(all, l.sample(42, i))
	}
	slices.Sort(all)
	if got := all[10_000]; got < 580*time.Millisecond || got > 620*time.Millisecond {
		t.Errorf("median %v", got)
	}
	if got := all[19_800]; got < 4*time.Second || got > 6*time.Second {
		t.Errorf("p99 %v", got)
	}
	if got := (Latency{}).sample(1, 1); got != 0 {
		t.Errorf("no latency is %v", got)
	}
}

func TestAClockThatIsNotSetPanicsNowhere(t *testing.T) {
	for _, hardware := range []string{"C1.w", "P1.cx"} {
		m := build(Spec{Hardware: hardware, Solar: true})
		for _, at := range []time.Time{{}, time.Unix(0, 0), emop.Epoch, emop.Epoch.AddDate(200, 0, 0)} {
			for id := range objects {
				m.respond(emop.AppendRead(nil, id), at)
			}
			for id := range tariffObjects {
				m.respond(emop.AppendRead(nil, id), at)
			}
			m.respond([]byte{emop.FormatEventLog, 0x63, 0x62, 0, 9}, at)
			for _, asked := range []time.Time{{}, at, emop.Epoch.AddDate(200, 0, 0)} {
				m.respond(emop.AppendProfile1(nil, asked), at)
				m.respond(emop.AppendProfile2(nil, asked), at)
				m.respond(emop.AppendThreePhaseLog(nil, asked, asked), at)
			}
			m.truth(millis(at), at, at.Add(time.Hour))
		}
	}
}

func TestNoFuseIsExceeded(t *testing.T) {
	for i := range 150 {
		spec := draw(Options{Seed: 6}, i)
		m := newMeter(6, i, spec)
		most := int64(m.fuse()) * int64(m.phases()) * 253 * 1000 * 6 / 10 // mWh in half an hour, as validation has it: a fifth more than the fuse says
		for _, l := range []load{m.a, m.b, m.export} {
			for u := m.installed / slotMillis; u < m.installed/slotMillis+400*slotsADay; u++ {
				if u/slotsADay%5 > 0 {
					continue
				}
				if e := l.boundary(u+1) - l.boundary(u); e > most {
					t.Fatalf("%s with %d A: %d mWh in half an hour, at most %d can flow", m.hardware, m.fuse(), e, most)
				}
			}
		}
	}
}
