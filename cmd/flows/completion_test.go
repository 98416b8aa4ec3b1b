package main

import (
	"os/exec"
	"strings"
	"testing"
)

// inBash completes the last of the words as bash does: it calls the function that the script has given for flows.
const inBash = `
f=$(complete -p flows); f=${f##*-F }; f=${f%% *}
COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); "$f"; echo "${COMPREPLY[*]}"`

func TestBashCompletesCommandsFlagsAndValues(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash here")
	}
	script := mustCall(t, nil, "completion", "bash").stdout
	for _, c := range []struct {
		words []string
		want  string
	}{
		{[]string{"me"}, "mediator meters metrics"},
		{[]string{"meters", "s"}, "show set"},
		{[]string{"meters", "set", "EML1", "--m"}, "--mode --maintenance"},
		{[]string{"meters", "set", "EML1", "--mode", ""}, "active passive"},
		{[]string{"meters", "set", "--name", "list", "--mode", "p"}, "passive"},
		{[]string{"sync", "--freq", "=", "d"}, "daily"},
		{[]string{"sync", "--freq", "="}, "hourly 12hourly daily"},
		{[]string{"sync", "--json", "--fr"}, "--freq"},
		{[]string{"sync", "--serial", ""}, ""},
		{[]string{"completion", ""}, "bash zsh fish --help"},
		{[]string{"meters", "import", "regis"}, ""},
		{[]string{"$(exit 1)", "ver"}, "version"},
	} {
		out, err := exec.Command(bash, append([]string{"--norc", "-uc", script + inBash, "flows", "flows"}, c.words...)...).CombinedOutput()
		if got := strings.TrimSuffix(string(out), "\n"); err != nil || got != c.want {
			t.Errorf("flows %s: %q, want %q (%v)", strings.Join(c.words, " "), got, c.want, err)
		}
	}
}

func TestEveryShellIsToldOfEveryCommand(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		script := mustCall(t, nil, "completion", shell).stdout
		for _, want := range []string{`"flows meters exchange"`, `"flows sync --freq"`, "hourly 12hourly daily", "--fuse-rating"} {
			if !strings.Contains(script, want) {
				t.Errorf("%s does not know %s", shell, want)
			}
		}
	}
	if got := call(nil, "completion", "tcsh"); got.code != exitUsage || !strings.Contains(got.stderr, "tcsh") || strings.Count(got.stderr, "\n") != 1 {
		t.Errorf("exit %d\n%s", got.code, got.stderr)
	}
}
