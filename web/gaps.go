package web

import "net/http"

// gapStore is what the page needs.
type gapStore interface{}

func (p *pages) gaps(r *http.Request, v *view) error {
	v.Title = "Gaps"
	return nil
}
