package flows

import (
	"errors"
	"fmt"
)

// Code says in one word why something was not done. The same list is the gRPC ErrorInfo reason, the JSON field and the metric label.
type Code string

// Codes by whose trouble it is.
const (
	// The meter's: its run is unhealthy.
	Unreachable  Code = "UNREACHABLE"
	Timeout      Code = "TIMEOUT"
	Closed       Code = "CLOSED"
	BadAnswer    Code = "BAD_ANSWER"
	NAK          Code = "NAK"
	ForeignMeter Code = "FOREIGN_METER"

	// Nobody's: skipped, the shadow stays as it is.
	Busy      Code = "BUSY"
	Cancelled Code = "CANCELLED"

	// Ours: exit 3, the shadow stays as it is.
	Gateway         Code = "GATEWAY"
	Mediator        Code = "MEDIATOR"
	Unauthenticated Code = "UNAUTHENTICATED"
	Permission      Code = "PERMISSION"
	UnknownSerial   Code = "UNKNOWN_SERIAL"
	Database        Code = "DATABASE"

	// Writes only: nobody knows whether the meter did it.
	OutcomeUnknown Code = "OUTCOME_UNKNOWN"
)

// Owner says whose trouble a code is.
type Owner int

// The three owners of trouble.
const (
	Ours Owner = iota
	TheMeters
	Nobodys
)

// Owner of the code; a code that is not in the list is ours.
func (c Code) Owner() Owner {
	switch c {
	case Unreachable, Timeout, Closed, BadAnswer, NAK, ForeignMeter:
		return TheMeters
	case Busy, Cancelled:
		return Nobodys
	}
	return Ours
}

// NAKUnknownObject is the NAK number of a meter that does not know the object it was asked for.
const NAKUnknownObject = 5

// Error is a code with its cause.
type Error struct {
	Code    Code
	NAK     int  // the meter's NAK number when Code is NAK
	Refused bool // by the database: it is the data, not the way there, and trying again brings nothing
	Err     error
}

// Errorf makes an Error; the format is fmt.Errorf's.
func Errorf(c Code, format string, args ...any) *Error {
	return &Error{Code: c, Err: fmt.Errorf(format, args...)}
}

func (e *Error) Error() string {
	if e.Err == nil {
		return string(e.Code)
	}
	return e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// CodeOf gives the code of err: "" for nil, and the given fallback for an error without one.
func CodeOf(err error, fallback Code) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return fallback
}

// NAKOf gives the meter's NAK number, 0 when err is no NAK.
func NAKOf(err error) int {
	var e *Error
	if errors.As(err, &e) && e.Code == NAK {
		return e.NAK
	}
	return 0
}

// Refused says whether err is a database's refusal of the data: see Error.
func Refused(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Refused
}
