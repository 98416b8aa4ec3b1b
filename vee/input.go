package vee

import (
	"time"

	"flows"
)

// Count is a register value or a difference of two in the meter's own unit. It runs round at 2^32, as the meter's counters do.
type Count uint32

// Status is the two status bytes of a profile record, the first one in the high byte.
type Status uint16

// Bits of a Status.
const (
	LogReset           Status = 0x0100
	ValidData          Status = 0x0080
	PowerFail          Status = 0x0040
	MinorTimeError     Status = 0x0020
	MajorTimeError     Status = 0x0010
	CommunicationError Status = 0x0008
)

// Has tells whether all these bits are set.
func (s Status) Has(bits Status) bool { return s&bits == bits }

// Record is one record of the meter's profile log, for one direction.
type Record struct {
	Time     time.Time // by the meter's clock
	Value    Count
	Status   Status
	Received time.Time // when it first arrived
}

// Read is a register value read from the meter outside its log, hourly as a rule.
type Read struct {
	Time        time.Time // by our clock
	Value       Count
	Uncertainty time.Duration // clock difference plus round trip: the meter's clock showed Time ± this
}

// Drift is one measurement of the meter's clock.
type Drift = flows.ClockReading

// Balance is one reading of the prepayment balance.
type Balance = flows.BalanceReading

// Edit is a half-hour's value as a person wants it. Judge is given all edits that nobody has taken back, withdrawn ones too: a verdict may
// fall. A verdict on a read that is younger than the edit withdraws it; an older one was known to the person.
type Edit = flows.IntervalEdit

// Pick is a person's answer to a CONFLICT: which of the values that arrived for this time is the register's.
type Pick struct {
	Time  time.Time
	Value Count
}

// Day is what a local day came to; of days before the context the daily rules look back on it.
type Day = flows.RegisterDay

// Input is everything known about one register in one direction. Slices may come in any order and hold duplicates; nothing in them is
// changed.
type Input struct {
	Register Register
	Zone     *time.Location // the ESCO's; nil = UTC

	Span    flows.Period // the half-hours to judge
	Context flows.Period // Records and Reads are complete from From to To; zero bounds: complete to the beginning or to the end
	AsOf    time.Time    // until when the world is known; decides nothing but the age of what is missing

	Records  []Record
	Reads    []Read
	Drifts   []Drift // of the context, and the last one before it
	Balances []Balance
	Events   []flows.Event
	Edits    []Edit
	Picks    []Pick
	Past     []Day            // up to 31 days before the context; only daily rules look at them, never a value
	Exported []flows.Interval // of the span: rows that have left the house

	Thresholds Thresholds // the zero value is Defaults()
}
