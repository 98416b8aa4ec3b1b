package emop

import "fmt"

// Described is a row of the object table whatever its type: what a listing, a person's read and the tests need.
type Described interface {
	Info() Entry
	// Readable is false for what a meter only takes.
	Readable() bool
	// Text decodes a payload for people, the unit applied.
	Text(payload []byte) (string, error)
}

// Info gives the row itself.
func (e Entry) Info() Entry { return e }

// Readable is true but for a WriteOnly.
func (e Entry) Readable() bool { return true }

// Text decodes a payload for people, the unit applied.
func (o Object[T]) Text(payload []byte) (string, error) {
	v, err := o.Decode(payload)
	if err != nil {
		return "", err
	}
	return text(v, o.Unit), nil
}

// WriteOnly is a row that cannot be read.
type WriteOnly struct{ Entry }

// Readable is false.
func (o WriteOnly) Readable() bool { return false }

// Text always fails: what is written there is a secret.
func (o WriteOnly) Text([]byte) (string, error) {
	return "", fmt.Errorf("%s (%s) can only be written", o.Name, o.ID)
}
