package certs

import (
	"crypto/ecdsa"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func describeOne(t *testing.T, p Pair, now time.Time) Info {
	t.Helper()
	infos, err := Describe(append(p.Key, p.Cert...), now)
	if err != nil || len(infos) != 1 {
		t.Fatalf("%d certificates, %v", len(infos), err)
	}
	return infos[0]
}

func TestCertificatesSayWhatWasAsked(t *testing.T) {
	ca := newAuthority(t)
	now := time.Now()
	server := describeOne(t, ca.server(t, Terms{}, "mediator.example", "10.0.0.5", "::1", "cepro-mediators", "10.0.0.5"), now)
	if want := []string{"cepro-mediators", "mediator.example", "10.0.0.5", "::1"}; server.Kind != KindServer || cmp.Diff(want, server.Names) != "" {
		t.Errorf("server: %+v", server)
	}
	client := describeOne(t, ca.client(t, "acme", Partner, Terms{}), now)
	if client.Kind != KindClient || client.Name != "acme" || client.Role != Partner || len(client.Names) != 0 {
		t.Errorf("client: %+v", client)
	}
	for _, i := range []Info{server, client} {
		if i.DaysLeft != 799 || now.Sub(i.NotBefore) < 59*time.Minute || now.Sub(i.NotBefore) > time.Hour+time.Minute {
			t.Errorf("%s holds from %s, %d days", i.Kind, i.NotBefore, i.DaysLeft)
		}
		if i.Issuer != ca.cert.Subject.String() || len(i.Serial) < 20 || len(i.Fingerprint) != 64 {
			t.Errorf("%+v", i)
		}
	}
	if server.Serial == client.Serial {
		t.Error("two certificates have one serial number")
	}
	authority, err := Describe([]byte(ca.pem), now)
	if err != nil || authority[0].Kind != KindCA || authority[0].DaysLeft != 3649 {
		t.Errorf("CA: %+v %v", authority, err)
	}
	if key, ok := ca.key.(*ecdsa.PrivateKey); !ok || key.Curve.Params().Name != "P-256" {
		t.Errorf("the CA's key is a %T", ca.key)
	}
	if !ca.cert.MaxPathLenZero || ca.cert.MaxPathLen != 0 {
		t.Error("the CA may make other CAs")
	}
	if other := newAuthority(t); other.cert.Subject.String() == ca.cert.Subject.String() {
		t.Errorf("two CAs are called %s", ca.cert.Subject)
	}
}

func TestDaysLeftOfAnExpiredCertificateAreBelowZero(t *testing.T) {
	p := newAuthority(t).client(t, "acme", Internal, expired())
	if got := describeOne(t, p, time.Now()).DaysLeft; got != -2 && got != -1 {
		t.Errorf("%d days left", got)
	}
}

func TestNoCertificateOutlivesItsCA(t *testing.T) {
	pair, err := NewAuthority(Terms{Validity: 10 * day})
	if err != nil {
		t.Fatal(err)
	}
	ca, err := OpenAuthority(pair)
	if err != nil {
		t.Fatal(err)
	}
	p, err := ca.Server(nil, Terms{})
	if err != nil {
		t.Fatal(err)
	}
	if got := describeOne(t, p, time.Now()).NotAfter; !got.Equal(ca.cert.NotAfter) {
		t.Errorf("ends %s, the CA %s", got, ca.cert.NotAfter)
	}
	if _, err := ca.Server(nil, Terms{From: time.Now().Add(11 * day)}); err == nil || !strings.Contains(err.Error(), "the CA expired") {
		t.Errorf("an expired CA signs: %v", err)
	}
}

func TestWhatCannotBeIssuedIsNamed(t *testing.T) {
	ca := newAuthority(t)
	leaf := ca.client(t, "acme", Internal, Terms{})
	stranger, err := NewAuthority(Terms{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, says string
		do         func() error
	}{
		{"client without name", `""`, func() error { _, err := ca.Client("", Internal, Terms{}); return err }},
		{"client with a path for a name", `"../ca"`, func() error { _, err := ca.Client("../ca", Internal, Terms{}); return err }},
		{"client with a line break", `"a\nb"`, func() error { _, err := ca.Client("a\nb", Internal, Terms{}); return err }},
		{"name of 65", "64", func() error { _, err := ca.Client(strings.Repeat("a", 65), Internal, Terms{}); return err }},
		{"unknown role", `"admin"`, func() error { _, err := ca.Client("acme", "admin", Terms{}); return err }},
		{"host with port", `"host:50051"`, func() error { _, err := ca.Server([]string{"host:50051"}, Terms{}); return err }},
		{"host with scheme", `"https://host"`, func() error { _, err := ca.Server([]string{"https://host"}, Terms{}); return err }},
		{"empty host", `""`, func() error { _, err := ca.Server([]string{""}, Terms{}); return err }},
		{"validity below zero", "some time", func() error { _, err := ca.Client("acme", Internal, Terms{Validity: -day}); return err }},
		{"a client is no CA", "no CA", func() error { _, err := OpenAuthority(leaf); return err }},
		{"key of another", "does not match", func() error { _, err := OpenAuthority(Pair{[]byte(ca.pem), stranger.Key}); return err }},
		{"key missing", "CA:", func() error { _, err := OpenAuthority(Pair{Cert: []byte(ca.pem)}); return err }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.do(); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want something about %s", err, c.says)
			}
		})
	}
}
