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
		events, records, err := r.events(b)
		switch {
		case b == 0 && r.class == 0 && flows.NAKOf(err) == flows.NAKUnknownObject:
			return // hardware that nobody knows need not have a log
		case err != nil:
			// Newer events may not be stored without the older ones behind them: the next run would take those for seen.
			r.result.Events = nil
			r.fail(fmt.Sprintf("event_log block %d", b), err)
			return
		}
		r.got = 1
		r.result.Events = append(r.result.Events, events...)
		if records == 0 || len(events) > 0 && events[len(events)-1].Time.Before(last) {
			return
		}
	}
}

// events reads one block. It counts the records too, those that are no valid events included.
func (r *run) events(block int) (events []flows.Event, records int, err error) {
	item := eventBlock(block)
	a, ok := r.answers[key(item)]
	if !ok {
		a = r.ask([]emop.Item{item})[0]
	}
	if a.Err != nil {
		return nil, 0, a.Err
	}
	if len(a.Payload) < blockEcho {
		return nil, 0, flows.Errorf(flows.BadAnswer, "event log block %d: an answer of %d bytes", block, len(a.Payload))
	}
	decoded, invalid, err := emop.EventBlock(a.Payload[blockEcho:])
	if err != nil {
		return nil, 0, &flows.Error{Code: flows.BadAnswer, Err: err}
	}
	if invalid > 0 && r.note == "" {
		r.note = "records that are no valid event were left out"
	}
	for _, e := range decoded {
		events = append(events, flows.Event{Time: e.Time, Type: e.Type, Set: e.Set})
	}
	return events, len(events) + invalid, nil
}

// blockEcho is the object id and block index that stand before the records.
const blockEcho = 4
