package ledger

import (
	"bytes"
	"encoding/json"
	"strings"

	"flows"
)

// documentOf is the column of a document that a longer key leads into; "" = none.
func documentOf(key string) string {
	table, rest, _ := strings.Cut(key, ".")
	if column, _, deep := strings.Cut(rest, "."); deep && isPresent(table) {
		return table + "." + column
	}
	return ""
}

// unfold gives the leaves of a document as facts of their own, each column with its path behind it. Null is the same as not there.
func unfold(f flows.Fact) []flows.Fact {
	if f.Null || !strings.HasPrefix(f.Column, "tariffs_") {
		return nil
	}
	d := json.NewDecoder(strings.NewReader(f.Value))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil {
		f.Column += ".(broken)"
		return []flows.Fact{f}
	}
	var leaves []flows.Fact
	var walk func(path string, node any)
	walk = func(path string, node any) {
		switch n := node.(type) {
		case nil:
		case map[string]any:
			for key, child := range n {
				walk(path+"."+key, child)
			}
		default:
			leaf := f
			leaf.Column, leaf.Value = path, compact(n)
			leaves = append(leaves, leaf)
		}
	}
	walk(f.Column, doc)
	return leaves
}

func compact(node any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(node); err != nil {
		return err.Error()
	}
	return strings.TrimSpace(b.String())
}
