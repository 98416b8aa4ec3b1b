package syncer

import (
	"slices"
	"time"

	"flows"
)

// BackfillSummary is what a backfill of many meters came to.
type BackfillSummary struct {
	From        time.Time      `json:"from"`
	To          time.Time      `json:"to"`
	Started     time.Time      `json:"started"`
	Finished    time.Time      `json:"finished"`
	Meters      int            `json:"meters"`
	Done        int            `json:"done"` // asked for all that was missing
	Unsupported int            `json:"unsupported"`
	Failed      int            `json:"failed"`   // the meter's trouble
	Skipped     int            `json:"skipped"`  // nobody's: busy, interrupted, no register yet
	NotDone     int            `json:"not_done"` // ours: mediator, gateway, certificate, database
	Records     int            `json:"records"`  // half-hourly times of a register and direction, as are the next two
	Holes       int            `json:"holes"`    // shown not to be in the log
	Missing     int            `json:"missing"`  // still, of the meters that were come to
	Questions   int            `json:"questions"`
	Reasons     []flows.Reason `json:"reasons"`
	Notes       []flows.Reason `json:"notes"`
}

// Add counts one meter.
func (s *BackfillSummary) Add(m flows.Meter, f Filled, err error) {
	s.Records, s.Holes, s.Missing, s.Questions = s.Records+f.Records, s.Holes+f.Holes, s.Missing+f.Missing, s.Questions+f.Questions
	switch {
	case err != nil:
		s.fail(m, err)
	case m.Hardware == "":
		s.Skipped++
		s.note(m, "no register yet: no run has found out its hardware")
	case f.NoLog:
		s.Unsupported++
		s.note(m, "no half-hourly log")
	default:
		s.Done++
		for _, name := range f.Unknown {
			s.note(m, "no "+name)
		}
		if f.Missing > 0 && len(f.Unknown) == 0 {
			s.note(m, "the log ends before the last half-hours that are missing")
		}
	}
}

func (s *BackfillSummary) fail(m flows.Meter, err error) {
	code := flows.CodeOf(err, flows.Mediator)
	switch code.Owner() {
	case flows.TheMeters:
		s.Failed++
	case flows.Nobodys:
		s.Skipped++
	default:
		s.NotDone++
	}
	s.Reasons = count(s.Reasons, flows.Reason{Code: code, Text: err.Error()}, m.Serial, byCode)
}

func (s *BackfillSummary) note(m flows.Meter, text string) {
	s.Notes = count(s.Notes, flows.Reason{Text: text}, m.Serial, byText)
}

// Counted is how many meters were added.
func (s *BackfillSummary) Counted() int {
	return s.Done + s.Unsupported + s.Failed + s.Skipped + s.NotDone
}

// Exit is the exit code that the backfill deserves, as Summary's.
func (s *BackfillSummary) Exit() int {
	switch {
	case s.NotDone > 0 || slices.ContainsFunc(s.Reasons, func(r flows.Reason) bool { return r.Code.Owner() == flows.Nobodys }):
		return 3
	case s.Failed > 0:
		return 1
	}
	return 0
}
