package simulator

import (
	"slices"
	"time"

	"flows/emop"
)

// Kind names a behaviour.
type Kind string

// The behaviours. They may be combined.
const (
	Dead               Kind = "dead"                 // no connection comes about
	Silent             Kind = "silent"               // accepts, never answers
	CloseAfterAnswer   Kind = "close_after_answer"   // one exchange a connection
	CloseWithoutAnswer Kind = "close_without_answer" // nothing or, in turn, half a frame, then the end
	Pieces             Kind = "pieces"               // an answer comes a few bytes at a time
	WrongCRC           Kind = "wrong_crc"            // one payload byte changed under a CRC that was right; each fifth request
	StaleFirst         Kind = "stale_first"          // an answer to an earlier request goes out before the right one
	Gap                Kind = "gap"                  // a connection or request within 0.8 × Spacing of the last answer is refused
	NAKObject          Kind = "nak"                  // Object, or with Object 0 the profile logs, is answered with NAK (0 = unknown object)
	NAKCRC             Kind = "nak_crc"              // a request with a wrong CRC is answered with NAK 1 instead of nothing
	Foreign            Kind = "foreign"              // another meter has taken the address; chosen when the fleet is built
	Slow               Kind = "slow"                 // answers after Delay (0 = 3 s)
)

// Behaviour is a Kind and how it strikes.
type Behaviour struct {
	Kind   Kind
	Every  int // each n-th request only, of a log's fault about each n-th day; 0 = as the kind says
	Object emop.ID
	NAK    emop.NAK
	Delay  time.Duration

	At      time.Time // of a log's fault: it strikes once, from this time of the meter's clock on, or of its registers: at this true time; zero = now and then, as the seed has it
	Records int       // with At: how many half-hours; 0 = 1
}

// FaultShares tells which share (0..1) of the meters has a behaviour.
type FaultShares map[Kind]float64

// Known tells whether there is such a behaviour.
func Known(k Kind) bool {
	_, ok := behaviours[k]
	return ok
}

// Kinds lists the behaviours in a fixed order.
func Kinds() []Kind {
	all := make([]Kind, 0, len(behaviours))
	for k := range behaviours {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

// mute tells a meter that never answers.
func (b Behaviour) mute() bool {
	return b.Every <= 1 && (b.Kind == Dead || b.Kind == Silent || b.Kind == CloseWithoutAnswer)
}

func has(all []Behaviour, kind Kind) bool {
	for _, b := range all {
		if b.Kind == kind {
			return true
		}
	}
	return false
}

// delivery is an answer on its way out. Behaviours change it.
type delivery struct {
	s       *slot
	n       int64 // how many requests the meter has heard, this one included
	at      time.Time
	request emop.Frame
	answer  emop.Frame
	values  []Value
	records []Record
	frame   []byte        // the answer's bytes
	before  []byte        // what goes out ahead of it
	piece   int           // bytes a write; 0 = all at once
	whole   bool          // the answer leaves unspoiled
	hangUp  bool          // the connection ends after it
	wait    time.Duration // before it leaves
}

// behaviours is what each kind does to a delivery, and how often unless Every says otherwise. The kinds without a function act
// elsewhere: on connections, on requests, or on the reply.
var behaviours = map[Kind]struct {
	every int
	act   func(*delivery, Behaviour)
}{
	Dead: {}, Gap: {}, NAKObject: {}, NAKCRC: {}, Foreign: {},
	LogHole: {}, LogInvalid: {}, LogFlag: {}, LogReset: {}, LogGlitch: {}, LogReversal: {}, Rollover: {}, Zeroed: {}, SetBack: {}, ClockOff: {},
	LogOlder: {}, LogNearest: {}, LogLong: {},

	Silent: {1, func(d *delivery, _ Behaviour) { d.frame, d.whole = nil, false }},
	Slow: {1, func(d *delivery, b Behaviour) {
		if d.wait += b.Delay; b.Delay == 0 {
			d.wait += 3 * time.Second
		}
	}},
	Pieces:           {1, func(d *delivery, _ Behaviour) { d.piece = 5 }},
	CloseAfterAnswer: {1, func(d *delivery, _ Behaviour) { d.hangUp = true }},
	CloseWithoutAnswer: {1, func(d *delivery, _ Behaviour) {
		d.hangUp, d.whole = true, false
		if d.n%2 == 1 {
			d.frame = nil
		}
		d.frame = d.frame[:len(d.frame)/2]
	}},
	WrongCRC: {5, func(d *delivery, _ Behaviour) {
		if len(d.frame) > 0 {
			d.frame[len(d.frame)-3] ^= 0x04 // the last byte before the CRC
			d.whole = false
		}
	}},
	StaleFirst: {1, func(d *delivery, _ Behaviour) { d.before = d.stale() }},
}

// misbehave applies what the meter has.
func (d *delivery) misbehave(all []Behaviour) {
	for _, b := range all {
		what := behaviours[b.Kind]
		every := int64(b.Every)
		if every == 0 {
			every = int64(what.every)
		}
		if what.act != nil && d.n%every == 0 {
			what.act(d, b)
		}
	}
}

// stale is an answer to an earlier request. By turns: the same object with the number before, as it stood an hour ago; and another
// object with this number. A client that matches only one of the two takes it.
func (d *delivery) stale() []byte {
	old := d.answer
	request := d.request
	if d.n%2 == 1 {
		old.Sequence = (old.Sequence + 7) & 7
	} else {
		request.Data = other(request.Data)
	}
	if isWrite(request.Data) {
		request.Data = other(request.Data) // nothing is written twice
	}
	r := d.s.m.respond(request.Data, d.at.Add(-time.Hour))
	old.NAK, old.Data = r.nak, r.data
	b, _ := emop.AppendFrame(nil, old) // respond makes no data field that is too long
	return b
}

// other is a read of another object.
func other(data []byte) []byte {
	id := idCSQ
	if object(data) == id {
		id = idHardware
	}
	return []byte{emop.FormatDefault, byte(id >> 16), byte(id >> 8), byte(id), 0}
}
