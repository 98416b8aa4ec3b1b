package flows

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Registration is what a person says of a meter: a line of a registry CSV or the flags of a command. Nil leaves what is there; a
// pointer to an empty or zero value clears it (mode goes back to active, port to 8080).
type Registration struct {
	Serial      string
	Address     *netip.Addr // the zero Addr clears
	Port        *uint16
	Hardware    *string
	ESCO        *string // code
	Mode        *Mode
	Name        *string
	Feeder      *string
	FuseRating  *int // A
	Phases      *int
	Maintenance *bool
}

// CheckSerial refuses what cannot be a meter's serial number.
func CheckSerial(s string) error {
	if s == "" {
		return errors.New("the serial is missing")
	}
	if len(s) > 32 {
		return fmt.Errorf("serial of %d bytes: at most 32 are allowed", len(s))
	}
	for _, b := range []byte(s) {
		if b < ' ' || b > '~' {
			return fmt.Errorf("serial %q has characters that are not printable ASCII", s)
		}
	}
	return nil
}

// ESCO is an energy service company, the owner of meters.
type ESCO struct {
	Code     string `json:"code"`
	Name     string `json:"name"`
	Timezone string `json:"timezone"`
}

// Metric is a row of meter_metrics.
type Metric struct {
	Name      string    `json:"name"`
	Enabled   bool      `json:"enabled"`
	Frequency Frequency `json:"run_frequency"`
}

// Fact is one stored value, for comparing what a database holds with what the meters answered.
type Fact struct {
	Table  string
	Serial string
	Column string    // the column, with the element or the event type where the table needs it: "read.A", "event.33"
	Time   time.Time // zero in tables that hold the present state
	Value  string    // as PostgreSQL prints it; "" with Null
	Null   bool
}

func (f Fact) String() string {
	at := ""
	if !f.Time.IsZero() {
		at = " at " + f.Time.UTC().Format(time.RFC3339Nano)
	}
	v := f.Value
	if f.Null {
		v = "null"
	}
	return fmt.Sprintf("%s.%s of %s%s = %s", f.Table, f.Column, f.Serial, at, v)
}
