package emop

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Class is a set of kinds of hardware.
type Class uint8

// Kinds of hardware by what they answer. Hardware whose name is not known belongs to none of them.
const (
	SingleElement Class = 1 << iota // B1.w, EMA1.w
	TwinElement                     // C1.w
	WholeCurrent                    // P1.ax: three phase, counts Wh
	CTOperated                      // P1.cx: three phase, counts 0.1 Wh

	SinglePhase = SingleElement | TwinElement
	ThreePhase  = WholeCurrent | CTOperated
	All         = SinglePhase | ThreePhase
)

var classNames = []struct {
	class Class
	name  string
}{
	{All, "all"}, {SinglePhase, "single phase"}, {ThreePhase, "three phase"},
	{SingleElement, "single element"}, {TwinElement, "twin element"}, {WholeCurrent, "P1.ax"}, {CTOperated, "P1.cx"},
}

// String names the class for people.
func (c Class) String() string {
	var names []string
	for _, n := range classNames {
		if c&n.class == n.class {
			names, c = append(names, n.name), c&^n.class
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, ", ")
}

// ClassOf gives the kind of a hardware name as the registry holds it; 0 when the name is not known.
func ClassOf(hardware string) Class {
	switch hardware {
	case "B1.w", "EMA1.w":
		return SingleElement
	case "C1.w":
		return TwinElement
	case "P1.ax", "AX":
		return WholeCurrent
	case "P1.cx", "CX":
		return CTOperated
	}
	return 0
}

// Provenance says how sure a row of the object table is.
type Provenance string

// From the best to the weakest.
const (
	Captured    Provenance = "captured"    // bytes of a real meter decode to a known value
	Documented  Provenance = "documented"  // public software reads it so
	Provisional Provenance = "provisional" // [P]: our assumption, to be corrected by who holds the manufacturer's paper
)

// Entry is a row of the object table.
type Entry struct {
	Name       string // snake_case; families take an index behind it
	ID         ID
	On         Class  // hardware that answers it
	Unit       string // of the decoded count; "" = none
	Provenance Provenance
	Note       string
}

// Source answers reads of objects: a meter through its mediator, or a batch that was read before.
type Source interface {
	// ReadObject gives the payload of one object.
	ReadObject(ctx context.Context, id ID) ([]byte, error)
}

// Object is a row of the object table with its decoder.
type Object[T any] struct {
	Entry
	decode func(*reader) T // nil: there is no such object
}

// errNoCell is the failure of a family's cell that does not exist.
var errNoCell = errors.New("there is no such object: an index is out of range")

// Decode takes a payload apart.
func (o Object[T]) Decode(payload []byte) (T, error) {
	if o.decode == nil {
		var zero T
		return zero, fmt.Errorf("%s: %w", o.Name, errNoCell)
	}
	r := reader{b: payload}
	v := o.decode(&r)
	r.end()
	if r.err != nil {
		var zero T
		return zero, fmt.Errorf("%s (%s): %w", o.Name, o.ID, r.err)
	}
	return v, nil
}

// Read asks the source for the object and decodes its answer.
func (o Object[T]) Read(ctx context.Context, m Source) (T, error) {
	if o.decode == nil {
		return o.Decode(nil)
	}
	payload, err := m.ReadObject(ctx, o.ID)
	if err != nil {
		var zero T
		return zero, fmt.Errorf("%s (%s): %w", o.Name, o.ID, err)
	}
	return o.Decode(payload)
}
