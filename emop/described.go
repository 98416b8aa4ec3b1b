package emop

import (
	"fmt"
	"strings"
)

// Described is a row of the object table whatever its type: what a listing, a person's read and the tests need.
type Described interface {
	Info() Entry
	// Readable is false for what a meter only takes.
	Readable() bool
	// Text decodes a payload for people, the unit of this hardware applied.
	Text(payload []byte, c Class) (string, error)
}

// Info gives the row itself.
func (e Entry) Info() Entry { return e }

// Readable is true but for a WriteOnly.
func (e Entry) Readable() bool { return true }

// UnitOn is the unit that hardware of class c counts in: "Wh (P1.cx: 0.1 Wh)" is two of them.
func (e Entry) UnitOn(c Class) string {
	unit, operated, two := strings.Cut(e.Unit, " (P1.cx: ")
	switch {
	case two && c == CTOperated:
		return strings.TrimSuffix(operated, ")")
	case two && c == WholeCurrent:
		return unit
	}
	return e.Unit
}

// Text decodes a payload for people, the unit of this hardware applied.
func (o Object[T]) Text(payload []byte, c Class) (string, error) {
	v, err := o.Decode(payload)
	if err != nil {
		return "", err
	}
	return text(v, o.UnitOn(c)), nil
}

// WriteOnly is a row that cannot be read.
type WriteOnly struct{ Entry }

// Readable is false.
func (o WriteOnly) Readable() bool { return false }

// Text always fails: what is written there is a secret.
func (o WriteOnly) Text([]byte, Class) (string, error) {
	return "", fmt.Errorf("%s (%s) can only be written", o.Name, o.ID)
}
