package flows

import (
	"fmt"
	"slices"
	"time"
)

// ExceptionFilter chooses exceptions; its zero value chooses all of them.
type ExceptionFilter struct {
	ESCO       string
	Serials    []string // of meters, those that were exchanged too
	Rules      []Rule
	Severities []Severity
	Status     string // open, acknowledged, resolved; "" = all
	IDs        []int64
	From       Cursor // key: ExceptionRow.Place; not for Exceptions, which gives the beginning
	Limit      int    // 0 = none
}

// ExceptionRow is an exception with what it is of and what people have said to it.
type ExceptionRow struct {
	ID int64 `json:"id"`
	Exception
	Serial    string    `json:"serial"`
	ESCO      string    `json:"esco"`
	Zone      string    `json:"timezone"`
	Element   string    `json:"element"` // "" = of the meter as a whole
	Direction Direction `json:"direction"`
	Status    string    `json:"status"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	Who       string    `json:"who"`
	Why       string    `json:"why"`
}

// severities, the worst last.
var severities = []Severity{SeverityInfo, SeverityWarning, SeverityError, SeverityCritical}

// Place is where the row is among all of them: the worst first, of those the ones seen last.
func (x ExceptionRow) Place() string {
	return fmt.Sprintf("%d.%d.%d", slices.Index(severities, x.Severity)+1, x.LastSeen.UnixMicro(), x.ID)
}

// Answer is what a person says to exceptions.
type Answer struct {
	IDs      []int64
	Resolve  bool // they are done with; else they are known, and stay open
	Who, Why string
	Pick     *Energy // of a CONFLICT, alone: the value that the register had
}

// Refusal says why something that a person asked for is not done, and what to do.
type Refusal struct{ Reason string }

func (e *Refusal) Error() string { return e.Reason }
