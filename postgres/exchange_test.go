package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"flows"
	"flows/internal/pgtest"

	"github.com/google/go-cmp/cmp"
)

var exchangedAt = time.Date(2024, 6, 5, 10, 40, 0, 0, time.UTC)

// mustInstall registers meters that have been there since the beginning of 2024.
func mustInstall(t *testing.T, s *Store, list ...flows.Registration) map[string]flows.Meter {
	t.Helper()
	known := mustRegister(t, s, list...)
	mustExec(t, s, `update flows.meter_registers set start_time = '2024-01-01 00:00Z'`)
	return known
}

func mustExchange(t *testing.T, s *Store, e Exchange) Exchanged {
	t.Helper()
	done, err := s.Exchange(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// registersOf is every register of a place: element, status, whose, life, readings.
const registersOf = `
	select element, status, coalesce(serial, '-'), to_char(start_time at time zone 'UTC', 'MM-DD HH24:MI') || case when end_time is null then '' else
		to_char(end_time at time zone 'UTC', '..MM-DD HH24:MI') end, coalesce(initial_read::text, '-') || '/' || coalesce(final_read::text, '-')
	from flows.meter_registers where meter_id = (select id from flows.meter_registry where serial = $1) order by start_time, element`

// everything is all rows that an exchange could touch.
const everything = `
	select to_jsonb(r)::text from flows.meter_registry r union all select to_jsonb(g)::text from flows.meter_registers g
	union all select to_jsonb(s)::text from flows.meter_shadows s order by 1`

// history counts the rows of each table of history.
const history = `
	select (select count(*) from flows.register_import), (select count(*) from flows.register_export), (select count(*) from flows.register_profile_hh),
		(select count(*) from flows.meter_prepay_balance), (select count(*) from flows.meter_csq), (select count(*) from flows.meter_voltage),
		(select count(*) from flows.meter_3p_voltage), (select count(*) from flows.meter_health_history), (select count(*) from flows.meter_event_log)`

// complete is a result with a value for everything.
func complete(m flows.Meter, at time.Time) flows.Result {
	e := flows.Energy(18204331 * flows.WattHour)
	r := healthy(m, flows.Shadow{ImportA: &e, ImportB: &e, ExportA: &e, ExportB: &e, Balance: new(flows.Pound), CSQ: new(17), Voltage: new(flows.Voltage(2386)),
		VoltageL1: new(flows.Voltage(1)), VoltageL2: new(flows.Voltage(2)), VoltageL3: new(flows.Voltage(3)), ClockDiff: new(3), ClockDiffAt: &at,
		TariffsActive: []byte(`{}`), TariffsFuture: []byte(`{}`), Backlight: new("on"), LoadSwitch: new("on")})
	r.Registry = flows.Registry{Hardware: new(m.Hardware), FrameAddress: new(uint32(7)), FirmwareVersion: new("3_03_2"), PrepayEnabled: new(true), DaylightSavings: new(true)}
	r.Events = []flows.Event{{Time: at, Type: 33, Set: 1}}
	r.Profile = []flows.ProfileRead{{Element: "A", Direction: flows.Import, Time: at.Truncate(flows.SlotLength), Read: e, Status: 0x0080}}
	r.ReadAt = at
	return r
}

func TestAnExchangeKeepsThePlaceAndForgetsTheMeter(t *testing.T) {
	s := mustStore(t)
	mustExec(t, s, `insert into flows.escos (code) values ('EXAMPLE')`)
	r := at("OLD", "10.0.0.1", "C1.w")
	r.ESCO, r.Name, r.Feeder, r.FuseRating, r.Phases, r.Maintenance = new("EXAMPLE"), new("Plot 34"), new("north"), new(60), new(1), new(true)
	m := mustInstall(t, s, r)["OLD"]
	mustSave(t, s, complete(m, exchangedAt.Add(-time.Hour)))
	before := lines(t, s, history)
	mustExchange(t, s, Exchange{Old: "OLD", New: "NEW", At: exchangedAt})
	if after := lines(t, s, history); after != before {
		t.Errorf("history has %s rows, had %s", after, before)
	}
	if got, want := lines(t, s, `select jsonb_strip_nulls(to_jsonb(r) - array['id', 'esco', 'created_at', 'updated_at'])::text, r.id = $1::text::uuid, e.code
		from flows.meter_registry r join flows.escos e on e.id = r.esco`, m.ID),
		`{"mode": "active", "name": "Plot 34", "port": 8080, "feeder": "north", "phases": 1, "serial": "NEW", "ip_address": "10.0.0.1", "fuse_rating": 60, `+
			`"maintenance": true, "single_meter_app": false} true EXAMPLE`; got != want {
		t.Errorf("registry:\n got %s\nwant %s", got, want)
	}
	if got := lines(t, s, `select jsonb_strip_nulls(to_jsonb(s) - array['id', 'created_at'])::text from flows.meter_shadows s`); got != "{}" {
		t.Errorf("the new meter begins with %s", got)
	}
	known, err := s.Meters(t.Context(), Filter{})
	if err != nil || len(known) != 1 || known[0].Profile != nil || !known[0].LastHealthy.IsZero() {
		t.Fatalf("a run is told %+v, %v", known, err)
	}
	next := complete(known[0], exchangedAt.Add(time.Hour))
	next.Registry.Hardware = new("C1.w")
	mustSave(t, s, next)
	if got, want := lines(t, s, `select coalesce(g.serial, 'NEW'), g.element, to_char(h.timestamp at time zone 'UTC', 'HH24:MI') from flows.register_import h
		join flows.meter_registers g using (register_id) order by 3, 2`), "OLD A 09:40\nOLD B 09:40\nNEW A 11:40\nNEW B 11:40"; got != want {
		t.Errorf("reads: got\n%s\nwant\n%s", got, want)
	}
}

func TestAnExchangeClosesAndOpensRegisters(t *testing.T) {
	s := mustStore(t)
	both := Readings{"A": 1234567 * flows.WattHour, "B": 77100 * flows.WattHour}
	one := func(e flows.Energy) Readings { return Readings{"": e} }
	const since = "01-01 00:00..06-05 10:40"
	for i, c := range []struct {
		name, hardware string
		e              Exchange
		want           string
		unread         []string
	}{
		{"without readings", "C1.w", Exchange{}, "A replaced OLD " + since + " -/-\nB replaced OLD " + since + " -/-\nA enabled - 06-05 10:40 -/-\nB enabled - 06-05 10:40 -/-",
			[]string{"A", "B"}},
		{"with all readings", "C1.w", Exchange{Final: both, Initial: Readings{"A": 0, "B": 1}}, "A replaced OLD " + since + " -/1234.567\nB replaced OLD " + since +
			" -/77.100\nA enabled - 06-05 10:40 0.000/-\nB enabled - 06-05 10:40 0.0001/-", nil},
		{"with those of one register", "C1.w", Exchange{Final: Readings{"B": 5}, Initial: Readings{"B": 0}}, "A replaced OLD " + since + " -/-\nB replaced OLD " + since +
			" -/0.0005\nA enabled - 06-05 10:40 -/-\nB enabled - 06-05 10:40 0.000/-", []string{"A"}},
		{"the only register", "B1.w", Exchange{Final: one(70), Initial: one(0)}, "A replaced OLD " + since + " -/0.007\nA enabled - 06-05 10:40 0.000/-", nil},
		{"the only register, by name", "P1.cx", Exchange{Final: Readings{"A": 1}, Initial: Readings{"A": 0}}, "SINGLE replaced OLD " + since +
			" -/0.0001\nSINGLE enabled - 06-05 10:40 0.000/-", nil},
		{"other hardware with one register more", "P1.ax", Exchange{Hardware: "C1.w", Final: one(10), Initial: Readings{"A": 0, "B": 20}}, "SINGLE replaced OLD " + since +
			" -/0.001\nA enabled - 06-05 10:40 0.000/-\nB enabled - 06-05 10:40 0.002/-", nil},
		{"other hardware with one register less", "C1.w", Exchange{Hardware: "B1.w", Final: both, Initial: one(0)}, "A replaced OLD " + since +
			" -/1234.567\nB replaced OLD " + since + " -/77.100\nA enabled - 06-05 10:40 0.000/-", nil},
		{"hardware that was never known", "", Exchange{}, "", nil},
		{"hardware that is known now", "", Exchange{Hardware: "B1.w", Initial: one(30)}, "A enabled - 06-05 10:40 0.003/-", nil},
	} {
		c.e.Old, c.e.New, c.e.At = "OLD"+strconv.Itoa(i), "NEW"+strconv.Itoa(i), exchangedAt
		mustInstall(t, s, flows.Registration{Serial: c.e.Old, Hardware: &c.hardware})
		done := mustExchange(t, s, c.e)
		got := strings.ReplaceAll(lines(t, s, registersOf, c.e.New), c.e.Old, "OLD")
		if diff := cmp.Diff(c.want, got) + cmp.Diff(c.unread, done.Unread); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if got, want := lines(t, s, `select coalesce(hardware, '') from flows.meter_registry where serial = $1`, c.e.New), c.e.Hardware; got != want {
			t.Errorf("%s: hardware %q, want %q", c.name, got, want)
		}
	}
}

func TestTheNewMetersRegistersFollowItsHardware(t *testing.T) {
	s := mustStore(t)
	mustInstall(t, s, at("OLD", "10.0.0.1", "C1.w"))
	mustExchange(t, s, Exchange{Old: "OLD", New: "NEW", At: exchangedAt})
	mustExec(t, s, `update flows.meter_registry set hardware = 'P1.ax'`)
	mustExchange(t, s, Exchange{Old: "NEW", New: "NEWER", At: exchangedAt.Add(time.Hour)})
	if got, want := lines(t, s, `select element, status, coalesce(serial, '-'), coalesce(hardware, '-') from flows.meter_registers order by start_time, element`),
		"A replaced OLD C1.w\nB replaced OLD C1.w\nB replaced NEW P1.ax\nSINGLE replaced NEW P1.ax\nSINGLE enabled - -"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTheNewMeterMayHaveAnotherAddress(t *testing.T) {
	s := mustStore(t)
	mustInstall(t, s, at("M1", "10.0.0.1", "C1.w"))
	for _, c := range []struct {
		address *netip.Addr
		port    *uint16
		want    string
	}{
		{nil, nil, "10.0.0.1 8080"}, {nil, new(uint16(81)), "10.0.0.1 81"}, {new(netip.MustParseAddr("::ffff:10.0.0.2")), nil, "10.0.0.2 81"},
		{new(netip.MustParseAddr("10.0.0.1")), new(uint16(8080)), "10.0.0.1 8080"},
	} {
		mustExec(t, s, `update flows.meter_registry set frame_address = 7`)
		old := lines(t, s, `select serial from flows.meter_registry`)
		mustExchange(t, s, Exchange{Old: old, New: old + "+", At: exchangedAt, Address: c.address, Port: c.port})
		if got := lines(t, s, `select host(ip_address), port from flows.meter_registry where frame_address is null`); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestAnExchangeThatCannotBeIsRefusedAndChangesNothing(t *testing.T) {
	s := mustStore(t)
	m := mustInstall(t, s, at("TWIN", "10.0.0.1", "C1.w"), at("ONE", "10.0.0.2", "B1.w"), at("BLANK", "10.0.0.3", ""), at("FORMER", "10.0.0.4", "C1.w"))["ONE"]
	mustSave(t, s, complete(m, exchangedAt.Add(-time.Hour)))
	mustExchange(t, s, Exchange{Old: "FORMER", New: "LATTER", At: exchangedAt})
	before := lines(t, s, everything)
	a, b := Readings{"A": 18204332 * flows.WattHour}, Readings{"B": 1}
	for _, c := range []struct {
		name string
		e    Exchange
		says string
	}{
		{"unknown", Exchange{Old: "NOBODY"}, "meter NOBODY is not known; flows meters list"},
		{"exchanged before", Exchange{Old: "FORMER"}, "meter FORMER was exchanged for LATTER at 2024-06-05T10:40:00Z; see: flows meters show LATTER"},
		{"for itself", Exchange{Old: "ONE", New: "ONE"}, "cannot be exchanged for itself"},
		{"no serial", Exchange{Old: "ONE", New: "ä"}, "not printable ASCII"},
		{"serial with spaces", Exchange{Old: "ONE", New: "NEW "}, "spaces around"},
		{"a meter of its own", Exchange{Old: "ONE", New: "TWIN"}, "delete from flows.meter_registry where serial = 'TWIN'"},
		{"taken address", Exchange{Old: "ONE", Address: new(netip.MustParseAddr("10.0.0.1"))}, "address 10.0.0.1 port 8080 is that of meter TWIN"},
		{"no time", Exchange{Old: "ONE", At: time.Time{}.Add(time.Nanosecond)}, "Give the time"},
		{"in the future", Exchange{Old: "ONE", At: time.Now().Add(time.Hour)}, "lies in the future"},
		{"before the registers", Exchange{Old: "ONE", At: time.Date(2023, 12, 31, 23, 59, 0, 0, time.UTC)}, "register A of meter ONE begins at 2024-01-01T00:00:00Z"},
		{"before the exchange before", Exchange{Old: "LATTER", At: exchangedAt.Add(-time.Minute)}, "begins at 2024-06-05T10:40:00Z"},
		{"which of two", Exchange{Old: "TWIN", Final: Readings{"": 1}, Initial: Readings{"": 1}}, "registers A and B: say which with --final-read A=KWH --final-read B=KWH"},
		{"which of the new two", Exchange{Old: "ONE", Hardware: "C1.w", Final: a, Initial: Readings{"": 1}}, "meter NEW has registers A and B: say which with --initial-read"},
		{"no such register", Exchange{Old: "ONE", Final: b, Initial: b}, "meter ONE has no register B"},
		{"no register at all", Exchange{Old: "BLANK", Final: a}, "meter BLANK has no register, since its hardware is not known: leave out --final-read"},
		{"final without initial", Exchange{Old: "TWIN", Final: a}, "register A has one reading of two"},
		{"initial without final", Exchange{Old: "TWIN", Initial: b}, "register B has one reading of two"},
		{"below 0", Exchange{Old: "ONE", Final: Readings{"A": -1}, Initial: a}, "never stands below 0"},
		{"below what it has shown", Exchange{Old: "ONE", Final: Readings{"A": 1820433 * flows.WattHour}, Initial: a}, "stood at 18204.331 kWh already at 2024-06-05T09:40:00Z"},
	} {
		if c.e.New == "" {
			c.e.New = "NEW"
		}
		if c.e.At.IsZero() {
			c.e.At = exchangedAt
		}
		_, err := s.Exchange(t.Context(), c.e)
		var refused *ExchangeError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %q", c.name, err, c.says)
		}
		if diff := cmp.Diff(before, lines(t, s, everything)); diff != "" {
			t.Fatalf("%s: changed all the same (-before +after):\n%s", c.name, diff)
		}
	}
}

func TestASaveOfAMeterThatWasExchangedMeanwhileStoresOnlyItsLog(t *testing.T) {
	s := mustStore(t)
	known := mustInstall(t, s, at("OLD", "10.0.0.1", "C1.w"), at("GOOD", "10.0.0.2", "C1.w"))
	mustExchange(t, s, Exchange{Old: "OLD", New: "NEW", At: exchangedAt, Hardware: "C1.w"})
	run, err := s.BeginRun(t.Context(), flows.Run{Frequency: flows.Hourly, Origin: flows.Command, Scheduled: noon, Meters: 2})
	if err != nil {
		t.Fatal(err)
	}
	late, good := complete(known["OLD"], exchangedAt.Add(time.Minute)), complete(known["GOOD"], exchangedAt.Add(time.Minute))
	late.Run, good.Run, late.Scheduled, good.Scheduled, late.Frequency, good.Frequency = run, run, noon, noon, flows.Hourly, flows.Hourly
	before := strings.Split(lines(t, s, everything), "\n")
	for range 2 {
		mustSave(t, s, late, good)
	}
	if got, want := lines(t, s, history), "2 2 1 1 1 1 1 1 1"; got != want {
		t.Errorf("history: got %s, want %s: that of one meter", got, want)
	}
	after := lines(t, s, everything)
	for _, row := range before {
		if !strings.Contains(row, "GOOD") && !strings.Contains(row, known["GOOD"].ID) && !strings.Contains(after, row) {
			t.Errorf("changed: %s", row)
		}
	}
	if got, want := lines(t, s, `select verdict, details from flows.meter_sync_log order by verdict`),
		"healthy \nskipped meter OLD was exchanged after it had been read: nothing of it is stored"; got != want {
		t.Errorf("log: got %s, want %s", got, want)
	}
	if got, want := lines(t, s, `select healthy, skipped, finished_at is not null from flows.sync_runs`), "1 1 true"; got != want {
		t.Errorf("run: got %s, want %s", got, want)
	}
}

func TestEventsFromBeforeAnExchangeAreNotThePlacesOwn(t *testing.T) {
	s := mustStore(t)
	known := mustInstall(t, s, at("OLD", "10.0.0.1", "C1.w"), at("OTHER", "10.0.0.2", "C1.w"))
	mustExchange(t, s, Exchange{Old: "OLD", New: "NEW", At: exchangedAt})
	m := known["OLD"]
	m.Serial = "NEW"
	var results []flows.Result
	for _, m := range []flows.Meter{m, known["OTHER"]} {
		r := healthy(m, flows.Shadow{})
		for i, after := range []time.Duration{-time.Second, 0, time.Second} {
			r.Events = append(r.Events, flows.Event{Time: exchangedAt.Add(after), Type: 4, Set: i})
		}
		results = append(results, r)
	}
	mustSave(t, s, results...)
	if got, want := lines(t, s, `select serial, string_agg(event_set::text, ' ' order by event_set) from flows.meter_event_log join flows.meter_registry on id = meter_id
		group by 1 order by 1`), "NEW 1 2\nOTHER 0 1 2"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Each meter reads as many kWh as the number in its serial: where a read stands must be a register of that meter.
func TestSavesAndExchangesAtTheSameTimeMixUpNothing(t *testing.T) {
	s := mustStore(t)
	const places, exchanges = 3, 15
	ids := make([]string, places)
	for p := range ids {
		ids[p] = mustInstall(t, s, flows.Registration{Serial: fmt.Sprintf("%d", p*1000), Address: new(netip.AddrFrom4([4]byte{10, 0, 0, byte(p)})), Hardware: new("C1.w")})[fmt.Sprintf("%d", p*1000)].ID
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var savers, exchangers sync.WaitGroup
	const together = 4
	saved := make(chan struct{})
	for saver := range together {
		savers.Go(func() {
			for round := 0; ctx.Err() == nil; round++ {
				var results []flows.Result
				for p := range ids {
					m, _, err := s.DueMeter(t.Context(), ids[(p+saver)%places])
					if err != nil {
						t.Error(err)
						return
					}
					n, _ := strconv.Atoi(m.Serial)
					r := healthy(m, flows.Shadow{ImportA: new(flows.Energy(n) * flows.KiloWattHour)})
					r.ReadAt = time.Now()
					r.Registry.FirmwareVersion = &m.Serial
					r.Profile = []flows.ProfileRead{{Element: "B", Direction: flows.Import, Time: day.Add(time.Duration(saver*1000+round) * flows.SlotLength),
						Read: flows.Energy(n) * flows.KiloWattHour, Status: 0x0080}}
					results = append(results, r)
				}
				if err := s.Save(t.Context(), results); err != nil {
					t.Error(err)
				}
				select {
				case saved <- struct{}{}:
				default:
				}
			}
		})
	}
	for p := range ids {
		exchangers.Go(func() {
			for n := p * 1000; n < p*1000+exchanges; n++ {
				if _, err := s.Exchange(t.Context(), Exchange{Old: strconv.Itoa(n), New: strconv.Itoa(n + 1), At: time.Now()}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	savers.Go(func() { // somebody imports a registry, again and again
		for round := 0; ctx.Err() == nil; round++ {
			serial := lines(t, s, `select serial from flows.meter_registry where id = $1::text::uuid`, ids[round%places])
			if _, _, err := s.Register(t.Context(), []flows.Registration{{Serial: serial, FuseRating: new(1 + round)}}); err != nil {
				t.Error(err)
			}
		}
	})
	exchangers.Wait()
	for range together + 1 { // the last one began when nothing was exchanged any more
		<-saved
	}
	stop()
	savers.Wait()
	const mixed = `
		select count(*), count(*) filter (where h.read <> coalesce(g.serial, r.serial)::numeric) from %s h
		join flows.meter_registers g using (register_id) join flows.meter_registry r on r.id = g.meter_id`
	for _, table := range []string{"flows.register_import", "flows.register_profile_hh"} {
		var rows, wrong int
		if _, err := fmt.Sscan(lines(t, s, fmt.Sprintf(mixed, table)), &rows, &wrong); err != nil || rows == 0 || wrong > 0 {
			t.Errorf("%s: %d rows, %d under another meter's register, %v", table, rows, wrong, err)
		}
	}
	if got, want := lines(t, s, `select count(*) from flows.meter_registry r join flows.meter_shadows s using (id)
		where firmware_version <> serial or s.import_a <> serial::numeric`), "0"; got != want {
		t.Errorf("%s places have what another meter told", got)
	}
}

func TestRoleFlowsMayExchange(t *testing.T) {
	url := pgtest.New(t)
	join := "?"
	if strings.Contains(url, "?") {
		join = "&"
	}
	s, err := Open(t.Context(), url+join+"role=flows")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	if got := lines(t, s, `select current_user`); got != "flows" {
		t.Fatalf("user %s", got)
	}
	m := mustRegister(t, s, at("OLD", "10.0.0.1", "C1.w"))["OLD"]
	mustExchange(t, s, Exchange{Old: "OLD", New: "NEW", At: time.Now(), Final: Readings{"A": 1}, Initial: Readings{"A": 0}})
	mustSave(t, s, complete(m, noon)) // too late
	m.Serial = "NEW"
	mustSave(t, s, complete(m, time.Now()))
	if got, want := lines(t, s, `select count(*) from flows.register_import`), "2"; got != want {
		t.Errorf("%s reads, want %s", got, want)
	}
}

func TestAnExchangeWaitsForASaveUnderWay(t *testing.T) {
	s := mustStore(t)
	m := mustInstall(t, s, at("OLD", "10.0.0.1", "C1.w"))["OLD"]
	tx, err := s.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.WithoutCancel(t.Context()))
	if _, err := tx.Exec(t.Context(), `select from flows.meter_shadows where id = $1::text::uuid for no key update`, m.ID); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := s.Exchange(t.Context(), Exchange{Old: "OLD", New: "NEW", At: exchangedAt})
		done <- err
	}()
	for lines(t, s, `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`) != "1" {
		select {
		case err := <-done:
			t.Fatalf("did not wait: %v", err)
		default:
		}
	}
	if _, err := tx.Exec(t.Context(), `update flows.meter_shadows set import_a = 5`); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got, want := lines(t, s, `select g.serial, h.read, s.import_a is null from flows.register_import h join flows.meter_registers g using (register_id)
		join flows.meter_shadows s on s.id = g.meter_id`), "OLD 5 true"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestReadsStoredAfterTheExchangeStayWhereTheyAre(t *testing.T) {
	s := mustStore(t)
	m := mustInstall(t, s, at("OLD", "10.0.0.1", "C1.w"))["OLD"]
	mustSave(t, s, complete(m, exchangedAt), complete(m, exchangedAt.Add(time.Hour)))
	raw := `select register_id, timestamp, read from flows.register_import union all select register_id, timestamp, read from flows.register_profile_hh order by 1, 2`
	before := lines(t, s, raw)
	done := mustExchange(t, s, Exchange{Old: "OLD", New: "NEW", At: exchangedAt})
	if done.Later != 3 { // A, B, and the record of 11:30
		t.Errorf("%d reads of later times, want 3", done.Later)
	}
	if diff := cmp.Diff(before, lines(t, s, raw)); diff != "" {
		t.Errorf("raw reads changed (-before +after):\n%s", diff)
	}
}

func TestDescribeTellsOfFormerRegistersAndMeters(t *testing.T) {
	s := mustStore(t)
	mustInstall(t, s, at("M1", "10.0.0.1", "B1.w"))
	mustExchange(t, s, Exchange{Old: "M1", New: "M2", At: exchangedAt, Final: Readings{"": 18204331 * flows.WattHour}, Initial: Readings{"": 120}})
	mustExchange(t, s, Exchange{Old: "M2", New: "M3", At: exchangedAt.Add(time.Hour)})
	d, err := s.Describe(t.Context(), "M3")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range d.Registers {
		one := r.Serial + " " + r.Status
		if r.InitialRead != nil {
			one += " from " + r.InitialRead.String()
		}
		if r.FinalRead != nil {
			one += " to " + r.FinalRead.String()
		}
		got = append(got, one)
	}
	if diff := cmp.Diff([]string{"M3 enabled", "M2 replaced from 0.012", "M1 replaced to 18204.331"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for serial, want := range map[string]Replaced{
		"M1": {"M1", "M2", exchangedAt},
		"M2": {"M2", "M3", exchangedAt.Add(time.Hour)},
	} {
		var replaced *Replaced
		if _, err := s.Describe(t.Context(), serial); !errors.As(err, &replaced) || !replaced.At.Equal(want.At) || replaced.By != want.By || replaced.Serial != serial {
			t.Errorf("%s: got %v, want %+v", serial, err, want)
		}
	}
	mustExchange(t, s, Exchange{Old: "M3", New: "M1", At: exchangedAt.Add(2 * time.Hour)}) // repaired
	if d, err := s.Describe(t.Context(), "M1"); err != nil || len(d.Registers) != 4 {
		t.Errorf("got %+v, %v", d.Registers, err)
	}
}
