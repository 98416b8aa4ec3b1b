package emop

import (
	"strings"
	"testing"
	"time"
)

func TestTextSaysWhatWasRead(t *testing.T) {
	tests := []struct{ object, payload, want string }{
		{"hardware", "", ""},
		{"hardware", "36427720", "B1.w"},
		{"hardware", "3643", "C1.w"},
		{"hardware", "396320", "9c"},         // unknown text as read
		{"hardware", "00000000", "00000000"}, // not empty, so no three phase
		{"hardware", "41fe", "41fe"},
		{"three_phase_hardware", "00", "P1.ax"},
		{"three_phase_hardware", "01", "P1.cx"},
		{"three_phase_hardware", "07", "unknown 7"},
		{"firmware", "33303230", "3_02_0"},
		{"firmware", "3330323a", "3330323a"},
		{"firmware", "0aff", "0aff"},
		{"three_phase_serial", "454d4c310000", "EML1"},
		{"backlight", "00", "normal_sp"},
		{"backlight", "05", "30_seconds_turn_off_3p"},
		{"backlight", "ff", "unknown 255"},
		{"load_switch", "03", "never_button_required"},
		{"load_switch", "09", "unknown 9"},
		{"daylight_savings", "01", "yes"},
		{"prepay_enabled", "00", "no"},
		{"prepay_enabled", "ff", "no"},
		{"prepay_balance", "ffffffff", "-0.00001 GBP"},
		{"prepay_balance", "00000080", "-21474.83648 GBP"},
		{"transaction_count", "0000", "1"},
		{"transaction_count", "ffff", "0"},
		{"transaction", "00000000000000007036732d" + "e0930400", "2024-02-29 12:34:56 UTC: 3.00000 GBP"},
		{"total_import_active", "ffffffff", "4294967295 Wh (P1.cx: 0.1 Wh)"},
		{"power_active", "e803", "1000 W"},
		{"power_factor", "5f00", "0.95"},
		{"frequency", "f401", "50.0 Hz"},
		{"voltage", "0000", "0.0 V"},
		{"active_thresholds", "0100020003000400050006000700", "1 2 3 4 5 6 7"},
		{"active_threshold_mask", "00", "no rate"},
		{"active_threshold_mask", "80", "rate 8"},
		{"active_tou_flag", "01", "1"},
		{"active_price.3.1", "00e1f505", "1000.00000 GBP"},
		{"future_activation", "00000000", "2000-01-01 00:00:00 meter's clock time"},
		{"future_activation", "ffffffff", "2136-02-07 06:28:15 meter's clock time"},
		{"time_switches_a", "00ff", "00ff"},
		{"time", "18021d173b3bff", "2024-02-29 23:59:59 UTC"}, // the day of the week is not looked at
	}
	for _, tt := range tests {
		t.Run(tt.object+" "+tt.payload, func(t *testing.T) {
			d, err := Lookup(tt.object)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := d.Text(mustHex(t, tt.payload), All); err != nil || got != tt.want {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestPayloadsThatAreNotTheObjectFail(t *testing.T) {
	tests := []struct{ name, object, payload, want string }{
		{"too short", "voltage", "52", "1 bytes where 2 or more are needed"},
		{"too long", "voltage", "520900", "3 bytes where 2 are expected"},
		{"empty", "csq", "", "0 bytes where 1 or more are needed"},
		{"one register less", "element_a", strings.Repeat("00", 12), "12 bytes where 16 or more are needed"},
		{"no month 13", "time", "180d0100000000", "no date and time"},
		{"no month 0", "time", "18000100000000", "no date and time"},
		{"no 30 February", "time", "18021e00000000", "no date and time"},
		{"no hour 24", "time", "18010118000000", "no date and time"},
		{"no minute 60", "time", "180101003c0000", "no date and time"},
		{"no second 60", "time", "18010100003c00", "no date and time"},
		{"serial of padding", "serial", "20202000", "no serial number"},
		{"serial that cannot be printed", "serial", "454d4c07", "no serial number"},
		{"no firmware version", "firmware", "", "no version"},
		{"one threshold less", "future_thresholds", strings.Repeat("00", 12), "needed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := Lookup(tt.object)
			if err != nil {
				t.Fatal(err)
			}
			got, err := d.Text(mustHex(t, tt.payload), All)
			if err == nil || got != "" || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.object) {
				t.Errorf("got %q, %v, want an error with %q", got, err, tt.want)
			}
		})
	}
}

func TestDecodedTypes(t *testing.T) {
	if got, err := ElementA.Decode(mustHex(t, "4e61bc0087d612004794030007870000")); err != nil || got != (Registers{12345678, 1234567, 234567, 34567}) {
		t.Errorf("element A: %+v, %v", got, err)
	}
	if got, err := PrepayBalance.Decode(mustHex(t, "c07a03fe")); err != nil || got != -33326400 {
		t.Errorf("balance: %d, %v", got, err)
	}
	want := time.Date(2024, 2, 29, 12, 34, 56, 0, time.UTC)
	if got, err := FutureActivation.Decode(mustHex(t, "7036732d")); err != nil || !got.Equal(want) {
		t.Errorf("activation: %s, %v", got, err)
	}
	mask, err := ActiveThresholdMask.Decode([]byte{0x21})
	if err != nil {
		t.Fatal(err)
	}
	for rate := range 10 {
		if got, want := mask.Has(rate), rate == 1 || rate == 6; got != want {
			t.Errorf("rate %d: got %t, want %t", rate, got, want)
		}
	}
}

func TestTimeWrittenIsTimeRead(t *testing.T) {
	london := time.FixedZone("BST", 3600)
	payload, err := AppendTime(nil, time.Date(2023, 8, 6, 22, 0, 1, 999, london))
	if want := "\x17\x08\x06\x15\x00\x01\x00"; err != nil || string(payload) != want {
		t.Fatalf("got %x, %v, want %x", payload, err, want)
	}
	got, err := Time.Decode(payload)
	if want := time.Date(2023, 8, 6, 21, 0, 1, 0, time.UTC); err != nil || !got.Equal(want) {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

func TestAppendTimeRefusesAClockThatIsNotSet(t *testing.T) {
	for _, year := range []int{1, 1970, 2019, 2256} {
		if b, err := AppendTime(nil, time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC)); err == nil || len(b) != 0 {
			t.Errorf("%d: got %x, %v", year, b, err)
		}
	}
}

func TestDecodingNumbersAllocatesAtMostTheReader(t *testing.T) {
	payload, now := mustHex(t, "4e61bc0087d612004794030007870000"), []byte{24, 1, 1, 0, 0, 0, 0}
	for name, decode := range map[string]func() error{
		"registers": func() error { _, err := ElementA.Decode(payload); return err },
		"voltage":   func() error { _, err := Voltage.Decode(payload[:2]); return err },
		"time":      func() error { _, err := Time.Decode(now); return err },
		"opaque":    func() error { _, err := TimeSwitchesA.Decode(payload); return err },
	} {
		got := testing.AllocsPerRun(100, func() {
			if err := decode(); err != nil {
				t.Fatal(err)
			}
		})
		if got > 1 {
			t.Errorf("%s: %v allocations, want 1 at most", name, got)
		}
	}
}

func TestTotalsAreInTheUnitOfTheHardware(t *testing.T) {
	payload := mustHex(t, "39300000") // 12345
	for c, want := range map[Class]string{WholeCurrent: "12345 Wh", CTOperated: "1234.5 Wh"} {
		if got, err := TotalImportActive.Text(payload, c); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", c, got, err, want)
		}
	}
}
