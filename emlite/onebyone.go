package emlite

import (
	"context"
	"errors"
	"time"

	"flows"
	"flows/emop"
)

// oneByOne reads a batch through a mediator of the field, which has no readBatch. Times are by our clock, frame addresses unknown. A
// meter that has answered nothing yet and fails is not asked again: each such call would cost a whole deadline. It gives the failure
// that ended the batch, when that is not the meter's.
func (b *batch) oneByOne(ctx context.Context, c *Client, serial string) *flows.Error {
	var dead error
	heard := false
	for i, item := range b.items {
		if dead != nil {
			b.answers[i], b.done[i] = emop.Answer{Err: dead}, true
			continue
		}
		a := emop.Answer{Sent: time.Now(), Tries: 1}
		if len(item.DataField) > 0 {
			a.Payload, a.Err = c.Raw(ctx, serial, item.DataField)
		} else {
			a.Payload, a.Err = c.Read(ctx, serial, item.Object)
		}
		a.Answered = time.Now()
		var e *flows.Error
		switch errors.As(a.Err, &e); {
		case e == nil || e.Code == flows.NAK:
			heard = true
		case e.Code.Owner() != flows.TheMeters:
			return e
		case !heard:
			dead = e
		}
		b.answers[i], b.done[i] = a, true
	}
	return nil
}
