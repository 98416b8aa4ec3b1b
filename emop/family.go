package emop

import (
	"fmt"
	"strconv"
	"strings"
)

// axis is one index of a family: 1 to size.
type axis struct {
	name string
	size int
}

var (
	blockRate = []axis{{"block", 8}, {"rate", 8}}
	rate      = []axis{{"rate", 4}}
)

// Family is a row for a table of prices in the meter: ids that follow each other, the last index counting fastest. The row's own id is
// that of the first cell.
type Family struct {
	Entry
	axes []axis
}

// At is one cell. Indexes count from 1. Where there is no such cell, the object fails without asking the meter.
func (f Family) At(index ...int) Object[uint32] {
	e := f.Entry
	cell, ok := 0, len(index) == len(f.axes)
	for i, n := range index {
		e.Name += "." + strconv.Itoa(n)
		if ok = ok && 1 <= n && n <= f.axes[i].size; ok {
			cell = cell*f.axes[i].size + n - 1
		}
	}
	if !ok {
		return Object[uint32]{Entry: e}
	}
	e.ID += ID(cell)
	return Object[uint32]{e, u32}
}

// cells counts them.
func (f Family) cells() int {
	n := 1
	for _, a := range f.axes {
		n *= a.size
	}
	return n
}

// cell is the n-th, from 0.
func (f Family) cell(n int) Object[uint32] {
	index := make([]int, len(f.axes))
	for i := len(f.axes) - 1; i >= 0; i-- {
		index[i] = n%f.axes[i].size + 1
		n /= f.axes[i].size
	}
	return f.At(index...)
}

// Pattern is the name with what its indexes may be: active_price.BLOCK.RATE (1..8, 1..8).
func (f Family) Pattern() string {
	name, bounds := f.Name, make([]string, len(f.axes))
	for i, a := range f.axes {
		name += "." + strings.ToUpper(a.name)
		bounds[i] = fmt.Sprintf("1..%d", a.size)
	}
	return name + " (" + strings.Join(bounds, ", ") + ")"
}

// Text decodes the payload of any cell.
func (f Family) Text(payload []byte, c Class) (string, error) {
	return Object[uint32]{f.Entry, u32}.Text(payload, c)
}
