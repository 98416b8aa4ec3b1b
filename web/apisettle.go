package web

import (
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// settledCopy is huma's: what is answered has its times in UTC, and lists that have nothing are empty, not null. It is a copy, since others may
// look at the same status.
func settledCopy(_ huma.Context, status string, v any) (any, error) {
	if !strings.HasPrefix(status, "2") {
		return v, nil
	}
	of := reflect.ValueOf(v)
	fresh := reflect.New(of.Type()).Elem()
	fresh.Set(of)
	settle(fresh)
	return fresh.Interface(), nil
}

// settle makes a value so; what it points to is replaced, not changed.
func settle(v reflect.Value) {
	switch t := v.Type(); {
	case !unsettled(t):
	case t == timeType:
		v.Set(reflect.ValueOf(v.Interface().(time.Time).UTC()))
	case t.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if t.Field(i).IsExported() {
				settle(v.Field(i))
			}
		}
	case t.Kind() == reflect.Slice:
		fresh := reflect.MakeSlice(t, v.Len(), v.Len())
		reflect.Copy(fresh, v)
		for i := range fresh.Len() {
			settle(fresh.Index(i))
		}
		v.Set(fresh)
	case v.IsNil():
	case t.Kind() == reflect.Pointer:
		fresh := reflect.New(t.Elem())
		fresh.Elem().Set(v.Elem())
		settle(fresh.Elem())
		v.Set(fresh)
	case t.Kind() == reflect.Map:
		fresh := reflect.MakeMap(t)
		for key, value := range v.Seq2() {
			one := reflect.New(t.Elem()).Elem()
			one.Set(value)
			settle(one)
			fresh.SetMapIndex(key, one)
		}
		v.Set(fresh)
	}
}

var looked sync.Map // by type

// unsettled tells that a type may have times or lists in it.
func unsettled(t reflect.Type) bool {
	known, found := looked.Load(t)
	if !found {
		known = within(t)
		looked.Store(t, known)
	}
	return known.(bool)
}

func within(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct:
		if t == timeType {
			return true
		}
		for f := range t.Fields() {
			if f.IsExported() && unsettled(f.Type) {
				return true
			}
		}
	case reflect.Slice:
		return t.Elem().Kind() != reflect.Uint8 // a document, as it came
	case reflect.Pointer, reflect.Map:
		return unsettled(t.Elem())
	}
	return false
}
