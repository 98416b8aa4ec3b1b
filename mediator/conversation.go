package mediator

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"flows"
)

// Limits of a conversation.
const (
	patience     = 3 // time-outs that a meter costs without a valid answer
	maxTries     = 5 // of one request
	maxTimeouts  = 2 // of one request to a meter that answers others
	answerEarly  = 250 * time.Millisecond
	perRequest   = 1500 * time.Millisecond // beside the spacing, when the caller has no deadline
	leastOfLimit = 20                      // a try with less than this part of the time-out is not begun
)

// conversation is one call's talk with one meter. Its context ends when the caller must be answered: a budget that all tries share.
type conversation struct {
	serial  string
	address netip.AddrPort
	place   *place
	timeout time.Duration
	spacing time.Duration
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	log     *slog.Logger
	metrics *metrics

	heard   bool          // the meter has given a valid answer, if only a NAK
	silence time.Duration // spent since its last valid answer, or since the beginning
	dead    bool          // not worth asking any more
}

// budget ends the context in time to answer the caller before its deadline.
func (s *Server) budget(ctx context.Context, requests int) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(patience*s.options.Timeout + time.Duration(requests)*(s.options.Spacing+perRequest) + time.Second)
	}
	return context.WithDeadline(ctx, deadline.Add(-min(answerEarly, time.Until(deadline)/2)))
}

// ask sends the request until it is answered, refused, or not worth another try.
func (c *conversation) ask(ctx context.Context, r request) (a answer) {
	timeouts := 0
	for tries := 1; ; tries++ {
		waiting := time.Now()
		if err := c.place.turn(ctx); err != nil {
			return c.noTurn(ctx, a, r, err)
		}
		limit := c.limit(ctx)
		if limit < c.least() {
			c.place.done(0)
			return c.noTurn(ctx, a, r, errGap)
		}
		c.metrics.waited(waiting)
		begun := time.Now()
		a = c.try(ctx, r, limit)
		a.tries = tries
		if a.err != nil && a.err.Code == flows.Timeout {
			timeouts++
		}
		again := c.again(r, a, timeouts)
		extra := c.backoff(a, again)
		c.place.done(extra)
		c.count(a, time.Since(begun)+c.spacing+extra)
		if !again || c.silence+c.least() > patience*c.timeout {
			c.finish(ctx, r, a)
			return a
		}
		c.log.Debug("try failed", "serial", c.serial, "subject", r.subject(), "try", tries, "code", a.err.Code, "error", a.err)
	}
}

// limit is the time for the next try.
func (c *conversation) limit(ctx context.Context) time.Duration {
	deadline, _ := ctx.Deadline()
	return min(c.timeout, patience*c.timeout-c.silence, time.Until(deadline))
}

func (c *conversation) least() time.Duration { return c.timeout / leastOfLimit }

// count keeps the account of silence.
func (c *conversation) count(a answer, spent time.Duration) {
	if a.err == nil || a.err.Code == flows.NAK {
		c.heard, c.silence = true, 0
		return
	}
	c.silence += spent
}

// again says whether the request may be tried again.
func (c *conversation) again(r request, a answer, timeouts int) bool {
	switch {
	case a.err == nil || a.tries >= maxTries || r.write && !a.sent.IsZero():
		return false
	case c.heard && timeouts >= maxTimeouts:
		return false
	}
	switch a.err.Code {
	case flows.Unreachable, flows.Timeout, flows.Closed, flows.BadAnswer, flows.Gateway:
		return true
	case flows.NAK:
		return a.err.NAK == 1 // our request was spoiled on its way
	}
	return false
}

// backoff is what is waited beside the spacing before the next try: half a spacing, doubled from try to try, half of it by chance. A
// meter that answered, however badly, is asked again without.
func (c *conversation) backoff(a answer, again bool) time.Duration {
	if !again || a.err.Code == flows.NAK || a.err.Code == flows.BadAnswer {
		return 0
	}
	d := min(c.spacing<<(a.tries-1)/2, c.timeout)
	if d < 2 {
		return 0
	}
	return d/2 + rand.N(d/2)
}

// noTurn says why the request was not sent, or not again.
func (c *conversation) noTurn(ctx context.Context, a answer, r request, why error) answer {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		a.err = errGone
	case a.err != nil: // the last try's reason
		c.finish(ctx, r, a)
	case !c.heard && (errors.Is(why, errBehind) || c.silence == 0):
		a.err = flows.Errorf(flows.Busy, "Meter %s is busy (timeout)", c.serial)
	default:
		a.err = flows.Errorf(flows.Timeout, "meter %s: no time was left to ask for %s", c.serial, r.subject())
	}
	return a
}

// finish judges the meter by the last try of a request, and logs it.
func (c *conversation) finish(ctx context.Context, r request, a answer) {
	if a.err == nil {
		return
	}
	level := slog.LevelWarn
	switch a.err.Code {
	case flows.NAK, flows.Cancelled:
		level = slog.LevelInfo
	case flows.Gateway: // the gateway has said so once
		level, c.dead = slog.LevelDebug, true
	case flows.Mediator:
		c.dead = true
	case flows.OutcomeUnknown:
	default:
		c.dead = !c.heard || c.silence+c.least() > patience*c.timeout
	}
	c.log.Log(ctx, level, "request failed", "serial", c.serial, "subject", r.subject(), "tries", a.tries, "code", a.err.Code, "error", a.err)
}

// notAsked is the outcome of a request that was given up with an earlier one.
func (c *conversation) notAsked(r request, why *flows.Error) *flows.Error {
	if why.Code.Owner() != flows.TheMeters {
		return why
	}
	return flows.Errorf(why.Code, "meter %s, %s: not asked, the meter had stopped answering", c.serial, r.subject())
}
