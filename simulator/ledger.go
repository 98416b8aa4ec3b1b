package simulator

import (
	"slices"
	"time"

	"flows/emop"
)

// Answer is what became of one request that reached a meter whole.
type Answer struct {
	Serial     string  // of the slot, as registered; a foreign meter's answers stand under it too
	Object     emop.ID // 0 of a profile log
	EventBlock int     // of the event log; -1 otherwise
	Profile    *Profile
	Write      bool // the request was a write, or would have reset a log
	Arrived    time.Time
	Departed   time.Time // zero when nothing left
	Whole      bool      // left whole and unspoiled as the answer to that request
	NAK        int       // 0 = ok
	Values     []Value   // physical values; nil with a NAK, a write or no answer
}

// Value is one physical value of an answer, before it was encoded. Number counts Unit; "" is a bare number or an index.
//
//	object                      values
//	serial                      serial (Text, without padding)
//	hardware                    hardware (Text: the true name, "" when three phase meters say nothing), text (Text: as sent, without padding)
//	three phase configuration   hardware (Text), configuration
//	firmware                    firmware (Text as a registry holds it: 3_03_2, or hex on three phase)
//	time                        clock (s, Unix time the meter believes in), drift (ms, meter minus truth)
//	csq                         csq, operator
//	element registers           import_active, export_active (Wh), import_reactive, export_reactive (varh)
//	totals                      total (Wh, varh, VAh; 0.1 of each on P1.cx)
//	voltages, currents, powers  voltage (0.1 V), current (0.1 A), power (W or var), power_factor (0.01), frequency (0.1 Hz)
//	balance                     balance (1/100000 GBP)
//	flags                       prepay_enabled, daylight_saving, tou_flag (0 or 1)
//	backlight, load switch      backlight, load_switch (Number as sent, Text its name)
//	masks                       rate1 .. rate8 (0 or 1)
//	thresholds                  th1 .. th7
//	all prices                  price (1/100000 GBP, a kWh or a day)
//	indices                     index
//	activation time             activation (s, Unix time, true), activation_local (s, as the meter's own clock shows it)
//	transactions                transactions; or time (s, Unix time of the meter), value (1/100000 GBP)
//	time switches               switches (Text: hex)
//	event log                   for each record: event (s, Unix time of the meter), type, set
//	profile logs                none: see Answer.Profile
type Value struct {
	Name   string
	Unit   string
	Number int64
	Text   string
}

// Ledger gives a copy of all answers, meter by meter, each meter's in the order they left. An answer a client has received is in it.
func (f *Fleet) Ledger() []Answer {
	var all []Answer
	for i := range f.slots {
		s := &f.slots[i]
		s.mu.Lock()
		all = append(all, s.answers...)
		s.mu.Unlock()
	}
	return slices.Clip(all)
}

// ClearLedger forgets all answers.
func (f *Fleet) ClearLedger() {
	for i := range f.slots {
		s := &f.slots[i]
		s.mu.Lock()
		s.answers = nil
		s.mu.Unlock()
	}
}
