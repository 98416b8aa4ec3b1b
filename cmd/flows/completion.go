package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help is kong's.
func (completionCmd) Help() string {
	return `Examples:
  source <(flows completion bash)      in ~/.bashrc
  source <(flows completion zsh)       in ~/.zshrc
  flows completion fish | source       in ~/.config/fish/config.fish

Subcommands, flags, and the values of flags that have a few; file names elsewhere. Serials are not completed.`
}

// Run is kong's.
func (c *completionCmd) Run(a *app, k *kong.Kong) error {
	script, arm := posixCompletion, "    %q) echo %q ;;\n"
	switch c.Shell {
	case "zsh":
		script = "autoload -Uz compinit bashcompinit\n(( $+functions[compdef] )) || compinit\nbashcompinit\n" + script
	case "fish":
		script, arm = fishCompletion, "        case %q\n            string split ' ' -- %q\n"
	}
	var arms strings.Builder
	completions(&arms, k.Model.Node, "flows", arm)
	_, err := fmt.Fprintf(a.stdout, script, arms.String())
	return err
}

// completions writes an arm for a command, for each of its flags that want a value, and for the commands below it: what was typed, and
// the words that may come next.
func completions(w io.Writer, n *kong.Node, typed, arm string) {
	var next []string
	for _, child := range n.Children {
		if !child.Hidden {
			next = append(next, child.Name)
			completions(w, child, typed+" "+child.Name, arm)
		}
	}
	for _, p := range n.Positional {
		next = append(next, few(p)...)
	}
	for _, group := range n.AllFlags(true) {
		for _, f := range group {
			next = append(next, "--"+f.Name)
			if !f.IsBool() {
				fmt.Fprintf(w, arm, typed+" --"+f.Name, strings.Join(few(f.Value), " "))
			}
		}
	}
	fmt.Fprintf(w, arm, typed, strings.Join(next, " "))
}

// few are the values there are, when there are a few.
func few(v *kong.Value) []string {
	if v.Enum == "" {
		return nil
	}
	return v.EnumSlice()
}

// posixCompletion is for bash, and for zsh in the guise of bash: $path and $words are zsh's own. Bash has = as a word of its own.
const posixCompletion = `_flows_next() {
    case "$1" in
%s    *) return 1 ;;
    esac
}
_flows() {
    local typed=flows word next cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}"
    for word in "${COMP_WORDS[@]:1:$((COMP_CWORD-1))}"; do
        case "$word" in -*) continue ;; esac
        if _flows_next "$typed $word" >/dev/null; then typed="$typed $word"; fi
    done
    if [ "$prev" = "=" ]; then prev="${COMP_WORDS[COMP_CWORD-2]}"; fi
    if [ "$cur" = "=" ]; then cur=; fi
    case "$prev" in
    -*) next=$(_flows_next "$typed $prev") || next=$(_flows_next "$typed") ;;
    *) next=$(_flows_next "$typed") ;;
    esac
    COMPREPLY=($(compgen -W "$next" -- "$cur"))
}
complete -o default -F _flows flows
`

const fishCompletion = `function __flows_next
    switch "$argv[1]"
%s        case '*'
            return 1
    end
end
function __flows_complete
    set -l typed flows
    set -l words (commandline -opc)
    for word in $words[2..-1]
        if not string match -q -- '-*' $word; and __flows_next "$typed $word" >/dev/null
            set typed "$typed $word"
        end
    end
    if string match -q -- '-*' $words[-1]; and __flows_next "$typed $words[-1]"
        return
    end
    __flows_next $typed
end
complete -c flows -a '(__flows_complete)'
`
