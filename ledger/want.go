package ledger

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"flows"
)

// truth is what one answer says a stored value must be.
type truth struct {
	text string                   // as the database prints it
	fits func(stored string) bool // nil = equal to text
}

func (t truth) is(stored string) bool {
	if t.fits != nil {
		return t.fits(stored)
	}
	return t.text == stored
}

// want is what a column must hold: any one of the truths.
type want struct {
	truths []truth
	null   bool      // null is right
	absent bool      // no row and no value are right too
	at     time.Time // of the reading
}

func exactly(text string, at time.Time) *want { return &want{truths: []truth{{text: text}}, at: at} }

func (w *want) ok(f flows.Fact) bool {
	if f.Null {
		return w.null
	}
	return slices.ContainsFunc(w.truths, func(t truth) bool { return t.is(f.Value) })
}

// settle forgets the truths that were not stored, so that the shadow must agree with history.
func (w *want) settle(f flows.Fact) {
	w.truths = slices.DeleteFunc(slices.Clone(w.truths), func(t truth) bool { return !t.is(f.Value) })
}

func (w *want) String() string {
	var all []string
	for _, t := range w.truths {
		if !slices.Contains(all, t.text) {
			all = append(all, t.text)
		}
	}
	if w.null {
		all = append(all, Null)
	}
	return strings.Join(all, " or ")
}

// places is how many decimals a unit of an answer has in the unit of the database: kWh, V, pounds.
var places = map[string]int{"": 0, "Wh": 3, "0.1 Wh": 4, "0.1 V": 1, "1/100000 GBP": 5}

// number is exact and has no trailing zeros.
func number(_ Answer, v Value) truth {
	text := decimal(v)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return truth{text: text}
}

// decimal is a value in the database's unit. An unknown unit gives a text that nothing stored equals.
func decimal(v Value) string {
	n, known := places[v.Unit]
	if !known {
		return fmt.Sprintf("%d × %s", v.Number, v.Unit)
	}
	one := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
	return new(big.Rat).SetFrac(big.NewInt(v.Number), one).FloatString(n)
}

func word(_ Answer, v Value) truth { return truth{text: v.Text} }

func flag(_ Answer, v Value) truth { return truth{text: strconv.FormatBool(v.Number == 1)} }

// amount is a price in a document: pounds with five decimals, a string.
func amount(_ Answer, v Value) truth {
	return truth{text: strconv.Quote(decimal(v))}
}

// local is a time as the meter's own clock will show it, in a document.
func local(_ Answer, v Value) truth {
	return truth{text: strconv.Quote(time.Unix(v.Number, 0).UTC().Format("2006-01-02T15:04:05"))}
}

// drift is in ms on the meter's side and in whole seconds in the database; the way to the meter and back blurs it.
func drift(_ Answer, v Value) truth {
	const blur = 2000
	return truth{
		text: fmt.Sprintf("%d ± 2", v.Number/1000),
		fits: func(stored string) bool {
			n, err := strconv.ParseInt(stored, 10, 32)
			return err == nil && n*1000 >= v.Number-blur && n*1000 <= v.Number+blur
		},
	}
}

// moment is when the answer was given.
func moment(a Answer, _ Value) truth {
	return truth{
		text: clock(a.Arrived) + " to " + clock(a.Departed),
		fits: func(stored string) bool {
			t, err := time.Parse(time.RFC3339, stored)
			return err == nil && within(t, a.Arrived.Add(-slack), a.Departed.Add(slack))
		},
	}
}

func within(t, from, to time.Time) bool { return !t.Before(from) && !t.After(to) }
