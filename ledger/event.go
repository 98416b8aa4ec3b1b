package ledger

import (
	"fmt"
	"strconv"
	"time"
)

const (
	eventBlocks = 10
	blockSize   = 10
	noEvent     = 0 // a type that meters send and that must not be stored
)

// entry is where an event is stored: its column, and its time by the meter's clock.
type entry struct {
	key string
	at  int64 // Unix
}

// event is a record as the meter keeps it.
type event struct {
	at   int64 // Unix
	kind int64
	set  int64
}

func eventsOf(a Answer) []event {
	var all []event
	for _, v := range a.Values {
		switch v.Name {
		case "event":
			all = append(all, event{at: v.Number})
		case "type":
			all[len(all)-1].kind = v.Number
		case "set":
			all[len(all)-1].set = v.Number
		}
	}
	return all
}

// readEvents expects every event of the blocks that were answered, and asks whether all blocks were read that had to be: the first, and
// the one behind each that held only events newer than those of earlier runs.
func (b *book) readEvents(v *visit) (failed bool) {
	newest := int64(0)
	for e := range b.events {
		newest = max(newest, e.at)
	}
	due := true
	for block := range eventBlocks {
		q := question{eventLogID, block}
		answers := v.whole[q]
		if len(answers) == 0 {
			switch {
			case v.asked[q] || due && v.gaveUp:
				return true
			case due:
				b.report.add(b.Serial, "meter_event_log.event", v.run.Started, "asked", "not asked",
					fmt.Sprintf("block %d of the event log was due, but the %s run never asked for it", block, v.run.Frequency))
				return false
			}
			continue
		}
		due = false
		for _, a := range answers {
			events := eventsOf(a)
			unseen := 0
			for _, e := range events {
				if e.at > newest {
					unseen++
				}
				b.keep(e, a.Departed)
			}
			due = due || unseen == blockSize
		}
	}
	return false
}

// keep expects the event. The same one again changes nothing; should its counter differ, the first stays, whichever that was.
func (b *book) keep(e event, at time.Time) {
	if e.kind == noEvent {
		return
	}
	k := entry{"meter_event_log.event." + strconv.FormatInt(e.kind, 10), e.at}
	w := b.events[k]
	if w == nil {
		w = &want{at: time.Unix(e.at, 0)}
		b.events[k] = w
		b.report.Answered++
		b.report.Expected["meter_event_log"]++
	}
	w.truths = append(w.truths, truth{text: strconv.FormatInt(e.set, 10)})
}
