package web

import (
	"context"
	"net/http"

	"flows"

	"github.com/danielgtaylor/huma/v2"
)

// answerGiven is what a person says to exceptions.
type answerGiven struct {
	IDs     []int64       `json:"ids" minItems:"1" maxItems:"1000" doc:"exceptions, all of which are answered, or none"`
	Resolve bool          `json:"resolve,omitempty" doc:"they are done with; else they are known, and stay open"`
	Who     string        `json:"who" minLength:"1" doc:"who says so"`
	Why     string        `json:"why" minLength:"1"`
	Pick    *flows.Energy `json:"pick,omitempty" doc:"of a CONFLICT, alone: the value that the register had, one of those that arrived"`
}

// answerAsked sends it.
type answerAsked struct{ Body answerGiven }

func (a *api) actions() {
	act(a, http.StatusAccepted, operation(http.MethodPost, "readMeter", "/meters/{serial}/read", "meters", "Read a meter now",
		"Its hourly metrics, before all that the schedule wants. The answer comes before the meter's."),
		func(ctx context.Context, in *OfMeter) error { return a.Actions.ReadNow(ctx, in.Serial) })
	act(a, http.StatusAccepted, operation(http.MethodPost, "fetchMeterGaps", "/meters/{serial}/gaps", "meters", "Fetch a meter's missing half-hours",
		"As far as its log reaches back, the oldest first. They come later."),
		func(ctx context.Context, in *OfMeter) error { return a.Actions.FetchGaps(ctx, in.Serial) })
	act(a, http.StatusNoContent, operation(http.MethodPost, "answerExceptions", "/exceptions/answers", "half-hours", "Acknowledge or resolve exceptions",
		"What is resolved is reported again only when more of it is found."),
		func(ctx context.Context, in *answerAsked) error {
			b := in.Body
			return a.Actions.Answer(ctx, flows.Answer{IDs: b.IDs, Resolve: b.Resolve, Who: b.Who, Why: b.Why, Pick: b.Pick})
		})
}

// act adds an operation that has something done.
func act[I any](a *api, code int, op huma.Operation, do func(context.Context, *I) error) {
	op.DefaultStatus, op.MaxBodyBytes = code, 64<<10
	op.Errors = append(op.Errors, http.StatusForbidden, http.StatusConflict, http.StatusNotImplemented)
	huma.Register(a, op, func(ctx context.Context, in *I) (*struct{}, error) {
		if a.Actions == nil {
			return nil, problem(http.StatusNotImplemented, "This process shows data only: it has no queue that could ask meters.")
		}
		return nil, failed(do(ctx, in))
	})
}
