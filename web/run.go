package web

import "net/http"

func (p *pages) run(r *http.Request, v *view) error {
	v.Title = "Run"
	return nil
}
