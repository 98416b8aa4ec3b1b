package web

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"flows"
)

// InPeriod is a time. A date is a midnight in the zone of the meter's ESCO.
type InPeriod struct {
	OfMeter
	From string `query:"from" doc:"RFC 3339, or a date in the zone of the meter's ESCO; a day before to when not given" example:"2026-03-01"`
	To   string `query:"to" doc:"the same way, not included; now when not given" example:"2026-03-02T00:00:00Z"`
}

type halfHoursAsked struct {
	InPeriod
	LongPageOf
}

type timesAsked struct {
	InPeriod
	PageOf
}

// halfHour is one of a register and direction.
type halfHour struct {
	Serial    string          `json:"serial" doc:"of the meter that has or had the register"`
	Element   string          `json:"element"`
	Direction flows.Direction `json:"direction"`
	flows.Interval
}

// moment is what a meter's value was at a time.
type moment struct {
	Name  string       `json:"name" example:"Balance"`
	Unit  string       `json:"unit" example:"£"`
	At    time.Time    `json:"at"`
	Value *json.Number `json:"value" doc:"exact; null when it was asked for and not given"`
}

const longestPeriod = 400

func (a *api) meterTimes() {
	list(a, reading("listMeterHalfHours", "/meters/{serial}/half-hours", "meters", "A meter's half-hours, the oldest first",
		"Each register both ways, those included that it took over: energy, quality, method, and whether it may be billed. At most 400 days, up to the last half-hour that has ended."),
		halfHour.place, a.halfHoursOf)
	list(a, reading("listMeterHistory", "/meters/{serial}/history", "meters", "What a meter's balance, signal, voltages and clock were, the oldest first", "At most 400 days."),
		moment.place, func(ctx context.Context, in *timesAsked, limit int) ([]moment, error) {
			p, err := a.period(ctx, &in.InPeriod, in.key)
			if err != nil {
				return nil, err
			}
			series, err := a.MeterSeries(ctx, in.Serial, p)
			rows := after(in.key, momentsOf(series), moment.place)
			return rows[:min(limit, len(rows))], err
		})
	list(a, reading("listMeterHealth", "/meters/{serial}/health", "meters", "Changes of a meter's health, the newest first", "At most 400 days."),
		func(c flows.HealthChange) string { return stamp(c.At) }, func(ctx context.Context, in *timesAsked, limit int) ([]flows.HealthChange, error) {
			p, err := a.period(ctx, &in.InPeriod, "")
			if err != nil {
				return nil, err
			}
			if at, known := timeIn(in.key); known {
				p.To = at
			}
			return a.HealthChanges(ctx, in.Serial, p, limit)
		})
}

// period reads the times that were given. It begins where the page does that is behind a key.
func (a *api) period(ctx context.Context, in *InPeriod, key string) (p flows.Period, err error) {
	m, err := a.MeterPage(ctx, in.Serial)
	if err != nil {
		return p, err
	}
	c := clock{a.now(), time.UTC}.in(m.Zone)
	if p.To, err = timeOf("to", in.To, c.now, c.zone); err != nil {
		return p, err
	}
	if p.From, err = timeOf("from", in.From, p.To.AddDate(0, 0, -1), c.zone); err != nil {
		return p, err
	}
	if !p.To.After(p.From) || p.To.Sub(p.From) > (longestPeriod*24+1)*time.Hour { // an hour more where a clock goes back
		return p, wrong("from", "must be before to, and not more than 400 days before it")
	}
	if at, known := timeIn(key); known {
		p.From = at
	}
	return p, nil
}

// timeOf reads a time, or a date, which is its midnight.
func timeOf(name, text string, otherwise time.Time, zone *time.Location) (time.Time, error) {
	if text == "" {
		return otherwise.UTC(), nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.UTC(), nil
	}
	t, err := time.ParseInLocation(time.DateOnly, text, zone)
	if err != nil {
		return t, wrong(name, text+" is neither a time like 2026-03-01T00:00:00Z nor a date like 2026-03-01")
	}
	return t.UTC(), nil
}

// stamp is a time as it stands first in a key: the later, the greater.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z07:00") }

// timeIn is the time that a key begins with.
func timeIn(key string) (at time.Time, known bool) {
	text, _, _ := strings.Cut(key, "|")
	at, err := time.Parse(time.RFC3339Nano, text)
	return at, err == nil
}

// after sorts rows by their place, and keeps those behind a key.
func after[T any](key string, rows []T, place func(T) string) []T {
	rows = slices.DeleteFunc(rows, func(row T) bool { return place(row) <= key })
	slices.SortFunc(rows, func(a, b T) int { return cmp.Compare(place(a), place(b)) })
	return rows
}

func (h halfHour) place() string {
	way := "0"
	if h.Direction == flows.Export {
		way = "1"
	}
	return strings.Join([]string{stamp(h.Start), h.Element, h.Serial, way}, "|")
}

// halfHoursOf looks at so long a time that a meter with one register both ways has enough rows in it, and at twice as long a time while that
// is too short.
func (a *api) halfHoursOf(ctx context.Context, in *halfHoursAsked, limit int) (rows []halfHour, err error) {
	p, err := a.period(ctx, &in.InPeriod, in.key)
	if err != nil {
		return nil, err
	}
	up := func(t time.Time) time.Time { return t.Add(flows.SlotLength - 1).Truncate(flows.SlotLength) }
	from, to := up(p.From), up(p.To)
	if ended := a.now().UTC().Truncate(flows.SlotLength); to.After(ended) {
		to = ended
	}
	for length := time.Duration(limit/2+1) * flows.SlotLength; from.Before(to) && len(rows) < limit; length *= 2 {
		part := flows.Period{From: from, To: from.Add(length)}
		if part.To.After(to) {
			part.To = to
		}
		lanes, err := a.Lanes(ctx, in.Serial, part)
		if err != nil {
			return nil, err
		}
		rows, from = append(rows, after(in.key, halfHoursIn(lanes), halfHour.place)...), part.To
	}
	return rows[:min(limit, len(rows))], nil
}

// halfHoursIn are those of the registers' lives; of export only where there is something to say of it.
func halfHoursIn(lanes []flows.Lane) (rows []halfHour) {
	for _, l := range lanes {
		for _, s := range l.Slots {
			if !s.Start.Add(flows.SlotLength).After(l.Life.From) || !l.Life.To.IsZero() && !s.Start.Before(l.Life.To) {
				continue
			}
			rows = append(rows, halfHour{l.Serial, l.Element, flows.Import, s.Import})
			if l.Exports {
				rows = append(rows, halfHour{l.Serial, l.Element, flows.Export, s.Export})
			}
		}
	}
	return rows
}

func (m moment) place() string { return stamp(m.At) + "|" + m.Name }

func momentsOf(list []flows.Series) (rows []moment) {
	for _, s := range list {
		for _, point := range s.Points {
			row := moment{Name: s.Name, Unit: s.Unit, At: point.At}
			if point.Value != "" {
				row.Value = new(json.Number(point.Value))
			}
			rows = append(rows, row)
		}
	}
	return rows
}
