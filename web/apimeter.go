package web

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"flows"
)

// OfMeter is one meter.
type OfMeter struct {
	Serial string `path:"serial" example:"EML2137580761"`
}

// inPeriod is a time. A date is a midnight in the zone of the meter's ESCO.
type inPeriod struct {
	OfMeter
	From string `query:"from" doc:"RFC 3339, or a date in the zone of the meter's ESCO; a day ago when not given" example:"2026-03-01"`
	To   string `query:"to" doc:"the same way, not included; now when not given" example:"2026-03-02T00:00:00Z"`
}

// MeterList is a page of something of a meter.
type MeterList struct {
	OfMeter
	PageOf
}

// rawAsked chooses raw reads.
type rawAsked struct {
	MeterList
	Of string `query:"of" enum:"reads,log" default:"reads" doc:"reads of runs, or records of the meter's half-hourly log"`
}

// tariffs are the documents of a shadow.
type tariffs struct {
	Active json.RawMessage `json:"active"`
	Future json.RawMessage `json:"future"`
}

// history is what a meter's values and health were.
type history struct {
	Series []flows.Series       `json:"series"`
	Health []flows.HealthChange `json:"health_changes"`
}

const longestPeriod = 92 * 24 * time.Hour

func (a *api) meter() {
	give(a, "getMeter", "/meters/{serial}", "meters", "One meter", "What it reads, since when, and why it is not read if it is not.",
		func(ctx context.Context, in *OfMeter) (flows.MeterPage, error) { return a.MeterPage(ctx, in.Serial) })
	give(a, "listHalfHours", "/meters/{serial}/half-hours", "meters", "A meter's half-hours, register by register", "With quality, method and whether they may be billed. At most 92 days.",
		func(ctx context.Context, in *inPeriod) (listed[flows.Lane], error) {
			p, err := a.period(ctx, in)
			if err != nil {
				return listed[flows.Lane]{}, err
			}
			lanes, err := a.Lanes(ctx, in.Serial, p)
			return listed[flows.Lane]{Items: orNone(lanes)}, err
		})
	give(a, "listTraces", "/meters/{serial}/traces", "meters", "What a meter's registers stood at", "By the meter's log and by reads of runs. At most 92 days.",
		func(ctx context.Context, in *inPeriod) (listed[flows.Trace], error) {
			p, err := a.period(ctx, in)
			if err != nil {
				return listed[flows.Trace]{}, err
			}
			traces, err := a.Traces(ctx, in.Serial, p)
			return listed[flows.Trace]{Items: orNone(traces)}, err
		})
	give(a, "getHistory", "/meters/{serial}/history", "meters", "What a meter's balance, signal, voltages and clock were", "At most 92 days.",
		func(ctx context.Context, in *inPeriod) (h history, err error) {
			p, err := a.period(ctx, in)
			if err != nil {
				return h, err
			}
			if h.Series, err = a.MeterSeries(ctx, in.Serial, p); err == nil {
				h.Health, err = a.HealthChanges(ctx, in.Serial, p, mostChangesGiven)
			}
			h.Series, h.Health = orNone(h.Series), orNone(h.Health)
			return h, err
		})
	list(a, "listEvents", "/meters/{serial}/events", "meters", "A meter's events, the newest first", "By the meter's clock.", flows.EventLine.Place,
		func(ctx context.Context, in *MeterList, limit int) ([]flows.EventLine, error) {
			return ofKnown(ctx, a, in.Serial, func() ([]flows.EventLine, error) { return a.MeterEvents(ctx, in.Serial, in.cursor(), limit) })
		})
	give(a, "getTariffs", "/meters/{serial}/tariffs", "meters", "A meter's tariffs", "As it said them; null where they were never read.",
		func(ctx context.Context, in *OfMeter) (t tariffs, err error) {
			_, err = ofKnown(ctx, a, in.Serial, func() ([]int, error) {
				t.Active, t.Future, err = a.MeterTariffs(ctx, in.Serial)
				return nil, err
			})
			return t, err
		})
	list(a, "listRawReads", "/meters/{serial}/raw-reads", "meters", "A meter's raw reads, the newest first", "They are never changed.", flows.RawRead.Place,
		func(ctx context.Context, in *rawAsked, limit int) ([]flows.RawRead, error) {
			return ofKnown(ctx, a, in.Serial, func() ([]flows.RawRead, error) {
				return a.RawReads(ctx, in.Serial, flows.RawSource(in.Of), in.cursor(), limit)
			})
		})
	list(a, "listSyncLog", "/meters/{serial}/sync-log", "meters", "What runs came to for a meter, the newest first", "Kept for some weeks.", flows.SyncLine.Place,
		func(ctx context.Context, in *MeterList, limit int) ([]flows.SyncLine, error) {
			return ofKnown(ctx, a, in.Serial, func() ([]flows.SyncLine, error) { return a.SyncLog(ctx, in.Serial, in.cursor(), limit) })
		})
	give(a, "listMeterExceptions", "/meters/{serial}/exceptions", "meters", "A meter's open exceptions", "The worst 50 of them; all are at /exceptions.",
		func(ctx context.Context, in *OfMeter) (listed[flows.MeterException], error) {
			all, err := ofKnown(ctx, a, in.Serial, func() ([]flows.MeterException, error) { return a.MeterExceptions(ctx, in.Serial) })
			return listed[flows.MeterException]{Items: orNone(all)}, err
		})
	give(a, "listMeterGaps", "/meters/{serial}/gaps", "meters", "A meter's days with something missing", "The newest 50; all are at /gaps.",
		func(ctx context.Context, in *OfMeter) (listed[flows.MeterGap], error) {
			all, err := ofKnown(ctx, a, in.Serial, func() ([]flows.MeterGap, error) { return a.MeterGaps(ctx, in.Serial) })
			return listed[flows.MeterGap]{Items: orNone(all)}, err
		})
}

// mostChangesGiven is how many changes of health are given out at a time.
const mostChangesGiven = 1000

// ofKnown asks for something of a meter that is there.
func ofKnown[T any](ctx context.Context, a *api, serial string, do func() ([]T, error)) ([]T, error) {
	if _, err := a.MeterPage(ctx, serial); err != nil {
		return nil, err
	}
	return do()
}

// orNone is an empty list and not null.
func orNone[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// period reads the times that were given.
func (a *api) period(ctx context.Context, in *inPeriod) (p flows.Period, err error) {
	m, err := a.MeterPage(ctx, in.Serial)
	if err != nil {
		return p, err
	}
	c := clock{a.now(), time.UTC}.in(m.Zone)
	p.To = c.now.UTC()
	if p.To, err = moment(in.To, p.To, c.zone); err != nil {
		return p, err
	}
	if p.From, err = moment(in.From, p.To.Add(-24*time.Hour), c.zone); err != nil {
		return p, err
	}
	p.From, p.To = p.From.Truncate(flows.SlotLength), p.To.Add(flows.SlotLength-1).Truncate(flows.SlotLength)
	if !p.To.After(p.From) || p.To.Sub(p.From) > longestPeriod {
		return p, problem(http.StatusUnprocessableEntity, "from must be before to, and not more than 92 days before it")
	}
	return p, nil
}

func moment(text string, otherwise time.Time, zone *time.Location) (time.Time, error) {
	if text == "" {
		return otherwise, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.UTC(), nil
	}
	t, err := time.ParseInLocation(time.DateOnly, text, zone)
	if err != nil {
		return t, problem(http.StatusUnprocessableEntity, text+" is neither a time like 2026-03-01T00:00:00Z nor a date like 2026-03-01")
	}
	return t.UTC(), nil
}
