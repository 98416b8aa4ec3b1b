package postgres

import (
	"encoding/json"
	"testing"

	"flows"
)

func TestUnknownSerialIsNotDatabaseTrouble(t *testing.T) {
	s := fleet(t)
	ask := func(want flows.Code) {
		t.Helper()
		if _, err := s.Info(t.Context(), "none"); flows.CodeOf(err, "") != want {
			t.Errorf("Info: %v, want %s", err, want)
		}
	}
	ask(flows.UnknownSerial)
	mustExec(t, s, `alter table flows.meter_registry rename to away`)
	ask(flows.Database)
	if _, err := s.MetersForCLI(t.Context(), ""); flows.CodeOf(err, "") != flows.Database {
		t.Errorf("MetersForCLI: %v", err)
	}
}

func TestInfoIsBothRows(t *testing.T) {
	s := fleet(t)
	mustExec(t, s, `update flows.meter_shadows set balance = -1.5`)
	text, err := s.Info(t.Context(), "M1")
	if err != nil {
		t.Fatal(err)
	}
	var info struct {
		Registry struct {
			Serial    string
			IPAddress string `json:"ip_address"`
		}
		Shadow struct{ Balance json.Number }
	}
	if err := json.Unmarshal(text, &info); err != nil || info.Registry.Serial != "M1" || info.Registry.IPAddress != "10.0.0.1" || info.Shadow.Balance != "-1.5" {
		t.Errorf("got %s, %v", text, err)
	}
}

func TestMetersForCLIIsAnArray(t *testing.T) {
	s := fleet(t)
	for esco, want := range map[string]int{"": 3, "alpha": 2, "BETA": 0} {
		text, err := s.MetersForCLI(t.Context(), esco)
		var list []struct{ Serial string }
		if json.Unmarshal(text, &list) != nil || err != nil || list == nil || len(list) != want {
			t.Errorf("%q: got %s, %v, want %d meters", esco, text, err, want)
		}
	}
}
