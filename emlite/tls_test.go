package emlite

import (
	"crypto/tls"
	"log/slog"
	"strings"
	"testing"
	"time"

	"flows"
	"flows/certs"
	"flows/mediator"
)

// authority makes a CA, for the two sides of TLS.
func authority(t *testing.T) (ca certs.Pair, open *certs.Authority) {
	t.Helper()
	ca, err := certs.NewAuthority(certs.Terms{})
	if err == nil {
		open, err = certs.OpenAuthority(ca)
	}
	if err != nil {
		t.Fatal(err)
	}
	return ca, open
}

// clientTLS is the side of a client whose certificate one CA signed and who trusts another's servers.
func clientTLS(t *testing.T, by *certs.Authority, trusted certs.Pair, role string) *tls.Config {
	t.Helper()
	pair, err := by.Client("acme", role, certs.Terms{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := certs.ClientConfig(certs.Source{Cert: string(pair.Cert), Key: string(pair.Key), CA: string(trusted.Cert)}, "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCallsOverTLSGiveTheCodeOfWhatIsWrong(t *testing.T) {
	ca, open := authority(t)
	otherCA, other := authority(t)
	pair, err := open.Server(nil, certs.Terms{})
	if err != nil {
		t.Fatal(err)
	}
	server, err := certs.ServerConfig(certs.Source{Cert: string(pair.Cert), Key: string(pair.Key), CA: string(ca.Cert)})
	if err != nil {
		t.Fatal(err)
	}
	anonymous, err := certs.ClientConfig(certs.Source{CA: string(ca.Cert)}, "")
	if err != nil {
		t.Fatal(err)
	}
	address := meter(t)
	secured := mediatorAt(t, mediator.Options{Timeout: time.Second, Log: slog.New(slog.DiscardHandler), TLS: server, Identify: certs.Client}, address)
	plain := mediatorAt(t, mediator.Options{Timeout: time.Second, Log: slog.New(slog.DiscardHandler)}, address)
	for _, c := range []struct {
		name, to string
		tls      *tls.Config
		want     flows.Code // "": it is read
		says     string
	}{
		{"internal", secured, clientTLS(t, open, ca, certs.Internal), "", ""},
		{"readonly", secured, clientTLS(t, open, ca, certs.ReadOnly), flows.Permission, "role readonly"},
		{"no certificate", secured, anonymous, flows.Unauthenticated, "client certificate"},
		{"signed by another CA", secured, clientTLS(t, other, ca, certs.Internal), flows.Mediator, "MEDIATOR_CA_CERT"},
		{"server of another CA", secured, clientTLS(t, open, otherCA, certs.Internal), flows.Mediator, "MEDIATOR_CA_CERT"},
		{"certificates at a mediator without", plain, clientTLS(t, open, ca, certs.Internal), flows.Mediator, "MEDIATOR_CA_CERT"},
		{"no TLS at a mediator with certificates", secured, nil, flows.Mediator, "MEDIATOR_CA_CERT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, err := Dial([]string{c.to}, Options{Timeout: time.Second, TLS: c.tls})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			_, err = client.Read(t.Context(), "EML1", 0x5a5b5c)
			if got := flows.CodeOf(err, "no code"); got != c.want || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v, want %s about %s", got, err, c.want, c.says)
			}
			err = client.Write(t.Context(), "EML1", 0x5a5b5c, []byte{1})
			if got := flows.CodeOf(err, "no code"); got != c.want {
				t.Errorf("write: %s: %v, want %s", got, err, c.want)
			}
		})
	}
}
