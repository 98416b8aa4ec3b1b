package emop

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write docs/objects.md anew")

func TestObjectsDocumentIsTheTable(t *testing.T) {
	const path = "../docs/objects.md"
	var want bytes.Buffer
	if err := WriteMarkdown(&want); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%s is not what the object table says: run `go test ./emop -update`", path)
	}
}

// full is a disk without room.
type full struct{}

var errFull = errors.New("no room")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWriteMarkdownTellsThatItCouldNotWrite(t *testing.T) {
	if err := WriteMarkdown(full{}); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}
