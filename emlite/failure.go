package emlite

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flows"
)

// Words of mediators in the field.
const (
	errorDomain = "flows"
	noConnect   = "failed to connect after retries" // the meter was never reached
	eof         = "EOFError"                        // the meter closed without an answer
)

// plainCodes translate statuses without ErrorInfo; every other one is MEDIATOR.
var plainCodes = map[codes.Code]flows.Code{
	codes.Internal:          flows.Unreachable,
	codes.Canceled:          flows.Cancelled,
	codes.ResourceExhausted: flows.Busy,
	codes.NotFound:          flows.UnknownSerial,
	codes.Unauthenticated:   flows.Unauthenticated,
	codes.PermissionDenied:  flows.Permission,
}

// failure makes a gRPC error one of ours: by its ErrorInfo, else by its status.
func (m *remote) failure(ctx context.Context, err error) *flows.Error {
	s := status.Convert(err)
	if e := informed(s); e != nil {
		return e
	}
	code, ok := plainCodes[s.Code()]
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return flows.Errorf(flows.Cancelled, "cancelled while waiting for the mediator")
	case s.Code() == codes.Internal && strings.Contains(s.Message(), eof):
		code = flows.Closed
	case s.Code() == codes.Unavailable:
		return flows.Errorf(flows.Mediator, "mediator %s cannot be reached (%s): %s", m.address, advice(s.Message()), s.Message())
	case s.Code() == codes.DeadlineExceeded && m.old.Load():
		// Mediators of the field try a dead meter for longer than any caller waits.
		return flows.Errorf(flows.Timeout, "mediator %s got no answer from the meter in time", m.address)
	case s.Code() == codes.DeadlineExceeded:
		return flows.Errorf(flows.Mediator, "mediator %s did not answer in time", m.address)
	case !ok:
		return flows.Errorf(flows.Mediator, "mediator %s: %s: %s", m.address, s.Code(), s.Message())
	}
	return flows.Errorf(code, "%s", s.Message())
}

// advice is what to do about a mediator that cannot be reached. Who may not connect for his certificate learns it late, from a connection
// that breaks while it begins.
func advice(message string) string {
	for _, sign := range []string{"tls: ", "handshake", "preface", "broken pipe", "reset by peer"} {
		if strings.Contains(message, sign) {
			return "is it running, and have both sides certificates signed by the CA in the other's MEDIATOR_CA_CERT, or neither any?"
		}
	}
	return "is it running? MEDIATOR_SERVER says where"
}

// informed reads our ErrorInfo, nil when there is none.
func informed(s *status.Status) *flows.Error {
	for _, detail := range s.Details() {
		info, ok := detail.(*errdetails.ErrorInfo)
		if !ok || info.GetDomain() != errorDomain {
			continue
		}
		nak, _ := strconv.Atoi(info.GetMetadata()["nak"])
		return &flows.Error{Code: flows.Code(info.GetReason()), NAK: nak, Err: errors.New(s.Message())}
	}
	return nil
}

// writeFailure is failure for a write: once the call reached a mediator, only a mediator that says so proves that nothing was written.
func (m *remote) writeFailure(ctx context.Context, err error, reached bool) *flows.Error {
	s, e := status.Convert(err), m.failure(ctx, err)
	if informed(s) != nil || !reached {
		return e
	}
	switch s.Code() {
	case codes.InvalidArgument, codes.NotFound, codes.ResourceExhausted, codes.Unauthenticated, codes.PermissionDenied, codes.Unimplemented:
		return e
	case codes.Internal:
		if strings.Contains(s.Message(), noConnect) {
			return e
		}
	}
	return flows.Errorf(flows.OutcomeUnknown, "nobody knows whether the write was done, read it back before sending it again: %w", e)
}
