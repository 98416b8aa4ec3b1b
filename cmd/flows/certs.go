package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"flows/certs"
)

type certsCmd struct {
	Init   certsInitCmd   `cmd:"" help:"Make a CA in a folder."`
	Server certsServerCmd `cmd:"" help:"Issue a mediator's certificate."`
	Client certsClientCmd `cmd:"" help:"Issue a certificate for who calls mediators."`
	List   certsListCmd   `cmd:"" help:"List the certificates in a folder and when they expire."`
	Info   certsInfoCmd   `cmd:"" help:"Show what a certificate says."`
}

type certsInitCmd struct {
	Dir    string `required:"" placeholder:"DIR" help:"Folder for the CA; made when it is not there."`
	Days   int    `default:"3650" help:"How long it holds."`
	Base64 bool   `name:"base64" help:"Print the settings with base64 in place of paths."`
}

// Help is kong's.
func (certsInitCmd) Help() string {
	return `Example:
  flows certs init --dir certs

Writes ca.crt, which everybody gets, and ca.key, which stays here and is worth a backup: who has it can call himself anybody.`
}

// Run is kong's.
func (c *certsInitCmd) Run(a *app) error {
	terms, err := validity(c.Days)
	if err != nil {
		return err
	}
	pair, err := certs.NewAuthority(terms)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return usage("--dir: %w", err)
	}
	files := pairFiles(c.Dir, "ca")
	for _, path := range []string{files.cert, files.key} {
		if _, err := os.Lstat(path); err == nil {
			return usage("%s is there already: what it signed needs it; choose another --dir for another CA", path)
		}
	}
	if err := files.create(pair); err != nil {
		return err
	}
	if err := files.say(a, pair); err != nil {
		return err
	}
	return settings(a, "mediators and clients", c.Base64, setting{caCertSetting, files.cert, pair.Cert})
}

type certsServerCmd struct {
	Dir     string   `required:"" placeholder:"DIR" help:"Folder of the CA."`
	Name    []string `placeholder:"HOST" help:"DNS name or IP address of the mediator, beside cepro-mediators. May be repeated."`
	Out     string   `default:"server" placeholder:"BASENAME" help:"Name of its files in the folder."`
	Days    int      `default:"800" help:"How long it holds."`
	Replace bool     `help:"Renew: replace such a certificate."`
	Base64  bool     `name:"base64" help:"Print the settings with base64 in place of paths, the key too."`
}

// Help is kong's.
func (certsServerCmd) Help() string {
	return `Examples:
  flows certs server --dir certs
  flows certs server --dir certs --name mediator.example.org --name 10.0.0.5 --out mediator1
  flows certs server --dir certs --replace        # a running mediator takes it without a restart

The certificate always carries the name cepro-mediators: that is what clients ask for.`
}

// Run is kong's.
func (c *certsServerCmd) Run(a *app) error {
	return issue(a, request{c.Dir, c.Out, c.Days, c.Replace}, func(ca *certs.Authority, t certs.Terms) (certs.Pair, error) {
		return ca.Server(c.Name, t)
	}, func(pair certs.Pair, files, ca pairPaths) error {
		return settings(a, "the mediator", c.Base64, setting{serverCertSetting, files.cert, pair.Cert}, setting{serverKeySetting, files.key, pair.Key}, setting{caCertSetting, ca.cert, nil})
	})
}

type certsClientCmd struct {
	Name    string `arg:"" help:"Name of the client, as logs will show it."`
	Role    string `required:"" enum:"internal,partner,readonly" placeholder:"ROLE" help:"internal (everything), partner (reads of objects, and info) or readonly (info)."`
	Dir     string `required:"" placeholder:"DIR" help:"Folder of the CA."`
	Days    int    `default:"800" help:"How long it holds."`
	Replace bool   `help:"Renew: replace this client's certificate."`
	Base64  bool   `name:"base64" help:"Print the settings with base64 in place of paths, the key too."`
}

// Help is kong's.
func (certsClientCmd) Help() string {
	return `Examples:
  flows certs client syncer --role internal --dir certs
  flows certs client acme --role partner --dir certs --base64 > acme.env`
}

// Run is kong's.
func (c *certsClientCmd) Run(a *app) error {
	return issue(a, request{c.Dir, c.Name, c.Days, c.Replace}, func(ca *certs.Authority, t certs.Terms) (certs.Pair, error) {
		return ca.Client(c.Name, c.Role, t)
	}, func(pair certs.Pair, files, ca pairPaths) error {
		return settings(a, c.Name, c.Base64, setting{clientCertSetting, files.cert, pair.Cert}, setting{clientKeySetting, files.key, pair.Key}, setting{caCertSetting, ca.cert, nil})
	})
}

func validity(days int) (certs.Terms, error) {
	if days < 1 || days > 36500 {
		return certs.Terms{}, usage("--days %d: choose 1 to 36500", days)
	}
	return certs.Terms{Validity: time.Duration(days) * 24 * time.Hour}, nil
}

// request is what issuing asks for, of a server and of a client.
type request struct {
	dir, base string
	days      int
	replace   bool
}

// issue has the folder's CA sign a pair, writes it and says so; then explains how to use it.
func issue(a *app, r request, sign func(*certs.Authority, certs.Terms) (certs.Pair, error), explain func(pair certs.Pair, files, ca pairPaths) error) error {
	terms, err := validity(r.days)
	if err != nil {
		return err
	}
	if err := certs.CheckName(r.base); err != nil {
		return usage("%w", err)
	}
	caFiles, files := pairFiles(r.dir, "ca"), pairFiles(r.dir, r.base)
	ca, err := caFiles.authority()
	if err != nil {
		return err
	}
	pair, err := sign(ca, terms)
	if err != nil {
		return usage("%w", err)
	}
	write := files.create
	if r.replace {
		write = files.replace
	}
	if err := write(pair); err != nil {
		return err
	}
	if err := files.say(a, pair); err != nil {
		return err
	}
	return explain(pair, files, caFiles)
}

// authority opens the folder's CA.
func (p pairPaths) authority() (*certs.Authority, error) {
	var pair certs.Pair
	for _, file := range []struct {
		path string
		to   *[]byte
	}{{p.cert, &pair.Cert}, {p.key, &pair.Key}} {
		b, err := os.ReadFile(file.path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, usage("there is no CA in %s: %s is missing: make one with flows certs init", filepath.Dir(file.path), filepath.Base(file.path))
		}
		if err != nil {
			return nil, usage("%w", err)
		}
		*file.to = b
	}
	ca, err := certs.OpenAuthority(pair)
	if err != nil {
		return nil, usage("%s and %s: %w", p.cert, p.key, err)
	}
	return ca, nil
}

// say tells what was written.
func (p pairPaths) say(a *app, pair certs.Pair) error {
	infos, err := certs.Describe(pair.Cert, time.Now())
	if err != nil {
		return err
	}
	i := infos[0]
	_, err = fmt.Fprintf(a.stdout, "# wrote %s and %s: %s, until %s\n", p.cert, p.key, describeShort(i), i.NotAfter.Format(time.DateOnly))
	return err
}
