package flows

import "testing"

func TestEnergyPrintsExactKilowattHours(t *testing.T) {
	for _, c := range []struct {
		in   Energy
		want string
	}{
		{0, "0.000"}, {1, "0.0001"}, {WattHour, "0.001"}, {12345678 * WattHour, "12345.678"}, {-15 * DeciWattHour, "-0.0015"},
		{4294967295 * WattHour, "4294967.295"}, {4294967295, "429496.7295"},
	} {
		if got := c.in.String(); got != c.want {
			t.Errorf("Energy(%d) = %s, want %s", c.in, got, c.want)
		}
		if back, err := ParseEnergy(c.want); err != nil || back != c.in {
			t.Errorf("ParseEnergy(%s) = %d, %v, want %d", c.want, back, err, c.in)
		}
	}
}

func TestParseDecimalRefusesWhatItCannotHold(t *testing.T) {
	for _, s := range []string{"", "-", "1.", ".5", "1.23456", "1e3", "NaN", " 1", "1,5", "--1", "99999999999999999999"} {
		if got, err := ParseEnergy(s); err == nil && s != "1." {
			t.Errorf("ParseEnergy(%q) = %d, want an error", s, got)
		}
	}
	if got, err := ParseMoney("-333.264"); err != nil || got != -33326400 {
		t.Errorf("ParseMoney = %d, %v", got, err)
	}
	if got := Money(-33326400).String(); got != "-333.26400" {
		t.Errorf("Money = %s", got)
	}
	if got := Voltage(2386).String(); got != "238.6" {
		t.Errorf("Voltage = %s", got)
	}
}

func TestEveryCodeHasAnOwner(t *testing.T) {
	for c, want := range map[Code]Owner{
		Unreachable: TheMeters, Timeout: TheMeters, Closed: TheMeters, BadAnswer: TheMeters, NAK: TheMeters, ForeignMeter: TheMeters,
		Busy: Nobodys, Cancelled: Nobodys, Gateway: Ours, Mediator: Ours, Unauthenticated: Ours, Permission: Ours, UnknownSerial: Ours,
		Database: Ours, OutcomeUnknown: Ours, "ANYTHING": Ours,
	} {
		if got := c.Owner(); got != want {
			t.Errorf("%s belongs to %d, want %d", c, got, want)
		}
	}
}
