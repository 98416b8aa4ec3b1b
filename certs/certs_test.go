package certs

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"
	"time"
)

// authority is a CA of the test, with its own certificate as PEM.
type authority struct {
	*Authority
	pem string
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	p, err := NewAuthority(Terms{})
	if err != nil {
		t.Fatal(err)
	}
	a, err := OpenAuthority(p)
	if err != nil {
		t.Fatal(err)
	}
	return authority{a, string(p.Cert)}
}

func (a authority) server(t *testing.T, terms Terms, names ...string) Pair {
	t.Helper()
	p, err := a.Server(names, terms)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (a authority) client(t *testing.T, name, role string, terms Terms) Pair {
	t.Helper()
	p, err := a.Client(name, role, terms)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// source is a pair with the CA that it trusts.
func source(p Pair, ca string) Source {
	return Source{Cert: string(p.Cert), Key: string(p.Key), CA: ca}
}

// expired are terms that ended yesterday.
func expired() Terms { return Terms{From: time.Now().Add(-2 * day), Validity: day} }

func TestClientIsWhoTheVerifiedCertificateSays(t *testing.T) {
	verified := func(name string, units ...string) tls.ConnectionState {
		leaf := &x509.Certificate{Subject: pkix.Name{CommonName: name, OrganizationalUnit: units}}
		return tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}, VerifiedChains: [][]*x509.Certificate{{leaf}}}
	}
	unverified := verified("acme", Internal)
	unverified.VerifiedChains = nil
	for _, c := range []struct {
		name, wantName, wantRole string
		state                    tls.ConnectionState
		ok                       bool
	}{
		{"internal", "acme", Internal, verified("acme", "internal"), true},
		{"partner", "acme", Partner, verified("acme", "partner"), true},
		{"readonly", "acme", ReadOnly, verified("acme", "readonly"), true},
		{"unknown role is nobody", "", "", verified("acme", "admin"), false},
		{"another spelling is nobody", "", "", verified("acme", "Internal"), false},
		{"no role is nobody", "", "", verified("acme"), false},
		{"two roles are nobody", "", "", verified("acme", "readonly", "internal"), false},
		{"no name is nobody", "", "", verified("", "internal"), false},
		{"unverified is nobody", "", "", unverified, false},
		{"no certificate is nobody", "", "", tls.ConnectionState{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			name, role, ok := Client(c.state)
			if name != c.wantName || role != c.wantRole || ok != c.ok {
				t.Errorf("%q %q %v, want %q %q %v", name, role, ok, c.wantName, c.wantRole, c.ok)
			}
		})
	}
}
