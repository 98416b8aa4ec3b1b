package flows

import "time"

// Origin says who wanted a run.
type Origin string

// Origins of runs.
const (
	Schedule Origin = "schedule"
	Command  Origin = "command" // a person, or somebody's cron: flows sync
)

// Run is one reading of all due meters at one frequency: a row of sync_runs.
type Run struct {
	ID        int64     `json:"id"`
	Frequency Frequency `json:"frequency"`
	ESCO      string    `json:"esco"` // code; "" = all meters
	Origin    Origin    `json:"origin"`
	Scheduled time.Time `json:"scheduled_for"`
	Missed    bool      `json:"missed"` // nobody was there to run it, and a later one has made up for it
	Started   time.Time `json:"started_at,omitzero"`
	Listed    time.Time `json:"listed_at,omitzero"` // Meters is final
	Finished  time.Time `json:"finished_at,omitzero"`

	Meters    int `json:"meters"`
	Healthy   int `json:"healthy"`
	Unhealthy int `json:"unhealthy"`
	Skipped   int `json:"skipped"`  // nobody's trouble: still waiting from the run before, busy, nothing to read
	NotDone   int `json:"not_done"` // our trouble: mediator, gateway, certificate, database

	SkipReasons map[string]int `json:"skip_reasons,omitempty"` // why meters got no job
}

// Counted is how many meters have come to an end.
func (r Run) Counted() int { return r.Healthy + r.Unhealthy + r.Skipped + r.NotDone }

// Verdict is what a run came to for one meter, as it is counted.
type Verdict string

// Verdicts of a meter's run.
const (
	VerdictHealthy   Verdict = "healthy"
	VerdictUnhealthy Verdict = "unhealthy"
	VerdictSkipped   Verdict = "skipped"  // nobody's trouble
	VerdictNotDone   Verdict = "not_done" // our trouble
)

// Verdict of the result.
func (r Result) Verdict() Verdict {
	switch {
	case r.Health == Healthy:
		return VerdictHealthy
	case r.Health == Unhealthy:
		return VerdictUnhealthy
	case r.Code == "" || r.Code.Owner() == Nobodys:
		return VerdictSkipped
	}
	return VerdictNotDone
}
