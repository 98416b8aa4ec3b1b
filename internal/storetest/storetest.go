// Package storetest is what every store of runs must do, whatever it speaks to its database. Only _test files import it.
package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Store is what a run needs of a store.
type Store interface {
	Meters(context.Context, flows.MeterFilter) ([]flows.Meter, error)
	Recall(ctx context.Context, m *flows.Meter, metrics []string) error
	EnabledMetrics(context.Context, flows.Frequency) ([]string, error)
	BeginRun(context.Context, flows.Run) (int64, error)
	Save(context.Context, []flows.Result) error
	EndRun(ctx context.Context, id int64, notDone int, why string) error
	Addresses(ctx context.Context, serials []string, each func(string, netip.AddrPort)) error
	Info(ctx context.Context, serial string) ([]byte, error)
	MetersForCLI(ctx context.Context, esco string) ([]byte, error)
}

// Run exercises a store on a database of its own each time. Open gives the store of the database that the pool is of, as superuser.
func Run(t *testing.T, database func(t testing.TB) *pgxpool.Pool, open func(t *testing.T, pool *pgxpool.Pool) Store) {
	for _, e := range []struct {
		name string
		do   func(*exercise)
	}{
		{"MetersAreChosen", chosen}, {"AFilterThatNamesNobodyIsRefused", refused}, {"MetricsAreNamedOnce", metrics},
		{"EveryColumnIsStoredExactly", exactly}, {"OnlyWhatWasReadIsTouched", onlyRead}, {"WhatIsRepeatedIsStoredOnce", repeated},
		{"TwoResultsOfAMeterAreStoredInTheirOrder", inOrder}, {"WhatWasNotJudgedIsOnlyLogged", notJudged}, {"AnExchangedMeterIsNotWrittenTo", exchanged},
		{"OddTextsAreStored", odd}, {"ThePastIsRecalled", recalled}, {"HalfHoursAreKept", halfHours}, {"ARunIsCounted", counted},
		{"TheGatewaySeesTheRegistry", gateway}, {"ThousandsOfMetersArePaged", paged},
	} {
		t.Run(e.name, func(t *testing.T) {
			pool := database(t)
			e.do(&exercise{T: t, pool: pool, Store: open(t, pool)})
		})
	}
}

type exercise struct {
	*testing.T
	Store
	pool *pgxpool.Pool
}

var noon = time.Date(2026, 3, 4, 12, 0, 0, 123456789, time.UTC)

func (x *exercise) exec(sql string, args ...any) {
	x.Helper()
	if _, err := x.pool.Exec(x.Context(), sql, args...); err != nil {
		x.Fatalf("%v\n%s", err, sql)
	}
}

// says compares the result of a query, a line a row, with what it must be.
func (x *exercise) says(want, sql string, args ...any) {
	x.Helper()
	rows, _ := x.pool.Query(x.Context(), `select to_jsonb(t) from (`+sql+`) t`, args...)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		var raw string
		err := row.Scan(&raw)
		return raw, err
	})
	if err != nil {
		x.Fatalf("%v\n%s", err, sql)
	}
	if diff := cmp.Diff(want, strings.Join(list, "\n")); diff != "" {
		x.Errorf("%s (-want +got):\n%s", sql, diff)
	}
}

func (x *exercise) must(err error) {
	x.Helper()
	if err != nil {
		x.Fatal(err)
	}
}

// register makes meters by serial; hardware "" leaves it unknown.
func (x *exercise) register(hardware string, serials ...string) map[string]flows.Meter {
	x.Helper()
	for i, serial := range serials {
		x.exec(`insert into flows.meter_registry (serial, ip_address, port, hardware) values ($1, '10.0.0.1', $2, nullif($3, ''))`, serial, 9000+i, hardware)
	}
	list, err := x.Meters(x.Context(), flows.MeterFilter{})
	x.must(err)
	known := map[string]flows.Meter{}
	for _, m := range list {
		known[m.Serial] = m
	}
	return known
}

func serials(list []flows.Meter) string {
	var all []string
	for _, m := range list {
		all = append(all, m.Serial)
	}
	return strings.Join(all, " ")
}

func chosen(x *exercise) {
	x.exec(`insert into flows.escos (code) values ('ALPHA'), ('BETA')`)
	x.exec(`insert into flows.meter_registry (serial, ip_address, port, hardware, esco, mode, frame_address, firmware_version, prepay_enabled) values
		('B "odd", \1', '10.0.0.1', 8080, 'C1.w', (select id from flows.escos where code = 'ALPHA'), 'active', 77, '1_2', true),
		('A', '10.0.0.2', 1234, null, null, 'active', null, null, null), ('C', null, 8080, null, (select id from flows.escos where code = 'ALPHA'), 'active', null, null, null),
		('D', '10.0.0.4', 8080, null, null, 'passive', null, null, null)`)
	for _, c := range []struct {
		f    flows.MeterFilter
		want string
	}{
		{flows.MeterFilter{}, `A B "odd", \1 C D`}, {flows.MeterFilter{Due: true}, `A B "odd", \1`}, {flows.MeterFilter{ESCO: "alpha"}, `B "odd", \1 C`},
		{flows.MeterFilter{ESCO: "ALPHA", Due: true}, `B "odd", \1`}, {flows.MeterFilter{ESCO: "BETA"}, ""},
		{flows.MeterFilter{Serials: []string{"D", `B "odd", \1`, "D"}}, `B "odd", \1 D`}, {flows.MeterFilter{Serials: []string{"D", "A"}, Due: true}, "A"},
	} {
		list, err := x.Meters(x.Context(), c.f)
		if got := serials(list); err != nil || got != c.want {
			x.Errorf("%+v: %q, %v", c.f, got, err)
		}
	}
	list, err := x.Meters(x.Context(), flows.MeterFilter{Serials: []string{`B "odd", \1`}})
	x.must(err)
	m := list[0]
	m.ID = ""
	want := flows.Meter{Serial: `B "odd", \1`, Address: netip.MustParseAddrPort("10.0.0.1:8080"), Hardware: "C1.w", FrameAddress: new(uint32(77)), ESCO: "ALPHA", Mode: flows.Active,
		Registry: flows.Registry{Hardware: new("C1.w"), FrameAddress: new(uint32(77)), FirmwareVersion: new("1_2"), PrepayEnabled: new(true)}}
	if diff := cmp.Diff(want, m, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
		x.Error(diff)
	}
}

func refused(x *exercise) {
	x.exec(`insert into flows.escos (code) values ('ALPHA')`)
	x.register("", "A", "B")
	for _, c := range []struct {
		f    flows.MeterFilter
		want string
	}{
		{flows.MeterFilter{ESCO: "GAMMA"}, `ESCO "GAMMA" is not known`}, {flows.MeterFilter{Serials: []string{"A", "X"}}, "meter X is not known"},
		{flows.MeterFilter{Serials: []string{"A"}, ESCO: "ALPHA", Due: true}, `meter A is not known in ESCO "ALPHA"`},
	} {
		_, err := x.Meters(x.Context(), c.f)
		if err == nil || !strings.Contains(err.Error(), c.want) || flows.CodeOf(err, "") != "" {
			x.Errorf("%+v: %v", c.f, err)
		}
	}
}

func metrics(x *exercise) {
	x.exec(`delete from flows.meter_metrics`)
	x.exec(`insert into flows.meter_metrics (name, enabled, run_frequency) values ('SyncerReads', true, 'hourly'), ('syncerreads', true, 'hourly'), ('SyncerCsq', true, 'daily'),
		('SyncerVoltage', false, 'hourly'), ('SyncerProfileLog', true, 'hourly'), ('Odd', true, 'hourly')`)
	got, err := x.EnabledMetrics(x.Context(), flows.Hourly)
	x.must(err)
	slices.Sort(got)
	if text := strings.ToLower(strings.Join(got, " ")); text != "odd syncerprofilelog syncerreads" {
		x.Errorf("%v", got)
	}
}

func healthy(m flows.Meter, s flows.Shadow) flows.Result {
	return flows.Result{Meter: m, Health: flows.Healthy, Shadow: s, ReadAt: noon, Frequency: flows.Hourly}
}

const shadowRow = `select jsonb_strip_nulls(to_jsonb(s) - array['id', 'created_at', 'updated_at']) s from flows.meter_shadows s join flows.meter_registry r using (id) where r.serial = $1`

func exactly(x *exercise) {
	m := x.register("", "M1")["M1"]
	at := noon.Add(time.Second)
	r := healthy(m, flows.Shadow{
		ImportA: new(flows.Energy(4294967295 * flows.WattHour)), ImportB: new(flows.Energy(1)), ExportA: new(flows.Energy(0)), ExportB: new(16385 * flows.KiloWattHour),
		Balance: new(flows.Money(-33326400)), CSQ: new(0), Voltage: new(flows.Voltage(2386)), VoltageL1: new(flows.Voltage(1)), VoltageL2: new(flows.Voltage(2)),
		VoltageL3: new(flows.Voltage(3)), ClockDiff: new(-86401), ClockDiffAt: &at, TariffsActive: json.RawMessage(`{"rate": "0.07650"}`),
		TariffsFuture: json.RawMessage(`{}`), Backlight: new("always_on_sp"), LoadSwitch: new("never_button_required"),
	})
	r.Registry = flows.Registry{Hardware: new("C1.w"), FrameAddress: new(uint32(16777215)), FirmwareVersion: new("3_03_2"), PrepayEnabled: new(false), DaylightSavings: new(true)}
	r.Events = []flows.Event{{Time: at, Type: 33, Set: 1}, {Time: at, Type: 34, Set: 2}, {Time: at, Type: 33, Set: 3}}
	x.must(x.Save(x.Context(), []flows.Result{r}))
	x.says(`{"s": {"csq": 0, "health": "healthy", "balance": -333.26400, "voltage": 238.6, "export_a": 0.000, "export_b": 16385.000, "import_a": 4294967.295,`+
		` "import_b": 0.0001, "backlight": "always_on_sp", "load_switch": "never_button_required", "3p_voltage_l1": 0.1, "3p_voltage_l2": 0.2,`+
		` "3p_voltage_l3": 0.3, "health_details": "", "tariffs_active": {"rate": "0.07650"}, "tariffs_future": {},`+
		` "last_healthy_at": "2026-03-04T12:00:00.123456+00:00", "clock_time_diff_seconds": -86401, "clock_time_diff_synced_at": "2026-03-04T12:00:01.123456+00:00"}}`, shadowRow, "M1")
	x.says(`{"hardware": "C1.w", "frame_address": 16777215, "prepay_enabled": false, "firmware_version": "3_03_2", "daylight_savings_correction_enabled": true}`,
		`select hardware, frame_address, firmware_version, prepay_enabled, daylight_savings_correction_enabled from flows.meter_registry`)
	x.says(`{"read": 4294967.295, "element": "A", "timestamp": "2026-03-04T12:00:00.123456+00:00"}`+"\n"+`{"read": 0.0001, "element": "B", "timestamp": "2026-03-04T12:00:00.123456+00:00"}`,
		`select element, "timestamp", read from flows.register_import join flows.meter_registers using (register_id) order by element`)
	x.says(`{"event_set": 1, "event_type": 33}`+"\n"+`{"event_set": 2, "event_type": 34}`, `select event_type, event_set from flows.meter_event_log order by event_type`)
}

func onlyRead(x *exercise) {
	m := x.register("C1.w", "M1")["M1"]
	first := healthy(m, flows.Shadow{ImportA: new(flows.KiloWattHour), CSQ: new(20), Balance: new(flows.Pound)})
	partial := flows.Result{Meter: m, Health: flows.Unhealthy, Details: "SyncerReads: TIMEOUT", ReadAt: noon.Add(time.Hour), Shadow: flows.Shadow{CSQ: new(21)}}
	dead := flows.Result{Meter: m, Health: flows.Unhealthy, Details: "no answer", ReadAt: noon.Add(2 * time.Hour), NoCSQ: true}
	for _, r := range []flows.Result{first, partial, dead} {
		r.Frequency = flows.Hourly
		x.must(x.Save(x.Context(), []flows.Result{r}))
	}
	x.says(`{"s": {"health": "unhealthy", "balance": 1.00000, "import_a": 1.000, "health_details": "no answer", "last_healthy_at": "2026-03-04T12:00:00.123456+00:00"}}`, shadowRow, "M1")
	x.says(`{"csq": 20}`+"\n"+`{"csq": 21}`+"\n"+`{"csq": null}`, `select csq from flows.meter_csq order by "timestamp"`)
	x.says(`{"reads": 1, "balances": 1}`, `select (select count(*) from flows.register_import) reads, (select count(*) from flows.meter_prepay_balance) balances`)
	// Hardware that the registry has is never written over.
	other := healthy(m, flows.Shadow{})
	other.Registry.Hardware = new("P1.ax")
	x.must(x.Save(x.Context(), []flows.Result{other}))
	x.says(`{"hardware": "C1.w"}`, `select hardware from flows.meter_registry`)
}

func repeated(x *exercise) {
	known := x.register("C1.w", "M1", "M2")
	var list []flows.Result
	for _, serial := range []string{"M2", "M1"} {
		r := healthy(known[serial], flows.Shadow{ImportA: new(flows.KiloWattHour), CSQ: new(9), Voltage: new(flows.Voltage(2300)), Balance: new(flows.Pound)})
		r.Events, r.Outcomes = []flows.Event{{Time: noon, Type: 1, Set: 1}}, []flows.Outcome{{Metric: "SyncerReads", State: flows.Read}}
		list = append(list, r)
	}
	for range 3 {
		x.must(x.Save(x.Context(), list))
	}
	x.says(`{"a": 2, "b": 2, "c": 2, "d": 2, "e": 2, "f": 2, "g": 2}`, `select (select count(*) from flows.register_import) a, (select count(*) from flows.meter_csq) b,
		(select count(*) from flows.meter_voltage) c, (select count(*) from flows.meter_prepay_balance) d, (select count(*) from flows.meter_health_history) e,
		(select count(*) from flows.meter_event_log) f, (select count(*) from flows.meter_sync_log) g`)
	x.must(x.Save(x.Context(), nil))
}

func inOrder(x *exercise) {
	m := x.register("C1.w", "M1")["M1"]
	early, late := healthy(m, flows.Shadow{ImportA: new(flows.KiloWattHour)}), healthy(m, flows.Shadow{ImportA: new(2 * flows.KiloWattHour)})
	late.ReadAt, late.Health, late.Details = noon.Add(time.Second), flows.Unhealthy, "x"
	x.must(x.Save(x.Context(), []flows.Result{late, early}))
	x.says(`{"health": "unhealthy", "import_a": 2.000}`, `select health, import_a from flows.meter_shadows`)
	x.says(`{"read": 1.000}`+"\n"+`{"read": 2.000}`, `select read from flows.register_import order by "timestamp"`)
}

func notJudged(x *exercise) {
	m := x.register("C1.w", "M1")["M1"]
	x.must(x.Save(x.Context(), []flows.Result{{Meter: m, Frequency: flows.Hourly, Code: flows.Gateway, Details: "gateway: refused", ReadAt: noon, Duration: 1500 * time.Millisecond}}))
	x.says(`{"health": null, "updated": false}`, `select health, updated_at is not null updated from flows.meter_shadows`)
	x.says(`{"run_id": 0, "details": "gateway: refused", "verdict": "not_done", "error_code": "GATEWAY", "duration_ms": 1500}`,
		`select run_id, verdict, error_code, details, duration_ms from flows.meter_sync_log`)
}

func exchanged(x *exercise) {
	m := x.register("C1.w", "M1", "GONE")
	x.exec(`update flows.meter_registry set serial = 'NEW' where serial = 'M1'`)
	x.exec(`delete from flows.meter_shadows where id = $1`, m["GONE"].ID)
	x.exec(`delete from flows.meter_registry where serial = 'GONE'`)
	for _, serial := range []string{"M1", "GONE"} {
		r := healthy(m[serial], flows.Shadow{ImportA: new(flows.KiloWattHour)})
		r.Events = []flows.Event{{Time: noon, Type: 1, Set: 1}}
		if err := x.Save(x.Context(), []flows.Result{r}); err != nil {
			x.Errorf("%s: %v", serial, err)
		}
	}
	x.says(`{"log": 2, "events": 0, "health": null, "import_a": null}`, `select health, import_a, (select count(*) from flows.meter_event_log) events, (select count(*) from flows.meter_sync_log) log from flows.meter_shadows`)
}

func odd(x *exercise) {
	m := x.register("C1.w", "M1")["M1"]
	r := healthy(m, flows.Shadow{Backlight: new("a\x00b\xffc")})
	r.Health, r.Details = flows.Unhealthy, "said \x00\"no\" \xfe"
	r.Outcomes = []flows.Outcome{{Metric: "m", State: flows.Failed, Reason: "\x00"}}
	x.must(x.Save(x.Context(), []flows.Result{r}))
	x.says(`{"b": "ab�c", "d": "said \"no\" �"}`, `select backlight b, health_details d from flows.meter_shadows`)
}

func recalled(x *exercise) {
	m := x.register("C1.w", "M1")["M1"]
	x.exec(`insert into flows.meter_event_log (meter_id, "timestamp", event_type, event_set) values ($1, '2026-03-01Z', 1, 1), ($1, '2026-03-02Z', 1, 2)`, m.ID)
	x.exec(`insert into flows.register_profile_mark (register_id, direction, through) select register_id, 'import', '2026-03-03Z' from flows.meter_registers where element = 'B'`)
	list, err := x.Meters(x.Context(), flows.MeterFilter{})
	x.must(err)
	m = list[0]
	x.must(x.Recall(x.Context(), &m, []string{"SyncerEventLog", "SyncerProfileLog"}))
	want := []flows.ProfileMark{{Element: "B", Direction: flows.Import, Through: time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC)}}
	if diff := cmp.Diff(want, m.Profile); diff != "" || !m.LastEvent.Equal(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)) {
		x.Errorf("%v %s", m.LastEvent, diff)
	}
}

func halfHours(x *exercise) {
	m := x.register("C1.w", "M1")["M1"]
	r := healthy(m, flows.Shadow{})
	r.Frequency, r.ReadAt = flows.TwelveHourly, noon
	from := time.Date(2026, 3, 4, 8, 0, 0, 0, time.UTC)
	for i := range 4 {
		r.Profile = append(r.Profile, flows.ProfileRead{Element: "A", Direction: flows.Import, Time: from.Add(time.Duration(i) * 30 * time.Minute), Read: flows.Energy(i) * flows.WattHour, Status: 128})
	}
	r.Holes = []flows.ProfileHole{{Element: "A", Direction: flows.Import, Period: flows.Period{From: from.Add(2 * time.Hour), To: from.Add(3 * time.Hour)}}}
	for range 2 {
		x.must(x.Save(x.Context(), []flows.Result{r}))
	}
	x.says(`{"n": 3, "sum": 0.003}`, `select count(*) n, sum(import_interval) from flows.register_interval_hh where import_quality = 'actual'`)
	x.says(`{"through": "2026-03-04T10:30:00+00:00"}`, `select through from flows.register_profile_mark`)
	r.Profile = r.Profile[1:2]
	r.Profile[0].Read = flows.KiloWattHour
	r.Holes[0].To = from.Add(4 * time.Hour)
	x.must(x.Save(x.Context(), []flows.Result{r}))
	x.says(`{"read": 1.000}`, `select read from flows.register_profile_conflict`)
	x.says(`{"read": 0.001}`, `select read from flows.register_profile_hh where "timestamp" = '2026-03-04 08:30Z'`)
	x.says(`{"to": "2026-03-04T12:00:00+00:00"}`, `select end_time "to" from flows.register_profile_hole`)
}

func counted(x *exercise) {
	known := x.register("C1.w", "M1", "M2", "M3", "M4", "M5")
	run := flows.Run{Frequency: flows.Hourly, Origin: flows.Command, Scheduled: noon, Meters: 5}
	id, err := x.BeginRun(x.Context(), run)
	x.must(err)
	for serial, r := range map[string]flows.Result{"M1": {Health: flows.Healthy}, "M2": {Health: flows.Unhealthy, Code: flows.Timeout}, "M3": {Code: flows.Gateway}} {
		r.Meter, r.Frequency, r.Run, r.Scheduled, r.ReadAt = known[serial], flows.Hourly, id, noon, noon
		x.must(x.Save(x.Context(), []flows.Result{r}))
	}
	x.must(x.EndRun(x.Context(), id, 2, "interrupted"))
	x.says(`{"done": true, "meters": 5, "origin": "command", "healthy": 1, "skipped": 1, "not_done": 2, "unhealthy": 1, "skip_reasons": {"interrupted": 1}}`,
		`select meters, healthy, unhealthy, skipped, not_done, origin, skip_reasons, finished_at is not null done from flows.sync_runs`)
}

func gateway(x *exercise) {
	known := x.register("C1.w", "M1", "M2", "M3")
	x.exec(`update flows.meter_registry set ip_address = null where serial = 'M3'`)
	x.exec(`update flows.meter_shadows set balance = -1.5 where id = $1`, known["M1"].ID)
	for _, c := range []struct {
		serials []string
		want    string
	}{{nil, "M1=10.0.0.1:9000 M2=10.0.0.1:9001 M3=invalid AddrPort"}, {[]string{"M2", "none"}, "M2=10.0.0.1:9001"}} {
		var got []string
		x.must(x.Addresses(x.Context(), c.serials, func(serial string, a netip.AddrPort) { got = append(got, serial+"="+a.String()) }))
		slices.Sort(got)
		if text := strings.Join(got, " "); text != c.want {
			x.Errorf("%v: %s", c.serials, text)
		}
	}
	text, err := x.Info(x.Context(), "M1")
	x.must(err)
	var info struct {
		Registry struct{ Serial string }
		Shadow   struct{ Balance json.Number }
	}
	if err := json.Unmarshal(text, &info); err != nil || info.Registry.Serial != "M1" || info.Shadow.Balance != "-1.5" {
		x.Errorf("%s %v", text, err)
	}
	if _, err := x.Info(x.Context(), "none"); flows.CodeOf(err, "") != flows.UnknownSerial {
		x.Errorf("unknown: %v", err)
	}
	x.exec(`update flows.meter_registry set mode = 'passive' where serial = 'M2'`)
	text, err = x.MetersForCLI(x.Context(), "")
	x.must(err)
	var rows []struct{ Serial string }
	if err := json.Unmarshal(text, &rows); err != nil || len(rows) != 2 || rows[0].Serial != "M1" {
		x.Errorf("%s %v", text, err)
	}
}

func paged(x *exercise) {
	const n = 2500
	x.exec(`insert into flows.meter_registry (serial, ip_address, port) select 'M' || i, '10.0.0.1', i from generate_series(1, $1::int) i`, n)
	list, err := x.Meters(x.Context(), flows.MeterFilter{Due: true})
	x.must(err)
	if len(list) != n || !slices.IsSortedFunc(list, func(a, b flows.Meter) int { return strings.Compare(a.Serial, b.Serial) }) {
		x.Errorf("%d meters", len(list))
	}
	var many []string
	for i := range 250 {
		many = append(many, fmt.Sprintf("M%d", i*10+1))
	}
	if list, err = x.Meters(x.Context(), flows.MeterFilter{Serials: many}); err != nil || len(list) != len(many) {
		x.Errorf("%d of %d by serial, %v", len(list), len(many), err)
	}
	text, err := x.MetersForCLI(x.Context(), "")
	x.must(err)
	var rows []json.RawMessage
	if err := json.Unmarshal(text, &rows); err != nil || len(rows) != n {
		x.Errorf("%d rows, %v", len(rows), errors.Join(err))
	}
}
