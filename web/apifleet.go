package web

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"flows"
)

// OfESCO chooses an ESCO's.
type OfESCO struct {
	ESCO string `query:"esco" doc:"code of an ESCO; all when not given" example:"DEMO"`
}

// nothing is asked with the address alone.
type nothing struct{}

func (a *api) fleet() {
	give(a, "getStatus", "/status", "fleet", "How the fleet is", "Health, freshness, the last runs, half-hours of yesterday, open exceptions, the queue and the database. Some seconds old at most, unless it takes long to find out.",
		func(ctx context.Context, in *OfESCO) (statusAnswer, error) {
			s, err := a.pages.status(ctx, in.ESCO)
			return statusAnswer{s, s.Needs()}, err
		})
	give(a, "getCompleteness", "/completeness", "fleet", "How complete the last 28 days are", "The meters of which most is missing, a state a day; and how many others there are.",
		func(ctx context.Context, in *OfESCO) (flows.FleetDays, error) {
			more, err := a.pages.picture(ctx, in.ESCO)
			return more.days, err
		})
	give(a, "listEscos", "/escos", "fleet", "The energy service companies that own meters", "All of them.",
		func(ctx context.Context, _ *nothing) (listed[flows.ESCO], error) {
			all, err := a.ESCOs(ctx)
			return listed[flows.ESCO]{Items: all}, err
		})
}

// statusAnswer is the status with what it needs a person for.
type statusAnswer struct {
	flows.Status
	Needs []flows.Need `json:"needs"`
}

// metersAsked chooses meters.
type metersAsked struct {
	OfESCO
	PageOf
	Search   string `query:"q" doc:"part of the serial or the name"`
	Health   string `query:"health" enum:"healthy,unhealthy,never,not_asked" doc:"last verdict; never: never read; not_asked: passive, or without an address"`
	Hardware string `query:"hardware" example:"C1.w"`
	Look     string `query:"look" enum:"low_balance,weak_signal,clock_drift" doc:"worth a look: balance below 2.00, csq below 8, clock off by 60 s and more"`
	Fresh    string `query:"fresh" enum:"1h,3h,1d,7d,older,never" doc:"how long ago the meter was last healthy: up to that, and more than the one before"`
	Sort     string `query:"sort" enum:"serial,-serial,name,-name,healthy,-healthy,balance,-balance,signal,-signal,drift,-drift" doc:"what is not known is last either way"`
}

func (a *api) meters() {
	list(a, "listMeters", "/meters", "meters", "Meters", "With their last values.", func(m flows.MeterLine) string { return m.Place },
		func(ctx context.Context, in *metersAsked, limit int) ([]flows.MeterLine, error) {
			sort, down := in.Sort, false
			if sort != "" && sort[0] == '-' {
				sort, down = sort[1:], true
			}
			return a.MeterLines(ctx, flows.MeterQuery{ESCO: in.ESCO, Search: in.Search, Health: flows.HealthFilter(in.Health), Hardware: in.Hardware, Look: flows.LookFilter(in.Look),
				Fresh: flows.AgeFilter(in.Fresh), Sort: flows.MeterSort(sort), Down: down, From: in.cursor(), Limit: limit})
		})
}

// runsAsked chooses runs.
type runsAsked struct {
	OfESCO
	PageOf
	Frequency string    `query:"frequency" enum:"hourly,12hourly,daily"`
	Since     time.Time `query:"since" doc:"due since"`
}

// RunAsked is one run.
type RunAsked struct {
	ID int64 `path:"id" example:"1"`
}

// runMetersAsked chooses the meters of a run that did not come out healthy.
type runMetersAsked struct {
	RunAsked
	PageOf
	Code string `query:"code" doc:"of what failed" example:"TIMEOUT"`
}

// exceptionsAsked chooses exceptions.
type exceptionsAsked struct {
	OfESCO
	PageOf
	Serial   string `query:"serial" doc:"of the meter, also of one that was exchanged"`
	Rule     string `query:"rule" example:"CLOCK"`
	Severity string `query:"severity" enum:"critical,error,warning,info"`
	Status   string `query:"status" enum:"open,acknowledged,resolved,all" default:"open"`
}

// gapsAsked chooses gaps.
type gapsAsked struct {
	OfESCO
	PageOf
	Serial string `query:"serial"`
	Kind   string `query:"kind" enum:"never_reached,not_logged,invalid"`
	Again  bool   `query:"again" doc:"only those that are asked for again"`
}

// totalsAsked asks for sums of energy.
type totalsAsked struct {
	OfESCO
	PageOf
	By     string `query:"by" enum:"register,esco,circuit" default:"register" doc:"pages are of registers only; of the others all come at once"`
	From   string `query:"from" format:"date" required:"true" doc:"first local day" example:"2026-03-01"`
	To     string `query:"to" format:"date" required:"true" doc:"last local day, included" example:"2026-03-31"`
	Search string `query:"q" doc:"of registers: part of the serial or the name"`
}

func (a *api) rest() {
	list(a, "listRuns", "/runs", "runs", "Runs, the newest first", "Missed ones too.", func(r flows.Run) string { return strconv.FormatInt(r.ID, 10) },
		func(ctx context.Context, in *runsAsked, limit int) ([]flows.Run, error) {
			return a.RunLines(ctx, flows.RunQuery{ESCO: in.ESCO, Frequency: flows.Frequency(in.Frequency), Since: in.Since, From: in.cursor(), Limit: limit})
		})
	give(a, "getRun", "/runs/{id}", "runs", "One run", "With its troubles by code.", func(ctx context.Context, in *RunAsked) (flows.RunReport, error) { return a.RunPage(ctx, in.ID) })
	list(a, "listRunMeters", "/runs/{id}/meters", "runs", "Meters of a run that did not come out healthy", "By serial.", func(m flows.RunMeter) string { return m.Serial },
		func(ctx context.Context, in *runMetersAsked, limit int) ([]flows.RunMeter, error) {
			if _, err := a.RunPage(ctx, in.ID); err != nil {
				return nil, err
			}
			return a.RunMeters(ctx, flows.RunMeterQuery{Run: in.ID, Code: flows.Code(in.Code), From: in.cursor(), Limit: limit})
		})
	list(a, "listExceptions", "/exceptions", "half-hours", "What validation has found", "The worst first, of those the ones seen last.", flows.ExceptionRow.Place,
		func(ctx context.Context, in *exceptionsAsked, limit int) ([]flows.ExceptionRow, error) {
			f, err := exceptionFilter{ESCO: in.ESCO, Rule: in.Rule, Severity: in.Severity, Status: in.Status, Serial: in.Serial}.query()
			if err != nil {
				return nil, err
			}
			f.From, f.Limit = in.cursor(), limit
			return a.ExceptionLines(ctx, f)
		})
	list(a, "listGaps", "/gaps", "half-hours", "Local days of which half-hours did not come from the log", "The newest day first.", flows.GapLine.Place,
		func(ctx context.Context, in *gapsAsked, limit int) ([]flows.GapLine, error) {
			return a.GapLines(ctx, flows.GapQuery{ESCO: in.ESCO, Serial: in.Serial, Kind: flows.GapKind(in.Kind), Again: in.Again, From: in.cursor(), Limit: limit})
		})
	list(a, "listTotals", "/totals", "half-hours", "Energy of local days", "Each sum with how complete it is.", flows.Total.Place,
		func(ctx context.Context, in *totalsAsked, limit int) ([]flows.Total, error) {
			from, _ := time.Parse(time.DateOnly, in.From) // huma has looked
			to, _ := time.Parse(time.DateOnly, in.To)
			if to.Before(from) || to.Sub(from) > longestTotal {
				return nil, problem(http.StatusUnprocessableEntity, "from must not be after to, nor more than 400 days before it")
			}
			q := flows.TotalsQuery{By: flows.TotalsBy(in.By), ESCO: in.ESCO, Search: in.Search, From: in.From, To: in.To}
			if q.By == flows.ByRegister {
				q.Cursor, q.Limit = in.cursor(), limit
			} else {
				in.Limit = int(^uint(0) >> 2)
			}
			return a.Totals(ctx, q)
		})
}

// longestTotal is how many days are summed at the most.
const longestTotal = 400 * 24 * time.Hour
