package web

import "net/http"

// exceptionStore is what the page needs.
type exceptionStore interface{}

func (p *pages) exceptions(r *http.Request, v *view) error {
	v.Title = "Exceptions"
	return nil
}

func (p *pages) answer(r *http.Request) (string, error) { return "/exceptions", nil }
