package web

import (
	"context"
	"net/http"

	"flows"

	"github.com/danielgtaylor/huma/v2"
)

// answerGiven is what a person says to exceptions.
type answerGiven struct {
	Body struct {
		IDs     []int64       `json:"ids" minItems:"1" doc:"exceptions by id: all of them are answered, or none"`
		Resolve bool          `json:"resolve,omitempty" doc:"they are done with; else they are known, and stay until they are found no more"`
		Who     string        `json:"who" minLength:"1" doc:"who says so"`
		Why     string        `json:"why" minLength:"1"`
		Pick    *flows.Energy `json:"pick,omitempty" doc:"of one CONFLICT: the value, kWh, that the register had"`
	}
}

func (a *api) actions() {
	act(a, "readMeter", "/meters/{serial}/read", "meters", "Read a meter now", "Its hourly metrics, before all that the schedule wants. The answer comes before the meter's.",
		func(ctx context.Context, in *OfMeter) error { return a.Actions.ReadNow(ctx, in.Serial) })
	act(a, "fetchGaps", "/meters/{serial}/gaps", "meters", "Fetch a meter's missing half-hours", "As far as its log reaches back. They come later.",
		func(ctx context.Context, in *OfMeter) error { return a.Actions.FetchGaps(ctx, in.Serial) })
	act(a, "answerExceptions", "/exceptions/answers", "half-hours", "Acknowledge or resolve exceptions", "",
		func(ctx context.Context, in *answerGiven) error {
			b := in.Body
			return a.Actions.Answer(ctx, flows.Answer{IDs: b.IDs, Resolve: b.Resolve, Who: b.Who, Why: b.Why, Pick: b.Pick})
		})
}

// act adds an operation that has something done.
func act[I any](a *api, id, path, tag, summary, description string, do func(context.Context, *I) error) {
	op := operation(http.MethodPost, id, path, tag, summary, description)
	op.DefaultStatus = http.StatusAccepted
	op.Errors = append(op.Errors, http.StatusForbidden, http.StatusConflict)
	huma.Register(a, op, func(ctx context.Context, in *I) (*struct{}, error) {
		if a.Actions == nil {
			return nil, problem(http.StatusNotImplemented, "This process shows data only: it has no queue that could ask meters.")
		}
		return nil, failed(do(ctx, in))
	})
}
