package flows

import "time"

// Trace is what a register stood at in a period: by the meter's own log, and by the reads of runs.
type Trace struct {
	Serial    string       `json:"serial"` // of the meter that has or had the register
	Element   string       `json:"element"`
	Direction Direction    `json:"direction"`
	Log       []TracePoint `json:"log"`
	Reads     []TracePoint `json:"reads"`
}

// TracePoint is one reading.
type TracePoint struct {
	At    time.Time `json:"at"`
	Value Energy    `json:"value"` // kWh
}

// Series is a value of a meter over time.
type Series struct {
	Name   string  `json:"name"`
	Unit   string  `json:"unit"`
	Points []Point `json:"points"`
}

// Point is a value at a time; "" says that it was asked for and not given, and that is a gap.
type Point struct {
	At    time.Time `json:"at"`
	Value string    `json:"value"` // exact
}

// HealthChange is a verdict that was not the one before.
type HealthChange struct {
	At     time.Time `json:"at"`
	Health Health    `json:"health"`
}

// EventLine is an event of a meter's log.
type EventLine struct {
	At   time.Time `json:"at"` // by the meter's clock
	Type int       `json:"type"`
	Name string    `json:"name"` // "" = nobody knows
	Set  int       `json:"set"`  // the meter's counter of that type
}

// RawSource says where a raw read comes from.
type RawSource string

// Sources of raw reads.
const (
	FromRuns RawSource = "reads" // of runs, by the shadow
	FromLog  RawSource = "log"   // the meter's own half-hourly log
)

// RawRead is a reading as it came. It is never changed.
type RawRead struct {
	At        time.Time `json:"at"`
	Element   string    `json:"element"`
	Direction Direction `json:"direction"`
	Value     Energy    `json:"value"`                // kWh
	Status    *int      `json:"status"`               // of a log's record: two bytes as the meter gave them
	Received  time.Time `json:"received_at,omitzero"` // of a log's record
	Register  string    `json:"register_id,omitempty"`
}

// Place is where the read is among all of a meter.
func (r RawRead) Place() string {
	return r.At.UTC().Format(time.RFC3339Nano) + "|" + r.Register + "|" + string(r.Direction)
}

// SyncLine is what a run came to for a meter.
type SyncLine struct {
	At        time.Time `json:"at"` // when the run was due, or the meter was read for a person
	Run       int64     `json:"run"`
	Frequency Frequency `json:"frequency"`
	Verdict   Verdict   `json:"verdict"`
	Code      Code      `json:"code"`
	Object    string    `json:"object"`
	Details   string    `json:"details"`
	Duration  float64   `json:"duration_seconds"`
	ReadAt    time.Time `json:"read_at,omitzero"`
	Outcomes  []Outcome `json:"outcomes"`
}
