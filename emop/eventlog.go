package emop

import (
	"fmt"
	"time"
)

// The event log: blocks 0 (the newest) to 9, ten records each, newest first. All of it is [P].
const (
	EventBlocks   = 10
	eventsInBlock = 10
	eventSize     = 6 // timestamp u4le, type u1, set u1
)

const idEventLog ID = 0x636200

// AppendEventLog appends the data field that reads block 0..9 of the event log.
func AppendEventLog(dst []byte, block int) []byte {
	return append(dst, FormatEventLog, byte(idEventLog>>16), byte(idEventLog>>8&0xff), byte(idEventLog&0xff), byte(block))
}

// Event is a record of the event log. Several share a second.
type Event struct {
	Time time.Time // by the meter's clock
	Type int       // see EventName; unknown types occur
	Set  int       // the meter's counter of that type
}

// EventBlock decodes what follows the block index in an answer, in the meter's order, newest first. A block may hold fewer than ten
// records; what follows the tenth means nothing. Records of type 0 are left out and counted; places that hold none (all bytes FF or 00)
// are only left out.
func EventBlock(payload []byte) (events []Event, invalid int, err error) {
	r := reader{b: payload[:min(len(payload), eventsInBlock*eventSize)]}
	for r.off < len(r.b) {
		e := Event{Time: r.timestamp(), Type: int(r.u8()), Set: int(r.u8())}
		switch {
		case r.err != nil:
			return nil, 0, fmt.Errorf("event log block of %d bytes: not a multiple of %d", len(payload), eventSize)
		case e.Time.Equal(erased), e == Event{Time: Epoch}:
		case e.Type == 0:
			invalid++
		default:
			events = append(events, e)
		}
	}
	return events, invalid, nil
}

// erased is the timestamp FFFFFFFF.
var erased = Epoch.Add(0xffffffff * time.Second)
