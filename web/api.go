package web

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"

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

// apiMethods are all that somebody may try; one pattern for any method would be at odds with the pages' "GET /".
var apiMethods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

// mountAPI adds the API, its document, and the page about it.
func (p *pages) mountAPI(mux *http.ServeMux) {
	own := http.NewServeMux()
	a := newAPI(p, own)
	own.HandleFunc("GET "+apiPrefix+"/openapi.json", a.document("application/json", func() ([]byte, error) { return a.text() }))
	own.HandleFunc("GET "+apiPrefix+"/openapi.yaml", a.document("application/yaml", func() ([]byte, error) { return a.OpenAPI().YAML() }))
	own.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { lost(w, r, own) })
	for _, method := range apiMethods {
		mux.Handle(method+" /api/", served(own))
	}
	mux.Handle("GET /api", guard(p.serve("api", a.page), p.deny))
}

// newAPI serves the operations on mux.
func newAPI(p *pages, mux *http.ServeMux) *api {
	problemsOnce.Do(func() { huma.NewError = problemOf })
	c := huma.DefaultConfig("Flows", "1")
	c.CreateHooks = nil // no $schema in every answer
	// huma makes its document while it is asked for it, twice when two ask; and its page loads from elsewhere.
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.Info.Description = "What the meters of a fleet read, how complete their half-hours are, what was done and what needs a person: the data of the dashboard's pages. " +
		"Times are RFC 3339 in UTC. Energy is kWh and money is pounds, exact decimal numbers. What is null or left out is not known; zero is zero. " +
		"A list comes a page at a time: give next of the answer as after, or follow its Link; with Accept: text/csv it comes as CSV, " +
		"a column a field, without the fields that are lists themselves. Errors are application/problem+json (RFC 9457) with a sentence as detail. " +
		"There are no accounts: the API answers only at loopback names, and does nothing that a page of another site asks for."
	c.Info.License = &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}
	for _, t := range apiTags {
		c.Tags = append(c.Tags, &huma.Tag{Name: t.name, Description: t.about})
	}
	c.Formats = map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat, csvType: csvFormat}
	c.Transformers = []huma.Transformer{settledCopy}
	c.Components.Schemas = schemas()
	a := &api{p, humago.New(mux, c)}
	a.fleet()
	a.meters()
	a.halfHours()
	a.rest()
	a.actions()
	a.complete()
	return a
}

var apiTags = []struct{ name, about string }{
	{"fleet", "All meters together"}, {"meters", "Meters and what is known of each"}, {"runs", "What was done, and what came of it"}, {"half-hours", "What validation has found, gaps, and energy of days"},
}

// text is the document as it is kept in docs/openapi.json.
func (a *api) text() ([]byte, error) {
	text, err := json.MarshalIndent(a.OpenAPI(), "", " ")
	return append(text, '\n'), err
}

// document serves the document, which is made when somebody asks for it.
func (a *api) document(kind string, make func() ([]byte, error)) http.HandlerFunc {
	once := sync.OnceValues(make)
	return func(w http.ResponseWriter, r *http.Request) {
		text, err := once()
		if err != nil {
			deny(w, problem(http.StatusInternalServerError, sentence(err.Error())+"."))
			return
		}
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(text) // who asked may be gone
	}
}

// served is the API behind the guard of the pages.
func served(own http.Handler) http.Handler {
	limited := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), pageWithin)
		defer cancel()
		secure(w.Header())
		w.Header().Set("Cache-Control", "no-store")
		own.ServeHTTP(w, r.WithContext(ctx))
	})
	return guard(limited, func(w http.ResponseWriter, _ *http.Request, said *outcome) { deny(w, problem(said.code, said.text)) })
}

// lost answers where there is no operation: the address has none, or none of this method.
func lost(w http.ResponseWriter, r *http.Request, own *http.ServeMux) {
	var others []string
	for _, method := range apiMethods {
		other := *r
		other.Method = method
		if _, pattern := own.Handler(&other); pattern != "/" {
			others = append(others, method)
		}
	}
	if len(others) == 0 {
		deny(w, problem(http.StatusNotFound, "There is nothing at this address. The page /api lists what there is."))
		return
	}
	if slices.Contains(others, http.MethodGet) {
		others = append(others, http.MethodHead)
	}
	w.Header().Set("Allow", strings.Join(others, ", "))
	deny(w, problem(http.StatusMethodNotAllowed, r.Method+" is not done at this address, but "+strings.Join(others, ", ")+"."))
}

// one is an answer that is not a list.
type one[T any] struct{ Body T }

// give adds an operation that answers with one thing.
func give[I, T any](a *api, op huma.Operation, do func(context.Context, *I) (T, error)) {
	op.Middlewares = huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) { next(asJSON{ctx}) }}
	huma.Register(a, op, func(ctx context.Context, in *I) (*one[T], error) {
		v, err := do(ctx, in)
		if err != nil {
			return nil, failed(err)
		}
		return &one[T]{v}, nil
	})
}

// asJSON is a request for what has no rows: it is JSON, whatever is asked for.
type asJSON struct{ requestContext }

// requestContext is huma's by a name that is none of its methods.
type requestContext huma.Context

// Header is huma's.
func (c asJSON) Header(name string) string {
	if name == "Accept" {
		return ""
	}
	return c.requestContext.Header(name)
}

func operation(method, id, path, tag, summary, description string) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: apiPrefix + path, Tags: []string{tag}, Summary: summary, Description: description, RejectUnknownQueryParameters: true,
		Errors: []int{http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusServiceUnavailable}, Responses: map[string]*huma.Response{}}
}

func reading(id, path, tag, summary, description string) huma.Operation {
	return operation(http.MethodGet, id, path, tag, summary, description)
}
