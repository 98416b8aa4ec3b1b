package flows

import (
	"fmt"
	"time"
)

// Cursor is a place in a list: rows come from behind it or, with Back, from before it, the nearest. Its zero value is the beginning.
type Cursor struct {
	Key  string
	Back bool
}

// RunQuery chooses runs, newest first. Its zero value chooses all of them.
type RunQuery struct {
	ESCO      string    // code; runs of all meters are chosen too; "" = all
	Frequency Frequency // "" = all
	Since     time.Time // zero = any time
	From      Cursor    // key: id
	Limit     int       // 0 = none
}

// RunMeterQuery chooses the meters of a run that did not come out healthy, by serial.
type RunMeterQuery struct {
	Run   int64
	Code  Code // "" = all, "-" = those without one
	From  Cursor
	Limit int
}

// RunMeter is what a run came to for one meter.
type RunMeter struct {
	Serial   string    `json:"serial"`
	Name     string    `json:"name"`
	Verdict  Verdict   `json:"verdict"`
	Code     Code      `json:"code"`
	Object   string    `json:"object"` // that failed first
	Details  string    `json:"details"`
	ReadAt   time.Time `json:"read_at,omitzero"`
	Duration float64   `json:"duration_seconds"`
}

// NoRun says that there is no run of this id, or not any more.
type NoRun struct{ ID int64 }

func (e *NoRun) Error() string {
	return fmt.Sprintf("there is no run %d; runs are kept for some weeks", e.ID)
}
