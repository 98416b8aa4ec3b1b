package emlite

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flows"
	"flows/emop"
	"flows/mediator/mediatorpb"
)

// Batch reads the items in one conversation with the meter and answers in their order. Every Err is a *flows.Error. Whatever came
// before the call failed is kept; the items that were not answered carry the call's failure.
func (c *Client) Batch(ctx context.Context, serial string, items []emop.Item) []emop.Answer {
	ctx, cancel := c.prepare(ctx, len(items))
	defer cancel()
	b := batch{remote: c.of(serial), items: items, answers: make([]emop.Answer, len(items)), done: make([]bool, len(items))}
	var failed *flows.Error
	if !b.remote.old.Load() {
		failed = b.stream(ctx, serial)
	}
	if b.remote.old.Load() {
		failed = b.oneByOne(ctx, c, serial)
	}
	if failed == nil {
		failed = flows.Errorf(flows.Mediator, "mediator %s ended the batch before its end", b.remote.address)
	}
	for i, done := range b.done {
		if !done {
			b.answers[i].Err = failed
		}
	}
	return b.answers
}

// batch is one Batch while it goes on.
type batch struct {
	remote  *remote
	items   []emop.Item
	answers []emop.Answer
	done    []bool
}

// stream lets the mediator read the batch. It gives the failure of the call.
func (b *batch) stream(ctx context.Context, serial string) *flows.Error {
	in := &mediatorpb.ReadBatchRequest{Serial: serial}
	for _, item := range b.items {
		in.Items = append(in.Items, message(item))
	}
	replies, err := b.remote.elements.ReadBatch(ctx, in)
	for err == nil {
		var reply *mediatorpb.ReadBatchReply
		if reply, err = replies.Recv(); err != nil {
			break
		}
		i := int(reply.GetIndex())
		if i < 0 || i >= len(b.items) || b.done[i] {
			return flows.Errorf(flows.Mediator, "mediator %s answered for item %d, which was not open", b.remote.address, i)
		}
		b.answers[i], b.done[i] = answerOf(reply), true
	}
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case status.Code(err) == codes.Unimplemented:
		b.remote.old.Store(true)
	}
	return b.remote.failure(ctx, err)
}

func message(i emop.Item) *mediatorpb.BatchItem {
	if len(i.DataField) > 0 {
		return &mediatorpb.BatchItem{What: &mediatorpb.BatchItem_DataField{DataField: i.DataField}}
	}
	return &mediatorpb.BatchItem{What: &mediatorpb.BatchItem_ObjectId{ObjectId: int32(i.Object)}}
}

func answerOf(reply *mediatorpb.ReadBatchReply) emop.Answer {
	a := emop.Answer{Tries: int(reply.GetTries()), FrameAddress: reply.GetFrameAddress()}
	if t := reply.GetSent(); t != nil {
		a.Sent = t.AsTime()
	}
	if t := reply.GetAnswered(); t != nil {
		a.Answered = t.AsTime()
	}
	switch what := reply.GetOutcome().(type) {
	case *mediatorpb.ReadBatchReply_Payload:
		a.Payload = what.Payload
	case *mediatorpb.ReadBatchReply_Error:
		e := what.Error
		a.Err = &flows.Error{Code: flows.Code(e.GetReason()), NAK: int(e.GetNak()), Err: errors.New(e.GetMessage())}
	default:
		a.Err = flows.Errorf(flows.Mediator, "mediator answered with neither a value nor an error")
	}
	return a
}
