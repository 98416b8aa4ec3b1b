package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"flows/certs"
)

func TestCertificatesOfTheCommandLineMakeAConnection(t *testing.T) {
	dir := newCA(t)
	mustCall(t, nil, "certs", "server", "--dir", dir)
	mustCall(t, nil, "certs", "client", "acme", "--role", "partner", "--dir", dir)
	file := func(name string) string { return filepath.Join(dir, name) }
	a, _, _ := testApp(context.Background())
	server, err := serverCertificates{file("server.crt"), file("server.key"), file("ca.crt")}.config(a)
	if err != nil {
		t.Fatal(err)
	}
	client, err := clientCertificates{file("acme.crt"), file("acme.key"), file("ca.crt")}.config(a)
	if err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	failed := make(chan error, 1)
	go func() { failed <- tls.Client(far, client).Handshake() }()
	conn := tls.Server(near, server)
	if err := errors.Join(conn.Handshake(), <-failed); err != nil {
		t.Fatal(err)
	}
	if name, role, ok := certs.Client(conn.ConnectionState()); name != "acme" || role != certs.Partner || !ok {
		t.Errorf("the server saw %q %q %v", name, role, ok)
	}
}

func TestCertificateSettingsAreAllOrNone(t *testing.T) {
	dir := newCA(t)
	mustCall(t, nil, "certs", "server", "--dir", dir)
	mustCall(t, nil, "certs", "client", "acme", "--role", "partner", "--dir", dir)
	file := func(name string) string { return filepath.Join(dir, name) }
	server := func(c serverCertificates) func(*app) (*tls.Config, error) { return c.config }
	client := func(c clientCertificates) func(*app) (*tls.Config, error) { return c.config }
	for _, c := range []struct {
		name   string
		config func(*app) (*tls.Config, error)
		says   string // "": no certificates and no error
	}{
		{"server without", server(serverCertificates{}), ""},
		{"client without", client(clientCertificates{}), ""},
		{"CA alone on a server", server(serverCertificates{CACert: file("ca.crt")}), "MEDIATOR_SERVER_CERT, MEDIATOR_SERVER_KEY: not set"},
		{"CA alone on a client", client(clientCertificates{CACert: file("ca.crt")}), "MEDIATOR_CLIENT_CERT, MEDIATOR_CLIENT_KEY: not set"},
		{"no CA on a server", server(serverCertificates{ServerCert: "x", ServerKey: "x"}), "MEDIATOR_CA_CERT: not set"},
		{"no key on a client", client(clientCertificates{ClientCert: "x", CACert: "x"}), "MEDIATOR_CLIENT_KEY: not set"},
		{"key that is no file", server(serverCertificates{file("server.crt"), file("none.key"), file("ca.crt")}), "MEDIATOR_SERVER_KEY: neither"},
		{"certificate that is no file", client(clientCertificates{file("none.crt"), file("acme.key"), file("ca.crt")}), "MEDIATOR_CLIENT_CERT: neither"},
		{"key of another", server(serverCertificates{file("server.crt"), file("acme.key"), file("ca.crt")}), "does not match"},
		{"certificate of the other side", client(clientCertificates{file("server.crt"), file("server.key"), file("ca.crt")}), "flows certs client"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, _, _ := testApp(context.Background())
			got, err := c.config(a)
			if c.says == "" && (got != nil || err != nil) {
				t.Errorf("got %v, %v, want nothing", got, err)
			}
			var e exit
			if c.says != "" && (!errors.As(err, &e) || e.code != exitUsage || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n")) {
				t.Errorf("got %v, want one line about %s and exit 2", err, c.says)
			}
		})
	}
}

func TestCommandsCallWithTheirCertificate(t *testing.T) {
	env := installation(t, "4")
	serial := aSinglePhaseMeter(t, env)
	address, dir := securedMediator(t, env)
	env["MEDIATOR_SERVER"] = address
	if c := call(env, "read", serial, "serial"); c.code != exitNotDone || !strings.Contains(c.stderr, "MEDIATOR_CA_CERT") {
		t.Errorf("without certificates: exit %d %s", c.code, c.stderr)
	}
	env[caCertSetting] = filepath.Join(dir, "ca.crt")
	for _, c := range []struct {
		role, says string
		code       int
	}{{certs.Internal, serial, exitDone}, {certs.Partner, serial, exitDone}, {certs.ReadOnly, "role readonly may not call readElement", exitNotDone}} {
		env[clientCertSetting], env[clientKeySetting] = filepath.Join(dir, c.role+".crt"), filepath.Join(dir, c.role+".key")
		if got := call(env, "read", serial, "serial"); got.code != c.code || !strings.Contains(got.stdout+got.stderr, c.says) {
			t.Errorf("%s: exit %d, %s%s", c.role, got.code, got.stdout, got.stderr)
		}
		if got := call(env, "sync", "--freq", "hourly", "--json"); got.code != c.code || strings.Contains(got.stdout, "PERMISSION") != (c.code != exitDone) {
			t.Errorf("%s syncs: exit %d, %s%s", c.role, got.code, got.stdout, got.stderr)
		}
	}
}

func TestAMediatorBeyondLoopbackNeedsCertificatesOrAWord(t *testing.T) {
	dir := newCA(t)
	mustCall(t, nil, "certs", "server", "--dir", dir)
	given := serverCertificates{filepath.Join(dir, "server.crt"), filepath.Join(dir, "server.key"), filepath.Join(dir, "ca.crt")}
	for _, c := range []struct {
		name        string
		cmd         mediatorCmd
		tls, usable bool
	}{
		{"loopback", mediatorCmd{Listen: "127.0.0.1"}, false, true},
		{"loopback of IPv6", mediatorCmd{Listen: "::1"}, false, true},
		{"everywhere", mediatorCmd{Listen: "0.0.0.0"}, false, false},
		{"a name", mediatorCmd{Listen: "localhost"}, false, false},
		{"everywhere, and it is meant", mediatorCmd{Listen: "0.0.0.0", Insecure: true}, false, true},
		{"everywhere with certificates", mediatorCmd{Listen: "0.0.0.0", serverCertificates: given}, true, true},
		{"certificates are not forgotten over --insecure", mediatorCmd{Listen: "0.0.0.0", Insecure: true, serverCertificates: given}, true, true},
	} {
		a, _, _ := testApp(context.Background())
		got, err := c.cmd.secured(a)
		if (err == nil) != c.usable || (got != nil) != c.tls {
			t.Errorf("%s: TLS %v, %v", c.name, got != nil, err)
		}
	}
}
