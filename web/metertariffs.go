package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// tariffTable is what the meter charges, and what it will charge.
type tariffTable struct {
	Titles []string
	Rows   []tariffRow
}

type tariffRow struct {
	Name   string
	Values []string // one for each title
}

// tariffWords are the names in a shadow's documents in the order one asks for them. Others come after them, as they are.
var tariffWords = []struct{ key, words string }{
	{"activation_datetime", "Begins, by the meter's clock"},
	{"standing_charge", "Standing charge, £"}, {"unit_rate_element_a", "Unit rate A, £"}, {"unit_rate_element_b", "Unit rate B, £"},
	{"element_b_tou_rate", "Rate of B by time of use"}, {"block_rate", "Block rate"}, {"threshold_mask", "Threshold mask"}, {"threshold_values", "Threshold values"},
	{"prepayment_emergency_credit", "Emergency credit, £"}, {"prepayment_ecredit_availability", "Emergency credit availability, £"},
	{"prepayment_debt_recovery_rate", "Debt recovery rate, £"},
}

// tariffsOf reads the documents of a shadow. They are what the meter said; what is null there was not read.
func tariffsOf(active, future json.RawMessage) (t tariffTable) {
	var documents []map[string]any
	keys := map[string]bool{}
	for i, text := range []json.RawMessage{active, future} {
		var values map[string]any
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		if decoder.Decode(&values) != nil || len(values) == 0 {
			continue
		}
		t.Titles = append(t.Titles, []string{"Active", "Future"}[i])
		documents = append(documents, values)
		for key := range values {
			keys[key] = true
		}
	}
	add := func(key, words string) {
		row := tariffRow{Name: words}
		for _, values := range documents {
			text := ""
			if v, has := values[key]; has {
				text = tariffText(v)
			}
			row.Values = append(row.Values, text)
		}
		t.Rows = append(t.Rows, row)
		delete(keys, key)
	}
	for _, w := range tariffWords {
		if keys[w.key] {
			add(w.key, w.words)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		add(key, sentence(strings.ReplaceAll(key, "_", " ")))
	}
	return t
}

func tariffText(value any) string {
	switch v := value.(type) {
	case nil:
		return "not read"
	case map[string]any:
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, name+" "+tariffText(v[name]))
		}
		return strings.Join(parts, ", ")
	case bool:
		return map[bool]string{true: "yes", false: "no"}[v]
	}
	return strings.Replace(fmt.Sprint(value), "T", " ", 1)
}
