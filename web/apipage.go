package web

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// apiPage is the API for people to read.
type apiPage struct {
	About, Document string
	Groups          []apiGroup
	Types           []apiType
}

type apiGroup struct {
	Name, About string
	Operations  []apiOperation
}

type apiOperation struct {
	ID, Method, Path, Summary, Description string
	Try                                    string // an address that works as it is
	Curl                                   string
	Parameters                             []apiField
	Answer                                 apiField
	CSV                                    bool
	Body                                   string // type of what is sent
	Others                                 []string
}

// apiType is an object of answers, or of what is sent.
type apiType struct {
	Name, About string
	Fields      []apiField
}

// apiField is something with a name; Ref is the type that it has more fields by.
type apiField struct{ Name, Kind, Ref, About string }

// page lists the operations by what they are about, and the types.
func (a *api) page(r *http.Request, v *view) error {
	doc := a.OpenAPI()
	page := apiPage{About: doc.Info.Description, Document: apiPrefix + "/openapi"}
	groups := map[string][]apiOperation{}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		for _, op := range []*huma.Operation{doc.Paths[path].Get, doc.Paths[path].Post} {
			if op != nil {
				groups[op.Tags[0]] = append(groups[op.Tags[0]], operationOf(op, "http://"+r.Host))
			}
		}
	}
	for _, t := range apiTags {
		page.Groups = append(page.Groups, apiGroup{t.name, t.about, groups[t.name]})
	}
	all := doc.Components.Schemas.Map()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t := apiType{Name: name, About: all[name].Description}
		for _, field := range slices.Sorted(maps.Keys(all[name].Properties)) {
			s := all[name].Properties[field]
			kind, ref := kindOf(s)
			t.Fields = append(t.Fields, apiField{Name: field, Kind: kind, Ref: ref, About: s.Description})
		}
		page.Types = append(page.Types, t)
	}
	v.Title, v.Page = "API", page
	return nil
}

func operationOf(op *huma.Operation, host string) apiOperation {
	o := apiOperation{ID: op.OperationID, Method: op.Method, Path: op.Path, Summary: op.Summary, Description: op.Description, Try: op.Path}
	address := op.Path
	for _, p := range op.Parameters {
		kind, _ := kindOf(p.Schema)
		o.Parameters = append(o.Parameters, apiField{Name: p.Name, Kind: kind, About: p.Description})
		if p.In == "path" {
			address, o.Try = strings.Replace(address, "{"+p.Name+"}", url.PathEscape(fmt.Sprint(p.Example)), 1), ""
		}
	}
	for _, code := range slices.Sorted(maps.Keys(op.Responses)) {
		answer := op.Responses[code]
		if code[0] != '2' {
			o.Others = append(o.Others, code)
			continue
		}
		o.Answer = apiField{Name: code, Kind: answer.Description}
		if body := answer.Content["application/json"]; body != nil {
			o.Answer.Kind, o.Answer.Ref = kindOf(body.Schema)
		}
		o.CSV = answer.Content[csvType] != nil
	}
	o.Curl = "curl '" + host + address + "'"
	if op.Method != http.MethodGet {
		o.Try, o.Curl = "", "curl -X "+op.Method+" '"+host+address+"'"
	}
	if op.RequestBody != nil {
		_, o.Body = kindOf(op.RequestBody.Content["application/json"].Schema)
		o.Curl = `curl --json '{"ids": [1], "resolve": true, "who": "Ann", "why": "meter replaced"}' '` + host + address + "'"
	}
	return o
}

// kindOf says what a value is: its type or the words that there are, and the type that it is made of.
func kindOf(s *huma.Schema) (kind, ref string) {
	switch {
	case s == nil:
		return "", ""
	case s.Ref != "":
		ref = strings.TrimPrefix(s.Ref, schemaPrefix)
		return ref, ref
	case len(s.AnyOf) > 0:
		kind, ref = kindOf(s.AnyOf[0])
		return kind + " or null", ref
	case len(s.Enum) > 0:
		var all []string
		for _, word := range s.Enum {
			all = append(all, cmp.Or(fmt.Sprint(word), `""`))
		}
		kind = strings.Join(all, ", ")
	case s.Items != nil:
		kind, ref = kindOf(s.Items)
		kind = "list of " + kind
	case s.Format != "" && s.Type == huma.TypeString:
		kind = s.Format
	default:
		kind = cmp.Or(s.Type, "any JSON")
	}
	if s.Default != nil {
		kind += fmt.Sprintf("; %v when not given", s.Default)
	}
	if s.Nullable {
		kind += " or null"
	}
	return kind, ref
}
