package web

import (
	_ "embed"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"flows"

	"github.com/danielgtaylor/huma/v2"
)

// Schemas of what has no type of JSON's own, and of what writes its JSON itself.
type (
	kilowattHours struct{}
	pounds        struct{}
	decimal       struct{}

	// rate is how many meters came out healthy of those that were asked; skipped ones were not.
	rate struct {
		Healthy int      `json:"healthy"`
		Of      int      `json:"of" doc:"meters that were asked"`
		Ratio   *float64 `json:"ratio" doc:"0 to 1; null without meters"`
	}

	yesterday struct {
		flows.HalfHours
		Share *float64 `json:"estimated_share" doc:"0 to 1; null when no half-hour is expected"`
	}
)

// Schema is huma's.
func (kilowattHours) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeNumber, Description: "kWh, exact to 0.0001", Examples: []any{json.Number("12345.678")}}
}

// Schema is huma's.
func (pounds) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeNumber, Description: "pounds, exact to 0.00001", Examples: []any{json.Number("3.00000")}}
}

// Schema is huma's.
func (decimal) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Type: huma.TypeNumber} }

const schemaPrefix = "#/components/schemas/"

// schemas knows the types of the module.
func schemas() huma.Registry {
	r := huma.NewMapRegistry(schemaPrefix, func(t reflect.Type, hint string) string {
		switch name := huma.DefaultSchemaNamer(t, hint); {
		case t == reflect.TypeFor[yesterday]():
			return "HalfHours"
		case strings.HasPrefix(name, "Listed"):
			return strings.TrimPrefix(name, "Listed") + "List"
		default:
			return name
		}
	})
	r.RegisterTypeAlias(reflect.TypeFor[flows.Energy](), reflect.TypeFor[kilowattHours]())
	r.RegisterTypeAlias(reflect.TypeFor[flows.Money](), reflect.TypeFor[pounds]())
	r.RegisterTypeAlias(reflect.TypeFor[json.Number](), reflect.TypeFor[decimal]())
	r.RegisterTypeAlias(reflect.TypeFor[flows.Rate](), reflect.TypeFor[rate]())
	r.RegisterTypeAlias(reflect.TypeFor[flows.HalfHours](), reflect.TypeFor[yesterday]())
	return r
}

// possible is all that a word can be; "" is nothing of the kind.
var possible = map[reflect.Type][]any{
	reflect.TypeFor[flows.Mode]():      words(flows.Active, flows.Passive),
	reflect.TypeFor[flows.Health]():    words(flows.NeverRun, flows.Healthy, flows.Unhealthy),
	reflect.TypeFor[flows.Frequency](): append(words(flows.Frequencies...), ""),
	reflect.TypeFor[flows.Origin]():    words(flows.Schedule, flows.Command),
	reflect.TypeFor[flows.Verdict]():   words(flows.VerdictHealthy, flows.VerdictUnhealthy, flows.VerdictSkipped, flows.VerdictNotDone),
	reflect.TypeFor[flows.State]():     words(flows.Read, flows.Partial, flows.Failed, flows.Unsupported, flows.Unknown, flows.Skipped),
	reflect.TypeFor[flows.Direction](): words(flows.Import, flows.Export, ""),
	reflect.TypeFor[flows.Quality]():   words(flows.Edited, flows.Actual, flows.Derived, flows.Estimated, flows.NoQuality),
	reflect.TypeFor[flows.Method]():    words(flows.Difference, flows.Reading, flows.Interpolation, flows.Linear, flows.LikeDay, flows.Flat, flows.Edit, flows.NoMethod),
	reflect.TypeFor[flows.Severity]():  words(severitiesShown...),
	reflect.TypeFor[flows.Rule]():      words(slices.Sorted(maps.Keys(findings))...),
	reflect.TypeFor[flows.DayState]():  words(flows.DayComplete, flows.DayEstimated, flows.DayPartial, flows.DayNone, flows.DayNotExpected),
	reflect.TypeFor[flows.NeedKind]():  words(flows.NeedKinds...),
}

func words[T any](list ...T) (all []any) {
	for _, one := range list {
		all = append(all, reflect.ValueOf(one).String())
	}
	return all
}

// fieldWords are what the types of package flows say of themselves and their fields, by "Type" and "Type.field". A test makes them of the
// comments.
//
//go:embed apiwords.json
var fieldWords []byte

// sent is the type of what people send.
const sent = "AnswerGiven"

// complete adds to the document what huma does not see in the types.
func (a *api) complete() {
	said := map[string]string{}
	if err := json.Unmarshal(fieldWords, &said); err != nil {
		panic(err) // embedded
	}
	all := a.OpenAPI().Components.Schemas
	for name, s := range all.Map() {
		s.Description = said[name]
		if name != sent {
			s.AdditionalProperties = nil // there may be more one day
		}
		t := all.TypeFromRef(schemaPrefix + name)
		each(t, func(f reflect.StructField, field string) {
			owner := t
			for _, i := range f.Index[:len(f.Index)-1] {
				owner = owner.Field(i).Type
			}
			if p := s.Properties[field]; p != nil {
				describe(p, said[owner.Name()+"."+field])
				s.Properties[field] = exact(p, f)
			}
		})
	}
	for _, item := range a.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post} {
			if op == nil {
				continue
			}
			delete(op.Responses, "500") // what is expected never
			for _, p := range op.Parameters {
				if p.Name == "rule" {
					p.Schema.Enum = possible[reflect.TypeFor[flows.Rule]()]
					p.Schema.PrecomputeMessages()
				}
				p.Example, p.Schema.Examples, p.Schema.Description = first(p.Schema.Examples), nil, ""
			}
		}
	}
}

func first(list []any) any {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// describe adds words to a unit.
func describe(s *huma.Schema, text string) {
	unit, _, _ := strings.Cut(s.Description, ",")
	switch rest := strings.TrimLeft(strings.TrimPrefix(text, unit), ", "); {
	case text == "":
	case s.Description != "" && rest != "":
		s.Description += "; " + rest
	case s.Description == "":
		s.Description = text
	}
}

// exact says what may be null, and which words there are.
func exact(s *huma.Schema, f reflect.StructField) *huma.Schema {
	of := pointed(f.Type)
	always := !strings.Contains(f.Tag.Get("json"), ",omit")
	switch {
	case of.Kind() == reflect.Slice:
		s.Nullable = false
		if s.Items != nil {
			s.Items.Enum = possible[of.Elem()]
		}
	case possible[of] != nil:
		s.Enum = possible[of]
	case f.Type.Kind() == reflect.Pointer && always && s.Ref != "":
		return &huma.Schema{Description: s.Description, AnyOf: []*huma.Schema{{Ref: s.Ref}, {Type: "null"}}}
	case f.Type.Kind() == reflect.Pointer && always:
		s.Nullable = true
	}
	return s
}
