package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"flows"
	"flows/emlite"
	"flows/internal/pgtest"
	"flows/postgres"
	"flows/simulator"
	"flows/syncer"
)

// estate is a simulated fleet in this process and the mediator before it.
type estate struct {
	*simulator.Fleet
	env map[string]string
	// asked, when set, is told of every request a meter hears.
	asked atomic.Pointer[func()]
}

// built starts a fleet of these meters, all of them registered.
func built(t *testing.T, specs ...simulator.Spec) *estate {
	t.Helper()
	e := &estate{env: map[string]string{"METER_SPACING_SECONDS": "0.001", "EMLITE_TIMEOUT_SECONDS": "1"}}
	e.Fleet = simulator.New(simulator.Options{Meters: len(specs), Seed: 7, Listen: "127.24.0.1:0",
		Meter: func(i int, s *simulator.Spec) { *s = specs[i] },
		Now: func() time.Time {
			if asked := e.asked.Load(); asked != nil {
				(*asked)()
			}
			return time.Now()
		}})
	if err := e.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Stop)
	e.register(t)
	m := start(t, e.env, "mediator", "--port", "0")
	e.env["MEDIATOR_SERVER"] = m.await(t, `"mediator listens","address":"([^"]+)"`)
	return e
}

// register gives the fleet a new database; its mediator keeps the old one, which knows the meters too.
func (e *estate) register(t *testing.T) {
	t.Helper()
	e.env["DATABASE_URL"] = pgtest.New(t)
	var all []flows.Registration
	for _, m := range e.Meters() {
		all = append(all, flows.Registration{Serial: m.Serial, Address: new(m.Address.Addr()), Port: new(m.Address.Port()), Hardware: &m.Hardware})
	}
	if _, _, err := e.store(t).Register(t.Context(), all); err != nil {
		t.Fatal(err)
	}
}

func (e *estate) store(t *testing.T) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), e.env["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// backfill runs the command over ten days, up to two days ago.
func (e *estate) backfill(t *testing.T, want int, args ...string) (s syncer.BackfillSummary) {
	t.Helper()
	from, to := tenDays()
	c := call(e.env, append([]string{"backfill", "--from", from.Format(time.RFC3339), "--to", to.Format(time.RFC3339), "--parallel", "8", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(c.stdout), &s); err != nil || c.code != want {
		t.Fatalf("exit %d, want %d, %v\n%s%s", c.code, want, err, c.stdout, c.stderr)
	}
	return s
}

func tenDays() (from, to time.Time) {
	to = time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -2)
	return to.AddDate(0, 0, -10), to
}

// register names a direction of a meter's element.
type register struct {
	serial, element string
	flows.Direction
}

// known is what a database holds of the ten days' half-hourly times, in 0.1 Wh; -1 is a hole, or a row that some three phase meters fill
// with zeros there.
func (e *estate) known(t *testing.T) map[register]map[time.Time]int64 {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), e.env["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	from, to := tenDays()
	rows, _ := conn.Query(t.Context(), `
		select r.serial, replace(g.element, 'SINGLE', 'A'), p.direction, p.at, p.read from (
			select register_id, direction, timestamp at, case when read = 0 and status & 128 = 0 then -1 else (read * 10000)::bigint end read from flows.register_profile_hh
			union all
			select register_id, direction, generate_series(start_time, end_time - interval '1 second', interval '30 minutes'), -1 from flows.register_profile_hole
		) p join flows.meter_registers g using (register_id) join flows.meter_registry r on r.id = g.meter_id
		where p.at between $1 and $2`, from, to)
	all := map[register]map[time.Time]int64{}
	var g register
	var at time.Time
	var read int64
	if _, err := pgx.ForEachRow(rows, []any{&g.serial, &g.element, &g.Direction, &at, &read}, func() error {
		if all[g] == nil {
			all[g] = map[time.Time]int64{}
		}
		if _, twice := all[g][at.UTC()]; twice {
			t.Errorf("%v: both a record and a hole at %s", g, at)
		}
		all[g][at.UTC()] = read
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// answered is what the meters' logs said, in 0.1 Wh.
func (e *estate) answered() map[register]map[time.Time]int64 {
	all := map[register]map[time.Time]int64{}
	for _, a := range e.Ledger() {
		if a.Profile == nil {
			continue
		}
		for i, r := range a.Profile.Records {
			for _, v := range a.Profile.Values(i) {
				direction, element, ok := strings.Cut(v.Name, "_")
				if !ok || direction != "import" && direction != "export" {
					continue
				}
				if v.Unit == "Wh" {
					v.Number *= 10
				}
				g := register{a.Serial, strings.ToUpper(element), flows.Direction(direction)}
				if all[g] == nil {
					all[g] = map[time.Time]int64{}
				}
				all[g][time.Unix(r.Time, 0).UTC()] = v.Number
			}
		}
	}
	return all
}

var troubled = []simulator.Spec{
	{Hardware: "C1.w", Solar: true, Block: 8, Behaviours: []simulator.Behaviour{{Kind: simulator.LogHole}, {Kind: simulator.LogInvalid}}},
	{Hardware: "B1.w", Solar: true, Block: 8, Behaviours: []simulator.Behaviour{{Kind: simulator.LogHole}, {Kind: simulator.LogOlder}}},
	{Hardware: "EMA1.w", Block: 8, Behaviours: []simulator.Behaviour{{Kind: simulator.LogHole}, {Kind: simulator.LogNearest}, {Kind: simulator.Pieces}}},
	{Hardware: "C1.w", Block: 8, Behaviours: []simulator.Behaviour{{Kind: simulator.LogHole}, {Kind: simulator.LogLong}}},
	{Hardware: "P1.ax", Solar: true, Block: 8, Behaviours: []simulator.Behaviour{{Kind: simulator.LogHole}, {Kind: simulator.LogInvalid}}},
	{Hardware: "P1.cx", Solar: true, Block: 8, Behaviours: []simulator.Behaviour{{Kind: simulator.LogHole}}},
}

func TestBackfillStoresWhatTheLogsHoldAndAsksForNothingTwice(t *testing.T) {
	e := built(t, troubled...)
	s := e.backfill(t, exitDone)
	const half = 10*48 + 1
	if registers := 4 + 2 + 2 + 4 + 2 + 2; s.Records+s.Holes != half*registers || s.Missing != 0 || s.Done != len(troubled) || s.Questions == 0 || s.Holes == 0 {
		t.Errorf("%+v", s)
	}
	if int64(s.Questions) > e.Requests() {
		t.Errorf("%d questions, the meters heard %d", s.Questions, e.Requests())
	}
	stored, said := e.known(t), e.answered()
	for g, reads := range stored {
		for at, read := range reads {
			if told, ok := said[g][at]; read >= 0 && (!ok || read != told) {
				t.Errorf("%v at %s: stored %d, the meter said %d (%t)", g, at, read, told, ok)
			}
		}
	}
	e.compareWithTruth(t, stored)

	heard := e.Requests()
	if s := e.backfill(t, exitDone); s.Questions != 0 || s.Records+s.Holes+s.Missing != 0 || s.Done != len(troubled) {
		t.Errorf("the second run: %+v", s)
	}
	if again := e.Requests() - heard; again != 0 {
		t.Errorf("the second run asked %d questions", again)
	}
	untouched(t, e)
}

// compareWithTruth checks each half-hour that the physical model has no hole at the ends of, and that no other one is stored. A log that
// answers with older records is searched for the end of a hole; what lies between two holes of half a day may have been passed over.
func (e *estate) compareWithTruth(t *testing.T, stored map[register]map[time.Time]int64) {
	t.Helper()
	from, to := tenDays()
	for i, m := range e.Meters() {
		slots, err := e.Truth(m.Serial, from, to)
		if err != nil {
			t.Fatal(err)
		}
		compared, passed := 0, 0
		for _, s := range slots {
			for g, want := range map[register]int64{{m.Serial, "A", flows.Import}: s.Clocked.ImportA, {m.Serial, "A", flows.Export}: s.Clocked.ExportA,
				{m.Serial, "B", flows.Import}: s.Clocked.ImportB} {
				if stored[g] == nil && g.element == "B" {
					continue
				}
				first, last := stored[g][s.Start], stored[g][s.Start.Add(flows.SlotLength)]
				switch hole := slices.Contains(s.Wrong, simulator.LogHole); {
				case hole && first >= 0 && last >= 0:
					t.Errorf("%v: both ends of %s are stored, and one is a hole", g, s.Start)
				case hole:
				case first < 0 || last < 0:
					passed++
				case last-first != want:
					t.Errorf("%v from %s on: stored %d, true %d", g, s.Start, last-first, want)
				default:
					compared++
				}
			}
		}
		if odd := i == 1 || i == 2; compared < 300 || passed > 0 && !odd || passed > compared/10 {
			t.Errorf("%s %v: %d half-hours are true, %d were passed over", m.Hardware, m.Behaviour, compared, passed)
		}
	}
}

// untouched checks that a backfill has judged no meter and left no run.
func untouched(t *testing.T, e *estate) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), e.env["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	var n int
	if err := conn.QueryRow(t.Context(), `select (select count(*) from flows.sync_runs) + (select count(*) from flows.meter_sync_log) + (select count(*) from flows.register_import)
		+ (select count(*) from flows.meter_shadows where (health, read_at, updated_at) is distinct from (null, null, null))`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d rows of runs, reads and verdicts, %v", n, err)
	}
}

func TestBackfillThatIsInterruptedGoesOn(t *testing.T) {
	e := built(t, troubled[0], troubled[1], troubled[4])
	e.backfill(t, exitDone)
	whole := e.known(t)

	e.register(t)
	from, to := tenDays()
	var before map[register]map[time.Time]int64
	for n := 0; n < 3; n++ {
		ctx, cancel := context.WithCancel(t.Context())
		var heard atomic.Int64
		e.asked.Store(new(func() {
			if heard.Add(1) == 90 {
				cancel()
			}
		}))
		a, out, _ := testApp(ctx)
		c := backfillCmd{database: database{e.env["DATABASE_URL"]}, mediators: mediators{MediatorServer: e.env["MEDIATOR_SERVER"]}, meterTiming: meterTiming{1, 0.001},
			From: moment{time: from}, To: moment{time: to}, Parallel: 2}
		err := c.Run(a)
		cancel()
		if end, ok := err.(exit); !ok || end.code != exitInterrupted || !strings.Contains(err.Error(), "run it again to go on") {
			t.Fatalf("%v\n%s", err, out)
		}
		part := e.known(t)
		if rows(part) <= rows(before) || rows(part) >= rows(whole) {
			t.Errorf("interruption %d: %d half-hours of %d are known, %d were before", n+1, rows(part), rows(whole), rows(before))
		}
		before = part
	}
	e.asked.Store(nil)
	if s := e.backfill(t, exitDone); s.Records+s.Holes != rows(whole)-rows(before) {
		t.Errorf("%d half-hours were known, the rest is %d of %d: %+v", rows(before), s.Records+s.Holes, rows(whole), s)
	}
	if diff := cmp.Diff(whole, e.known(t)); diff != "" {
		t.Errorf("differs from a run that was not interrupted (-want +got):\n%s", diff)
	}
}

func rows(of map[register]map[time.Time]int64) (n int) {
	for m := range maps.Values(of) {
		n += len(m)
	}
	return n
}

func TestBackfillOfMetersThatGiveNothing(t *testing.T) {
	e := built(t, simulator.Spec{Hardware: "B1.w", Block: 8}, simulator.Spec{Hardware: "C1.w", Block: 8, Behaviours: []simulator.Behaviour{{Kind: simulator.Dead}}},
		simulator.Spec{Hardware: "B1.w", Block: 8, Behaviours: []simulator.Behaviour{{Kind: simulator.NAKObject}}})
	all := e.Meters()
	s := e.backfill(t, exitDone, "--serial", all[0].Serial, "--serial", all[2].Serial)
	if s.Done != 1 || s.Unsupported != 1 || s.Records != 2*481 || s.Missing != 2*481 || len(s.Notes) != 1 || s.Notes[0].Text != "no half-hourly log" {
		t.Errorf("%+v", s)
	}
	s = e.backfill(t, exitFailed)
	if s.Done != 1 || s.Failed != 1 || s.Unsupported != 1 || s.Missing != 6*481 || len(s.Reasons) != 1 || s.Reasons[0].Code != flows.Unreachable {
		t.Errorf("with a dead meter: %+v", s)
	}
	text := call(e.env, "backfill", "--from", time.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly)).stdout
	for _, want := range []string{"3 meters in", "1 done, 1 without a log, 1 failed\n", "half-hourly records stored, 0 not in the meters' logs", "UNREACHABLE", "no half-hourly log"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestTroubleOfOursEndsABackfill(t *testing.T) {
	e := built(t, slices.Repeat([]simulator.Spec{{Hardware: "B1.w", Block: 8}}, 6)...)
	store := e.store(t)
	meters, err := store.Meters(t.Context(), postgres.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	away, err := emlite.Dial([]string{"127.0.0.1:1"}, emlite.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer away.Close()
	f := fleetBackfill{store: store, client: away, meters: meters, parallel: 1, pause: time.Millisecond}
	f.from, f.to = tenDays()
	a, _, _ := testApp(t.Context())
	if s := f.run(a); s.NotDone != 1 || s.Skipped != 5 || s.Exit() != exitNotDone || s.Reasons[0].Code != flows.Mediator || e.Requests() != 0 {
		t.Errorf("mediator away: %+v", s)
	}
	store.Close()
	if s := f.run(a); s.NotDone != 1 || s.Skipped != 5 || s.Exit() != exitNotDone || s.Reasons[0].Code != flows.Database {
		t.Errorf("database away: %+v", s)
	}
}

func TestTimesOfABackfill(t *testing.T) {
	env := map[string]string{"DATABASE_URL": pgtest.New(t)}
	mustCall(t, env, "escos", "add", "LONDON", "--timezone", "Europe/London")
	mustCall(t, env, "escos", "add", "TOKYO", "--timezone", "Asia/Tokyo")
	now := time.Now().UTC()
	for _, c := range []struct {
		name     string
		args     []string
		from, to string
	}{
		{"dates are UTC", []string{"--from", "2025-06-01", "--to", "2025-06-02"}, "2025-06-01T00:00:00Z", "2025-06-02T00:00:00Z"},
		{"an ESCO's midnights", []string{"--from", "2025-03-30", "--to", "2025-03-31", "--esco", "london"}, "2025-03-30T00:00:00Z", "2025-03-30T23:00:00Z"},
		{"another's", []string{"--from", "2025-06-01", "--to", "2025-06-01T12:00:00Z", "--esco", "TOKYO"}, "2025-05-31T15:00:00Z", "2025-06-01T12:00:00Z"},
		{"times are what they say", []string{"--from", "2025-06-01T00:10:00+02:00", "--to", "2025-06-01T23:59:59Z", "--esco", "LONDON"}, "2025-05-31T22:30:00Z", "2025-06-01T23:30:00Z"},
		{"until now", []string{"--from", "2025-06-01"}, "2025-06-01T00:00:00Z", now.Add(-time.Minute).Truncate(flows.SlotLength).Format(time.RFC3339)},
		{"the future has nothing yet", []string{"--from", "2025-06-01", "--to", "2125-06-01"}, "2025-06-01T00:00:00Z", now.Add(-time.Minute).Truncate(flows.SlotLength).Format(time.RFC3339)},
	} {
		got := mustCall(t, env, append([]string{"backfill", "--json"}, c.args...)...)
		var s syncer.BackfillSummary
		if err := json.Unmarshal([]byte(got.stdout), &s); err != nil || s.From.Format(time.RFC3339) != c.from || s.To.Format(time.RFC3339) != c.to {
			t.Errorf("%s: from %s to %s, want %s to %s, %v", c.name, s.From, s.To, c.from, c.to, err)
		}
		if strings.Count(got.stderr, "\n") != 1 || !strings.Contains(got.stderr, "90 days") {
			t.Errorf("%s: %q, want a line about 90 days", c.name, got.stderr)
		}
	}
	if got := mustCall(t, env, "backfill", "--from", now.AddDate(0, 0, -89).Format(time.DateOnly)); got.stderr != "" {
		t.Errorf("not so long ago: %q", got.stderr)
	}
}

func TestWhatABackfillRefuses(t *testing.T) {
	env := map[string]string{"DATABASE_URL": pgtest.New(t)}
	for says, args := range map[string][]string{
		"--from":          nil,
		"neither a date":  {"--from", "yesterday"},
		"in the future":   {"--from", "2125-01-01"},
		"is not after":    {"--from", "2025-01-02", "--to", "2025-01-01"},
		"not after --fro": {"--from", "2025-01-02", "--to", "2025-01-02"},
		"--parallel":      {"--from", "2025-01-02", "--parallel", "0"},
		"NOBODY":          {"--from", "2025-01-02", "--esco", "NOBODY"},
		"EML0":            {"--from", "2025-01-02", "--serial", "EML0"},
	} {
		if got := call(env, append([]string{"backfill"}, args...)...); got.code != exitUsage || !strings.Contains(got.stderr, says) || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("%v: exit %d, want 2 with one line about %s:\n%s", args, got.code, says, got.stderr)
		}
	}
}

func TestTroubleOfEverybodysIsToldApart(t *testing.T) {
	if got := fmt.Sprint(everybodys(nil), everybodys(context.DeadlineExceeded), everybodys(flows.Errorf(flows.UnknownSerial, "x"))); got != "false true false" {
		t.Error(got)
	}
}
