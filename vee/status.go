package vee

import (
	"flows"
)

// statusBits are the flags of a record and how bad they are. Only the first keeps a record out; only the second keeps half-hours out of
// billing.
var statusBits = []struct {
	name     string
	severity flows.Severity
	set      func(Status) bool
}{
	{"no valid data", flows.SeverityError, func(s Status) bool { return !s.Has(ValidData) }},
	{"major time error", flows.SeverityError, func(s Status) bool { return s.Has(MajorTimeError) }},
	{"minor time error", flows.SeverityWarning, func(s Status) bool { return s.Has(MinorTimeError) }},
	{"communication error", flows.SeverityWarning, func(s Status) bool { return s.Has(CommunicationError) }},
	{"power fail", flows.SeverityInfo, func(s Status) bool { return s.Has(PowerFail) }},
}

// status reports the flags of the log's records, a day and flag.
func status(j *judgement) string {
	if j.in.Register.NoLog {
		return "the meter keeps no log"
	}
	for _, bit := range statusBits {
		found := daily{cal: j.cal}
		for _, facts := range [][]fact{j.invalid, j.flagged} {
			for _, f := range facts {
				if j.onShownDay(f.t) && bit.set(f.status) {
					e := found.add(f.t, f.t)
					e.Severity = bit.severity
					e.Details["flag"] = bit.name
				}
			}
		}
		found.raise(func(e flows.Exception) {
			e.Key += " " + bit.name
			j.raise(e)
		})
	}
	return ""
}
