package ledger

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"flows"
)

// The fleet of the tests, by hand: what meters answered and what a database then holds, both as lines.

var smallFleet = []Meter{
	{Serial: "TWIN", Hardware: "C1.w", Registered: "C1.w", FrameAddress: 77, Reachable: true, Active: true},
	{Serial: "CT", Hardware: "P1.cx", Reachable: true, Active: true},
	{Serial: "ODD", Hardware: "1", FrameAddress: 79, Reachable: true, Active: true},
	{Serial: "DEAD", Hardware: "B1.w", Registered: "B1.w", Active: true},
	{Serial: "ALIEN", Hardware: "C1.w", Registered: "C1.w", Reachable: true, Foreign: true, Active: true},
	{Serial: "PASSIVE", Hardware: "C1.w", Registered: "C1.w", Reachable: true},
}

// The first two runs are so close that their windows overlap.
func smallRuns() []Run {
	return []Run{
		{flows.Hourly, []string{"SyncerReads", "syncerprepaybalance", "SyncerVoltage", "SyncerMoon"}, moments("10:00:00"), moments("10:00:04")},
		{flows.TwelveHourly, []string{"SyncerCsq", "SyncerCSQ"}, moments("10:00:04.5"), moments("10:00:07")},
		{flows.Daily, []string{"SyncerReads", "SyncerEventLog", "SyncerBacklight", "SyncerLoadSwitch", "SyncerFirmwareVersion",
			"SyncerPrepayEnabled", "SyncerDaylightSavingsEnabled", "SyncerSerial", "SyncerHardware", "SyncerClockDiff",
			"SyncerTariffsActive", "SyncerTariffsFuture"}, moments("11:00:00"), moments("11:00:30")},
	}
}

// serial object [block] arrived departed how values. how: ok, spoiled, lost (no answer), nak5.
const smallAnswers = `
TWIN fffffc 10:00:01.0 10:00:01.4 ok import_active=17000001Wh export_active=1234000Wh import_reactive=5varh
TWIN fffff8 10:00:01.5 10:00:01.6 ok import_active=0Wh export_active=3Wh
TWIN ffc802 10:00:01.7 10:00:01.8 ok balance=-33326400@1/100000_GBP
TWIN 0c0700 10:00:01.9 10:00:02.0 ok voltage=2386@0.1_V
TWIN fffd1d 10:00:05.0 10:00:05.2 ok csq=16 operator=1
TWIN fffffc 11:00:01.0 11:00:01.4 ok import_active=17000002Wh export_active=1234000Wh
TWIN fffff8 11:00:01.5 11:00:01.6 ok import_active=0Wh export_active=3Wh
TWIN 636200/0 11:00:02.0 11:00:02.1 ok 10:59:00=33/7 10:59:00=34/7 10:58:00=0/9 09:00:00=38/1 09:00:00=52/1 09:00:00=39/1 08:00:00=33/6 08:00:00=34/6 07:00:00=33/5 07:00:00=34/5
TWIN 636200/1 11:00:02.2 11:00:02.3 ok 07:00:00=34/5 06:00:00=4/1
TWIN ffff10 11:00:03 11:00:03.1 ok backlight=always_on_sp
TWIN ffff11 11:00:03 11:00:03.1 ok load_switch=normal_button_always
TWIN 000201 11:00:03 11:00:03.1 ok firmware=3_03_2
TWIN ffff0d 11:00:03 11:00:03.1 ok prepay_enabled=1
TWIN ffff0e 11:00:03 11:00:03.1 ok daylight_saving=0
TWIN 600100 11:00:03 11:00:03.1 ok serial=TWIN
TWIN 608000 11:00:03 11:00:03.1 ok hardware=C1.w text=6Cw
TWIN 800800 11:00:03.3 11:00:03.5 ok clock=1780000000s drift=-432100ms
TWIN ffff22 11:00:04 11:00:04.1 ok price=7650@1/100000_GBP
TWIN ffff2e 11:00:04 11:00:04.1 ok price=20000@1/100000_GBP
TWIN ffff4d 11:00:04 11:00:04.1 ok price=20001@1/100000_GBP
TWIN ffff20 11:00:04 11:00:04.1 ok rate1=1 rate2=0
TWIN ffff1e 11:00:04 11:00:04.1 ok th1=100 th2=65535
TWIN ffff2c 11:00:04 11:00:04.1 ok index=8
TWIN ffff4b 11:00:04 11:00:04.1 ok index=2
TWIN ffc805 11:00:04 11:00:04.1 ok price=500000@1/100000_GBP
TWIN ffc806 11:00:04 11:00:04.1 ok price=100000@1/100000_GBP
TWIN ffc807 11:00:04 11:00:04.1 ok price=0@1/100000_GBP
TWIN ffff23 11:00:04 11:00:04.1 ok price=7651@1/100000_GBP
TWIN ffff24 11:00:04 11:00:04.1 ok activation=1780268400s activation_local=1780272000s
TWIN fff839 11:00:04 11:00:04.1 ok price=20002@1/100000_GBP
TWIN fff601 11:00:04 11:00:04.1 ok price=20003@1/100000_GBP
TWIN ffff21 11:00:04 11:00:04.1 ok rate1=0 rate2=1
TWIN ffff1f 11:00:04 11:00:04.1 ok th1=7 th2=8
TWIN ffc808 11:00:04 11:00:04.1 ok price=1@1/100000_GBP
TWIN ffc809 11:00:04 11:00:04.1 ok price=2@1/100000_GBP
TWIN ffc80a 11:00:04 11:00:04.1 ok price=3@1/100000_GBP

CT 608000 10:00:00.5 10:00:00.6 ok hardware= text=
CT d7ff11 10:00:00.6 10:00:00.7 ok hardware=P1.cx configuration=1
CT d7ff10 10:00:00.7 10:00:00.8 ok serial=CT
CT 010800 10:00:02.0 10:00:02.4 ok total=1@0.1_Wh
CT 020800 10:00:02.5 10:00:02.6 ok total=4294967295@0.1_Wh
CT 200700 10:00:02.7 10:00:02.8 ok voltage=2380@0.1_V
CT 340700 10:00:02.9 10:00:03.0 nak5
CT 480700 10:00:03.1 10:00:03.2 ok voltage=2397@0.1_V
CT fffd1d 10:00:05.0 10:00:05.2 ok csq=31 operator=2
CT 010800 11:00:02.0 11:00:02.4 ok total=21@0.1_Wh
CT 020800 11:00:02.5 11:00:02.6 ok total=4294967295@0.1_Wh
CT ffff10 11:00:03 11:00:03.1 ok backlight=255
CT 000201 11:00:03 11:00:03.1 ok firmware=0102030405
CT d7ff10 11:00:03 11:00:03.1 ok serial=CT
CT 608000 11:00:03 11:00:03.1 ok hardware= text=
CT d7ff11 11:00:03 11:00:03.1 ok hardware=P1.cx configuration=1
CT 800800 11:00:03.3 11:00:03.5 ok clock=1780000000s drift=180000400ms
CT ffc802 11:00:03.6 11:00:03.7 nak5

ODD 608000 10:00:00.5 10:00:00.6 ok hardware=1 text=1
ODD 600100 10:00:00.7 10:00:00.8 ok serial=ODD
ODD fffffc 10:00:01.0 10:00:01.2 spoiled import_active=500Wh export_active=0Wh
ODD fffffc 10:00:02.0 10:00:02.2 ok import_active=501Wh export_active=0Wh
ODD fffffc 10:00:02.5 10:00:02.9 ok import_active=502Wh export_active=0Wh
ODD 0c0700 10:00:03.0 10:00:03.1 ok voltage=2300@0.1_V
ODD ffc802 10:00:03.2 10:00:03.3 ok balance=300000@1/100000_GBP
ODD fffd1d 10:00:05.0 - lost
ODD fffd1d 10:00:06.0 10:00:06.2 spoiled csq=9 operator=1
ODD fffffc 11:00:02.0 11:00:02.2 ok import_active=600Wh export_active=0Wh
ODD ffff22 11:00:04 11:00:04.1 ok price=100000@1/100000_GBP
ODD ffff4d 11:00:04.2 11:00:04.3 nak5
ODD ffff11 11:00:05 - lost

DEAD fffffc 10:00:01 - lost
DEAD fffd1d 10:00:05 - lost

ALIEN 608000 10:00:01.0 10:00:01.2 ok hardware=B1.w text=6Bw
ALIEN 600100 10:00:01.3 10:00:01.5 ok serial=OTHER
ALIEN 608000 10:00:05.0 10:00:05.2 ok hardware=B1.w text=6Bw
ALIEN 600100 10:00:05.3 10:00:05.5 ok serial=OTHER
ALIEN fffffc 11:00:01.0 11:00:01.2 ok import_active=9Wh export_active=9Wh
ALIEN 600100 11:00:01.3 11:00:01.5 ok serial=OTHER

TWIN fffffc 10:30:00 10:30:00.1 ok import_active=99Wh export_active=99Wh
`

// table serial column time value; no time in tables of present state.
const smallFacts = `
register_import TWIN read.A 10:00:01.2 17000.001
register_export TWIN read.A 10:00:01.2 1234
register_import TWIN read.B 10:00:01.2 0
register_export TWIN read.B 10:00:01.2 0.003
meter_prepay_balance TWIN balance 10:00:01.2 -333.264
meter_voltage TWIN voltage 10:00:01.2 238.6
meter_health_history TWIN health 10:00:01.2 healthy
meter_csq TWIN csq 10:00:05.1 16
meter_health_history TWIN health 10:00:05.1 healthy
register_import TWIN read.A 11:00:01.2 17000.002
register_export TWIN read.A 11:00:01.2 1234
register_import TWIN read.B 11:00:01.2 0
register_export TWIN read.B 11:00:01.2 0.003
meter_health_history TWIN health 11:00:01.2 healthy
meter_event_log TWIN event.33 10:59:00 7
meter_event_log TWIN event.34 10:59:00 7
meter_event_log TWIN event.38 09:00:00 1
meter_event_log TWIN event.52 09:00:00 1
meter_event_log TWIN event.39 09:00:00 1
meter_event_log TWIN event.33 08:00:00 6
meter_event_log TWIN event.34 08:00:00 6
meter_event_log TWIN event.33 07:00:00 5
meter_event_log TWIN event.34 07:00:00 5
meter_event_log TWIN event.4 06:00:00 1
meter_shadows TWIN import_a - 17000.002
meter_shadows TWIN export_a - 1234
meter_shadows TWIN import_b - 0
meter_shadows TWIN export_b - 0.003
meter_shadows TWIN balance - -333.264
meter_shadows TWIN voltage - 238.6
meter_shadows TWIN csq - 16
meter_shadows TWIN health - healthy
meter_shadows TWIN backlight - always_on_sp
meter_shadows TWIN load_switch - normal_button_always
meter_shadows TWIN clock_time_diff_seconds - -431
meter_shadows TWIN clock_time_diff_synced_at - 2026-03-29T11:00:03.400000Z
meter_shadows TWIN tariffs_active - {"block_rate": 8, "standing_charge": "0.07650", "threshold_mask": {"rate1": true, "rate2": false}, "threshold_values": {"th1": 100, "th2": 65535}, "unit_rate_element_a": "0.20000", "unit_rate_element_b": "0.20001", "element_b_tou_rate": 2, "prepayment_emergency_credit": "5.00000", "prepayment_ecredit_availability": "1.00000", "prepayment_debt_recovery_rate": "0.00000"}
meter_shadows TWIN tariffs_future - {"standing_charge": "0.07651", "activation_datetime": "2026-06-01T00:00:00", "threshold_mask": {"rate1": false, "rate2": true}, "threshold_values": {"th1": 7, "th2": 8}, "unit_rate_element_a": "0.20002", "unit_rate_element_b": "0.20003", "prepayment_emergency_credit": "0.00001", "prepayment_ecredit_availability": "0.00002", "prepayment_debt_recovery_rate": "0.00003"}
meter_registry TWIN hardware - C1.w
meter_registry TWIN frame_address - 77
meter_registry TWIN firmware_version - 3_03_2
meter_registry TWIN prepay_enabled - true
meter_registry TWIN daylight_savings_correction_enabled - false

register_import CT read.A 10:00:02.2 0.0001
register_export CT read.A 10:00:02.2 429496.7295
meter_3p_voltage CT voltage_l1 10:00:02.2 238
meter_3p_voltage CT voltage_l3 10:00:02.2 239.7
meter_health_history CT health 10:00:02.2 unhealthy
meter_csq CT csq 10:00:05.1 31
meter_health_history CT health 10:00:05.1 healthy
register_import CT read.A 11:00:02.2 0.0021
register_export CT read.A 11:00:02.2 429496.7295
meter_health_history CT health 11:00:02.2 healthy
meter_shadows CT import_a - 0.0021
meter_shadows CT export_a - 429496.7295
meter_shadows CT 3p_voltage_l1 - 238
meter_shadows CT 3p_voltage_l3 - 239.7
meter_shadows CT csq - 31
meter_shadows CT health - healthy
meter_shadows CT backlight - 255
meter_shadows CT clock_time_diff_seconds - 180000
meter_shadows CT clock_time_diff_synced_at - 2026-03-29T11:00:03.400000Z
meter_registry CT hardware - P1.cx
meter_registry CT frame_address - 12345
meter_registry CT firmware_version - 0102030405

register_import ODD read.A 10:00:02.1 0.502
register_export ODD read.A 10:00:02.1 0
meter_voltage ODD voltage 10:00:02.1 230
meter_prepay_balance ODD balance 10:00:02.1 3
meter_health_history ODD health 10:00:02.1 healthy
meter_csq ODD csq 10:00:06.2 null
meter_health_history ODD health 10:00:06.2 unhealthy
register_import ODD read.A 11:00:02.1 0.6
register_export ODD read.A 11:00:02.1 0
meter_health_history ODD health 11:00:02.1 unhealthy
meter_shadows ODD import_a - 0.6
meter_shadows ODD export_a - 0
meter_shadows ODD voltage - 230
meter_shadows ODD balance - 3
meter_shadows ODD csq - null
meter_shadows ODD health - unhealthy
meter_shadows ODD tariffs_active - {"standing_charge": "1.00000", "unit_rate_element_b": null, "threshold_mask": null}
meter_registry ODD hardware - 1
meter_registry ODD frame_address - 79

meter_csq DEAD csq 10:00:03 null
meter_health_history DEAD health 10:00:03 unhealthy
meter_csq DEAD csq 10:00:06 null
meter_health_history DEAD health 10:00:06 unhealthy
meter_csq DEAD csq 11:00:29 null
meter_health_history DEAD health 11:00:29 unhealthy
meter_shadows DEAD health - unhealthy
meter_registry DEAD hardware - B1.w

meter_health_history ALIEN health 10:00:01.4 unhealthy
meter_health_history ALIEN health 10:00:05.4 unhealthy
meter_health_history ALIEN health 11:00:01.1 unhealthy
meter_shadows ALIEN health - unhealthy
meter_registry ALIEN hardware - C1.w

meter_registry PASSIVE hardware - C1.w
`

// moments is a time of the day of the tests, which is not the day of the machine.
func moments(clock string) time.Time {
	t, err := time.Parse("2006-01-02 15:04:05", "2026-03-29 "+clock)
	if err != nil {
		return time.Time{}
	}
	return t
}

func lines(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
}

func parseAnswers(t *testing.T, text string) []Answer {
	t.Helper()
	var all []Answer
	for _, line := range lines(text) {
		w := strings.Fields(line)
		object, block, log := strings.Cut(w[1], "/")
		id, err := strconv.ParseUint(object, 16, 24)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		a := Answer{Serial: w[0], Object: uint32(id), Block: -1, Arrived: moments(w[2]), Departed: moments(w[3])}
		if log {
			a.Block, _ = strconv.Atoi(block)
		}
		a.Whole = w[4] == "ok" || w[4] == "nak5"
		if w[4] == "nak5" {
			a.NAK = 5
		}
		for _, v := range w[5:] {
			a.Values = append(a.Values, parseValues(v)...)
		}
		all = append(all, a)
	}
	return all
}

// parseValues reads name=countUnit, name=count@a_unit, name=text, or an event as time=type/set.
func parseValues(s string) []Value {
	name, v, _ := strings.Cut(s, "=")
	if kind, set, _ := strings.Cut(v, "/"); strings.Contains(name, ":") {
		k, _ := strconv.ParseInt(kind, 10, 64)
		n, _ := strconv.ParseInt(set, 10, 64)
		return []Value{{Name: "event", Unit: "s", Number: moments(name).Unix()}, {Name: "type", Number: k}, {Name: "set", Number: n}}
	}
	digits := v[:len(v)-len(strings.TrimLeft(v, "-0123456789"))]
	unit := v[len(digits):]
	n, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case name == "firmware" || name == "serial" || name == "hardware" || name == "text" || name == "backlight" || err != nil:
		return []Value{{Name: name, Text: v}}
	case strings.HasPrefix(unit, "@"):
		unit = strings.ReplaceAll(unit[1:], "_", " ")
	}
	return []Value{{Name: name, Unit: unit, Number: n}}
}

func parseFacts(t *testing.T, text string) []flows.Fact {
	t.Helper()
	var all []flows.Fact
	for _, line := range lines(text) {
		w := strings.SplitN(line, " ", 5)
		if len(w) != 5 {
			t.Fatalf("%q has no five words", line)
		}
		f := flows.Fact{Table: w[0], Serial: w[1], Column: w[2], Time: moments(w[3]), Value: w[4]}
		if f.Null = f.Value == "null"; f.Null {
			f.Value = ""
		}
		all = append(all, f)
	}
	return all
}

// brief is what a mismatch names: table.column serial time.
func brief(m Mismatch) string {
	return fmt.Sprintf("%s.%s %s %s", m.Table, m.Column, m.Serial, m.Time.UTC().Format("15:04:05.999"))
}
