package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"flows/certs"
)

type certsListCmd struct {
	Dir  string `required:"" placeholder:"DIR" help:"Folder of the certificates."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Help is kong's.
func (certsListCmd) Help() string {
	return "Example:\n  flows certs list --dir certs\n\nReads the .crt, .cer and .pem files of the folder."
}

// listed is a certificate of a file, or why there is none.
type listed struct {
	File string `json:"file"`
	certs.Info
	Error string `json:"error,omitempty"`
}

// Run is kong's.
func (c *certsListCmd) Run(a *app) error {
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		return usage("--dir: %w", err)
	}
	all, unreadable := []listed{}, 0
	for _, e := range entries {
		if !slices.Contains([]string{".crt", ".cer", ".pem"}, filepath.Ext(e.Name())) || e.IsDir() {
			continue
		}
		infos, err := describeFile(filepath.Join(c.Dir, e.Name()))
		if err != nil {
			all = append(all, listed{File: e.Name(), Error: err.Error()})
			unreadable++
		}
		for _, i := range infos {
			all = append(all, listed{File: e.Name(), Info: i})
		}
	}
	if err := c.print(a, all); err != nil {
		return err
	}
	if unreadable > 0 {
		return exit{exitFailed, fmt.Errorf("%d files in %s hold no certificate", unreadable, c.Dir)}
	}
	return nil
}

func (c *certsListCmd) print(a *app, all []listed) error {
	if c.JSON {
		return printJSON(a.stdout, all)
	}
	var rows [][]string
	for _, l := range all {
		if l.Error != "" {
			rows = append(rows, []string{l.File, "unreadable: " + l.Error})
			continue
		}
		left := strconv.Itoa(l.DaysLeft)
		if l.DaysLeft < 0 {
			left = "expired"
		}
		rows = append(rows, []string{l.File, l.Kind, l.Name, l.Role, strings.Join(l.Names, ","), l.NotAfter.Format(time.DateOnly), left})
	}
	return table(a.stdout, []string{"FILE", "KIND", "CN", "ROLE", "NAMES", "EXPIRES", "DAYS LEFT"}, rows)
}

type certsInfoCmd struct {
	File string `arg:"" help:"File of certificates, or - for standard input."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Help is kong's.
func (certsInfoCmd) Help() string {
	return `Examples:
  flows certs info certs/server.crt
  echo "$MEDIATOR_CA_CERT" | flows certs info -      # PEM or base64 of it`
}

// Run is kong's.
func (c *certsInfoCmd) Run(a *app) error {
	infos, err := describeFile(c.File)
	if err != nil {
		return usage("certs info: %w", err) // the argument is not repeated: it may be a key
	}
	if c.JSON {
		return printJSON(a.stdout, infos)
	}
	for n, i := range infos {
		if n > 0 {
			fmt.Fprintln(a.stdout)
		}
		for _, line := range [][2]string{{"kind", i.Kind}, {"name", i.Name}, {"role", i.Role}, {"names", strings.Join(i.Names, ", ")}, {"subject", i.Subject},
			{"issuer", i.Issuer}, {"serial", i.Serial}, {"from", i.NotBefore.Format(time.RFC3339)}, {"until", i.NotAfter.Format(time.RFC3339)},
			{"days left", strconv.Itoa(i.DaysLeft)}, {"sha-256", i.Fingerprint}} {
			if line[1] != "" {
				fmt.Fprintf(a.stdout, "%-10s %s\n", line[0], line[1])
			}
		}
	}
	return nil
}

// describeFile tells of the certificates in a file; - is standard input.
func describeFile(path string) ([]certs.Info, error) {
	value := path
	if path == "-" {
		b, err := io.ReadAll(io.LimitReader(os.Stdin, 1<<20))
		if err != nil {
			return nil, err
		}
		value = string(b)
	}
	b, err := certs.Load(value)
	if err != nil {
		return nil, err
	}
	return certs.Describe(b, time.Now())
}
