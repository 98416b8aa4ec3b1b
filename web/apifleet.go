package web

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"flows"
)

// OfESCO chooses an ESCO's.
type OfESCO struct {
	ESCO string `query:"esco" doc:"code of an ESCO; all when not given" example:"DEMO"`
}

// nothing is asked with the address alone.
type nothing struct{}

// esco is the one of a code. Without a code it is none, and all are meant.
func (a *api) esco(ctx context.Context, code string) (flows.ESCO, error) {
	if code == "" {
		return flows.ESCO{Timezone: "Europe/London"}, nil
	}
	all, err := a.ESCOs(ctx)
	if err != nil {
		return flows.ESCO{}, err
	}
	for _, e := range all {
		if strings.EqualFold(e.Code, code) {
			return e, nil
		}
	}
	return flows.ESCO{}, problem(http.StatusNotFound, "ESCO "+code+" is not known. "+apiPrefix+"/escos lists those that are.")
}

// statusAnswer is the status with what needs a person.
type statusAnswer struct {
	flows.Status
	Needs []flows.Need `json:"needs" doc:"what a person must do, the most pressing first"`
	Old   string       `json:"old" doc:"says that what is known is older than it should be, and since when; empty when it is not"`
}

func (a *api) fleet() {
	give(a, reading("getStatus", "/status", "fleet", "How the fleet is", "Health, freshness, the last runs, half-hours of yesterday, open exceptions, the queue and the database, "+
		"and what of it needs a person. It is made anew every 15 seconds at most, less often where that takes long: time says when."),
		func(ctx context.Context, in *OfESCO) (statusAnswer, error) {
			e, err := a.esco(ctx, in.ESCO)
			if err != nil {
				return statusAnswer{}, err
			}
			s, err := a.status(ctx, e.Code)
			return statusAnswer{s, s.Needs(), s.Old()}, err
		})
	give(a, reading("getCompleteness", "/completeness", "fleet", "How complete the last 28 days are", "The 25 meters of which most is missing, with a state a day, and how many others there are. Kept like the status."),
		func(ctx context.Context, in *OfESCO) (flows.FleetDays, error) {
			e, err := a.esco(ctx, in.ESCO)
			if err != nil {
				return flows.FleetDays{}, err
			}
			more, err := a.picture(ctx, e.Code)
			return more.days, err
		})
	all(a, reading("listEscos", "/escos", "fleet", "The energy service companies that own meters", "All of them, by code."),
		func(ctx context.Context, _ *nothing) ([]flows.ESCO, error) { return a.ESCOs(ctx) })
}

// runsAsked chooses runs.
type runsAsked struct {
	OfESCO
	PageOf
	Frequency string    `query:"frequency" enum:"hourly,12hourly,daily" doc:"of the schedule that wanted them"`
	Since     time.Time `query:"since" doc:"due since then" example:"2026-03-01T00:00:00Z"`
}

// OfRun is one run.
type OfRun struct {
	ID int64 `path:"id" example:"1" doc:"number of the run"`
}

// runMetersAsked chooses the meters of a run that did not come out healthy.
type runMetersAsked struct {
	OfRun
	PageOf
	Code string `query:"code" doc:"of what failed; - is none" example:"TIMEOUT"`
}

func (a *api) rest() {
	list(a, reading("listRuns", "/runs", "runs", "Runs, the newest first", "Missed ones too. With an ESCO also runs of all meters."), func(r flows.Run) string { return strconv.FormatInt(r.ID, 10) },
		func(ctx context.Context, in *runsAsked, limit int) ([]flows.Run, error) {
			e, err := a.esco(ctx, in.ESCO)
			if err != nil {
				return nil, err
			}
			return a.RunLines(ctx, flows.RunQuery{ESCO: e.Code, Frequency: flows.Frequency(in.Frequency), Since: in.Since, From: in.cursor(), Limit: limit})
		})
	give(a, reading("getRun", "/runs/{id}", "runs", "One run", "With the reasons of those that did not come out healthy."),
		func(ctx context.Context, in *OfRun) (flows.RunReport, error) { return a.RunPage(ctx, in.ID) })
	list(a, reading("listRunMeters", "/runs/{id}/meters", "runs", "Meters of a run that did not come out healthy", "By serial."), func(m flows.RunMeter) string { return m.Serial },
		func(ctx context.Context, in *runMetersAsked, limit int) ([]flows.RunMeter, error) {
			if _, err := a.RunPage(ctx, in.ID); err != nil {
				return nil, err
			}
			return a.RunMeters(ctx, flows.RunMeterQuery{Run: in.ID, Code: flows.Code(in.Code), From: in.cursor(), Limit: limit})
		})
}

// exceptionsAsked chooses exceptions.
type exceptionsAsked struct {
	OfESCO
	PageOf
	Serial   string  `query:"serial" doc:"of the meter, also of one that was exchanged" example:"EML2137580761"`
	Rule     string  `query:"rule" doc:"that found them"`
	Severity string  `query:"severity" enum:"critical,error,warning,info"`
	Status   string  `query:"status" enum:"open,acknowledged,resolved,all" default:"open"`
	IDs      []int64 `query:"id" doc:"only these, separated by commas"`
}

// gapsAsked chooses gaps.
type gapsAsked struct {
	OfESCO
	PageOf
	Serial string `query:"serial" doc:"of the meter" example:"EML2137580761"`
	Kind   string `query:"kind" enum:"never_reached,not_logged,invalid" doc:"with some half-hours like that"`
	Again  bool   `query:"again" doc:"only those that are asked for again"`
}

// totalsAsked asks for sums of energy.
type totalsAsked struct {
	OfESCO
	PageOf
	By     string `query:"by" enum:"register,esco,circuit" default:"register"`
	From   string `query:"from" format:"date" doc:"first local day; the first of this month when not given" example:"2026-03-01"`
	To     string `query:"to" format:"date" doc:"last local day, included; today when not given" example:"2026-03-31"`
	Search string `query:"q" doc:"of registers: part of the serial or the name"`
}

func (a *api) halfHours() {
	list(a, reading("listExceptions", "/exceptions", "half-hours", "What validation has found", "The worst first, of those the ones seen last."), flows.ExceptionRow.Place,
		func(ctx context.Context, in *exceptionsAsked, limit int) ([]flows.ExceptionRow, error) {
			e, err := a.esco(ctx, in.ESCO)
			if err != nil {
				return nil, err
			}
			f, err := exceptionFilter{ESCO: e.Code, Rule: in.Rule, Severity: in.Severity, Status: in.Status, Serial: in.Serial}.query()
			if err != nil {
				return nil, err
			}
			f.IDs, f.From, f.Limit = in.IDs, in.cursor(), limit
			return a.ExceptionLines(ctx, f)
		})
	list(a, reading("listGaps", "/gaps", "half-hours", "Local days of which half-hours did not come from the log", "The newest day first."), flows.GapLine.Place,
		func(ctx context.Context, in *gapsAsked, limit int) ([]flows.GapLine, error) {
			e, err := a.esco(ctx, in.ESCO)
			if err != nil {
				return nil, err
			}
			return a.GapLines(ctx, flows.GapQuery{ESCO: e.Code, Serial: in.Serial, Kind: flows.GapKind(in.Kind), Again: in.Again, From: in.cursor(), Limit: limit})
		})
	list(a, reading("listTotals", "/totals", "half-hours", "Energy of local days", "Each sum with how complete it is. At most 400 days."), totalPlace, a.totalsOf)
}

// longestTotal is how many days are summed at the most.
const longestTotal = 400

func (a *api) totalsOf(ctx context.Context, in *totalsAsked, limit int) ([]flows.Total, error) {
	e, err := a.esco(ctx, in.ESCO)
	if err != nil {
		return nil, err
	}
	now := a.now().In(clock{a.now(), time.UTC}.in(e.Timezone).zone)
	q := flows.TotalsQuery{By: flows.TotalsBy(in.By), ESCO: e.Code, Search: in.Search, To: cmp.Or(in.To, now.Format(time.DateOnly))}
	to, _ := time.Parse(time.DateOnly, q.To) // huma has looked
	q.From = cmp.Or(in.From, to.AddDate(0, 0, 1-to.Day()).Format(time.DateOnly))
	if from, _ := time.Parse(time.DateOnly, q.From); to.Before(from) || to.Sub(from) > longestTotal*24*time.Hour {
		return nil, wrong("from", "must not be after to, nor more than 400 days before it")
	}
	if q.By == flows.ByRegister {
		q.Cursor, q.Limit = in.cursor(), limit
		return a.Totals(ctx, q)
	}
	rows, err := a.summed(ctx, q)
	rows = behind(rows, in.key, totalPlace)
	return rows[:min(limit, len(rows))], err
}

// totalPlace is unlike Total.Place of use for those that are not of registers too.
func totalPlace(t flows.Total) string {
	if t.Register != "" {
		return t.Place()
	}
	return t.Name + "|" + t.Kind + "|" + t.ESCO
}
