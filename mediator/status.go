package mediator

import (
	"context"
	"errors"
	"strconv"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flows"
	"flows/mediator/mediatorpb"
)

// errorDomain of every ErrorInfo.
const errorDomain = "flows"

// badRequest is an error that the caller can only heal by asking otherwise.
type badRequest struct{ why *flows.Error }

func (b badRequest) Error() string { return b.why.Error() }

func (b badRequest) Unwrap() error { return b.why }

func invalid(format string, args ...any) error {
	return badRequest{flows.Errorf(flows.Mediator, format, args...)}
}

// errNoSerial has the text that clients in the field know.
var errNoSerial = badRequest{flows.Errorf(flows.UnknownSerial, "Target meter serial not specified")}

// checkSerial refuses what cannot be a serial.
func checkSerial(serial string) error {
	if serial == "" {
		return errNoSerial
	}
	if err := flows.CheckSerial(serial); err != nil {
		return invalid("%w", err)
	}
	return nil
}

// registryError makes sure that trouble with the registry is never taken for trouble with the meter.
func registryError(ctx context.Context, serial string, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return errGone
	}
	switch code := flows.CodeOf(err, flows.Database); code {
	case flows.UnknownSerial:
		return flows.Errorf(code, "Meter '%s' not known", serial)
	case flows.Database:
		return flows.Errorf(code, "registry cannot be read: %w", err)
	default:
		return flows.Errorf(code, "registry: %w", err)
	}
}

// statusCodes are those that clients in the field know.
var statusCodes = map[flows.Code]codes.Code{
	flows.Unreachable:     codes.Internal,
	flows.Timeout:         codes.Internal,
	flows.Closed:          codes.Internal,
	flows.BadAnswer:       codes.Internal,
	flows.NAK:             codes.Internal,
	flows.ForeignMeter:    codes.Internal,
	flows.Busy:            codes.ResourceExhausted,
	flows.Cancelled:       codes.Canceled,
	flows.Gateway:         codes.Unavailable,
	flows.Mediator:        codes.Unavailable,
	flows.Database:        codes.Unavailable,
	flows.Unauthenticated: codes.Unauthenticated,
	flows.Permission:      codes.PermissionDenied,
	flows.UnknownSerial:   codes.NotFound,
	flows.OutcomeUnknown:  codes.Unknown,
}

// statusOf makes err a gRPC status with its reason.
func statusOf(err error) error {
	var e *flows.Error
	if !errors.As(err, &e) {
		e = flows.Errorf(flows.Mediator, "%w", err)
	}
	code, ok := statusCodes[e.Code]
	if !ok {
		code = codes.Internal
	}
	if errors.As(err, new(badRequest)) {
		code = codes.InvalidArgument
	}
	info := &errdetails.ErrorInfo{Reason: string(e.Code), Domain: errorDomain}
	if e.NAK != 0 {
		info.Metadata = map[string]string{"nak": strconv.Itoa(e.NAK)}
	}
	plain := status.New(code, e.Error())
	detailed, err := plain.WithDetails(info)
	if err != nil {
		return plain.Err()
	}
	return detailed.Err()
}

func batchError(e *flows.Error) *mediatorpb.BatchError {
	return &mediatorpb.BatchError{Reason: string(e.Code), Message: e.Error(), Nak: int32(e.NAK)}
}
