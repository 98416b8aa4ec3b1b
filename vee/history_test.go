package vee

import (
	"time"

	"flows"

	"pgregory.net/rapid"
)

var london = mustLoad("Europe/London")

func mustLoad(name string) *time.Location {
	l, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return l
}

// history is what happened to a register and what the meter said of it.
type history struct {
	in    Input
	first int64            // half-hour of truth[0]
	truth []Count          // the counter at each half-hour, as it was; 0 steps from one segment to the next are unknown
	clean map[int64]bool   // half-hour boundaries of which the true value arrived, and nothing else
	taint map[int64]string // what was spoiled where

	wrong int   // so many records to come are too low
	low   Count // by how much, but none below 0
}

var someStarts = []string{"2024-03-30T20:00:00Z", "2024-10-26T20:00:00Z", "2024-12-31T12:00:00Z", "2024-06-05T00:00:00Z"}

// draw makes a history: a true counter, and then what the log, the wire and the meter may do to it, often and together.
func draw(t *rapid.T) history {
	start := mustTime(rapid.SampledFrom(someStarts).Draw(t, "start"))
	n := rapid.IntRange(2, 60).Draw(t, "half-hours")
	h := history{first: slotAt(micros(start)), clean: map[int64]bool{}, taint: map[int64]string{}}
	h.in = Input{Zone: london, AsOf: start.Add(100 * 24 * time.Hour)}
	h.in.Register.Unit = rapid.SampledFrom([]flows.Energy{flows.WattHour, flows.DeciWattHour}).Draw(t, "unit")
	h.in.Register.Rating = Rating{rapid.SampledFrom([]int{0, 1, 100, 4000}).Draw(t, "fuse"), rapid.SampledFrom([]int{1, 3}).Draw(t, "phases")}
	most := h.in.Register.Rating.Most(flows.SlotLength, h.in.Register.Unit)
	value := Count(rapid.SampledFrom([]uint32{0, 90, 5000, 1 << 20, 1<<32 - 40, 1<<32 - 9000}).Draw(t, "value"))
	for i := range n + 1 {
		h.truth = append(h.truth, value)
		at := start.Add(time.Duration(i) * flows.SlotLength)
		value = h.arrive(t, at, value, most)
		value += h.use(t, most)
	}
	return h
}

// use is what flows in a half-hour, sometimes all that can.
func (h *history) use(t *rapid.T, most Limit) Count {
	limit := uint32(20_000)
	if most.Known {
		limit = uint32(min(most.Counts, 1<<31))
	}
	switch rapid.IntRange(0, 9).Draw(t, "use") {
	case 0:
		return 0
	case 1:
		return Count(limit)
	case 2:
		return Count(rapid.Uint32Range(0, limit).Draw(t, "much"))
	}
	return Count(rapid.Uint32Range(0, min(limit, 30)).Draw(t, "little"))
}

// arrive adds what arrives of a half-hour's value and gives what the counter goes on from.
func (h *history) arrive(t *rapid.T, at time.Time, value Count, most Limit) Count {
	k := slotAt(micros(at))
	r := Record{at, value, ValidData, at.Add(time.Duration(rapid.IntRange(0, 48*60).Draw(t, "late")) * time.Minute)}
	spoil := func(s string) { h.taint[k] = s }
	switch rapid.IntRange(0, 29).Draw(t, "spoil") {
	case 0, 1, 2, 3, 4:
		spoil("absent")
		return value
	case 5:
		spoil("invalid")
		r.Status = 0
	case 6:
		spoil("glitch")
		r.Value = 0
	case 7:
		spoil("glitch")
		r.Value += Count(most.Counts*2 + uint64(rapid.IntRange(0, 100).Draw(t, "up")))
	case 8:
		spoil("glitch")
		r.Value -= Count(rapid.IntRange(1, 50).Draw(t, "down"))
	case 9:
		spoil("restart")
		value = Count(rapid.IntRange(0, 20).Draw(t, "restarted at"))
		r.Value = value
		if rapid.Bool().Draw(t, "flagged") {
			r.Status |= LogReset
		}
	case 10:
		spoil("off grid")
		r.Time = at.Add(7 * time.Minute)
	case 11:
		spoil("future")
		r.Received = at.Add(-time.Hour)
	case 12:
		spoil("conflict")
		h.in.Records = append(h.in.Records, r)
		r.Value += Count(rapid.SampledFrom([]int{3, -3}).Draw(t, "other"))
		r.Received = r.Received.Add(time.Minute)
	case 13:
		r.Status |= MajorTimeError | PowerFail
	case 14: // the same again, later
		h.in.Records = append(h.in.Records, r)
		r.Received = r.Received.Add(time.Hour)
	case 15:
		r.Status |= LogReset
	case 16:
		h.wrong, h.low = rapid.IntRange(2, 5).Draw(t, "wrong"), rapid.SampledFrom([]Count{1, 40, 700, 1 << 31}).Draw(t, "by")
	}
	if h.wrong > 0 {
		spoil("glitch")
		h.wrong--
		r.Value = max(r.Value, h.low) - h.low
	}
	h.clean[k] = h.taint[k] == ""
	h.in.Records = append(h.in.Records, r)
	return value
}

func mustTime(s string) time.Time {
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return at
}

// refer gives the history to the reference.
func (h history) refer() *reference {
	r := &reference{rating: h.in.Register.Rating, perWh: int64(flows.WattHour / h.in.Register.Unit), zone: newCalendar(h.in.Zone)}
	byTime := map[int64]Record{}
	for _, rec := range h.in.Records {
		t := micros(rec.Time)
		if rec.Time.Sub(rec.Received) > time.Minute {
			continue
		}
		if rec.Status.Has(LogReset) {
			r.resets = append(r.resets, t)
		}
		if old, seen := byTime[t]; rec.Status.Has(ValidData) && t%slotMicros == 0 && (!seen || rec.Received.Before(old.Received)) {
			byTime[t] = rec
		}
	}
	for _, t := range sortedKeys(byTime) {
		r.at = append(r.at, t/slotMicros)
		r.value = append(r.value, bigCount(byTime[t].Value))
	}
	r.label()
	return r
}
