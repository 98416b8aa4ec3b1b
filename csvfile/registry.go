// Package csvfile reads and writes the CSV files that people exchange with Flows.
package csvfile

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"flows"
)

// Line is one meter of a registry file. The header is line 1.
type Line struct {
	Number int
	flows.Registration
}

// Problem says what is wrong with a line; a line may have several.
type Problem struct {
	Line   int
	Reason string
}

func (p Problem) String() string { return fmt.Sprintf("line %d: %s", p.Line, p.Reason) }

// ReadRegistry reads a registry file whole and reports every bad line; lines with problems are not among those returned. The header
// names the columns in any order: one that is absent leaves the meters' values as they are, an empty cell clears the value.
func ReadRegistry(r io.Reader) ([]Line, []Problem) {
	records := csv.NewReader(skipMark(r))
	records.FieldsPerRecord = -1
	records.ReuseRecord = true
	header, err := records.Read()
	if errors.Is(err, io.EOF) {
		return nil, []Problem{{1, "the file is empty; the first line must name the columns: " + fieldNames()}}
	}
	if err != nil {
		return nil, []Problem{csvProblem(err, 1)}
	}
	start, _ := records.FieldPos(0)
	columns, problems := parseHeader(header, start)
	if len(problems) > 0 {
		return nil, problems
	}
	f := file{columns: columns, serials: map[string]int{}, places: map[netip.AddrPort]int{}}
	for {
		cells, err := records.Read()
		if errors.Is(err, io.EOF) {
			return f.lines, f.problems
		}
		if err != nil {
			p := csvProblem(err, 0)
			f.problems = append(f.problems, p)
			if errors.As(err, new(*csv.ParseError)) {
				continue
			}
			return f.lines, f.problems // the reader itself failed: there is nothing more to come
		}
		number, _ := records.FieldPos(0)
		f.add(number, cells)
	}
}

// skipMark drops the byte order mark that spreadsheets write.
func skipMark(r io.Reader) io.Reader {
	b := bufio.NewReader(r)
	mark := []byte("\uFEFF")
	if start, err := b.Peek(len(mark)); err == nil && bytes.Equal(start, mark) {
		_, _ = b.Discard(len(mark)) // it is buffered: this cannot fail
	}
	return b
}

func csvProblem(err error, line int) Problem {
	if parse := (*csv.ParseError)(nil); errors.As(err, &parse) {
		return Problem{parse.Line, fmt.Sprintf("not CSV at column %d: %v", parse.Column, parse.Err)}
	}
	return Problem{line, fmt.Sprintf("cannot read the file: %v", err)}
}

// parseHeader finds the field of each column.
func parseHeader(header []string, line int) (columns []field, problems []Problem) {
	for _, cell := range header {
		name := strings.ToLower(strings.TrimSpace(cell))
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		switch {
		case i < 0:
			problems = append(problems, Problem{line, fmt.Sprintf("unknown column %q; known are %s", cell, fieldNames())})
			continue
		case slices.ContainsFunc(columns, func(f field) bool { return f.name == name }):
			problems = append(problems, Problem{line, fmt.Sprintf("column %s comes twice", name)})
		}
		columns = append(columns, fields[i])
	}
	if !slices.ContainsFunc(columns, func(f field) bool { return f.name == "serial" }) {
		problems = append(problems, Problem{line, "there is no column serial"})
	}
	return columns, problems
}

// file collects what has been read, and where serials and addresses were first seen.
type file struct {
	columns  []field
	lines    []Line
	problems []Problem
	serials  map[string]int
	places   map[netip.AddrPort]int
}

func (f *file) add(number int, cells []string) {
	if len(cells) != len(f.columns) {
		f.problem(number, "%d cells where the header has %d", len(cells), len(f.columns))
		return
	}
	before := len(f.problems)
	line := Line{Number: number}
	for i, c := range f.columns {
		cell := strings.TrimSpace(cells[i])
		if !utf8.ValidString(cell) || strings.Contains(cell, "\x00") {
			f.problem(number, "%s %q is not UTF-8 text", c.name, cell)
			continue
		}
		// The clone lets go of the whole line's memory.
		if err := c.set(&line.Registration, strings.Clone(cell)); err != nil {
			f.problem(number, "%v", err)
		}
	}
	f.unique(line)
	if len(f.problems) == before {
		f.lines = append(f.lines, line)
	}
}

// unique reports a serial or a place that an earlier line has already.
func (f *file) unique(line Line) {
	if line.Serial != "" {
		if first, seen := f.serials[line.Serial]; seen {
			f.problem(line.Number, "serial %s is in line %d already", line.Serial, first)
		} else {
			f.serials[line.Serial] = line.Number
		}
	}
	place, ok := placeOf(line.Registration, f.columns)
	if !ok {
		return
	}
	if first, seen := f.places[place]; seen {
		f.problem(line.Number, "address %s port %d is in line %d already", place.Addr(), place.Port(), first)
	} else {
		f.places[place] = line.Number
	}
}

// placeOf is where the line says the meter is. Without a port column the meters keep ports that only the registry knows: two of one
// address may then be right.
func placeOf(r flows.Registration, columns []field) (netip.AddrPort, bool) {
	if r.Address == nil || !r.Address.IsValid() || r.Port == nil {
		return netip.AddrPort{}, false
	}
	port := *r.Port
	if port == 0 {
		port = defaultPort
	}
	return netip.AddrPortFrom(*r.Address, port), true
}

// defaultPort is what an empty port cell means.
const defaultPort = 8080

func (f *file) problem(line int, format string, args ...any) {
	f.problems = append(f.problems, Problem{line, fmt.Sprintf(format, args...)})
}
