package postgres

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
)

// shadowRow is what a meter's shadow holds, nulls left out.
const shadowRow = `select jsonb_strip_nulls(to_jsonb(s) - array['id', 'created_at', 'updated_at'])::text from flows.meter_shadows s
	join flows.meter_registry r using (id) where r.serial = $1`

func healthy(m flows.Meter, shadow flows.Shadow) flows.Result {
	return flows.Result{Meter: m, Health: flows.Healthy, Shadow: shadow, ReadAt: noon}
}

func TestSaveStoresEveryColumnExactly(t *testing.T) {
	s := mustStore(t)
	m := mustRegister(t, s, at("M1", "10.0.0.1", ""))["M1"]
	at := noon.Add(time.Second)
	r := healthy(m, flows.Shadow{
		ImportA: new(flows.Energy(4294967295 * flows.WattHour)), ImportB: new(flows.Energy(1)), ExportA: new(flows.Energy(0)), ExportB: new(16385 * flows.KiloWattHour),
		Balance: new(flows.Money(-33326400)), CSQ: new(0), Voltage: new(flows.Voltage(2386)), VoltageL1: new(flows.Voltage(1)), VoltageL2: new(flows.Voltage(2)),
		VoltageL3: new(flows.Voltage(3)), ClockDiff: new(-86401), ClockDiffAt: &at, TariffsActive: json.RawMessage(`{"rate": "0.07650"}`),
		TariffsFuture: json.RawMessage(`{}`), Backlight: new("always_on_sp"), LoadSwitch: new("never_button_required"),
	})
	r.Registry = flows.Registry{Hardware: new("C1.w"), FrameAddress: new(uint32(16777215)), FirmwareVersion: new("3_03_2"), PrepayEnabled: new(false), DaylightSavings: new(true)}
	r.Events = []flows.Event{{Time: at, Type: 33, Set: 1}, {Time: at, Type: 34, Set: 2}, {Time: at, Type: 33, Set: 3}}
	for range 2 {
		if err := s.Save(t.Context(), []flows.Result{r}); err != nil {
			t.Fatal(err)
		}
	}
	want := `{"csq": 0, "health": "healthy", "balance": -333.26400, "voltage": 238.6, "export_a": 0.000, "export_b": 16385.000, "import_a": 4294967.295,` +
		` "import_b": 0.0001, "backlight": "always_on_sp", "load_switch": "never_button_required", "3p_voltage_l1": 0.1, "3p_voltage_l2": 0.2,` +
		` "3p_voltage_l3": 0.3, "health_details": "", "tariffs_active": {"rate": "0.07650"}, "tariffs_future": {},` +
		` "last_healthy_at": "2026-03-04T12:00:00.123456+00:00", "clock_time_diff_seconds": -86401, "clock_time_diff_synced_at": "2026-03-04T12:00:01.123456+00:00"}`
	if diff := cmp.Diff(want, lines(t, s, shadowRow, "M1")); diff != "" {
		t.Errorf("shadow (-want +got):\n%s", diff)
	}
	if got, want := lines(t, s, `select hardware, frame_address, firmware_version, prepay_enabled, daylight_savings_correction_enabled from flows.meter_registry`),
		"C1.w 16777215 3_03_2 false true"; got != want {
		t.Errorf("registry: got %s, want %s", got, want)
	}
	if got, want := lines(t, s, `select (select count(*) from flows.register_import), (select count(*) from flows.register_export),
		(select string_agg(event_type || '=' || event_set, ' ' order by event_type) from flows.meter_event_log),
		(select bool_and(timestamp = '2026-03-04T12:00:00.123456Z') from flows.register_import)`), "2 2 33=1 34=2 true"; got != want {
		t.Errorf("history: got %s, want %s", got, want)
	}
}

func TestSaveTouchesOnlyWhatWasRead(t *testing.T) {
	s := mustStore(t)
	m := mustRegister(t, s, at("M1", "10.0.0.1", "C1.w"))["M1"]
	first := healthy(m, flows.Shadow{ImportA: new(flows.KiloWattHour), CSQ: new(20), Balance: new(flows.Pound)})
	partial := flows.Result{Meter: m, Health: flows.Unhealthy, Details: "SyncerReads: TIMEOUT", ReadAt: noon.Add(time.Hour), Shadow: flows.Shadow{CSQ: new(21)}}
	dead := flows.Result{Meter: m, Health: flows.Unhealthy, Details: "no answer", ReadAt: noon.Add(2 * time.Hour), NoCSQ: true}
	foreign := flows.Result{Meter: m, Health: flows.Unhealthy, Details: "foreign", ReadAt: noon.Add(3 * time.Hour)}
	for _, r := range []flows.Result{first, partial, dead, foreign} {
		if err := s.Save(t.Context(), []flows.Result{r}); err != nil {
			t.Fatal(err)
		}
	}
	want := `{"health": "unhealthy", "balance": 1.00000, "import_a": 1.000, "health_details": "foreign", "last_healthy_at": "2026-03-04T12:00:00.123456+00:00"}`
	if diff := cmp.Diff(want, lines(t, s, shadowRow, "M1")); diff != "" {
		t.Errorf("shadow (-want +got):\n%s", diff)
	}
	if got, want := lines(t, s, `select coalesce(csq::text, 'null') from flows.meter_csq order by timestamp`), "20\n21\nnull"; got != want {
		t.Errorf("csq: got %s, want %s", got, want)
	}
	if got, want := lines(t, s, `select (select count(*) from flows.register_import), (select count(*) from flows.meter_prepay_balance)`), "1 1"; got != want {
		t.Errorf("reads and balances: got %s, want %s", got, want)
	}
}

func TestSaveLeavesOutTheUnjudgedAndTheDeleted(t *testing.T) {
	s := mustStore(t)
	known := mustRegister(t, s, at("busy", "10.0.0.1", "C1.w"), at("gone", "10.0.0.2", "C1.w"), at("good", "10.0.0.3", "C1.w"))
	mustExec(t, s, `delete from flows.meter_registry where serial = 'gone'`)
	gone := healthy(known["gone"], flows.Shadow{ImportA: new(flows.KiloWattHour)})
	gone.Events = []flows.Event{{Time: noon, Type: 33}}
	gone.Registry.FirmwareVersion = new("1")
	busy := flows.Result{Meter: known["busy"], Code: flows.Busy, NoCSQ: true, ReadAt: noon, Shadow: flows.Shadow{ImportA: new(flows.KiloWattHour)}}
	if err := s.Save(t.Context(), []flows.Result{busy}); err != nil {
		t.Error(err)
	}
	if err := s.Save(t.Context(), []flows.Result{busy, gone, healthy(known["good"], flows.Shadow{ImportA: new(flows.KiloWattHour)})}); err != nil {
		t.Fatal(err)
	}
	if got, want := lines(t, s, `select r.serial from flows.meter_registry r join flows.meter_shadows s using (id) where s.updated_at is not null`), "good"; got != want {
		t.Errorf("saved: got %s, want %s", got, want)
	}
}

func TestSaveIsAllOrNothing(t *testing.T) {
	s := mustStore(t)
	known := mustRegister(t, s, at("M1", "10.0.0.1", "C1.w"), at("M2", "10.0.0.2", "C1.w"))
	bad := healthy(known["M2"], flows.Shadow{TariffsActive: json.RawMessage(`{`)})
	bad.Registry.FirmwareVersion = new("9")
	err := s.Save(t.Context(), []flows.Result{healthy(known["M1"], flows.Shadow{ImportA: new(flows.KiloWattHour)}), bad})
	if flows.CodeOf(err, "") != flows.Database {
		t.Errorf("got %v", err)
	}
	if got, want := lines(t, s, `select (select count(*) from flows.register_import), (select count(firmware_version) from flows.meter_registry)`), "0 0"; got != want {
		t.Errorf("stored: got %s, want %s", got, want)
	}
}

func TestSaveKeepsTwoResultsOfOneMeterInOrder(t *testing.T) {
	s := mustStore(t)
	m := mustRegister(t, s, at("M1", "10.0.0.1", "C1.w"))["M1"]
	early := healthy(m, flows.Shadow{ImportA: new(flows.KiloWattHour), CSQ: new(1)})
	late := healthy(m, flows.Shadow{ImportA: new(2 * flows.KiloWattHour)})
	late.ReadAt = noon.Add(time.Hour)
	if err := s.Save(t.Context(), []flows.Result{late, early}); err != nil {
		t.Fatal(err)
	}
	if got, want := lines(t, s, `select s.import_a, s.updated_at = '2026-03-04T13:00:00.123456Z', (select count(*) from flows.register_import) from flows.meter_shadows s`),
		"2.000 true 2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSaveFillsHardwareButNeverChangesIt(t *testing.T) {
	s := mustStore(t)
	m := mustRegister(t, s, at("M1", "10.0.0.1", "C1.w"))["M1"]
	r := healthy(m, flows.Shadow{})
	r.Registry = flows.Registry{Hardware: new("B1.w"), FirmwareVersion: new("2")}
	if err := s.Save(t.Context(), []flows.Result{r}); err != nil {
		t.Fatal(err)
	}
	if got, want := lines(t, s, `select hardware, firmware_version from flows.meter_registry`), "C1.w 2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSaveStoresOddBytesOfAMeterAsText(t *testing.T) {
	s := mustStore(t)
	m := mustRegister(t, s, at("M1", "10.0.0.1", ""))["M1"]
	r := healthy(m, flows.Shadow{})
	r.Health, r.Details, r.Registry.Hardware = flows.Unhealthy, "answers as \xff\x00X", new("9\x00Z")
	if err := s.Save(t.Context(), []flows.Result{r}); err != nil {
		t.Fatal(err)
	}
	if got, want := lines(t, s, `select health_details, hardware from flows.meter_shadows join flows.meter_registry using (id)`), "answers as \uFFFDX 9Z"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSaversOfTheSameMetersDoNotDeadlock(t *testing.T) {
	s := mustStore(t)
	var list []flows.Registration
	for i := range 20 {
		list = append(list, flows.Registration{Serial: string(rune('A' + i))})
	}
	known := mustRegister(t, s, list...)
	var wg sync.WaitGroup
	for saver := range 4 {
		wg.Go(func() {
			for round := range 10 {
				var results []flows.Result
				for _, m := range known {
					r := healthy(m, flows.Shadow{})
					r.ReadAt = noon.Add(time.Duration(round) * time.Minute)
					// Other columns for other meters, so that their statements come in another order in each saver.
					if (int(m.Serial[0])+saver)%2 == 0 {
						r.Shadow.CSQ = new(saver)
						r.Registry.FirmwareVersion = new(m.Serial)
					}
					results = append(results, r)
				}
				if err := s.Save(t.Context(), results); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestUpdateSetsOnlyItsColumns(t *testing.T) {
	sql := shadowTable.update(1<<0 | 1<<5)
	if strings.Contains(sql, "import_b") || strings.Contains(sql, "coalesce") || !strings.Contains(sql, "set import_a = v.c2, csq = v.c3 from") {
		t.Error(sql)
	}
}
