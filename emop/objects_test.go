package emop

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// declared gives the names of all variables that are made as a row of the object table, and the names in the literal Table.
func declared(t *testing.T) (rows, table []string) {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			s, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, v := range s.Values {
				switch name := s.Names[i].Name; {
				case name == "Table":
					table = identifiers(v.(*ast.CompositeLit))
				case isRow(v):
					rows = append(rows, name)
				}
			}
			return true
		})
	}
	return rows, table
}

func identifiers(l *ast.CompositeLit) (names []string) {
	for _, e := range l.Elts {
		names = append(names, e.(*ast.Ident).Name)
	}
	return names
}

// isRow tells literals of Object, Family and WriteOnly.
func isRow(v ast.Expr) bool {
	l, ok := v.(*ast.CompositeLit)
	if !ok {
		return false
	}
	kind := l.Type
	if i, ok := kind.(*ast.IndexExpr); ok {
		kind = i.X
	}
	name, ok := kind.(*ast.Ident)
	return ok && slices.Contains([]string{"Object", "Family", "WriteOnly"}, name.Name)
}

func TestEveryObjectIsInTheTable(t *testing.T) {
	rows, table := declared(t)
	if len(rows) < 60 {
		t.Fatalf("found %d declarations only", len(rows))
	}
	for _, name := range rows {
		if !slices.Contains(table, name) {
			t.Errorf("%s is not in Table", name)
		}
	}
	if len(table) != len(rows) || len(Table) != len(table) {
		t.Errorf("Table has %d rows, %d in the source, for %d objects", len(Table), len(table), len(rows))
	}
}

func TestTableRowsAreWhole(t *testing.T) {
	vectors := map[string]bool{}
	for _, p := range mustCaptured(t, "payload", 3) {
		vectors[p[0]] = true
	}
	vectors[PrepayToken.Name] = true // a whole frame
	snake := regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	names, ids := map[string]bool{}, map[ID]string{}
	for _, d := range Table {
		e := d.Info()
		if !snake.MatchString(e.Name) || names[e.Name] {
			t.Errorf("%s: the name is not snake_case, or there twice", e.Name)
		}
		names[e.Name] = true
		cells := 1
		if f, ok := d.(Family); ok {
			cells = f.cells()
		}
		for id := e.ID; id < e.ID+ID(cells); id++ {
			if ids[id] != "" {
				t.Errorf("%s: %s is %s already", e.Name, id, ids[id])
			}
			ids[id] = e.Name
		}
		if e.On == 0 || e.Note == "" || e.ID == 0 || e.ID > 0xffffff {
			t.Errorf("%s: hardware, note or id is missing", e.Name)
		}
		switch e.Provenance {
		case Captured:
			if !vectors[e.Name] {
				t.Errorf("%s: says captured, but testdata/captured.txt has no bytes", e.Name)
			}
		case Documented, Provisional:
		default:
			t.Errorf("%s: provenance %q", e.Name, e.Provenance)
		}
	}
}

func TestFamilyCellsHaveTheIDsOfTheMeter(t *testing.T) {
	tests := []struct {
		got  Object[uint32]
		name string
		id   ID
	}{
		{ActivePrice.At(1, 1), "active_price.1.1", 0xfff901},
		{ActivePrice.At(1, 8), "active_price.1.8", 0xfff908},
		{ActivePrice.At(3, 1), "active_price.3.1", 0xfff911},
		{ActivePrice.At(8, 1), "active_price.8.1", 0xfff939},
		{ActivePrice.At(8, 8), "active_price.8.8", 0xfff940},
		{FuturePrice.At(8, 1), "future_price.8.1", 0xfff839},
		{ActiveTOUPriceB.At(4), "active_tou_price_b.4", 0xfff704},
		{FutureTOUPriceB.At(1), "future_tou_price_b.1", 0xfff601},
	}
	for _, tt := range tests {
		if tt.got.Name != tt.name || tt.got.ID != tt.id {
			t.Errorf("got %s %s, want %s %s", tt.got.Name, tt.got.ID, tt.name, tt.id)
		}
	}
}

// meter answers every read with the same.
type meter struct {
	payload []byte
	err     error
	asked   []ID
}

func (m *meter) ReadObject(_ context.Context, id ID) ([]byte, error) {
	m.asked = append(m.asked, id)
	return m.payload, m.err
}

func TestReadAsksForTheObjectAndDecodesIt(t *testing.T) {
	m := &meter{payload: []byte{0x30}}
	got, err := CSQ.Read(t.Context(), m)
	if want := (Signal{CSQ: 16, Operator: 1}); err != nil || got != want {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if want := []ID{0xfffd1d}; !slices.Equal(m.asked, want) {
		t.Errorf("asked for %v, want %v", m.asked, want)
	}
}

func TestReadFailsWithTheNameOfTheObjectAndTheCause(t *testing.T) {
	_, err := CSQ.Read(t.Context(), &meter{err: NAKUnknownObject})
	if !errors.Is(err, NAKUnknownObject) || !strings.Contains(err.Error(), "csq (fffd1d)") {
		t.Errorf("refused: %v", err)
	}
	_, err = CSQ.Read(t.Context(), &meter{})
	if err == nil || !strings.Contains(err.Error(), "csq (fffd1d)") {
		t.Errorf("nothing in the answer: %v", err)
	}
}

func TestCellsThatDoNotExistFailWithoutAskingTheMeter(t *testing.T) {
	for _, o := range []Object[uint32]{ActivePrice.At(0, 1), ActivePrice.At(9, 1), ActivePrice.At(1, 9), ActivePrice.At(1), ActivePrice.At(),
		ActivePrice.At(-1, 1), ActiveTOUPriceB.At(5), ActiveTOUPriceB.At(1, 1)} {
		m := &meter{payload: make([]byte, 4)}
		if _, err := o.Read(t.Context(), m); err == nil || len(m.asked) > 0 {
			t.Errorf("%s: %v, asked for %v", o.Name, err, m.asked)
		}
	}
}

func TestPrepayTokenCannotBeRead(t *testing.T) {
	secret := "71466394621589161020"
	got, err := PrepayToken.Text([]byte(secret), All)
	if err == nil || got != "" || strings.Contains(err.Error(), secret) || PrepayToken.Readable() {
		t.Errorf("got %q, %v, readable %t", got, err, PrepayToken.Readable())
	}
	if !CSQ.Readable() || !ActivePrice.Readable() {
		t.Error("an object of another kind is not readable")
	}
}

func TestClassesOfHardware(t *testing.T) {
	tests := []struct {
		hardware string
		class    Class
		text     string
	}{
		{"B1.w", SingleElement, "single element"}, {"EMA1.w", SingleElement, "single element"}, {"C1.w", TwinElement, "twin element"},
		{"P1.ax", WholeCurrent, "P1.ax"}, {"AX", WholeCurrent, "P1.ax"}, {"P1.cx", CTOperated, "P1.cx"}, {"CX", CTOperated, "P1.cx"},
		{"", 0, "none"}, {"unknown 7", 0, "none"}, {"1", 0, "none"},
	}
	for _, tt := range tests {
		if got := ClassOf(tt.hardware); got != tt.class || got.String() != tt.text {
			t.Errorf("%q: got %d %q, want %d %q", tt.hardware, got, got, tt.class, tt.text)
		}
	}
	if got, want := (ThreePhase | TwinElement).String(), "three phase, twin element"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
