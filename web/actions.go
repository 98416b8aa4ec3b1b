package web

import (
	"context"
	"net/http"

	"flows"
)

// Actions are what a person can have done from a page. A serial that is not there is *flows.NoMeter; what cannot be done for another reason
// of the person's is *flows.Refusal.
type Actions interface {
	// ReadNow has a meter's hourly metrics read before all that the schedule wants.
	ReadNow(ctx context.Context, serial string) error
	// FetchGaps has the half-hours fetched that are missing of a meter, as far as its log reaches back.
	FetchGaps(ctx context.Context, serial string) error
	// Answer says something to exceptions.
	Answer(context.Context, flows.Answer) error
}

// action does something and tells on which page one sees it.
type action func(r *http.Request) (next string, err error)

// do serves an action. Whoever sends the form sees the page after it, with the page's own method, so that a reload does nothing twice.
func (p *pages) do(a action) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		if p.Actions == nil {
			p.deny(w, r, &outcome{http.StatusNotImplemented, "Nobody here to do it", "This process shows pages only: it has no queue that could ask meters.", "/"})
			return
		}
		next, err := a(r)
		if err != nil {
			p.deny(w, r, explain(err))
			return
		}
		http.Redirect(w, r, next, http.StatusSeeOther)
	})
}

func (p *pages) readNow(r *http.Request) (string, error) {
	serial := r.PathValue("serial")
	return meterPath(serial) + "?asked=read", p.Actions.ReadNow(r.Context(), serial)
}

func (p *pages) fetchGaps(r *http.Request) (string, error) {
	serial := r.PathValue("serial")
	return meterPath(serial) + "?asked=gaps", p.Actions.FetchGaps(r.Context(), serial)
}
