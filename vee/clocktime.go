package vee

import (
	"math"
	"time"

	"flows"
)

// Inside this package a time is a count of µs since 1970 and a half-hour the number of half-hours since 1970.
const (
	slotMicros = int64(flows.SlotLength / time.Microsecond)

	distantPast   = math.MinInt64 / 4
	distantFuture = math.MaxInt64 / 4
)

func micros(t time.Time) int64 { return t.UnixMicro() }

func timeOf(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

func slotAt(micros int64) int64 { return floorDiv(micros, slotMicros) }

func ceilSlot(micros int64) int64 { return -floorDiv(-micros, slotMicros) }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// bounds gives a period in µs; zero bounds lie in the distance.
func bounds(p flows.Period) (from, to int64) {
	from, to = distantPast, distantFuture
	if !p.From.IsZero() {
		from = micros(p.From)
	}
	if !p.To.IsZero() {
		to = micros(p.To)
	}
	return from, to
}

func period(from, to int64) flows.Period {
	var p flows.Period
	if from > distantPast {
		p.From = timeOf(from)
	}
	if to < distantFuture {
		p.To = timeOf(to)
	}
	return p
}

// calendar tells local days and half-hours of the day. It remembers the zone's rule last used, since asking time for each half-hour
// costs more than all the rest.
type calendar struct {
	zone     *time.Location
	from, to int64 // µs, where offset holds
	offset   int64 // s
}

func newCalendar(zone *time.Location) *calendar {
	if zone == nil {
		zone = time.UTC
	}
	return &calendar{zone: zone}
}

// local gives the local day, counted from 1970, and the half-hour of that day by the clock on the wall.
func (c *calendar) local(at int64) (day int64, halfHour int) {
	if at < c.from || at >= c.to {
		t := time.UnixMicro(at).In(c.zone)
		_, offset := t.Zone()
		start, end := t.ZoneBounds()
		c.from, c.to = bounds(flows.Period{From: start, To: end})
		c.offset = int64(offset)
	}
	seconds := floorDiv(at, 1e6) + c.offset
	day = floorDiv(seconds, 86400)
	return day, int(seconds-day*86400) / 1800
}

// midnight is when a local day begins.
func (c *calendar) midnight(day int64) int64 {
	t := time.Unix(day*86400, 0).UTC()
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, c.zone).UnixMicro()
}

func dayName(day int64) string { return time.Unix(day*86400, 0).UTC().Format(time.DateOnly) }

func weekday(day int64) time.Weekday { return time.Weekday((((day + 4) % 7) + 7) % 7) }

// class of a day: Saturdays and Sundays are like themselves alone, the other days like each other.
func class(day int64) time.Weekday {
	if w := weekday(day); w == time.Saturday || w == time.Sunday {
		return w
	}
	return time.Monday
}

// month gives the first local day of the month that the day is in.
func month(day int64) int64 {
	t := time.Unix(day*86400, 0).UTC()
	return day - int64(t.Day()) + 1
}
