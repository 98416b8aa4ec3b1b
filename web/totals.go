package web

import "net/http"

// totalStore is what the page needs.
type totalStore interface{}

func (p *pages) totals(r *http.Request, v *view) error {
	v.Title = "Totals"
	return nil
}
