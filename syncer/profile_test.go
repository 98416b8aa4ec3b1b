package syncer

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"flows"
	"flows/emlite"
	"flows/mediator"
	"flows/simulator"
)

// street is a registry with the meters of a fleet.
type street map[string]simulator.Meter

func (s street) Addresses(_ context.Context, serials []string, each func(string, netip.AddrPort)) error {
	for _, serial := range serials {
		if m, ok := s[serial]; ok {
			each(serial, m.Address)
		}
	}
	return nil
}

func (s street) Changes(ctx context.Context, _ func([]string) error) error {
	<-ctx.Done()
	return ctx.Err()
}

func (s street) Info(context.Context, string) ([]byte, error)   { return []byte("{}"), nil }
func (s street) Meters(context.Context, string) ([]byte, error) { return []byte("[]"), nil }

// build starts a fleet, a mediator before it and a client.
func build(t *testing.T, o simulator.Options) (*simulator.Fleet, []flows.Meter, Client) {
	t.Helper()
	o.Listen = "127.63.0.1:0"
	fleet := simulator.New(o)
	if err := fleet.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	registry := street{}
	var meters []flows.Meter
	for _, m := range fleet.Meters() {
		registry[m.Serial] = m
		meters = append(meters, flows.Meter{Serial: m.Serial, Address: m.Address, Hardware: m.Hardware, FrameAddress: &m.FrameAddress})
	}
	s, err := mediator.New(registry, mediator.Options{Timeout: 2 * time.Second, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- s.Serve(lis) }()
	c, err := emlite.Dial([]string{lis.Addr().String()}, emlite.Options{Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		s.Stop(context.Background())
		<-served
		fleet.Stop()
	})
	return fleet, meters, c
}

// profileCalls counts the questions about half-hourly logs that a meter has heard, and forgets them.
func profileCalls(f *simulator.Fleet, serial string) (n int) {
	for _, a := range f.Ledger() {
		if a.Serial == serial && a.Profile != nil {
			n++
		}
	}
	f.ClearLedger()
	return n
}

// newest is the half-hour up to which a run asks at a time, when it has read how far the clock is off or has not.
func newest(now time.Time, off *int) time.Time {
	r := &run{}
	r.result.Shadow.ClockDiff = off
	return r.newestBoundary(now)
}

// through gives the marks that a store has after these reads.
func through(reads []flows.ProfileRead) (marks []flows.ProfileMark) {
	for _, r := range reads {
		i := slices.IndexFunc(marks, func(m flows.ProfileMark) bool { return m.Element == r.Element && m.Direction == r.Direction })
		if i < 0 {
			i = len(marks)
			marks = append(marks, flows.ProfileMark{Element: r.Element, Direction: r.Direction})
		}
		if r.Time.After(marks[i].Through) {
			marks[i].Through = r.Time
		}
	}
	return marks
}

var most = map[string]struct{ whole, known int }{
	"C1.w": {35, 34}, "B1.w": {27, 26}, "EMA1.w": {27, 26}, "P1.ax": {6, 6}, "P1.cx": {6, 6},
}

var profileNames = []string{"SyncerProfileLog"}

func TestADaysHalfHoursOfEachHardwareAndNothingTwice(t *testing.T) {
	hardware := []string{"C1.w", "B1.w", "EMA1.w", "P1.ax", "P1.cx"}
	fleet, meters, c := build(t, simulator.Options{Meters: len(hardware), Seed: 3, Meter: func(i int, s *simulator.Spec) {
		*s = simulator.Spec{Hardware: hardware[i], Solar: true, Block: 8}
	}})
	for _, m := range meters {
		t.Run(m.Hardware, func(t *testing.T) {
			end := newest(time.Now(), nil)
			r := Run(t.Context(), m, flows.TwelveHourly, profileNames, c)
			if n := profileCalls(fleet, m.Serial); r.Health != flows.Healthy || n != most[m.Hardware].whole {
				t.Errorf("%d questions for a whole day, want %d; %q %s", n, most[m.Hardware].whole, r.Health, r.Details)
			}
			if n := checkTruth(t, fleet, m, r.Profile, end, true); n < 47*2 {
				t.Errorf("%d half-hours compared", n)
			}
			m.Profile = through(r.Profile)
			again := Run(t.Context(), m, flows.TwelveHourly, profileNames, c)
			if n := profileCalls(fleet, m.Serial); (n != 0 || len(again.Profile) != 0) && newest(time.Now(), nil).Equal(end) {
				t.Errorf("%d questions when nothing is missing, %d reads", n, len(again.Profile))
			}
			if o := again.Outcomes[0]; o.State != flows.Read || o.Reason != "" || again.Code != "" {
				t.Errorf("nothing missing: %+v, %q", o, again.Code)
			}

			for i := range m.Profile {
				m.Profile[i].Through = newest(time.Now(), nil).Add(-24 * time.Hour)
			}
			Run(t.Context(), m, flows.TwelveHourly, profileNames, c)
			if n := profileCalls(fleet, m.Serial); n != most[m.Hardware].known {
				t.Errorf("%d questions for a day whose first boundary is known, want %d", n, most[m.Hardware].known)
			}
		})
	}
}

func TestEveryFaultOfALogOnTheWire(t *testing.T) {
	strike := newest(time.Now(), nil).Add(-7 * time.Hour)
	type faults []simulator.Behaviour
	cases := []faults{
		{{Kind: simulator.LogHole, At: strike, Records: 5}},
		{{Kind: simulator.LogHole, At: strike, Records: 5}, {Kind: simulator.LogOlder}},
		{{Kind: simulator.LogHole, At: strike, Records: 5}, {Kind: simulator.LogNearest}},
		{{Kind: simulator.LogHole, At: strike, Records: 12}, {Kind: simulator.LogOlder}, {Kind: simulator.LogLong}},
		{{Kind: simulator.LogHole, At: strike, Records: 1}, {Kind: simulator.LogHole, At: strike.Add(time.Hour), Records: 1}},
		{{Kind: simulator.LogInvalid, At: strike, Records: 3}},
		{{Kind: simulator.LogFlag, At: strike, Records: 3}},
		{{Kind: simulator.LogReset, At: strike}},
		{{Kind: simulator.LogReset, At: strike}, {Kind: simulator.LogOlder}},
		{{Kind: simulator.LogReset, At: strike}, {Kind: simulator.LogNearest}},
		{{Kind: simulator.LogGlitch, At: strike}},
		{{Kind: simulator.LogReversal, At: strike, Records: 2}},
		{{Kind: simulator.Rollover, At: strike.Add(10 * time.Minute)}},
		{{Kind: simulator.ClockOff, Delay: 20 * time.Minute}},
		{{Kind: simulator.ClockOff, Delay: -20 * time.Minute}},
		{{Kind: simulator.ClockOff, Delay: -50 * time.Hour}, {Kind: simulator.LogOlder}},
		{{Kind: simulator.LogLong}},
		{{Kind: simulator.Pieces}, {Kind: simulator.StaleFirst}, {Kind: simulator.CloseAfterAnswer}},
	}
	hardware := []string{"C1.w", "B1.w", "P1.ax", "P1.cx"}
	fleet, meters, c := build(t, simulator.Options{Meters: len(cases) * len(hardware), Seed: 5, Meter: func(i int, s *simulator.Spec) {
		*s = simulator.Spec{Hardware: hardware[i%len(hardware)], Solar: true, Block: 8, Behaviours: cases[i/len(hardware)]}
	}})
	// A clock that is off is known to the runs that read it.
	names := []string{"SyncerClockDiff", "SyncerProfileLog"}
	for i, m := range meters {
		name := m.Hardware
		for _, b := range cases[i/len(hardware)] {
			name += " " + string(b.Kind)
		}
		t.Run(name, func(t *testing.T) {
			var reads []flows.ProfileRead
			var end time.Time
			for range 2 { // to find what is behind a hole may take more questions than one run has
				now := time.Now()
				r := Run(t.Context(), m, flows.TwelveHourly, names, c)
				end = newest(now, r.Shadow.ClockDiff)
				if n := profileCalls(fleet, m.Serial); r.Health != flows.Healthy || n > 35 {
					t.Errorf("%d questions; %q %s", n, r.Health, r.Details)
				}
				reads = append(reads, r.Profile...)
				m.Profile = through(reads)
			}
			r := Run(t.Context(), m, flows.TwelveHourly, names, c)
			if n := checkTruth(t, fleet, m, reads, end, true); n == 0 {
				t.Error("nothing to compare")
			}
			if n := profileCalls(fleet, m.Serial); n != 0 && newest(time.Now(), r.Shadow.ClockDiff).Equal(end) {
				t.Errorf("%d questions when nothing is missing", n)
			}
		})
	}
}

// checkTruth compares the differences of reads with what the meter's registers truly moved, wherever its log does not misrepresent it,
// and, when the log was read whole, looks for the records of all that. The first half-hour may have gone out of the day while it was read.
func checkTruth(t *testing.T, fleet *simulator.Fleet, m flows.Meter, reads []flows.ProfileRead, end time.Time, whole bool) (compared int) {
	t.Helper()
	at := map[flows.ProfileMark]flows.ProfileRead{}
	for _, r := range reads {
		key := flows.ProfileMark{Element: r.Element, Direction: r.Direction, Through: r.Time}
		if known, ok := at[key]; ok && known != r {
			t.Errorf("two reads of one half-hour: %+v, %+v", known, r)
		}
		at[key] = r
	}
	truth, err := fleet.Truth(m.Serial, end.Add(-24*time.Hour+flows.SlotLength), end)
	if err != nil {
		t.Fatal(err)
	}
	wrap := flows.Energy(1<<32) * flows.WattHour
	if m.Hardware == "P1.cx" {
		wrap = 1 << 32
	}
	for _, slot := range truth {
		if slices.ContainsFunc(slot.Wrong, misrepresents) {
			continue
		}
		for _, reg := range []struct {
			element   string
			direction flows.Direction
			want      int64
		}{{"A", flows.Import, slot.Clocked.ImportA}, {"A", flows.Export, slot.Clocked.ExportA},
			{"B", flows.Import, slot.Clocked.ImportB}, {"B", flows.Export, slot.Clocked.ExportB}} {
			from, ok := at[flows.ProfileMark{Element: reg.element, Direction: reg.direction, Through: slot.Start}]
			to, too := at[flows.ProfileMark{Element: reg.element, Direction: reg.direction, Through: slot.Start.Add(flows.SlotLength)}]
			if has := whole && (reg.element == "A" || m.Hardware == "C1.w"); has && !(ok && too) {
				t.Errorf("%s %s at %s: read %t, its end %t, want %t", reg.element, reg.direction, slot.Start, ok, too, has)
			}
			if !ok || !too {
				continue
			}
			if got := (to.Read - from.Read + wrap) % wrap; got != flows.Energy(reg.want) {
				t.Errorf("%s %s at %s: %s, want %s", reg.element, reg.direction, slot.Start, got, flows.Energy(reg.want))
			}
			compared++
		}
	}
	return compared
}

// misrepresents is whether a log's fault makes a difference of its records wrong or leaves one out. What a record says of itself does not.
func misrepresents(k simulator.Kind) bool {
	switch k {
	case simulator.LogInvalid, simulator.LogFlag, simulator.Rollover, simulator.ClockOff:
		return false
	}
	return true
}

// Where faults meet, half-hours between two holes may be passed over at a meter that answers with days older ones, and the questions may
// not suffice: what is missing then is not looked for. Nothing that was read is wrong.
func TestAFleetWhoseLogsHaveEveryFault(t *testing.T) {
	shares := simulator.FaultShares{}
	for _, k := range []simulator.Kind{simulator.LogHole, simulator.LogInvalid, simulator.LogFlag, simulator.LogReset, simulator.LogGlitch,
		simulator.LogReversal, simulator.Rollover, simulator.ClockOff, simulator.LogOlder, simulator.LogNearest, simulator.LogLong} {
		shares[k] = 0.3
	}
	fleet, meters, c := build(t, simulator.Options{Meters: 60, Seed: 2, Faults: shares})
	older := map[string]bool{}
	for _, m := range fleet.Meters() {
		older[m.Serial] = slices.Contains(m.Behaviour, string(simulator.LogOlder))
	}
	compared := 0
	for _, m := range meters {
		t.Run(m.Serial, func(t *testing.T) {
			now := time.Now()
			r := Run(t.Context(), m, flows.TwelveHourly, []string{"SyncerClockDiff", "SyncerProfileLog"}, c)
			if n := profileCalls(fleet, m.Serial); r.Health != flows.Healthy || n > 35 {
				t.Errorf("%d questions; %q %s", n, r.Health, r.Details)
			}
			end := newest(now, r.Shadow.ClockDiff)
			whole := !older[m.Serial] && r.Outcomes[1].Reason == ""
			compared += checkTruth(t, fleet, m, r.Profile, end, whole)
		})
	}
	if compared < 1000 {
		t.Errorf("%d half-hours compared", compared)
	}
}
