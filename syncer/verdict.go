package syncer

import (
	"strings"
	"time"

	"flows"
)

// judge gives the run its one verdict.
//
//	trouble that is not the meter's -> no verdict, nothing of the shadow is touched
//	another meter at the address    -> unhealthy, only the alarm is stored
//	nothing to ask                  -> no verdict
//	no valid answer at all          -> unhealthy, csq null, metrics skipped
//	some metric failed              -> unhealthy, what was read is stored
//	otherwise                       -> healthy
func (r *run) judge(metrics []metric) {
	res := &r.result
	res.ReadAt = r.readAt()
	switch {
	case r.othersTrouble != nil:
		*res = flows.Result{Meter: r.meter, Frequency: res.Frequency, ReadAt: res.ReadAt}
		res.Code, res.Details = flows.CodeOf(r.othersTrouble, flows.Mediator), r.othersTrouble.Error()
		res.Outcomes = outcomes(metrics, flows.Outcome{State: flows.Skipped, Code: res.Code})
	case r.foreign != "":
		*res = flows.Result{Meter: r.meter, Frequency: res.Frequency, ReadAt: res.ReadAt}
		res.Health, res.Code, res.Object = flows.Unhealthy, flows.ForeignMeter, "serial"
		res.Details = "another meter answers at " + r.meter.Address.String() + ": " + r.foreign
		res.Outcomes = outcomes(metrics, flows.Outcome{State: flows.Skipped, Code: res.Code})
	case !r.reached && r.metersTrouble == nil:
		res.Details = "nothing to read"
	case !r.reached || len(res.Outcomes) == 0 && len(metrics) > 0:
		res.Health, res.NoCSQ = flows.Unhealthy, !r.reached
		res.Code, res.Details = flows.CodeOf(r.metersTrouble, flows.BadAnswer), r.metersTrouble.Error()
		res.Outcomes = outcomes(metrics, flows.Outcome{State: flows.Skipped, Code: res.Code})
	default:
		r.judgeMetrics()
	}
}

func (r *run) judgeMetrics() {
	res := &r.result
	var details []string
	for _, o := range res.Outcomes {
		if o.State != flows.Failed && o.State != flows.Partial {
			continue
		}
		if res.Code == "" {
			res.Code, res.Object = o.Code, o.Object
		}
		details = append(details, o.Metric+": "+o.Object+": "+o.Reason)
	}
	res.Health, res.Details = flows.Healthy, strings.Join(details, "; ")
	if len(details) > 0 {
		res.Health = flows.Unhealthy
	}
}

// readAt is the time of the reading: of the first register answered, else of the last object answered, else the end of the last try.
func (r *run) readAt() time.Time {
	for _, t := range []time.Time{r.register, r.answered, r.tried} {
		if !t.IsZero() {
			return t
		}
	}
	return time.Now()
}
