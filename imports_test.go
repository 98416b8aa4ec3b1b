package flows

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rooms says which of our packages a folder may import; its tests may import more.
var rooms = map[string][]string{
	".":                   {},
	"cmd/flows":           {"*"},
	"certs":               {},
	"csvfile":             {"flows"},
	"deploy":              {},
	"emlite":              {"flows", "flows/emop", "flows/mediator/mediatorpb"},
	"emop":                {},
	"ledger":              {"flows"},
	"localpg":             {},
	"mediator":            {"flows", "flows/emop", "flows/mediator/mediatorpb"},
	"mediator/mediatorpb": {},
	"postgres":            {"flows"},
	"queue":               {"flows", "flows/syncer", "flows/vee"},
	"schema":              {},
	"simulator":           {"flows/emop"},
	"supabase":            {"flows"},
	"syncer":              {"flows", "flows/emop"},
	"vee":                 {"flows"},
	"web":                 {"flows"},
	"internal/mutate":     {},
	"internal/npm":        {},
	"internal/browser":    {"*"},
	"internal/pgtest":     {"*"},
	"internal/postgrest":  {"*"},
	"internal/storetest":  {"*"},
}

// libraries says where a library may be imported; what is not listed may stand anywhere.
var libraries = map[string][]string{
	"github.com/jackc/pgx/":       {"postgres", "schema", "queue", "cmd/flows", "internal/pgtest", "internal/postgrest", "internal/storetest"},
	"github.com/pressly/goose/":   {"schema"},
	"google.golang.org/grpc":      {"mediator", "mediator/mediatorpb", "emlite", "cmd/flows"},
	"github.com/alecthomas/kong":  {"cmd/flows"},
	"github.com/prometheus/":      {"mediator", "web", "cmd/flows"},
	"github.com/riverqueue/":      {"queue", "schema"},
	"github.com/robfig/cron":      {"queue"},
	"riverqueue.com/riverui":      {"queue"},
	"github.com/danielgtaylor/":   {"web"},
	"github.com/chromedp/":        {"internal/browser"},
	"google.golang.org/genproto/": {"mediator", "emlite"},
}

func TestEveryRoomImportsOnlyWhatItMay(t *testing.T) {
	walkGo(t, func(path string) {
		folder := filepath.ToSlash(filepath.Dir(path))
		test := strings.HasSuffix(path, "_test.go")
		allowed, known := rooms[folder]
		if !known {
			t.Errorf("%s: folder %s is not in the table of rooms", path, folder)
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			if ours := name == "flows" || strings.HasPrefix(name, "flows/"); ours && !test && !slices.Contains(allowed, name) && !slices.Contains(allowed, "*") {
				t.Errorf("%s imports %s: %s may import only %v", path, name, folder, allowed)
			}
			if strings.HasPrefix(name, "flows/internal/") && !test && !strings.HasPrefix(folder, "internal/") {
				t.Errorf("%s imports %s, which is for tests", path, name)
			}
			for library, in := range libraries {
				if strings.HasPrefix(name, library) && !test && !slices.Contains(in, folder) {
					t.Errorf("%s imports %s, which may be imported only in %v", path, name, in)
				}
			}
			if folder == "." && !test && (strings.Contains(name, ".") || ioPackages[name]) {
				t.Errorf("%s imports %s: the root package holds words only", path, name)
			}
			if name == "os" && !test && folder == "cmd/flows" {
				readsEnvironment(t, path)
			}
		}
	})
}

var ioPackages = map[string]bool{"os": true, "io": true, "net": true, "net/http": true, "database/sql": true, "log/slog": true}

// readsEnvironment allows os.Getenv in main.go alone.
func readsEnvironment(t *testing.T, path string) {
	if filepath.Base(path) == "main.go" {
		return
	}
	if b := read(t, path); strings.Contains(b, "os.Getenv") || strings.Contains(b, "os.LookupEnv") {
		t.Errorf("%s reads the environment: only main.go does", path)
	}
}

func walkGo(t *testing.T, visit func(path string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "bin"):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".go"):
			visit(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
