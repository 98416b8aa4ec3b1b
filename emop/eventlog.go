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
// records; what follows the tenth means nothing. Records of type 0 and erased ones (all bytes FF) are left out and counted.
func EventBlock(payload []byte) (events []Event, invalid int, err error) {
	r := reader{b: payload[:min(len(payload), eventsInBlock*eventSize)]}
	for r.off < len(r.b) {
		e := Event{Time: r.timestamp(), Type: int(r.u8()), Set: int(r.u8())}
		switch {
		case r.err != nil:
			return nil, 0, fmt.Errorf("event log block of %d bytes: not a multiple of %d", len(payload), eventSize)
		case e.Type == 0, e.Time.Equal(erased):
			invalid++
		default:
			events = append(events, e)
		}
	}
	return events, invalid, nil
}

// erased is the timestamp FFFFFFFF.
var erased = Epoch.Add(0xffffffff * time.Second)

// EventName gives the name of an event type, "" for a type that has none.
func EventName(t int) string { return eventNames[t] }

var eventNames = map[int]string{
	1:   "BM_OVER_CURRENT",
	2:   "BM_FAULTY_CONTACTOR",
	3:   "BM_REVERSE_ENERGY_DETECT",
	4:   "BM_TERMINAL_COVER_REMOVED",
	5:   "BM_WATCHDOG_RESET",
	6:   "BM_NV_WRITE_EXCEEDED",
	7:   "BM_METROLOGY_ERROR",
	8:   "BM_MEMORY_ERROR",
	9:   "BM_MODULE_REMOVED",
	10:  "BM_MAGNETIC_FRAUD",
	11:  "BM_NON_LEGAL_TIME",
	15:  "BM_SPAD_1_WRITE",
	16:  "BM_SPAD_2_WRITE",
	17:  "DSP_ERROR",
	18:  "BM_COMMS_ERROR",
	19:  "GW_COMMS_ERROR",
	20:  "PF_TAG_1_ERROR",
	21:  "PF_TAG_2_ERROR",
	25:  "NON_LEGAL_TIME",
	26:  "MEMORY_TYPE",
	27:  "MEMORY_ERROR",
	28:  "WATCHDOG_RESET",
	29:  "SW_IMAGE_WDOG",
	30:  "SW_IMAGE_HES_PREVIOUS",
	31:  "SW_IMAGE_APPLIED",
	32:  "SW_IMAGE_BAD",
	33:  "EVENT_POWER_UP",
	34:  "EVENT_POWER_DN",
	35:  "EVENT_IMAGE_RECEIVED",
	36:  "EVENT_LOG_RESET_ID",
	37:  "EVENT_IMAGE_ERROR",
	38:  "DAILY_LOG_SNAPSHOT",
	39:  "BILLING_LOG_SNAPSHOT",
	40:  "DO_BIND_COMMAND",
	41:  "DO_UNBIND_COMMAND",
	42:  "NEW_IMAGE_APPLIED",
	43:  "WATCHDOG_IMAGE_APPLIED",
	44:  "PREVIOUS_IMAGE_APPLIED",
	61:  "HES_MSG_PENDING",
	62:  "SM_COMMS_ERROR",
	63:  "WAN_COMMS_ERROR",
	64:  "HAN_COMMS_ERROR_GAS",
	65:  "HAN_COMMS_ERROR_IHU",
	66:  "HAN_API_NOT_RESPONDING",
	80:  "HAN_DEVICE_JOINED",
	81:  "HAN_DEVICE_LEFT",
	83:  "INVALID_WAN_MESSAGE",
	84:  "EVENT_POWER_UP_2",
	85:  "EVENT_POWER_DOWN",
	86:  "LAST_GASP_SENT_TO_HES",
	87:  "ALARM_SENT_TO_HES",
	88:  "EVENT_IMAGE_ERROR_2",
	94:  "GSM_RESET_NO_CONNECTION",
	95:  "STATUS_WORD_RESET",
	104: "LISTENING_SOCKET_ABORTED",
	105: "AUTO_ROAMING_DISABLE",
}
