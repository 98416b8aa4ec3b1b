package mediator

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"flows"
	"flows/emop"
	"flows/mediator/mediatorpb"
)

// elementService is the part of the server that talks to meters.
type elementService struct {
	mediatorpb.UnimplementedEmliteMediatorServiceServer
	*Server
}

// ReadElement reads one object.
func (s elementService) ReadElement(ctx context.Context, in *mediatorpb.ReadElementRequest) (*mediatorpb.ReadElementReply, error) {
	data, err := s.checked(ctx, in.GetSerial())(readRequest(in.GetObjectId()))
	if err != nil {
		return nil, statusOf(err)
	}
	return &mediatorpb.ReadElementReply{Response: emop.Payload(data)}, nil
}

// WriteElement writes one object, at most once.
func (s elementService) WriteElement(ctx context.Context, in *mediatorpb.WriteElementRequest) (*mediatorpb.WriteElementReply, error) {
	if _, err := s.checked(ctx, in.GetSerial())(writeRequest(in.GetObjectId(), in.GetPayload())); err != nil {
		return nil, statusOf(err)
	}
	return &mediatorpb.WriteElementReply{}, nil
}

// SendRawMessage sends a data field; one that writes is sent at most once.
func (s elementService) SendRawMessage(ctx context.Context, in *mediatorpb.SendRawMessageRequest) (*mediatorpb.SendRawMessageReply, error) {
	data, err := s.checked(ctx, in.GetSerial())(rawRequest(in.GetDataField()))
	if err != nil {
		return nil, statusOf(err)
	}
	return &mediatorpb.SendRawMessageReply{Response: data[1:]}, nil
}

// checked sends a request if it and the serial passed their checks.
func (s elementService) checked(ctx context.Context, serial string) func(request, error) ([]byte, error) {
	return func(r request, err error) ([]byte, error) {
		if wrong := checkSerial(serial); wrong != nil {
			return nil, wrong
		}
		if err != nil {
			return nil, err
		}
		return s.once(ctx, serial, r)
	}
}

// ReadBatch reads many objects in one conversation and streams each answer as it comes. An item that fails is an answer; the call fails
// only when no item could be asked for.
func (s elementService) ReadBatch(in *mediatorpb.ReadBatchRequest, stream grpc.ServerStreamingServer[mediatorpb.ReadBatchReply]) error {
	requests, err := batchRequests(in)
	if err != nil {
		return statusOf(err)
	}
	ctx, c, end, err := s.converse(stream.Context(), in.GetSerial(), len(requests))
	if err != nil {
		return statusOf(err)
	}
	defer end()
	var a answer
	for i, r := range requests {
		if c.dead {
			a = answer{err: c.notAsked(r, a.err)}
		} else {
			a = c.ask(ctx, r)
		}
		if a.err != nil && (a.err.Code == flows.Cancelled || i == 0 && a.err.Code == flows.Busy) {
			return statusOf(a.err)
		}
		if err := stream.Send(batchReply(i, in.GetItems()[i], a)); err != nil {
			return err
		}
	}
	return nil
}

// batchRequests checks the whole batch before anything is sent.
func batchRequests(in *mediatorpb.ReadBatchRequest) ([]request, error) {
	if err := checkSerial(in.GetSerial()); err != nil {
		return nil, err
	}
	if len(in.GetItems()) > maxItems {
		return nil, invalid("batch of %d items: at most %d are allowed", len(in.GetItems()), maxItems)
	}
	requests := make([]request, 0, len(in.GetItems()))
	for i, item := range in.GetItems() {
		var r request
		var err error
		switch what := item.GetWhat().(type) {
		case *mediatorpb.BatchItem_ObjectId:
			r, err = readRequest(what.ObjectId)
		case *mediatorpb.BatchItem_DataField:
			r, err = rawRequest(what.DataField)
		default:
			err = invalid("neither an object id nor a data field")
		}
		if err == nil && r.write {
			err = invalid("a batch only reads")
		}
		if err != nil {
			return nil, invalid("item %d: %w", i, err)
		}
		requests = append(requests, r)
	}
	return requests, nil
}

func batchReply(i int, item *mediatorpb.BatchItem, a answer) *mediatorpb.ReadBatchReply {
	out := &mediatorpb.ReadBatchReply{Index: int32(i), Tries: int32(a.tries), FrameAddress: a.from}
	if !a.sent.IsZero() {
		out.Sent = timestamppb.New(a.sent)
	}
	if !a.answered.IsZero() {
		out.Answered = timestamppb.New(a.answered)
	}
	switch _, raw := item.GetWhat().(*mediatorpb.BatchItem_DataField); {
	case a.err != nil:
		out.Outcome = &mediatorpb.ReadBatchReply_Error{Error: batchError(a.err)}
	case raw:
		out.Outcome = &mediatorpb.ReadBatchReply_Payload{Payload: a.data[1:]}
	default:
		out.Outcome = &mediatorpb.ReadBatchReply_Payload{Payload: emop.Payload(a.data)}
	}
	return out
}
