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
