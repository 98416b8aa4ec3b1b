package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"sync"

	"flows"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// apiPrefix is where the API is. What is answered there is the data of the pages, in the types of the pages.
const apiPrefix = "/api/v1"

// api is the JSON API over the store of the pages.
type api struct {
	*pages
	huma.API
}

// Units of what is exact and has no type of JSON's own.
type (
	kilowattHours struct{}
	pounds        struct{}
)

// Schema is huma's.
func (kilowattHours) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeNumber, Description: "kWh, exact to 0.0001", Examples: []any{json.Number("12345.678")}}
}

// Schema is huma's.
func (pounds) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeNumber, Description: "pounds, exact to 0.00001", Examples: []any{json.Number("3.00000")}}
}

// newAPI serves the API on mux, which it must have for itself.
func newAPI(p *pages, mux *http.ServeMux) *api {
	problemsOnce.Do(func() { huma.NewError = problemOf })
	c := huma.DefaultConfig("Flows", "1")
	c.CreateHooks = nil // no $schema in every answer
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = apiPrefix+"/openapi", "", ""
	c.Info.Description = "A head-end for prepayment electricity meters: what its meters read, how complete their half-hours are, and what needs a person. " +
		"Times are RFC 3339 in UTC, energy is kWh, money pounds; null is not known, zero is zero. Lists come a page at a time; with Accept: text/csv they come as CSV."
	c.Info.License = &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}
	c.Formats = map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat, "text/csv": csvFormat, "csv": csvFormat}
	c.RejectUnknownQueryParameters = true
	for plain, with := range map[any]any{flows.Energy(0): kilowattHours{}, flows.Money(0): pounds{}} {
		c.Components.Schemas.RegisterTypeAlias(reflect.TypeOf(plain), reflect.TypeOf(with))
	}
	a := &api{p, humago.New(mux, c)}
	a.fleet()
	a.meters()
	a.meter()
	a.rest()
	a.actions()
	nullable(c.Components.Schemas)
	mux.HandleFunc(apiPrefix+"/", func(w http.ResponseWriter, r *http.Request) {
		deny(w, problem(http.StatusNotFound, "There is nothing at this address: /api lists what there is."))
	})
	return a
}

// nullable says of quantities that may be unknown that they may be null, which huma knows of its own types only.
func nullable(schemas huma.Registry) {
	for name, s := range schemas.Map() {
		t := schemas.TypeFromRef("#/components/schemas/" + name)
		if t == nil || t.Kind() != reflect.Struct {
			continue
		}
		for _, f := range reflect.VisibleFields(t) {
			column, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if p := s.Properties[column]; p != nil && (f.Type == reflect.TypeFor[*flows.Energy]() || f.Type == reflect.TypeFor[*flows.Money]()) {
				known := *p
				known.Nullable = true
				s.Properties[column] = &known
			}
		}
	}
}

var problemsOnce sync.Once

// jsonFormat keeps < and > as they are.
var jsonFormat = huma.DefaultJSONFormat

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

func problemOf(status int, text string, errs ...error) huma.StatusError {
	p := problem(status, text)
	for _, err := range errs {
		var detail huma.ErrorDetailer
		switch {
		case errors.As(err, &detail):
			p.Errors = append(p.Errors, detail.ErrorDetail())
		case err != nil:
			p.Errors = append(p.Errors, &huma.ErrorDetail{Message: err.Error()})
		}
	}
	return p
}

func problem(status int, text string) *Problem {
	return &Problem{huma.ErrorModel{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: text}}
}

// failed makes a problem of what a page would say.
func failed(err error) error {
	if err == nil {
		return nil
	}
	var own *Problem
	if errors.As(err, &own) {
		return own
	}
	said := explain(err)
	return problem(said.code, said.text)
}

// deny answers with a problem where huma does not.
func deny(w http.ResponseWriter, p *Problem) {
	secure(w.Header())
	w.Header().Set("Content-Type", p.ContentType(""))
	w.Header().Set("Cache-Control", "no-store")
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // who asked may be gone
}

// handler is the API behind the guard of the pages.
func (a *api) handler(mux *http.ServeMux) http.Handler {
	limited := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), pageWithin)
		defer cancel()
		secure(w.Header())
		w.Header().Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r.WithContext(ctx))
	})
	return guard(limited, func(w http.ResponseWriter, _ *http.Request, said *outcome) { deny(w, problem(said.code, said.text)) })
}

// one is an answer that is not a list.
type one[T any] struct{ Body T }

// give adds an operation that answers with one thing.
func give[I, T any](a *api, id, path, tag, summary, description string, do func(context.Context, *I) (T, error)) {
	huma.Register(a, operation(http.MethodGet, id, path, tag, summary, description), func(ctx context.Context, in *I) (*one[T], error) {
		v, err := do(ctx, in)
		if err != nil {
			return nil, failed(err)
		}
		return &one[T]{v}, nil
	})
}

func operation(method, id, path, tag, summary, description string) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: apiPrefix + path, Tags: []string{tag}, Summary: summary, Description: description,
		RejectUnknownQueryParameters: true, Errors: []int{http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusServiceUnavailable}}
}
