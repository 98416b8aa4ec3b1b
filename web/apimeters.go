package web

import (
	"context"
	"encoding/json"
	"strings"

	"flows"
)

// metersAsked chooses meters.
type metersAsked struct {
	OfESCO
	PageOf
	Search   string `query:"q" doc:"part of the serial or the name" example:"Plot 3"`
	Health   string `query:"health" enum:"healthy,unhealthy,never,not_asked" doc:"last verdict; never: never read; not_asked: passive, or without an address"`
	Hardware string `query:"hardware" doc:"as the registry has it" example:"C1.w"`
	Look     string `query:"look" enum:"low_balance,weak_signal,clock_drift" doc:"worth a look: balance below 2.00, csq below 8, clock off by 60 s and more"`
	Fresh    string `query:"fresh" enum:"1h,3h,1d,7d,older,never" doc:"how long ago the meter was last healthy: up to that, and more than the one before"`
	Sort     string `query:"sort" enum:"serial,-serial,name,-name,healthy,-healthy,balance,-balance,signal,-signal,drift,-drift" default:"serial" doc:"with a minus the largest first; what is not known is last either way"`
}

// hardware is a kind of meter.
type hardware struct {
	Hardware string `json:"hardware"`
}

// OfMeter is one meter.
type OfMeter struct {
	Serial string `path:"serial" doc:"as the meter says it" example:"EML2137580761"`
}

// meterPages is a page of something of a meter.
type meterPages struct {
	OfMeter
	PageOf
}

// rawAsked chooses raw reads.
type rawAsked struct {
	OfMeter
	PageOf
	Of string `query:"of" enum:"reads,log" default:"reads" doc:"reads of runs, or records of the meter's half-hourly log"`
}

// tariffs are the documents of a shadow.
type tariffs struct {
	Active json.RawMessage `json:"active" doc:"as the meter said them; null when they were never read"`
	Future json.RawMessage `json:"future" doc:"those that are to come, likewise"`
}

func (a *api) meters() {
	list(a, reading("listMeters", "/meters", "meters", "Meters", "With their last values."), func(m flows.MeterLine) string { return m.Place },
		func(ctx context.Context, in *metersAsked, limit int) ([]flows.MeterLine, error) {
			e, err := a.esco(ctx, in.ESCO)
			if err != nil {
				return nil, err
			}
			sort, down := strings.CutPrefix(in.Sort, "-")
			return a.MeterLines(ctx, flows.MeterQuery{ESCO: e.Code, Search: in.Search, Health: flows.HealthFilter(in.Health), Hardware: in.Hardware, Look: flows.LookFilter(in.Look),
				Fresh: flows.AgeFilter(in.Fresh), Sort: flows.MeterSort(sort), Down: down, From: in.cursor(), Limit: limit})
		})
	all(a, reading("listHardware", "/hardware", "meters", "The hardware that meters have", "All of it, for the filter of meters."),
		func(ctx context.Context, _ *nothing) (rows []hardware, err error) {
			names, err := keptOf(a.pages, &a.pages.hardware, "", a.Hardware).latest(ctx)
			for _, name := range names {
				rows = append(rows, hardware{name})
			}
			return rows, err
		})
	give(a, reading("getMeter", "/meters/{serial}", "meters", "One meter", "Its last values and when each was read, why it is unhealthy, and what the registry has of it."),
		func(ctx context.Context, in *OfMeter) (flows.MeterPage, error) { return a.MeterPage(ctx, in.Serial) })
	give(a, reading("getMeterTariffs", "/meters/{serial}/tariffs", "meters", "A meter's tariffs", "Those it charges by, and those to come."),
		func(ctx context.Context, in *OfMeter) (t tariffs, err error) {
			if _, err = a.MeterPage(ctx, in.Serial); err == nil {
				t.Active, t.Future, err = a.MeterTariffs(ctx, in.Serial)
			}
			return t, err
		})
	a.meterTimes()
	a.meterLists()
}

func (a *api) meterLists() {
	list(a, reading("listMeterReads", "/meters/{serial}/reads", "meters", "A meter's raw reads, the newest first", "What its registers stood at, as it came. They are never changed."), flows.RawRead.Place,
		ofKnown(a, func(ctx context.Context, in *rawAsked, limit int) ([]flows.RawRead, error) {
			return a.RawReads(ctx, in.Serial, flows.RawSource(in.Of), in.cursor(), limit)
		}))
	list(a, reading("listMeterEvents", "/meters/{serial}/events", "meters", "A meter's events, the newest first", "By the meter's clock."), flows.EventLine.Place,
		ofKnown(a, func(ctx context.Context, in *meterPages, limit int) ([]flows.EventLine, error) {
			return a.MeterEvents(ctx, in.Serial, in.cursor(), limit)
		}))
	list(a, reading("listMeterSyncLog", "/meters/{serial}/sync-log", "meters", "What runs came to for a meter, the newest first", "Kept for some weeks."), flows.SyncLine.Place,
		ofKnown(a, func(ctx context.Context, in *meterPages, limit int) ([]flows.SyncLine, error) {
			return a.SyncLog(ctx, in.Serial, in.cursor(), limit)
		}))
	list(a, reading("listMeterExceptions", "/meters/{serial}/exceptions", "meters", "A meter's open exceptions, the worst first", "Those that people have answered are among all exceptions."), flows.ExceptionRow.Place,
		ofKnown(a, func(ctx context.Context, in *meterPages, limit int) ([]flows.ExceptionRow, error) {
			return a.ExceptionLines(ctx, flows.ExceptionFilter{Serials: []string{in.Serial}, Status: "open", From: in.cursor(), Limit: limit})
		}))
	list(a, reading("listMeterGaps", "/meters/{serial}/gaps", "meters", "A meter's days with something missing, the newest first", ""), flows.GapLine.Place,
		ofKnown(a, func(ctx context.Context, in *meterPages, limit int) ([]flows.GapLine, error) {
			return a.GapLines(ctx, flows.GapQuery{Serial: in.Serial, From: in.cursor(), Limit: limit})
		}))
}

// serial is the meter.
func (m *OfMeter) serial() string { return m.Serial }

// ofKnown reads something of a meter that is there.
func ofKnown[P interface{ serial() string }, T any](a *api, read func(context.Context, P, int) ([]T, error)) func(context.Context, P, int) ([]T, error) {
	return func(ctx context.Context, in P, limit int) ([]T, error) {
		if _, err := a.MeterPage(ctx, in.serial()); err != nil {
			return nil, err
		}
		return read(ctx, in, limit)
	}
}
