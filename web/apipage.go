package web

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// apiPage is the API for people to read.
type apiPage struct {
	About, Document string
	Groups          []apiGroup
}

type apiGroup struct {
	Name       string
	Operations []apiOperation
}

type apiOperation struct {
	Method, Path, Summary, Description string
	Try                                string // an address that works as it is
	Parameters                         []apiParameter
}

type apiParameter struct{ Name, In, Values, About string }

// page lists the operations by what they are about.
func (a *api) page(r *http.Request, v *view) error {
	doc := a.OpenAPI()
	page := apiPage{About: doc.Info.Description, Document: apiPrefix + "/openapi.json"}
	groups := map[string][]apiOperation{}
	for path, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post} {
			if op == nil {
				continue
			}
			o := apiOperation{Method: op.Method, Path: path, Summary: op.Summary, Description: op.Description}
			needed := op.Method != http.MethodGet
			for _, p := range op.Parameters {
				o.Parameters = append(o.Parameters, apiParameter{p.Name, p.In, valuesOf(p.Schema), p.Description})
				needed = needed || p.Required
			}
			if !needed {
				o.Try = path
			}
			groups[op.Tags[0]] = append(groups[op.Tags[0]], o)
		}
	}
	for _, name := range []string{"fleet", "meters", "runs", "half-hours"} {
		slices.SortFunc(groups[name], func(a, b apiOperation) int {
			return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
		})
		page.Groups = append(page.Groups, apiGroup{name, groups[name]})
	}
	v.Title, v.Page = "API", page
	return nil
}

func valuesOf(s *huma.Schema) string {
	if s == nil {
		return ""
	}
	var all []string
	for _, v := range s.Enum {
		if text, ok := v.(string); ok {
			all = append(all, text)
		}
	}
	if len(all) == 0 {
		return s.Type
	}
	return strings.Join(all, ", ")
}
