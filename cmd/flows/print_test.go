package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"flows/internal/pgtest"

	"github.com/google/go-cmp/cmp"
)

func TestOnlyTheLastTextGivesWay(t *testing.T) {
	for _, c := range []struct {
		name  string
		width int
		lines string
		want  string
	}{
		{"wide enough", 28, "SERIAL|DETAILS/EML2137580761|no answer yet", "SERIAL|DETAILS/EML2137580761|no answer yet"},
		{"one too few", 27, "SERIAL|DETAILS/EML2137580761|no answer yet", "SERIAL|DETAILS/EML2137580761|no answer y…"},
		{"letters, not bytes", 27, "SERIAL|DETAILS/EML2137580761|zäh zäh zäh", "SERIAL|DETAILS/EML2137580761|zäh zäh zäh"},
		{"no room that tells anything", 22, "SERIAL|DETAILS/EML2137580761|no answer yet", "SERIAL|DETAILS/EML2137580761|no answer yet"},
		{"numbers", 24, "SERIAL|DAYS LEFT UNTIL/EML2137580761|  12345678901", "SERIAL|DAYS LEFT UNTIL/EML2137580761|  12345678901"},
		{"shares", 24, "SERIAL|SUCCESS OF ALL/EML2137580761|   98.333333%", "SERIAL|SUCCESS OF ALL/EML2137580761|   98.333333%"},
		{"a line that ends early", 14, "A|B|C/1|unreadable: it is a directory/1|2|two words", "A|B|C/1|unreadable: it is a directory/1|2|two wor…"},
		{"the head too", 24, "SERIAL|DETAILS OF IT/EML2137580761|-", "SERIAL|DETAILS …/EML2137580761|-"},
	} {
		var lines [][]string
		for line := range strings.SplitSeq(c.lines, "/") {
			lines = append(lines, strings.Split(line, "|"))
		}
		fit(lines, c.width)
		var got []string
		for _, line := range lines {
			got = append(got, strings.Join(line, "|"))
		}
		if diff := cmp.Diff(c.want, strings.Join(got, "/")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestATableFitsTheTerminalAndIsWholeInAPipe(t *testing.T) {
	script, err := exec.LookPath("script") // of util-linux: it has a terminal for a command
	if err != nil {
		t.Skip("no script here")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"DATABASE_URL": pgtest.New(t)}
	mustCall(t, env, "escos", "add", "EXAMPLE", "--timezone", "America/Argentina/Buenos_Aires")
	for pipe, want := range map[string]string{"": "EXAMPLE  EXAMPLE  America/Arg…", " | cat": "EXAMPLE  EXAMPLE  America/Argentina/Buenos_Aires"} {
		cmd := exec.Command(script, "-qec", fmt.Sprintf("stty cols 30; '%s' escos list%s", exe, pipe), "/dev/null")
		cmd.Env = append(os.Environ(), "FLOWS_TEST_AS_COMMAND=1", "DATABASE_URL="+env["DATABASE_URL"])
		out, err := cmd.CombinedOutput()
		if lines := strings.Fields(strings.ReplaceAll(string(out), "  ", "~")); err != nil || lines[len(lines)-1] != strings.ReplaceAll(want, "  ", "~") {
			t.Errorf("with %q: %v\n%s", pipe, err, out)
		}
	}
}
