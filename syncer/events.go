package syncer

import (
	"fmt"
	"time"

	"flows"
	"flows/emop"
)

func eventBlock(block int) emop.Item { return emop.Item{DataField: emop.AppendEventLog(nil, block)} }

// eventLog takes the events that are not stored yet, block by block from the newest, and reads on while a block holds only unseen ones.
// An event of the last stored second counts as unseen: another of the same second may have come after it. A last event in the future was
// logged under a wrong clock and tells nothing: the whole log is read.
func eventLog(r *run) {
	last := r.meter.LastEvent
	if last.After(time.Now()) {
		last = time.Time{}
	}
	for b := range emop.EventBlocks {
		events, err := r.events(b)
		if err != nil {
			r.fail(fmt.Sprintf("event_log block %d", b), err)
			return
		}
		r.got++
		r.result.Events = append(r.result.Events, events...)
		if len(events) == 0 || events[len(events)-1].Time.Before(last) {
			return
		}
	}
}

func (r *run) events(block int) ([]flows.Event, error) {
	item := eventBlock(block)
	a, ok := r.answers[key(item)]
	if !ok {
		a = r.ask([]emop.Item{item})[0]
	}
	if a.Err != nil {
		return nil, a.Err
	}
	if len(a.Payload) < blockEcho {
		return nil, flows.Errorf(flows.BadAnswer, "event log block %d: an answer of %d bytes", block, len(a.Payload))
	}
	decoded, invalid, err := emop.EventBlock(a.Payload[blockEcho:])
	if err != nil {
		return nil, &flows.Error{Code: flows.BadAnswer, Err: err}
	}
	if invalid > 0 && r.note == "" {
		r.note = "records that are no valid event were left out"
	}
	events := make([]flows.Event, len(decoded))
	for i, e := range decoded {
		events[i] = flows.Event{Time: e.Time, Type: e.Type, Set: e.Set}
	}
	return events, nil
}

// blockEcho is the object id and block index that stand before the records.
const blockEcho = 4
