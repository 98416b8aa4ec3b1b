package web

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"flows"

	"github.com/danielgtaylor/huma/v2"
)

// listed is a page of a list.
type listed[T any] struct {
	Items []T     `json:"items" doc:"empty when there are none"`
	Next  *string `json:"next" doc:"where the next page begins: give it as after, with the same filters; null when this is the last"`
}

// ContentType is huma's.
func (*listed[T]) ContentType(kind string) string {
	if kind == csvType {
		return csvType + "; charset=utf-8; header=present"
	}
	return kind
}

// listAnswer is a page with the way to the next.
type listAnswer[T any] struct {
	Link string `header:"Link" doc:"the next page, rel=next; not there when this is the last"`
	Body *listed[T]
}

// Place is where a page begins. It is exported, as all that is embedded in an input must be for huma.
type Place struct {
	After string `query:"after" doc:"next of the page before, opaque; the beginning when not given"`

	key, path string
	query     url.Values
}

// PageOf is which page of a list is asked for.
type PageOf struct {
	Place
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"rows of a page, at most"`
}

// LongPageOf is which page is asked for of a list with many rows.
type LongPageOf struct {
	Place
	Limit int `query:"limit" minimum:"1" maximum:"10000" default:"1000" doc:"rows of a page, at most"`
}

// Resolve is huma's. What the list is of goes into its cursors: one of another list, or of other filters, would lead anywhere.
func (p *Place) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	p.path, p.query = u.EscapedPath(), u.Query()
	if p.After == "" {
		return nil
	}
	text, err := base64.RawURLEncoding.DecodeString(p.After)
	if err != nil || len(text) < 5 || binary.BigEndian.Uint32(text) != p.sum(text[4:]) {
		return []error{&huma.ErrorDetail{Location: "query.after", Message: "this is not next of a page of this list with these filters", Value: p.After}}
	}
	p.key = string(text[4:])
	return nil
}

// sum is of the list, its filters and a key.
func (p *Place) sum(key []byte) uint32 {
	filters := url.Values{}
	for name, values := range p.query {
		if name != "after" && name != "limit" && !slices.Equal(values, []string{""}) {
			filters[name] = values
		}
	}
	return crc32.ChecksumIEEE(append([]byte(p.path+"?"+filters.Encode()+"\n"), key...))
}

func (p *Place) cursor() flows.Cursor { return flows.Cursor{Key: p.key} }

// next is the cursor behind a key, and the address there.
func (p *Place) next(key string) (cursor, address string) {
	text := binary.BigEndian.AppendUint32(nil, p.sum([]byte(key)))
	cursor = base64.RawURLEncoding.EncodeToString(append(text, key...))
	p.query.Set("after", cursor)
	return cursor, p.path + "?" + p.query.Encode()
}

func (p *PageOf) page() (*Place, int)     { return &p.Place, p.Limit }
func (p *LongPageOf) page() (*Place, int) { return &p.Place, p.Limit }

// paginated is an input that asks for a page.
type paginated[I any] interface {
	*I
	page() (*Place, int)
}

// list adds an operation that answers with a page of a list. Read is asked for one row more than the page has.
func list[I, T any, P paginated[I]](a *api, op huma.Operation, place func(T) string, read func(ctx context.Context, in P, limit int) ([]T, error)) {
	op.Responses["200"] = inBoth[T]()
	huma.Register(a, op, func(ctx context.Context, in *I) (*listAnswer[T], error) {
		p, limit := P(in).page()
		rows, err := read(ctx, P(in), limit+1)
		if err != nil {
			return nil, failed(err)
		}
		answer := &listAnswer[T]{Body: &listed[T]{Items: rows}}
		if len(rows) > limit {
			answer.Body.Items = rows[:limit]
			cursor, address := p.next(place(rows[limit-1]))
			answer.Body.Next, answer.Link = &cursor, fmt.Sprintf(`<%s>; rel="next"`, address)
		}
		return answer, nil
	})
}

// all adds an operation that answers with a list that has one page.
func all[I, T any](a *api, op huma.Operation, read func(context.Context, *I) ([]T, error)) {
	op.Responses["200"] = inBoth[T]()
	huma.Register(a, op, func(ctx context.Context, in *I) (*listAnswer[T], error) {
		rows, err := read(ctx, in)
		if err != nil {
			return nil, failed(err)
		}
		return &listAnswer[T]{Body: &listed[T]{Items: rows}}, nil
	})
}

// inBoth is an answer as JSON, whose schema huma fills in, or as CSV.
func inBoth[T any]() *huma.Response {
	heads := strings.Join(columnNames(columnsOf(reflect.TypeFor[T](), column{})), ",")
	return &huma.Response{Description: http.StatusText(http.StatusOK), Content: map[string]*huma.MediaType{
		"application/json": {}, csvType: {Schema: &huma.Schema{Type: huma.TypeString, Description: "the columns " + heads}},
	}}
}

// behind drops the rows up to that of a key.
func behind[T any](rows []T, key string, place func(T) string) []T {
	if key == "" {
		return rows
	}
	at := slices.IndexFunc(rows, func(row T) bool { return place(row) == key })
	if at < 0 {
		return nil
	}
	return rows[at+1:]
}
