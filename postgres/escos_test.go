package postgres

import (
	"errors"
	"strings"
	"testing"

	"flows"
)

func TestThresholdsAreSetAndTakenBack(t *testing.T) {
	s := mustStore(t)
	for _, code := range []string{"E", "OTHER"} {
		if err := s.AddESCO(t.Context(), flows.ESCO{Code: code}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		set   map[string]string
		reset []string
		want  string
	}{
		{map[string]string{"zero_run": "48h", "off_use": "0.02"}, nil, `{"off_use": "0.02", "zero_run": "48h"}`},
		{map[string]string{"zero_run": "12h"}, []string{"off_use", "never_set"}, `{"zero_run": "12h"}`},
		{nil, []string{"zero_run"}, `{}`},
		{map[string]string{"stale_reads": "9"}, nil, `{"stale_reads": "9"}`},
	} {
		got, err := s.SetThresholds(t.Context(), "e", c.set, c.reset)
		stored, again := s.Thresholds(t.Context(), "E")
		if err != nil || again != nil || string(got) != c.want || string(stored) != c.want {
			t.Errorf("set %v, reset %v: %s, stored %s, want %s, %v", c.set, c.reset, got, stored, c.want, errors.Join(err, again))
		}
	}
	if got, err := s.Thresholds(t.Context(), "OTHER"); err != nil || string(got) != `{}` {
		t.Errorf("of another ESCO %s, %v", got, err)
	}
	var unknown *UnknownESCO
	if _, err := s.SetThresholds(t.Context(), "NOBODY", map[string]string{"zero_run": "12h"}, nil); !errors.As(err, &unknown) {
		t.Errorf("of nobody: %v", err)
	}
}

// Days are made of whole hours; what the database refuses is the person's to mend, as a zone that nobody knows is.
func TestAddESCORefusesAZoneWithHalfHours(t *testing.T) {
	s := mustStore(t)
	err := s.AddESCO(t.Context(), flows.ESCO{Code: "E", Timezone: "asia/kolkata"})
	if err == nil || !strings.Contains(err.Error(), "ESCO E cannot have time zone Asia/Kolkata: ") || flows.CodeOf(err, "") != "" {
		t.Errorf("error %v", err)
	}
}
