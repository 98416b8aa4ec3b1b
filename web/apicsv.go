package web

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

const csvType = "text/csv"

// csvFormat writes the rows of a list, a column a field; what has fields of its own has its name before theirs, and lists are left out.
var csvFormat = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		items := reflect.Indirect(reflect.ValueOf(v)).FieldByName("Items")
		all := columnsOf(items.Type().Elem(), column{})
		out := csv.NewWriter(w)
		out.UseCRLF = true
		if err := out.Write(columnNames(all)); err != nil {
			return err
		}
		cells := make([]string, len(all))
		for i := range items.Len() {
			for n, c := range all {
				cells[n] = c.of(items.Index(i))
			}
			if err := out.Write(cells); err != nil {
				return err
			}
		}
		out.Flush()
		return out.Error()
	},
	Unmarshal: func([]byte, any) error { return errors.New("send JSON") },
}

// column is where in a row its cells are, and what stands above them.
type column struct {
	name string
	path []int
}

var (
	timeType      = reflect.TypeFor[time.Time]()
	marshalerType = reflect.TypeFor[json.Marshaler]()
)

// each calls do for the fields that JSON has, embedded ones as if they were the struct's own.
func each(t reflect.Type, do func(f reflect.StructField, name string)) {
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			each(f.Type, func(inner reflect.StructField, name string) {
				inner.Index = slices.Concat(f.Index, inner.Index)
				do(inner, name)
			})
		case f.IsExported() && name != "-":
			do(f, name)
		}
	}
}

func pointed(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// nested tells that a value has fields of its own.
func nested(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t != timeType && !t.Implements(marshalerType)
}

// columnsOf lists those of what is at a place in a row.
func columnsOf(t reflect.Type, at column) (list []column) {
	each(t, func(f reflect.StructField, name string) {
		c := column{at.name + name, slices.Concat(at.path, f.Index)}
		switch of := pointed(f.Type); {
		case nested(of):
			list = append(list, columnsOf(of, column{c.name + ".", c.path})...)
		case of.Kind() != reflect.Slice && of.Kind() != reflect.Map:
			list = append(list, c)
		}
	})
	return list
}

func columnNames(all []column) (names []string) {
	for _, c := range all {
		names = append(names, c.name)
	}
	return names
}

// of is the column's cell of a row.
func (c column) of(v reflect.Value) string {
	for _, i := range c.path {
		if v = reflect.Indirect(v); !v.IsValid() {
			return ""
		}
		v = v.Field(i)
	}
	return cellText(reflect.Indirect(v))
}

// cellText is a value as JSON has it, without the quotes; what is not known is empty.
func cellText(v reflect.Value) string {
	switch {
	case !v.IsValid():
		return ""
	case v.Type() == timeType:
		t := v.Interface().(time.Time)
		if t.IsZero() {
			return ""
		}
		return t.Format(time.RFC3339Nano)
	case v.Type().Implements(marshalerType):
	case v.Kind() == reflect.String:
		return v.String()
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10)
	}
	text, err := json.Marshal(v.Interface())
	if err != nil {
		return ""
	}
	return string(text)
}
