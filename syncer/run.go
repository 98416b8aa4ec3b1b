package syncer

import (
	"context"
	"fmt"
	"slices"
	"time"

	"flows"
	"flows/emop"
)

// Client asks a meter through its mediator.
type Client interface {
	// Batch asks all items in one conversation. It gives one answer an item, in order; what was not answered carries a *flows.Error.
	Batch(ctx context.Context, serial string, items []emop.Item) []emop.Answer
}

// run is one meter's run while it goes on.
type run struct {
	ctx     context.Context
	client  Client
	meter   flows.Meter
	class   emop.Class
	answers map[string]emop.Answer
	result  flows.Result

	register, answered, tried time.Time // middle of the first register's exchange, of the last answered one; end of the last try
	reached                   bool      // a valid answer came, be it a NAK
	metersTrouble             error     // the first failure of the meter's
	othersTrouble             error     // the first failure that is not the meter's: nothing may be concluded
	foreign                   string    // the serial of another meter that answers here
	mismatch                  string    // how the meter's hardware differs from the registry's
	trusted                   bool      // who answers is known: answers from elsewhere are not used
	late                      bool      // the batch is in: trouble with what is asked now spoils none of it

	// of the metric at hand
	got    int
	failed []failure
	note   string
}

type failure struct {
	object string
	err    error
}

// Run reads what the named metrics want from one meter, in one batch, and judges the meter once. It writes nothing.
func Run(ctx context.Context, m flows.Meter, f flows.Frequency, names []string, c Client) flows.Result {
	start := time.Now()
	metrics, unknown := choose(names)
	r := &run{ctx: ctx, client: c, meter: m, class: emop.ClassOf(m.Hardware), answers: map[string]emop.Answer{}}
	r.result = flows.Result{Meter: m, Frequency: f}
	if r.read(metrics) {
		for _, mt := range metrics {
			r.result.Outcomes = append(r.result.Outcomes, r.sync(mt))
		}
	}
	r.noteMismatch()
	r.judge(metrics)
	for _, n := range unknown {
		r.result.Outcomes = append(r.result.Outcomes, flows.Outcome{Metric: n, State: flows.Unknown, Reason: "no such metric: see flows metrics list"})
	}
	r.result.Duration = time.Since(start)
	return r.result
}

// read fills answers; false when there is nothing to make values of.
func (r *run) read(metrics []metric) bool {
	if r.meter.Hardware == "" || r.meter.FrameAddress == nil {
		if !r.identify() {
			return false
		}
	}
	batch := unite(metrics, r.class)
	if len(batch) == 0 {
		return true
	}
	answers, ok := r.begin(batch)
	if !ok {
		return false
	}
	for i, a := range answers {
		r.answers[key(batch[i])] = a
	}
	return r.reached && r.othersTrouble == nil
}

// begin puts the first batch to the meter, and makes sure of who answers when it is not clear; false when that cannot be told.
func (r *run) begin(batch []emop.Item) (answers []emop.Answer, ok bool) {
	answers = r.ask(batch)
	if !r.trusted && r.othersTrouble == nil && slices.ContainsFunc(answers, r.stranger) {
		// The answers may be another meter's: none of them is used.
		r.register = time.Time{}
		if !r.identify() {
			return nil, false
		}
		answers = r.ask(batch)
	}
	r.trusted, r.late = true, true
	return answers, true
}

// more asks one question after the batch, or without one.
func (r *run) more(item emop.Item) (emop.Answer, error) {
	batch := []emop.Item{item}
	if r.late {
		a := r.ask(batch)[0]
		return a, a.Err
	}
	answers, ok := r.begin(batch)
	if !ok {
		return emop.Answer{}, r.cannotTell()
	}
	return answers[0], answers[0].Err
}

// ask puts one batch to the meter and keeps what the verdict needs to know of it.
func (r *run) ask(batch []emop.Item) []emop.Answer {
	answers := r.client.Batch(r.ctx, r.meter.Serial, batch)
	for i, a := range answers {
		if r.trusted && r.stranger(a) {
			a.Payload, a.Err = nil, flows.Errorf(flows.BadAnswer, "answered by another meter (frame address %06x)", a.FrameAddress)
			answers[i] = a
		}
		if !a.Answered.IsZero() {
			r.tried = a.Answered
		}
		code := flows.CodeOf(a.Err, flows.Mediator)
		switch {
		case a.Err == nil || code == flows.NAK:
			r.reached = true
			r.answered = a.Middle()
			if a.Err == nil && r.register.IsZero() && isRegister(batch[i].Object) {
				r.register = a.Middle()
			}
			if a.Err != nil && r.metersTrouble == nil {
				r.metersTrouble = a.Err
			}
		case code.Owner() == flows.TheMeters:
			if r.metersTrouble == nil {
				r.metersTrouble = a.Err
			}
		case r.othersTrouble == nil && !r.late:
			r.othersTrouble = a.Err
		}
	}
	return answers
}

func isRegister(id emop.ID) bool { return id == emop.ElementA.ID || id == emop.TotalImportActive.ID }

// sync lets one metric make values of the answers.
func (r *run) sync(m metric) flows.Outcome {
	o := flows.Outcome{Metric: m.name, State: flows.Read}
	if !m.supports(r.class) {
		o.State, o.Reason = flows.Unsupported, "not on this hardware"
		return o
	}
	r.got, r.failed, r.note = 0, nil, ""
	m.sync(r)
	o.Reason = r.note
	switch {
	case len(r.failed) > 0:
		f := r.failed[0]
		o.State, o.Code, o.Object, o.Reason = flows.Failed, flows.CodeOf(f.err, flows.BadAnswer), f.object, f.err.Error()
		switch {
		case o.Code.Owner() != flows.TheMeters:
			o.State = flows.Skipped
		case r.got > 0:
			o.State = flows.Partial
		}
	case r.got == 0:
		o.State, o.Reason = flows.Unsupported, "this meter does not know the object"
	}
	return o
}

// get gives use the value of one object, when this hardware has it and it was read.
func get[T any](r *run, o emop.Object[T], use func(T)) {
	if !asked(o.On, r.class) {
		return
	}
	item := emop.Item{Object: o.ID}
	a, ok := r.answers[key(item)]
	if !ok {
		a.Err = flows.Errorf(flows.Mediator, "not asked for")
	}
	v, err := decode(o, a)
	switch {
	case err == nil:
		use(v)
		r.got++
	case flows.NAKOf(err) == flows.NAKUnknownObject && o.On&r.class == 0:
		// The object table does not say that this hardware has it, and it has not.
	default:
		r.fail(fmt.Sprintf("%s (%s)", o.Name, o.ID), err)
	}
}

func (r *run) fail(object string, err error) { r.failed = append(r.failed, failure{object, err}) }

func decode[T any](o emop.Object[T], a emop.Answer) (v T, err error) {
	if a.Err != nil {
		return v, a.Err
	}
	if v, err = o.Decode(a.Payload); err != nil {
		err = &flows.Error{Code: flows.BadAnswer, Err: err}
	}
	return v, err
}

// ptr is for values that were read.
func ptr[T any](v T) *T { return &v }
