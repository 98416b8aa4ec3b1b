package web

import "net/http"

// runStore is what the page needs.
type runStore interface{}

func (p *pages) runs(r *http.Request, v *view) error {
	v.Title = "Runs"
	return nil
}
