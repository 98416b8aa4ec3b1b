package flows

import "time"

// State says what became of one metric in one run.
type State string

// States of a metric's outcome. Unsupported and unknown spoil nothing.
const (
	Read        State = "read"
	Partial     State = "partial" // some of its objects failed; what was read is kept
	Failed      State = "failed"
	Unsupported State = "unsupported"
	Unknown     State = "unknown" // no syncer of that name
	Skipped     State = "skipped" // the meter was given up before it came to this metric
)

// Outcome is what became of one metric in one run.
type Outcome struct {
	Metric string `json:"metric"`
	State  State  `json:"state"`
	Code   Code   `json:"code,omitempty"`
	Object string `json:"object,omitempty"` // the object that failed
	Reason string `json:"reason,omitempty"`
}

// Result is everything one run found out about one meter. It is saved once.
type Result struct {
	Meter     Meter
	Frequency Frequency
	Run       int64     // id of the run; 0 = a person asked for this meter alone
	Scheduled time.Time // when the run was due; zero without a run

	// Health is the verdict; NeverRun means that the meter could not be judged (Code says why) and that its shadow must not be touched.
	Health  Health
	Details string // health_details
	Code    Code   // the reason of a verdict that is not healthy
	Object  string // the object that failed first
	NoCSQ   bool   // no valid answer at all: the shadow's csq becomes null

	Shadow   Shadow
	Registry Registry // only what changed
	Events   []Event
	Profile  []ProfileRead
	Holes    []ProfileHole
	Outcomes []Outcome

	ReadAt   time.Time // the time of the reading, see design: middle of the exchange that answered a register
	Duration time.Duration
}

// OnlyOf is the result without what has no register to be stored under; a stands for SINGLE as well.
func (r Result) OnlyOf(a, b bool) Result {
	if !a {
		r.Shadow.ImportA, r.Shadow.ExportA = nil, nil
	}
	if !b {
		r.Shadow.ImportB, r.Shadow.ExportB = nil, nil
	}
	return r
}
