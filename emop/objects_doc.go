package emop

import (
	"bufio"
	"fmt"
	"io"
)

const docHead = `# Objects

Generated from the object table of package emop by ` + "`go test ./emop -update`" + `. Do not edit.

Read one with ` + "`flows read SERIAL OBJECT`" + `, where OBJECT is a name, a name with its index (` + "`active_price.3.1`" + ` is block 3, rate 1) or six hex
digits. A count is in the unit shown; 1/100000 GBP is five decimals of a pound.

Source: **captured** = bytes of a real meter decode to a known value; **documented** = public software reads it so; **[P] provisional** =
our assumption. Who holds the manufacturer's paper corrects a provisional row in the table, and nothing else.

| name | id | hardware | unit | source | what it is |
|---|---|---|---|---|---|
`

// WriteMarkdown writes the object table as docs/objects.md shows it.
func WriteMarkdown(w io.Writer) error {
	b := bufio.NewWriter(w)
	b.WriteString(docHead)
	for _, d := range Table {
		e := d.Info()
		name, id, source := "`"+e.Name+"`", e.ID.String(), string(e.Provenance)
		if f, ok := d.(Family); ok {
			name, id = "`"+f.Pattern()+"`", fmt.Sprintf("%s – %s", f.ID, f.ID+ID(f.cells()-1))
		}
		if e.Provenance == Provisional {
			source = "**[P]** " + source
		}
		note := e.Note
		if !d.Readable() {
			note += "; write only"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s |\n", name, id, e.On, e.Unit, source, note)
	}
	return b.Flush()
}
