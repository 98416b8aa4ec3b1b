package postgres

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
)

func TestFactsAreAllThatIsStored(t *testing.T) {
	s := mustStore(t)
	known := mustRegister(t, s, at("A", "10.0.0.1", "C1.w"), at("B", "10.0.0.2", "P1.ax"), at("C", "10.0.0.3", ""))
	twin := healthy(known["A"], flows.Shadow{ImportA: new(15 * flows.WattHour), ImportB: new(20 * flows.KiloWattHour), ExportB: new(flows.Energy(0)), Balance: new(-flows.Pound),
		Voltage: new(flows.Voltage(2400)), ClockDiff: new(-3), ClockDiffAt: &noon, TariffsActive: json.RawMessage(`{"b":1,"a":null}`), Backlight: new("on")})
	twin.Registry = flows.Registry{FrameAddress: new(uint32(7)), PrepayEnabled: new(true)}
	twin.Events = []flows.Event{{Time: noon, Type: 33, Set: 4}}
	three := healthy(known["B"], flows.Shadow{ImportA: new(flows.Energy(1)), VoltageL1: new(flows.Voltage(2301)), VoltageL3: new(flows.Voltage(2303)), CSQ: new(9)})
	dead := flows.Result{Meter: known["C"], Health: flows.Unhealthy, NoCSQ: true, ReadAt: noon}
	if err := s.Save(t.Context(), []flows.Result{twin, three, dead}); err != nil {
		t.Fatal(err)
	}
	facts, err := s.Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range facts {
		got = append(got, f.String())
	}
	const at = " at 2026-03-04T12:00:00.123456Z = "
	want := []string{
		"meter_3p_voltage.voltage_l1 of B" + at + "230.1", "meter_3p_voltage.voltage_l3 of B" + at + "230.3",
		"meter_csq.csq of B" + at + "9", "meter_csq.csq of C" + at + "null",
		"meter_event_log.event.33 of A" + at + "4",
		"meter_health_history.health of A" + at + "healthy", "meter_health_history.health of B" + at + "healthy", "meter_health_history.health of C" + at + "unhealthy",
		"meter_prepay_balance.balance of A" + at + "-1",
		"meter_registry.frame_address of A = 7", "meter_registry.hardware of A = C1.w", "meter_registry.prepay_enabled of A = true", "meter_registry.hardware of B = P1.ax",
		"meter_shadows.backlight of A = on", "meter_shadows.balance of A = -1", "meter_shadows.clock_time_diff_seconds of A = -3",
		"meter_shadows.clock_time_diff_synced_at of A = 2026-03-04T12:00:00.123456Z", "meter_shadows.export_b of A = 0", "meter_shadows.health of A = healthy",
		"meter_shadows.import_a of A = 0.015", "meter_shadows.import_b of A = 20", `meter_shadows.tariffs_active of A = {"a": null, "b": 1}`,
		"meter_shadows.voltage of A = 240",
		"meter_shadows.3p_voltage_l1 of B = 230.1", "meter_shadows.3p_voltage_l3 of B = 230.3", "meter_shadows.csq of B = 9", "meter_shadows.health of B = healthy",
		"meter_shadows.import_a of B = 0.0001", "meter_shadows.health of C = unhealthy",
		"meter_voltage.voltage of A" + at + "240",
		"register_export.read.B of A" + at + "0",
		"register_import.read.A of A" + at + "0.015", "register_import.read.B of A" + at + "20", "register_import.read.A of B" + at + "0.0001",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAReadIsOfTheMeterThatHadTheRegister(t *testing.T) {
	s := mustStore(t)
	m := mustInstall(t, s, at("OLD", "10.0.0.1", "B1.w"))["OLD"]
	read := func(m flows.Meter, at time.Time, e flows.Energy) {
		t.Helper()
		r := healthy(m, flows.Shadow{ImportA: &e, ExportA: &e})
		r.ReadAt = at
		mustSave(t, s, r)
	}
	read(m, exchangedAt.Add(-time.Hour), 50*flows.WattHour)
	mustExchange(t, s, Exchange{Old: "OLD", New: "NEW", At: exchangedAt, Hardware: "B1.w"})
	m.Serial = "NEW"
	read(m, exchangedAt.Add(time.Hour), 0)
	facts, err := s.Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range facts {
		if strings.HasPrefix(f.Table, "register_") {
			got = append(got, f.String())
		}
	}
	want := []string{
		"register_export.read.A of NEW at 2024-06-05T11:40:00Z = 0", "register_export.read.A of OLD at 2024-06-05T09:40:00Z = 0.05",
		"register_import.read.A of NEW at 2024-06-05T11:40:00Z = 0", "register_import.read.A of OLD at 2024-06-05T09:40:00Z = 0.05",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
