package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type configCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Help is kong's.
func (configCmd) Help() string {
	return `Example:
  flows config

Flags of a command win over what is shown here. Passwords and keys are masked.`
}

// value is a setting in force and where it came from.
type value struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"` // environment, default, not set
}

// Run is kong's.
func (c *configCmd) Run(a *app, k *kong.Kong) error {
	all := inForce(k.Model.Node, a.getenv)
	if c.JSON {
		return printJSON(a.stdout, all)
	}
	var rows [][]string
	for _, s := range all {
		rows = append(rows, []string{s.Name, dash(s.Value), s.Source})
	}
	return table(a.stdout, []string{"SETTING", "VALUE", "FROM"}, rows)
}

// inForce walks every command's flags, so that no setting can be forgotten here.
func inForce(node *kong.Node, getenv func(string) string) []value {
	found := map[string]value{}
	var walk func(*kong.Node)
	walk = func(n *kong.Node) {
		for _, f := range n.Flags {
			name := f.Tag.Get("setting")
			if _, seen := found[name]; name == "" || seen {
				continue
			}
			s := value{name, f.Default, "default"}
			switch v := getenv(name); {
			case v != "":
				s.Value, s.Source = masked(name, v), "environment"
			case f.Default == "":
				s.Source = "not set"
			}
			found[name] = s
		}
		for _, child := range n.Children {
			walk(child)
		}
	}
	walk(node)
	var all []value
	for _, s := range found {
		all = append(all, s)
	}
	slices.SortFunc(all, func(x, y value) int { return strings.Compare(x.Name, y.Name) })
	return all
}

// masked hides what must not be seen: passwords in URLs, keys, and PEM of any kind.
func masked(name, value string) string {
	const hidden = "(masked)"
	switch {
	case name == "DATABASE_URL":
		u, err := url.Parse(value)
		if err != nil || u.Scheme == "" {
			return hidden // keyword=value form: it may hold a password anywhere
		}
		for key := range u.Query() {
			if strings.Contains(key, "password") {
				return hidden
			}
		}
		return u.Redacted()
	case strings.HasSuffix(name, "_PASSWORD"), strings.HasSuffix(name, "_KEY"), strings.HasSuffix(name, "_CERT"):
		if strings.HasPrefix(value, "/") && !strings.Contains(value, "\n") || strings.HasPrefix(value, "./") {
			if !strings.HasSuffix(name, "_PASSWORD") {
				return value // a path
			}
		}
		return fmt.Sprintf("%s of %d bytes", hidden, len(value))
	}
	return value
}
