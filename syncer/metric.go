// Package syncer knows what each metric means: which objects it reads from a meter and where their values go. It runs one meter (Run)
// and a fleet of them (Fleet); it stores nothing itself.
package syncer

import (
	"strings"

	"flows"
	"flows/emop"
)

// metric is a row of the table: a name as meter_metrics has it, what it asks a meter, and what it makes of the answers.
type metric struct {
	name  string
	wants []want
	sync  func(*run)
}

// want is one question and the hardware it is for.
type want struct {
	on   emop.Class
	item emop.Item
}

func objects(entries ...emop.Entry) []want {
	var all []want
	for _, e := range entries {
		all = append(all, want{e.On, emop.Item{Object: e.ID}})
	}
	return all
}

// table is every metric there is. Registers come first, so that their time is the earliest of the batch.
var table = []metric{
	{"SyncerReads", objects(emop.ElementA.Entry, emop.TotalImportActive.Entry, emop.ElementB.Entry, emop.TotalExportActive.Entry), reads},
	{"SyncerPrepayBalance", objects(emop.PrepayBalance.Entry), balance},
	{"SyncerCSQ", objects(emop.CSQ.Entry), csq},
	{"SyncerVoltage", objects(emop.Voltage.Entry, emop.VoltageL1.Entry, emop.VoltageL2.Entry, emop.VoltageL3.Entry), voltage},
	{"SyncerClockDiff", objects(emop.Time.Entry), clockDiff},
	{"SyncerSerial", objects(emop.Serial.Entry, emop.ThreePhaseSerial.Entry), serial},
	{"SyncerHardware", objects(emop.Hardware.Entry, emop.ThreePhaseHardware.Entry), hardware},
	{"SyncerFirmwareVersion", objects(emop.Firmware.Entry), firmware},
	{"SyncerPrepayEnabled", objects(emop.PrepayEnabled.Entry), prepayEnabled},
	{"SyncerDaylightSavingsEnabled", objects(emop.DaylightSavings.Entry), daylightSavings},
	{"SyncerBacklight", objects(emop.Backlight.Entry), backlight},
	{"SyncerLoadSwitch", objects(emop.LoadSwitch.Entry), loadSwitch},
	{"SyncerTariffsActive", tariffsActiveWants, tariffsActive},
	{"SyncerTariffsFuture", tariffsFutureWants, tariffsFuture},
	{"SyncerEventLog", []want{{emop.SinglePhase, eventBlock(0)}}, eventLog},
	{"SyncerProfileLog", nil, profileLog},
}

// choose gives the metrics of these names, in the table's order, and the names that nobody knows. Case does not matter; a name given
// twice is one metric.
func choose(names []string) (chosen []metric, unknown []string) {
	wanted := make(map[string]bool, len(names))
	for _, n := range names {
		wanted[strings.ToLower(n)] = true
	}
	for _, m := range table {
		if key := strings.ToLower(m.name); wanted[key] {
			chosen = append(chosen, m)
			wanted[key] = false
		}
	}
	for _, n := range names {
		if key := strings.ToLower(n); wanted[key] {
			unknown = append(unknown, n)
			wanted[key] = false
		}
	}
	return chosen, unknown
}

// asked tells whether hardware of class c is asked for what on names. Hardware of an unknown name is asked as a single-element meter is.
func asked(on, c emop.Class) bool {
	if c == 0 {
		c = emop.SingleElement
	}
	return on&c != 0
}

// supports tells whether hardware of class c is asked anything for the metric. One without a question in the batch finds that out later.
func (m metric) supports(c emop.Class) bool {
	if m.wants == nil {
		return true
	}
	for _, w := range m.wants {
		if asked(w.on, c) {
			return true
		}
	}
	return false
}

// unite gives the questions that the metrics have for this hardware, each once.
func unite(metrics []metric, c emop.Class) []emop.Item {
	var all []emop.Item
	seen := map[string]bool{}
	for _, m := range metrics {
		for _, w := range m.wants {
			if asked(w.on, c) && !seen[key(w.item)] {
				seen[key(w.item)] = true
				all = append(all, w.item)
			}
		}
	}
	return all
}

// key tells items apart.
func key(i emop.Item) string {
	if len(i.DataField) > 0 {
		return string(i.DataField)
	}
	return string(emop.AppendRead(nil, i.Object))
}

// outcomes gives all these metrics the same outcome.
func outcomes(metrics []metric, o flows.Outcome) []flows.Outcome {
	var all []flows.Outcome
	for _, m := range metrics {
		o.Metric = m.name
		all = append(all, o)
	}
	return all
}
