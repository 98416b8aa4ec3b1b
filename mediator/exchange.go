package mediator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"flows"
	"flows/emop"
)

// request is a data field on its way to a meter.
type request struct {
	data  []byte
	write bool // changes something in the meter: never sent twice
	now   bool // the time is appended as it is sent
}

// subject names what is asked for, without the payload: tokens are payloads.
func (r request) subject() string {
	if len(r.data) < 4 {
		return "nothing"
	}
	switch r.data[0] {
	case emop.FormatDefault:
		return fmt.Sprintf("object %x", r.data[1:4])
	case emop.FormatEventLog:
		return "event log"
	}
	return fmt.Sprintf("format %d", r.data[0])
}

// answer is what became of a request.
type answer struct {
	data     []byte // the answering data field, format byte included
	err      *flows.Error
	sent     time.Time // when the last try's request went out; zero when it did not
	answered time.Time // when its outcome was known
	tries    int
	from     uint32 // the meter's own frame address; 0 when no frame came
}

var errGone = flows.Errorf(flows.Cancelled, "the caller has gone")

// try does one exchange with the meter within the limit, connecting first when there is no usable connection. It keeps the connection
// only when the meter is known to be done with the request.
func (c *conversation) try(ctx context.Context, r request, limit time.Duration) (a answer) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := c.connect(ctx)
	if err != nil {
		a = answer{err: err, answered: time.Now()}
		c.metrics.try(a, 0, 0)
		return a
	}
	stop := context.AfterFunc(ctx, func() { conn.conn.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if !stop() || !a.settled() {
			conn.close()
			c.place.line.conn = nil
		}
	}()
	conn.out, conn.received = conn.out[:0], 0
	a = conn.exchange(ctx, r)
	a.answered = time.Now()
	defer func() { c.metrics.try(a, len(conn.out), conn.received) }()
	if a.err != nil {
		a.err = c.explain(r, a)
	}
	return a
}

// settled says that nothing more can come on the connection for this request: noise alone, until the time was over, is no answer.
func (a answer) settled() bool {
	return a.err == nil || a.err.Code == flows.NAK || a.err.Code == flows.BadAnswer && errors.Is(a.err, emop.ErrCRC)
}

// connect gives the kept connection if it leads to the right address and the meter has not closed it, else a new one.
func (c *conversation) connect(ctx context.Context) (*connection, *flows.Error) {
	l := c.place.line
	if l.conn != nil && l.conn.address == c.address && l.conn.usable() {
		return l.conn, nil
	}
	l.conn.close()
	l.conn = nil
	conn, err := c.dial(ctx, "tcp", c.address.String())
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		if err == nil {
			conn.Close()
		}
		return nil, errGone
	case errors.As(err, new(*gatewayError)):
		return nil, &flows.Error{Code: flows.Gateway, Err: err}
	case errors.Is(err, errLimit):
		return nil, &flows.Error{Code: flows.Mediator, Err: err}
	case ownTrouble(err):
		return nil, flows.Errorf(flows.Mediator, "the mediator cannot open connections: %w", err)
	case err != nil:
		return nil, flows.Errorf(flows.Unreachable, "failed to connect after retries: meter %s: %w", c.serial, err)
	}
	l.conn = newConnection(conn, c.address)
	return l.conn, nil
}

// ownTrouble tells errors of this machine from those of the meter: it is out of something, or its network is down.
func ownTrouble(err error) bool {
	for _, own := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL, syscall.ENETDOWN, syscall.ENETUNREACH} {
		if errors.Is(err, own) {
			return true
		}
	}
	return false
}

// exchange sends the request and waits for its answer.
func (c *connection) exchange(ctx context.Context, r request) (a answer) {
	data := r.data
	var err error
	if r.now {
		data, err = emop.AppendTime(bytes.Clone(data), time.Now())
	}
	var f emop.Frame
	if err == nil {
		f, err = c.request(data)
	}
	if err != nil {
		a.err = flows.Errorf(flows.Mediator, "%w", err)
		return a
	}
	deadline, _ := ctx.Deadline()
	c.conn.SetWriteDeadline(deadline)
	if err := ctx.Err(); err != nil {
		a.err = gathered{}.explain(ctx, err)
		return a
	}
	before := time.Now()
	if n, err := c.conn.Write(c.out); err != nil {
		if n > 0 {
			a.sent = before
		}
		a.err = gathered{}.explain(ctx, err)
		return a
	}
	a.sent = before
	got, failed := c.receive(ctx, f)
	if failed != nil {
		a.err = failed
		return a
	}
	a.from = got.From.Number()
	if got.NAK != 0 {
		a.err = &flows.Error{Code: flows.NAK, NAK: int(got.NAK), Err: got.NAK}
		return a
	}
	a.data = bytes.Clone(got.Data)
	return a
}

// explain names meter and object. A write that went out and was not answered may or may not have been done.
func (c *conversation) explain(r request, a answer) *flows.Error {
	e := a.err
	switch {
	case r.write && !a.sent.IsZero() && e.Code != flows.NAK:
		return flows.Errorf(flows.OutcomeUnknown, "nobody knows whether meter %s did the write to %s, read it back before sending it again: %w",
			c.serial, r.subject(), e)
	case e.Code == flows.Cancelled:
		return e
	}
	return &flows.Error{Code: e.Code, NAK: e.NAK, Err: fmt.Errorf("meter %s, %s: %w", c.serial, r.subject(), e.Err)}
}
