package mediator

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"time"

	"flows"
	"flows/emop"
)

// sourceType is the device type of our source addresses; the field uses 00, 80 and C0.
const sourceType = 0x80

// quiet is how long bytes that are no frame yet may wait for the rest.
const quiet = 5 * time.Second

// peek is how long a kept connection is listened to, before it is used again, for the meter having closed it.
const peek = time.Millisecond

// connection is one TCP connection to a meter. It has a source address of its own, so that an answer meant for another one is known.
type connection struct {
	conn     net.Conn
	address  netip.AddrPort
	source   emop.Address
	sequence uint8
	out      []byte
	in       [2 * emop.MaxFrame]byte
	rest     []byte // of in: what was read and not yet used
	received int    // bytes, in the exchange at hand
}

func newConnection(conn net.Conn, address netip.AddrPort) *connection {
	return &connection{
		conn: conn, address: address,
		source:   emop.Address(sourceType<<24 | 1 + rand.Uint32N(0xfffffe)),
		sequence: uint8(rand.Uint32N(8)),
	}
}

// close closes a connection that may be nil.
func (c *connection) close() {
	if c != nil {
		c.conn.Close()
	}
}

// usable says whether the meter has kept the connection open. Bytes that came meanwhile answer nothing and are dropped.
func (c *connection) usable() bool {
	c.rest = nil
	for range 8 {
		c.conn.SetReadDeadline(time.Now().Add(peek))
		if _, err := c.conn.Read(c.in[:]); err != nil {
			return errors.Is(err, os.ErrDeadlineExceeded)
		}
	}
	return false // talks without being asked
}

// request frames a data field under the next sequence number.
func (c *connection) request(data []byte) (emop.Frame, error) {
	f := emop.Frame{From: c.source, Sequence: c.sequence, Data: data}
	c.sequence = (c.sequence + 1) % 8
	out, err := emop.AppendFrame(c.out[:0], f)
	c.out = out
	return f, err
}

// receive waits for the frame that answers the request, until the context ends. The frame is valid until the next use of c.
func (c *connection) receive(ctx context.Context, request emop.Frame) (emop.Frame, *flows.Error) {
	var seen gathered
	for {
		f, n, err := emop.Parse(c.rest)
		c.rest = c.rest[n:]
		switch {
		case err == nil && f.Answers(request):
			return f, nil
		case err == nil:
			seen.others++
			continue
		case errors.Is(err, emop.ErrCRC):
			return emop.Frame{}, flows.Errorf(flows.BadAnswer, "answered with a %w", emop.ErrCRC)
		}
		seen.noise += n
		err = c.fill(ctx)
		if err == nil {
			continue
		}
		if f, ok := c.salvage(request); ok {
			return f, nil
		}
		seen.noise += len(c.rest)
		c.rest = nil
		if !errors.Is(err, errQuiet) {
			return emop.Frame{}, seen.explain(ctx, err)
		}
	}
}

var errQuiet = errors.New("the rest did not come")

// fill reads what there is. Its errors: errQuiet, and those of the connection.
func (c *connection) fill(ctx context.Context) error {
	deadline, _ := ctx.Deadline()
	partial := len(c.rest) > 0 && time.Until(deadline) > quiet
	if partial {
		deadline = time.Now().Add(quiet)
	}
	c.conn.SetReadDeadline(deadline)
	if err := ctx.Err(); err != nil { // after setting the deadline, which would undo the one a cancelled context has set
		return err
	}
	kept := copy(c.in[:], c.rest)
	n, err := c.conn.Read(c.in[kept:])
	c.rest = c.in[:kept+n]
	c.received += n
	switch {
	case n > 0:
		return nil
	case partial && errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil:
		return errQuiet
	}
	return err
}

// salvage looks for the answer behind bytes that looked like the beginning of a longer frame.
func (c *connection) salvage(request emop.Frame) (emop.Frame, bool) {
	for b := c.rest; len(b) > 0; b = b[1:] {
		if f, n, err := emop.Parse(b); err == nil && f.Answers(request) {
			c.rest = b[n:]
			return f, true
		}
	}
	return emop.Frame{}, false
}

// gathered is what came that was no answer.
type gathered struct{ noise, others int }

func (g gathered) explain(ctx context.Context, err error) *flows.Error {
	switch late := errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded); {
	case errors.Is(ctx.Err(), context.Canceled):
		return errGone
	case late && g.noise > 0:
		return flows.Errorf(flows.BadAnswer, "sent %d bytes that are no frame", g.noise)
	case late && g.others > 0:
		return flows.Errorf(flows.Timeout, "did not answer in time (%d answers to other requests were dropped)", g.others)
	case late:
		return flows.Errorf(flows.Timeout, "did not answer in time")
	}
	return flows.Errorf(flows.Closed, "closed the connection without an answer: EOFError: %w", err)
}
