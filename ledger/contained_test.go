package ledger

import (
	"slices"
	"strings"
	"testing"
)

func TestAFaithfulDatabaseIsContained(t *testing.T) {
	facts := parseFacts(t, smallFacts)
	slices.Reverse(facts)
	for _, m := range Contained(smallFleet, parseAnswers(t, smallAnswers), facts) {
		t.Error(m)
	}
}

// Whoever was killed may have read a meter again, or have stored nothing of what it answered.
func TestReadAgainOrNotStoredIsContained(t *testing.T) {
	for name, e := range map[string]edit{
		"another reading":     {"", "register_import TWIN read.A 10:30:00.1 0.099\nregister_export TWIN read.A 10:30:00.1 0.099\nmeter_health_history TWIN health 10:30:00.1 healthy"},
		"a row missing":       {"register_export TWIN read.B 10:00:01.2 0.003\n", ""},
		"no shadow":           {"meter_shadows TWIN import_a - 17000.002\n", ""},
		"an older shadow":     {"TWIN import_a - 17000.002", "TWIN import_a - 17000.001"},
		"the sooner of two":   {"ODD read.A 10:00:02.1 0.502", "ODD read.A 10:00:02.1 0.501"},
		"a second verdict":    {"", "meter_health_history ODD health 10:00:03.2 unhealthy"},
		"nothing was heard":   {"", "meter_csq TWIN csq 10:45:00 null\nmeter_health_history TWIN health 10:45:00 unhealthy"},
		"hardware long known": {"meter_registry TWIN hardware - C1.w", "meter_registry TWIN hardware - B1.w"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, m := range Contained(smallFleet, parseAnswers(t, smallAnswers), parseFacts(t, e.of(t, smallFacts))) {
				t.Error(m)
			}
		})
	}
}

func TestWhatNobodyAnsweredIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		edit
		want string
		why  string
	}{
		"a value nobody answered":    {edit{"TWIN read.A 10:00:01.2 17000.001", "TWIN read.A 10:00:01.2 17000.005"}, "register_import.read.A TWIN 10:00:01.2", "never answered that"},
		"a spoiled answer":           {edit{"ODD read.A 10:00:02.1 0.502", "ODD read.A 10:00:02.1 0.5"}, "register_import.read.A ODD 10:00:02.1", "never answered that"},
		"element A under B":          {edit{"TWIN read.B 10:00:01.2 0\n", "TWIN read.B 10:00:01.2 17000.001\n"}, "register_import.read.B TWIN 10:00:01.2", "never answered that"},
		"a row doubled":              {edit{"", "register_import TWIN read.B 10:00:01.2 0"}, "register_import.read.B TWIN 10:00:01.2", "stored twice"},
		"a register at another time": {edit{"register_import TWIN read.A 10:00:01.2", "register_import TWIN read.A 10:00:02.5"}, "register_import.read.A TWIN 10:00:02.5", "under another time"},
		"the value of the next run":  {edit{"TWIN read.A 10:00:01.2 17000.001", "TWIN read.A 10:00:01.2 17000.002"}, "register_import.read.A TWIN 10:00:01.2", "under another time"},
		"a value an hour early":      {edit{"meter_voltage TWIN voltage 10:00:01.2", "meter_voltage TWIN voltage 09:00:01.2"}, "meter_voltage.voltage TWIN 09:00:01.2", "under another time"},
		"a value of the run before":  {edit{"", "meter_voltage TWIN voltage 11:00:01.2 238.6"}, "meter_voltage.voltage TWIN 11:00:01.2", "under another time"},
		"csq nobody answered":        {edit{"meter_csq DEAD csq 10:00:06 null", "meter_csq DEAD csq 10:00:06 16"}, "meter_csq.csq DEAD 10:00:06", "never answered such"},
		"a silent meter healthy":     {edit{"meter_health_history DEAD health 10:00:06 unhealthy", "meter_health_history DEAD health 10:00:06 healthy"}, "meter_health_history.health DEAD 10:00:06", "nothing at that time"},
		"a null balance":             {edit{"TWIN balance 10:00:01.2 -333.264", "TWIN balance 10:00:01.2 null"}, "meter_prepay_balance.balance TWIN 10:00:01.2", "as null"},
		"a foreign meter's value":    {edit{"", "register_import ALIEN read.A 11:00:01.1 0.009"}, "register_import.read.A ALIEN 11:00:01.1", "another meter"},
		"a foreign meter's shadow":   {edit{"", "meter_shadows ALIEN import_a - 0.009"}, "meter_shadows.import_a ALIEN 00:00:00", "another meter"},
		"a passive meter's value":    {edit{"", "meter_voltage PASSIVE voltage 10:00:01.2 230"}, "meter_voltage.voltage PASSIVE 10:00:01.2", "never answered such"},
		"an event altered":           {edit{"event.33 08:00:00 6", "event.33 08:00:00 7"}, "meter_event_log.event.33 TWIN 08:00:00", "such an event"},
		"an event a second late":     {edit{"event.52 09:00:00 1", "event.52 09:00:01 1"}, "meter_event_log.event.52 TWIN 09:00:01", "such an event"},
		"a price":                    {edit{`"unit_rate_element_a": "0.20000"`, `"unit_rate_element_a": "0.20009"`}, "meter_shadows.tariffs_active.unit_rate_element_a TWIN 00:00:00", "never answered that"},
		"a shadow":                   {edit{"TWIN import_a - 17000.002", "TWIN import_a - 17000"}, "meter_shadows.import_a TWIN 00:00:00", "never answered that"},
		"a table of nobody's":        {edit{"", "meter_moon TWIN phase 10:00:01.2 3"}, "meter_moon.phase TWIN 10:00:01.2", "never answered such"},
		"a meter of nobody's":        {edit{"", "meter_csq STRANGER csq 10:00:01 16"}, "meter_csq.csq STRANGER 10:00:01", "no such meter"},
	} {
		t.Run(name, func(t *testing.T) {
			got := Contained(smallFleet, parseAnswers(t, smallAnswers), parseFacts(t, c.edit.of(t, smallFacts)))
			if len(got) != 1 || brief(got[0]) != c.want || !strings.Contains(got[0].Why, c.why) {
				t.Errorf("got %v\nwant one of %s: %s", got, c.want, c.why)
			}
		})
	}
}

func TestAMismatchOfContainedSaysWhatWasAnswered(t *testing.T) {
	facts := parseFacts(t, edit{"TWIN read.A 10:00:01.2 17000.001", "TWIN read.A 10:00:01.2 17000"}.of(t, smallFacts))
	got := Contained(smallFleet, parseAnswers(t, smallAnswers), facts)[0].String()
	want := "register_import.read.A of TWIN at 2026-03-29T10:00:01.2Z: " +
		"want 17000.001 answered 2026-03-29T10:00:01Z to 2026-03-29T10:00:01.4Z, got 17000: the meter never answered that"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
