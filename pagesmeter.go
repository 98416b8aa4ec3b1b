package flows

import (
	"fmt"
	"strconv"
	"time"
)

// MeterPage is what one wants to know of a meter with its customer on the phone.
type MeterPage struct {
	MeterLine
	Feeder     string       `json:"feeder"`
	Firmware   string       `json:"firmware"`
	FuseRating *int         `json:"fuse_rating"` // A
	Phases     *int         `json:"phases"`
	Prepay     *bool        `json:"prepay"`
	Code       Code         `json:"code"` // of the last run that did not come out healthy
	Values     []MeterValue `json:"values"`
}

// MeterValue is a value of the shadow and when it was read; a zero time is not known.
type MeterValue struct {
	Name string    `json:"name"`
	Unit string    `json:"unit"`
	Text string    `json:"text"` // exact; "" = never read
	At   time.Time `json:"at,omitzero"`
}

// NoMeter says that a serial is not in the registry: it never was, or its meter was exchanged for another.
type NoMeter struct {
	Serial, By string
	At         time.Time
}

func (e *NoMeter) Error() string {
	if e.By != "" {
		return fmt.Sprintf("meter %s was exchanged for %s at %s", e.Serial, e.By, e.At.UTC().Format(time.RFC3339))
	}
	return fmt.Sprintf("meter %s is not known", e.Serial)
}

// Lane is what a register's half-hours are in a period.
type Lane struct {
	Serial  string     `json:"serial"` // of the meter that has or had the register
	Element string     `json:"element"`
	Life    Period     `json:"life"`
	Exports bool       `json:"exports"` // there is, or once was, something to say of its export
	Slots   []LaneSlot `json:"slots"`
}

// LaneSlot is a half-hour both ways, whether there is something to say of it or not.
type LaneSlot struct {
	Start  time.Time `json:"start"`
	Import Interval  `json:"import"`
	Export Interval  `json:"export"`
}

// MeterException is an exception of a meter that nobody has answered.
type MeterException struct {
	ID int64 `json:"id"`
	Exception
	Element   string    `json:"element"` // "" = of the meter as a whole
	Direction Direction `json:"direction"`
	LastSeen  time.Time `json:"last_seen"`
}

// MeterGap is a local day of which half-hours of a register and direction are missing.
type MeterGap struct {
	Element      string    `json:"element"`
	Direction    Direction `json:"direction"`
	Day          string    `json:"day"`
	NeverReached int       `json:"never_reached"`
	NotLogged    int       `json:"not_logged"`
	Invalid      int       `json:"invalid"`
	Again        bool      `json:"again"` // asked for by the next run
}

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

// Place is where the event is among all of a meter.
func (e EventLine) Place() string { return placed(e.At) + strconv.Itoa(e.Type) }

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
	return placed(r.At) + r.Register + "|" + string(r.Direction)
}

func placed(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) + "|" }

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

// Place is where the line is among all of a meter.
func (l SyncLine) Place() string { return placed(l.At) + strconv.FormatInt(l.Run, 10) }
