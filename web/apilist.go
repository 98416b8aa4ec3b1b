package web

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"

	"flows"

	"github.com/danielgtaylor/huma/v2"
)

// listed is a page of a list.
type listed[T any] struct {
	Items []T     `json:"items" nullable:"false"`
	Next  *string `json:"next" doc:"where the next page begins: give it as after; null when this is the last"`
}

// listAnswer is a page with the way to the next.
type listAnswer[T any] struct {
	Link string `header:"Link" doc:"the next page, rel=next"`
	Body listed[T]
}

// PageOf is which page is asked for. It is exported, as all that is embedded in an input must be for huma.
type PageOf struct {
	After string `query:"after" doc:"next of the page before"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"rows of a page"`

	path  string
	query url.Values
}

// Resolve is huma's: the address is where the next page's comes from.
func (p *PageOf) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	p.path, p.query = u.Path, u.Query()
	return nil
}

func (p *PageOf) page() *PageOf { return p }

func (p *PageOf) cursor() flows.Cursor { return flows.Cursor{Key: p.After} }

// paginated is an input that asks for a page.
type paginated[I any] interface {
	*I
	page() *PageOf
}

// list adds an operation that answers with a page of a list. Read is asked for one row more than the page has.
func list[I, T any, P paginated[I]](a *api, id, path, tag, summary, description string, place func(T) string, read func(ctx context.Context, in P, limit int) ([]T, error)) {
	op := operation(http.MethodGet, id, path, tag, summary, description+" As CSV with Accept: text/csv.")
	huma.Register(a, op, func(ctx context.Context, in *I) (*listAnswer[T], error) {
		p := P(in).page()
		rows, err := read(ctx, P(in), p.Limit+1)
		if err != nil {
			return nil, failed(err)
		}
		answer := &listAnswer[T]{Body: listed[T]{Items: rows}}
		if len(rows) > p.Limit {
			answer.Body.Items = rows[:p.Limit]
			next := place(rows[p.Limit-1])
			answer.Body.Next = &next
			p.query.Set("after", next)
			answer.Link = fmt.Sprintf(`<%s?%s>; rel="next"`, p.path, p.query.Encode())
		}
		if answer.Body.Items == nil {
			answer.Body.Items = []T{}
		}
		return answer, nil
	})
}

// csvFormat writes the rows of a list, a column a field; what has fields of its own has its name before theirs, and lists are left out.
var csvFormat = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		items := reflect.Indirect(reflect.ValueOf(v))
		if items.Kind() == reflect.Struct {
			items = items.FieldByName("Items")
		}
		if !items.IsValid() || items.Kind() != reflect.Slice {
			return json.NewEncoder(w).Encode(v) // a problem
		}
		out := csv.NewWriter(w)
		out.UseCRLF = true
		if err := out.Write(columns(items.Type().Elem(), "")); err != nil {
			return err
		}
		for i := range items.Len() {
			if err := out.Write(fields(items.Index(i))); err != nil {
				return err
			}
		}
		out.Flush()
		return out.Error()
	},
	Unmarshal: func([]byte, any) error { return fmt.Errorf("send JSON") },
}

var (
	timeType      = reflect.TypeFor[time.Time]()
	marshalerType = reflect.TypeFor[json.Marshaler]()
)

// whole tells that a value is one field of CSV.
func whole(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() != reflect.Struct || t == timeType || t.Implements(marshalerType)
}

// each calls do for the fields that have a column, embedded ones as if they were the struct's own.
func each(t reflect.Type, do func(f reflect.StructField, name string)) {
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		kind := f.Type.Kind()
		if kind == reflect.Pointer {
			kind = f.Type.Elem().Kind()
		}
		if name != "-" && f.IsExported() && kind != reflect.Slice && kind != reflect.Map {
			do(f, name)
		}
	}
}

func columns(t reflect.Type, before string) (names []string) {
	if whole(t) {
		return []string{strings.TrimSuffix(before, ".")}
	}
	each(t, func(f reflect.StructField, name string) {
		prefix := before + name
		if !whole(f.Type) && !f.Anonymous {
			prefix += "."
		}
		if whole(f.Type) {
			names = append(names, prefix)
			return
		}
		names = append(names, columns(f.Type, prefix)...)
	})
	return names
}

func fields(v reflect.Value) (texts []string) {
	if whole(v.Type()) {
		return []string{field(v)}
	}
	each(v.Type(), func(f reflect.StructField, _ string) { texts = append(texts, fields(v.FieldByIndex(f.Index))...) })
	return texts
}

// field is a value as JSON has it, without the quotes; what is not known is empty.
func field(v reflect.Value) string {
	if v.IsZero() && (v.Kind() == reflect.Pointer || v.Type() == timeType) {
		return ""
	}
	text, err := json.Marshal(v.Interface())
	if err != nil {
		return ""
	}
	var plain string
	if json.Unmarshal(text, &plain) == nil {
		return plain
	}
	return string(text)
}
