package flows

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEveryRoomSaysWhatItIsFor(t *testing.T) {
	comments := map[string][]string{}
	walkGo(t, func(path string) {
		if strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, ".pb.go") {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		folder := filepath.Dir(path)
		comments[folder] = append(comments[folder], "")
		if file.Doc != nil {
			comments[folder] = append(comments[folder], file.Doc.Text())
		}
	})
	for folder, texts := range comments {
		var said []string
		for _, text := range texts {
			if text != "" {
				said = append(said, text)
			}
		}
		if len(said) != 1 {
			t.Errorf("%s has %d package comments, want one", folder, len(said))
		}
	}
}

func TestHandWrittenFilesStayShort(t *testing.T) {
	const most = 500
	walkGo(t, func(path string) {
		if strings.HasSuffix(path, ".pb.go") {
			return
		}
		if n := strings.Count(read(t, path), "\n"); n > most {
			t.Errorf("%s has %d lines, more than %d: it has a second topic", path, n, most)
		}
	})
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
