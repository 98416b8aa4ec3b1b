package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"

	"flows"

	"github.com/danielgtaylor/huma/v2"
)

// problemsOnce is for huma's one place to say what an error is.
var problemsOnce sync.Once

// Problem is an error by RFC 9457.
type Problem struct{ huma.ErrorModel }

// ContentType is huma's: an error is no CSV, whatever was asked for.
func (*Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders is huma's.
func (p *Problem) GetHeaders() http.Header {
	if p.Status == http.StatusServiceUnavailable {
		return http.Header{"Retry-After": {"5"}}
	}
	return nil
}

func problem(status int, text string) *Problem {
	return &Problem{huma.ErrorModel{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: text}}
}

// wrong is a parameter that has no sense.
func wrong(parameter, text string) *Problem {
	p := problem(http.StatusUnprocessableEntity, parameter+": "+text+".")
	p.Errors = []*huma.ErrorDetail{{Location: "query." + parameter, Message: text}}
	return p
}

// problemOf says in a sentence what huma has found.
func problemOf(status int, text string, errs ...error) huma.StatusError {
	p := problem(status, text)
	var found []string
	for _, err := range errs {
		if err == nil {
			continue
		}
		detail := &huma.ErrorDetail{Message: err.Error()}
		if known := huma.ErrorDetailer(nil); errors.As(err, &known) {
			detail = known.ErrorDetail()
		}
		p.Errors = append(p.Errors, detail)
		_, name, _ := strings.Cut(detail.Location, ".")
		found = append(found, strings.TrimPrefix(name+": "+detail.Message, ": "))
	}
	if len(found) > 0 {
		p.Detail = strings.Join(found, "; ") + "."
	}
	return p
}

// failed makes a problem of what a page would say.
func failed(err error) error {
	var own *Problem
	if err == nil || errors.As(err, &own) {
		return err
	}
	said := explain(err)
	if unknown := (*flows.UnknownSerials)(nil); errors.As(err, &unknown) {
		return problem(http.StatusNotFound, sentence(err.Error())+".")
	}
	if said.code == http.StatusServiceUnavailable {
		return problem(said.code, "The database does not answer: "+err.Error()+". Ask again later.")
	}
	return problem(said.code, said.text)
}

// deny answers with a problem where huma does not.
func deny(w http.ResponseWriter, p *Problem) {
	secure(w.Header())
	w.Header().Set("Content-Type", p.ContentType(""))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // who asked may be gone
}
