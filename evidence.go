package flows

import (
	"encoding/json"
	"time"
)

// ProfileRecord is one record of a meter's half-hourly log, for one register and direction.
type ProfileRecord struct {
	Time     time.Time // by the meter's clock
	Value    Energy
	Status   uint16
	Received time.Time // when it first arrived
}

// RegisterRead is what a register stood at when it was read outside its log.
type RegisterRead struct {
	Time        time.Time // by our clock
	Value       Energy
	Uncertainty time.Duration // the meter's clock showed Time, this more or this less
}

// ClockReading is one measurement of a meter's clock.
type ClockReading struct {
	Time time.Time
	Diff time.Duration // meter minus ours
}

// BalanceReading is one reading of a prepayment balance.
type BalanceReading struct {
	Time   time.Time
	Amount Money
}

// VoltageReading is one reading of a phase's voltage.
type VoltageReading struct {
	Time  time.Time
	Phase string // "" on single phase, else L1, L2, L3
	Value Voltage
}

// IntervalEdit is the value of a half-hour as a person wants it.
type IntervalEdit struct {
	Start  time.Time
	Value  Energy
	Made   time.Time
	Reason string
}

// Pick is which of several values that arrived for one time a person takes for the register's.
type Pick struct {
	Time  time.Time
	Value Energy
}

// RegisterDay is what a local day of one register and direction came to.
type RegisterDay struct {
	Date     time.Time `json:"date"` // midnight UTC of the date
	Energy   Energy    `json:"energy"`
	Bill     Energy    `json:"billable_energy"` // of it, what may be billed
	Expected int       `json:"expected"`        // half-hours that are in the register's life

	Actual    int `json:"actual"`
	Derived   int `json:"derived"`
	Estimated int `json:"estimated"`
	Edited    int `json:"edited"`
	Billable  int `json:"billable"`

	// Half-hours that the log does not give and should by now, by what would have to be done about them.
	NeverReached int `json:"never_reached"` // the meter is asked again with every run
	NotLogged    int `json:"not_logged"`    // the meter has shown that it has no record
	Invalid      int `json:"invalid"`       // there is a record, but it is marked as invalid or from the future
}

// Missing is how many half-hours the log does not give.
func (d RegisterDay) Missing() int { return d.NeverReached + d.NotLogged + d.Invalid }

// Evidence is everything raw that is known of one register in one direction in a time: what half-hours are judged by.
type Evidence struct {
	Register  string // id
	Meter     string // id
	Direction Direction
	Hardware  string
	Fuse      *int
	Phases    *int
	Zone      string // the ESCO's, an IANA name

	Start, End     time.Time // the register's life; zero: no bound
	Initial, Final *Energy   // readings at its ends; nil unless both meters of an exchange have theirs
	NoLog          bool      // no log was ever read: register reads are all there is
	Lost           []Period  // the meter has shown that its log holds nothing
	Passive        []Period  // the meter was not to be asked
	LogEvery       time.Duration

	Span    Period // to be judged, whole local days
	Context Period // Records and Reads are complete in it
	AsOf    time.Time

	Records  []ProfileRecord
	Reads    []RegisterRead
	Drifts   []ClockReading
	Balances []BalanceReading
	Events   []Event
	Edits    []IntervalEdit
	Picks    []Pick
	Past     []RegisterDay
	Exported []Interval // what has left the house as something else than the meter's own value

	Thresholds json.RawMessage // the ESCO's own, by name; those it does not name are the defaults
}

// Judgement is what shall stand of one register in one direction.
type Judgement struct {
	Span       Period // what Intervals cover; a half-hour without one lies outside the register's life
	Intervals  []Interval
	Days       []RegisterDay
	Exceptions []Exception     // those that touch the Span that was asked for
	Ran        []Rule          // an exception of theirs that touches the Span and is not among Exceptions is no more
	NotRun     map[Rule]string // rules that could not look, and why
	Next       time.Time       // everything before is settled, unless raw data of it come

	// Wanted is set when the evidence does not reach far enough: then nothing else counts, and the same is to be asked again with these.
	Wanted *Wanted
}

// Wanted is what a judgement has to be given instead.
type Wanted struct{ Span, Context Period }

// MeterEvidence is what is known of a meter as a whole in a time.
type MeterEvidence struct {
	Meter      string // id
	Zone       string
	Span       Period // whole local days
	Drifts     []ClockReading
	Events     []Event
	Voltages   []VoltageReading
	Thresholds json.RawMessage
}

// MeterJudgement is what was found of a meter as a whole.
type MeterJudgement struct {
	Exceptions []Exception
	Ran        []Rule
}

// Judge is validation: what stands of a register, and what is to be said of a meter, by what is known of it.
type Judge struct {
	Register func(Evidence) Judgement
	Meter    func(MeterEvidence) MeterJudgement
}
