package ledger

import (
	"slices"
	"testing"

	"flows"
)

func TestWhatTheContractLeavesOpenIsNoMismatch(t *testing.T) {
	for name, c := range map[string]struct{ answers, facts edit }{
		"an earlier whole answer of the run": {facts: edit{"ODD read.A 10:00:02.1 0.502", "ODD read.A 10:00:02.1 0.501"}},
		"a dead meter's row at the run's end": {facts: edit{"meter_csq DEAD csq 11:00:29 null\nmeter_health_history DEAD health 11:00:29 unhealthy",
			"meter_csq DEAD csq 11:00:30.9 null\nmeter_health_history DEAD health 11:00:30.9 unhealthy"}},
		"hardware not filled at first contact": {facts: edit{"meter_registry ODD hardware - 1", ""}},
		"a null that is spelled out":           {facts: edit{"", "meter_3p_voltage CT voltage_l2 10:00:02.2 null"}},
		"a null of present state":              {facts: edit{"", "meter_shadows CT balance - null"}},
		"two seconds of the clock":             {facts: edit{"seconds - -431", "seconds - -434"}},
		"a write":                              {answers: edit{"", "TWIN 800800 11:00:06 11:00:06.1 ok clock=1s drift=0ms"}},
		"the rest unasked after a lost answer": {answers: edit{"ODD ffff22 11:00:04 11:00:04.1 ok price=100000@1/100000_GBP", ""},
			facts: edit{`meter_shadows ODD tariffs_active - {"standing_charge": "1.00000", "unit_rate_element_b": null, "threshold_mask": null}`, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			answers, facts := smallAnswers, smallFacts
			if c.answers != (edit{}) {
				answers = c.answers.of(t, answers)
			}
			if c.facts != (edit{}) {
				facts = c.facts.of(t, facts)
			}
			heard := parseAnswers(t, answers)
			if name == "a write" {
				heard[len(heard)-1].Write = true
			}
			if r := Compare(smallFleet, heard, smallRuns(), parseFacts(t, facts)); len(r.Mismatches) > 0 {
				t.Errorf("mismatches:\n%s", r)
			}
		})
	}
}

// A row's time must lie in the run's window, whatever the other rows say.
func TestARunStoredWholeUnderAWrongTimeIsFoundRowByRow(t *testing.T) {
	for name, c := range map[string]struct {
		serial, from, to string
		rows             int
	}{
		"before the first request of a register": {"TWIN", "11:00:01.2", "10:59:59.9", 5},
		"after the register's answer":            {"TWIN", "11:00:01.2", "11:00:02.5", 5},
		"in a run without registers":             {"CT", "10:00:05.1", "10:00:06.3", 2},
		"a dead meter's after the run":           {"DEAD", "11:00:29", "11:00:31.1", 2},
		"a foreign meter's":                      {"ALIEN", "11:00:01.1", "11:00:02.6", 1},
	} {
		t.Run(name, func(t *testing.T) {
			facts := parseFacts(t, smallFacts)
			for i := range facts {
				if f := &facts[i]; f.Serial == c.serial && f.Time.Equal(moments(c.from)) {
					f.Time = moments(c.to)
				}
			}
			r := Compare(smallFleet, parseAnswers(t, smallAnswers), smallRuns(), facts)
			if len(r.Mismatches) != c.rows {
				t.Fatalf("%d mismatches, want %d:\n%s", len(r.Mismatches), c.rows, r)
			}
			for _, m := range r.Mismatches {
				if !m.Time.Equal(moments(c.to)) || m.Serial != c.serial {
					t.Errorf("not at %s: %s", c.to, m)
				}
			}
		})
	}
}

func TestARunWithNothingForTheHardwareExpectsNoRow(t *testing.T) {
	meters := []Meter{{Serial: "P", Hardware: "P1.ax", Registered: "P1.ax", Reachable: true, Active: true}}
	run := Run{flows.Hourly, []string{"SyncerPrepayBalance"}, moments("10:00:00"), moments("10:00:04")}
	known := flows.Fact{Table: "meter_registry", Serial: "P", Column: "hardware", Value: "P1.ax"}
	judged := flows.Fact{Table: "meter_health_history", Serial: "P", Column: "health", Time: moments("10:00:01"), Value: "healthy"}
	shadow := flows.Fact{Table: "meter_shadows", Serial: "P", Column: "health", Value: "healthy"}
	balance := flows.Fact{Table: "meter_prepay_balance", Serial: "P", Column: "balance", Time: moments("10:00:01"), Value: "0"}
	for name, c := range map[string]struct {
		facts []flows.Fact
		want  int
	}{
		"not judged": {[]flows.Fact{known}, 0},
		"judged":     {[]flows.Fact{known, judged, shadow}, 0},
		"invented":   {[]flows.Fact{known, judged, shadow, balance}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if r := Compare(meters, nil, []Run{run}, c.facts); len(r.Mismatches) != c.want {
				t.Errorf("%d mismatches, want %d:\n%s", len(r.Mismatches), c.want, r)
			}
		})
	}
}

// The caller's slices stay as they are.
func TestCompareChangesNothingOfItsInput(t *testing.T) {
	runs := smallRuns()
	slices.Reverse(runs)
	first := runs[0].Frequency
	if r := Compare(smallFleet, parseAnswers(t, smallAnswers), runs, parseFacts(t, smallFacts)); len(r.Mismatches) > 0 {
		t.Errorf("runs in another order:\n%s", r)
	}
	if runs[0].Frequency != first {
		t.Errorf("runs were sorted in place")
	}
}

func TestTheShadowHoldsWhatHistoryHolds(t *testing.T) {
	answers := smallAnswers + "ODD 0c0700 10:00:03.12 10:00:03.15 ok voltage=2301@0.1_V\n"
	for name, c := range map[string]struct {
		history, shadow string
		want            int
	}{
		"both the first":  {"230", "230", 0},
		"both the second": {"230.1", "230.1", 0},
		"one of each":     {"230", "230.1", 1},
	} {
		t.Run(name, func(t *testing.T) {
			facts := edit{"ODD voltage 10:00:02.1 230", "ODD voltage 10:00:02.1 " + c.history}.of(t, smallFacts)
			facts = edit{"ODD voltage - 230", "ODD voltage - " + c.shadow}.of(t, facts)
			if r := Compare(smallFleet, parseAnswers(t, answers), smallRuns(), parseFacts(t, facts)); len(r.Mismatches) != c.want {
				t.Errorf("%d mismatches, want %d:\n%s", len(r.Mismatches), c.want, r)
			}
		})
	}
}

// What the last run could not read of a tariff is null in it, also when an earlier run could.
func TestADocumentIsOfOneRun(t *testing.T) {
	answers := smallAnswers + "ODD ffffff 12:00:00 12:00:00.1 nak5\nODD fffffc 12:00:01 12:00:01.2 ok import_active=600Wh export_active=0Wh\n" +
		"ODD ffffff 12:00:02 12:00:02.1 nak5\nODD ffff2e 12:00:03 12:00:03.1 ok price=5@1/100000_GBP\nODD ffff22 12:00:04 - lost\n"
	again := smallRuns()[2]
	again.Started, again.Ended = moments("12:00:00"), moments("12:00:30")
	only := []Meter{smallFleet[2]}
	history := "register_import ODD read.A 12:00:01.1 0.6\nregister_export ODD read.A 12:00:01.1 0\nmeter_health_history ODD health 12:00:01.1 unhealthy\n"
	for document, want := range map[string]int{
		`{"unit_rate_element_a": "0.00005"}`:                               0,
		`{"unit_rate_element_a": "0.00005", "standing_charge": "1.00000"}`: 1,
	} {
		var facts []flows.Fact
		text := edit{`{"standing_charge": "1.00000", "unit_rate_element_b": null, "threshold_mask": null}`, document}.of(t, smallFacts+history)
		for _, f := range parseFacts(t, text) {
			if f.Serial == "ODD" {
				facts = append(facts, f)
			}
		}
		if r := Compare(only, parseAnswers(t, answers), append(smallRuns(), again), facts); len(r.Mismatches) != want {
			t.Errorf("%s: %d mismatches, want %d:\n%s", document, len(r.Mismatches), want, r)
		}
	}
}
