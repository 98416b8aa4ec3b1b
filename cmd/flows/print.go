package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// table prints rows in columns under their heads. On a terminal the last column gives way where lines would be too long.
func table(w io.Writer, heads []string, rows [][]string) error {
	lines := append([][]string{heads}, rows...)
	if width, terminal := columns(w); terminal {
		fit(lines, width)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, line := range lines {
		fmt.Fprintln(t, strings.Join(line, "\t"))
	}
	return t.Flush()
}

// fit cuts the last column when it is text. What stands before is left as it is: half a serial or a number is a wrong one. A line with
// fewer cells has nothing in that column.
func fit(lines [][]string, width int) {
	last := len(lines[0]) - 1
	room := width
	for c := range last {
		widest := 0
		for _, line := range lines {
			if c < len(line)-1 { // what ends a line makes no column wider
				widest = max(widest, utf8.RuneCountInString(line[c]))
			}
		}
		room -= widest + 2
	}
	lines = slices.DeleteFunc(slices.Clone(lines), func(line []string) bool { return len(line) <= last })
	const least = 8 // less tells nothing: the terminal may wrap the line
	if room < least || slices.ContainsFunc(lines, func(line []string) bool { return number(line[last]) }) {
		return
	}
	for _, line := range lines {
		if text := []rune(line[last]); len(text) > room {
			line[last] = string(text[:room-1]) + "…"
		}
	}
}

func number(cell string) bool {
	_, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(cell), "%"), 64)
	return err == nil
}
