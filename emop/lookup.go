package emop

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Lookup finds a row of the object table by what a person types: a name in any case, a family's name with its index
// (active_price.3.1), or an id of six hex digits. An id that no row has gives its bytes as hex.
func Lookup(name string) (Described, error) {
	name = strings.ToLower(strings.TrimSpace(name))
	if id, err := strconv.ParseUint(name, 16, 24); err == nil && len(name) == 6 {
		return byID(ID(id)), nil
	}
	base, index, _ := strings.Cut(name, ".")
	for _, d := range Table {
		if d.Info().Name != base {
			continue
		}
		if f, ok := d.(Family); ok {
			return f.parse(index)
		}
		if base == name {
			return d, nil
		}
		return nil, fmt.Errorf("%s takes no index", base)
	}
	return nil, fmt.Errorf("unknown object %q: %s", name, hint(base))
}

func byID(id ID) Described {
	for _, d := range Table {
		f, ok := d.(Family)
		switch {
		case ok && f.ID <= id && id < f.ID+ID(f.cells()):
			return f.cell(int(id - f.ID))
		case !ok && d.Info().ID == id:
			return d
		}
	}
	return Object[[]byte]{Entry{Name: id.String(), ID: id, On: All}, opaque}
}

// parse finds the cell of an index like "3.1".
func (f Family) parse(index string) (Described, error) {
	var n []int
	for s := range strings.SplitSeq(index, ".") {
		i, _ := strconv.Atoi(s) // 0 when it is none, and no index is 0
		n = append(n, i)
	}
	if o := f.At(n...); o.decode != nil {
		return o, nil
	}
	return nil, fmt.Errorf("%s.%s is no object: write %s", f.Name, index, f.Pattern())
}

// hint names up to four rows that come close.
func hint(name string) string {
	type near struct {
		name     string
		distance int
	}
	var found []near
	for _, d := range Table {
		n := d.Info().Name
		if i := distance(name, n); i <= 2 {
			found = append(found, near{n, i})
		} else if len(name) > 2 && strings.Contains(n, name) {
			found = append(found, near{n, 3})
		}
	}
	if found == nil {
		return "`flows read --help` lists them"
	}
	slices.SortStableFunc(found, func(a, b near) int { return cmp.Compare(a.distance, b.distance) })
	var names []string
	for _, f := range found[:min(len(found), 4)] {
		names = append(names, f.name)
	}
	return "did you mean " + strings.Join(names, ", ") + "? `flows read --help` lists all"
}

// distance counts the letters to change, add or drop to make a from b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
