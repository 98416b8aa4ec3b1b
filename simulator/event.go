package simulator

import (
	"time"

	"flows/emop"
)

const (
	eventBlocks = 10
	blockSize   = 10
)

// event is a record of the meter's log; time is Unix time of the meter's clock.
type event struct{ time, kind, set int64 }

// Events that come now and then, one of a type a day at most. Power goes before it comes back.
var sometimes = []int64{34, 33, 4, 10, 94, 15, 3, 0}

// eventsOf gives the events of a day of the meter's clock, oldest first. The snapshots of midnight share a second.
func (m *meter) eventsOf(date int64) []event {
	midnight := emop.Epoch.Unix() + date*86400
	set := date & 0xff
	all := []event{{midnight, 38, set}, {midnight, 52, set}, {midnight, 39, set}}
	when := midnight
	for i, kind := range sometimes {
		noise := mix(mix(m.seed, 90+uint64(i)), uint64(date))
		chance := noise % 5
		if kind == 0 {
			chance = (m.seed + uint64(date)) % 5 // no log is without one
		}
		if chance == 0 {
			when += 60 + int64(noise>>8%10_000)
			all = append(all, event{when, kind, set})
		}
	}
	return all
}

// eventBlock answers with one block of the log: newest first, block 0 the newest.
func (m *meter) eventBlock(data []byte, t time.Time, r *reply) {
	block := int(data[4])
	switch {
	case m.kind&singlePhase == 0 || object(data) != idEventLog:
		r.refuse(emop.NAKUnknownObject)
		return
	case len(data) != echoed:
		r.refuse(emop.NAKLength)
		return
	case block >= eventBlocks:
		r.refuse(emop.NAKFormat)
		return
	}
	now := m.clock(t).Unix()
	skip := block * blockSize
	for date := (now - emop.Epoch.Unix()) / 86400; date >= 0; date-- {
		of := m.eventsOf(date)
		for i := len(of) - 1; i >= 0; i-- {
			switch e := of[i]; {
			case e.time > now:
			case skip > 0:
				skip--
			case len(r.data) == echoed+blockSize*6:
				return
			default:
				r.seconds("event", e.time)
				r.data = append(r.data, byte(e.kind), byte(e.set))
				r.note("type", "", e.kind)
				r.note("set", "", e.set)
			}
		}
	}
}
