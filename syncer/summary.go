package syncer

import (
	"cmp"
	"slices"
	"time"

	"flows"
)

// Summary is what one run of a fleet came to.
type Summary struct {
	Frequency flows.Frequency `json:"frequency"`
	Started   time.Time       `json:"started"`
	Finished  time.Time       `json:"finished"`
	Meters    int             `json:"meters"`
	Healthy   int             `json:"healthy"`
	Unhealthy int             `json:"unhealthy"`
	Skipped   int             `json:"skipped"`  // nobody's trouble: busy, interrupted, nothing to read
	NotDone   int             `json:"not_done"` // our trouble: mediator, gateway, certificate, database
	Reasons   []flows.Reason  `json:"reasons"`
	Notes     []flows.Reason  `json:"notes"` // what was found beside the verdicts: unknown metrics, another hardware
}

// Add counts one result.
func (s *Summary) Add(r flows.Result) {
	switch r.Verdict() {
	case flows.VerdictHealthy:
		s.Healthy++
	case flows.VerdictUnhealthy:
		s.Unhealthy++
	case flows.VerdictSkipped:
		s.Skipped++
	case flows.VerdictNotDone:
		s.NotDone++
	}
	if r.Health != flows.Healthy {
		s.Reasons = count(s.Reasons, flows.Reason{Code: r.Code, Text: r.Details}, r.Meter.Serial, byCode)
	}
	for _, o := range r.Outcomes {
		switch {
		case o.State == flows.Unknown, o.State == flows.Read && o.Reason != "", o.State == flows.Skipped && r.Health == flows.Healthy:
			s.Notes = count(s.Notes, flows.Reason{Text: o.Metric + ": " + o.Reason}, r.Meter.Serial, byText)
		}
	}
}

func byCode(a, b flows.Reason) bool { return a.Code == b.Code }
func byText(a, b flows.Reason) bool { return a.Text == b.Text }

func count(all []flows.Reason, r flows.Reason, serial string, same func(a, b flows.Reason) bool) []flows.Reason {
	i := slices.IndexFunc(all, func(o flows.Reason) bool { return same(o, r) })
	if i < 0 {
		i = len(all)
		all = append(all, r)
	}
	all[i].Count++
	if len(all[i].Serials) < 10 {
		all[i].Serials = append(all[i].Serials, serial)
	}
	slices.SortStableFunc(all, func(a, b flows.Reason) int { return cmp.Compare(b.Count, a.Count) })
	return all
}

// Counted is how many meters were added.
func (s Summary) Counted() int { return s.Healthy + s.Unhealthy + s.Skipped + s.NotDone }

// Exit is the exit code that the run deserves: 3 when something was not done for a reason that is not a meter's, 1 when a meter failed.
func (s Summary) Exit() int {
	switch {
	case s.NotDone > 0 || s.busy():
		return 3
	case s.Unhealthy > 0:
		return 1
	}
	return 0
}

func (s Summary) busy() bool {
	return slices.ContainsFunc(s.Reasons, func(r flows.Reason) bool { return r.Code.Owner() == flows.Nobodys })
}
