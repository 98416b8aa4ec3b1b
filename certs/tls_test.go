package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// caller is what a server saw of a connection.
type caller struct {
	name, role string
	ok         bool
	peers      int
	err        error
}

// listen serves one byte to everybody who gets through the handshake, and tells whom it saw.
func listen(t *testing.T, c *tls.Config) (address string, seen <-chan caller) {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	out, done := make(chan caller, 16), make(chan struct{})
	go func() {
		defer close(done)
		for {
			raw, err := lis.Accept()
			if err != nil {
				return
			}
			_ = raw.SetDeadline(time.Now().Add(10 * time.Second))
			conn := tls.Server(raw, c)
			if err := conn.Handshake(); err != nil {
				out <- caller{err: err}
			} else {
				state := conn.ConnectionState()
				name, role, ok := Client(state)
				out <- caller{name, role, ok, len(state.PeerCertificates), nil}
				_, _ = conn.Write([]byte{1})
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() { lis.Close(); <-done })
	return lis.Addr().String(), out
}

// connect calls a server and gives the state of a connection that carried a byte: with TLS 1.3 a refused client certificate shows only
// in what is read.
func connect(address string, c *tls.Config) (tls.ConnectionState, error) {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", address, c)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, err = io.ReadFull(conn, make([]byte, 1))
	return conn.ConnectionState(), err
}

func serverSide(t *testing.T, s Source) *tls.Config {
	t.Helper()
	c, err := ServerConfig(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func clientSide(t *testing.T, s Source, name string) *tls.Config {
	t.Helper()
	c, err := ClientConfig(s, name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestBothSidesProveThemselves(t *testing.T) {
	ours, foreign := newAuthority(t), newAuthority(t)
	mediator := source(ours.server(t, Terms{}, "localhost", "127.0.0.1"), ours.pem)
	address, seen := listen(t, serverSide(t, mediator))
	for _, c := range []struct {
		name       string
		client     Source
		serverName string
		want       caller
		says       string // the client's error
	}{
		{"internal gets in", source(ours.client(t, "syncer", Internal, Terms{}), ours.pem), "", caller{"syncer", Internal, true, 1, nil}, ""},
		{"partner gets in", source(ours.client(t, "acme", Partner, Terms{}), ours.pem), "", caller{"acme", Partner, true, 1, nil}, ""},
		{"either of two CAs is trusted", source(ours.client(t, "acme", Partner, Terms{}), foreign.pem+ours.pem), "", caller{"acme", Partner, true, 1, nil}, ""},
		{"the server's other names", source(ours.client(t, "acme", Partner, Terms{}), ours.pem), "127.0.0.1", caller{"acme", Partner, true, 1, nil}, ""},
		{"without certificate: through the handshake, as nobody", Source{CA: ours.pem}, "", caller{}, ""},
		{"certificate of a foreign CA", source(foreign.client(t, "acme", Internal, Terms{}), ours.pem), "", caller{err: errors.New("unknown authority")}, "unknown certificate authority"},
		{"server of a foreign CA", source(ours.client(t, "acme", Internal, Terms{}), foreign.pem), "", caller{err: errors.New("bad certificate")}, "unknown authority"},
		{"server of another name", source(ours.client(t, "acme", Internal, Terms{}), ours.pem), "mediator.example", caller{err: errors.New("bad certificate")}, "not mediator.example"},
	} {
		t.Run(c.name, func(t *testing.T) {
			state, err := connect(address, clientSide(t, c.client, c.serverName))
			got := <-seen
			if c.want.err != nil {
				if got.err == nil || !strings.Contains(got.err.Error(), c.want.err.Error()) || err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("server saw %+v, client %v", got, err)
				}
				return
			}
			if got != c.want || err != nil || state.NegotiatedProtocol != "h2" || state.Version != tls.VersionTLS13 {
				t.Errorf("server saw %+v, client %v, protocol %q", got, err, state.NegotiatedProtocol)
			}
		})
	}
}

// wrong makes the settings of a client that the checks of ClientConfig would refuse.
func wrong(t *testing.T, p Pair, change func(*tls.Config)) *tls.Config {
	t.Helper()
	pair, err := tls.X509KeyPair(p.Cert, p.Key)
	if err != nil {
		t.Fatal(err)
	}
	c := base()
	c.InsecureSkipVerify = true
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	if change != nil {
		change(c)
	}
	return c
}

func TestServerRefusesWhatNoClientShouldHave(t *testing.T) {
	ours := newAuthority(t)
	address, seen := listen(t, serverSide(t, source(ours.server(t, Terms{}), ours.pem)))
	for _, c := range []struct {
		name   string
		client *tls.Config
		says   string
	}{
		{"expired certificate", wrong(t, ours.client(t, "acme", Internal, expired()), nil), "expired"},
		{"server's certificate", wrong(t, ours.server(t, Terms{}), nil), "usage"},
		{"TLS 1.1", wrong(t, ours.client(t, "acme", Internal, Terms{}), func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS11, tls.VersionTLS11 }), "version"},
		{"another protocol", wrong(t, ours.client(t, "acme", Internal, Terms{}), func(c *tls.Config) { c.NextProtos = []string{"spdy/3"} }), "protocol"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := connect(address, c.client)
			if got := <-seen; err == nil || got.err == nil || !strings.Contains(got.err.Error(), c.says) {
				t.Errorf("server saw %+v, want an error about %s; client %v", got, c.says, err)
			}
		})
	}
	old := wrong(t, ours.client(t, "acme", Internal, Terms{}), func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 })
	if _, err := connect(address, old); err != nil || (<-seen).name != "acme" {
		t.Errorf("a client of TLS 1.2 is refused: %v", err)
	}
}

func TestClientRefusesWhatNoServerShouldHave(t *testing.T) {
	ours := newAuthority(t)
	disguised, err := ours.issue(&x509.Certificate{DNSNames: []string{ServerName}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, Terms{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, says string
		server     Pair
	}{
		{"client's certificate with the server's name", "usage", disguised},
		{"expired certificate", "expired", ours.server(t, expired())},
		{"client's certificate", "cepro-mediators", ours.client(t, "acme", Internal, Terms{})},
	} {
		t.Run(c.name, func(t *testing.T) {
			pair, err := tls.X509KeyPair(c.server.Cert, c.server.Key)
			if err != nil {
				t.Fatal(err)
			}
			server := base()
			server.Certificates = []tls.Certificate{pair}
			address, seen := listen(t, server)
			_, err = connect(address, clientSide(t, source(ours.client(t, "acme", Internal, Terms{}), ours.pem), ""))
			if got := <-seen; got.err == nil || err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("client: %v, server saw %+v", err, got)
			}
		})
	}
}

func TestSettingsThatCannotServeAreRefusedAtOnce(t *testing.T) {
	ours := newAuthority(t)
	server, client := ours.server(t, Terms{}), ours.client(t, "acme", Internal, Terms{})
	for _, c := range []struct {
		name, says string
		source     Source
		client     bool
	}{
		{"server without certificate", "certificate and key", Source{CA: ours.pem}, false},
		{"server without CA", "CA: nothing is given", source(server, ""), false},
		{"client without CA", "CA: nothing is given", source(client, ""), true},
		{"certificate without key", "certificate and key", Source{Cert: string(client.Cert), CA: ours.pem}, true},
		{"key of another certificate", "does not match", Source{Cert: string(server.Cert), Key: string(client.Key), CA: ours.pem}, false},
		{"key for a certificate", "certificate and key", Source{Cert: string(server.Key), Key: string(server.Cert), CA: ours.pem}, false},
		{"client's certificate for a server", "not for a server", source(client, ours.pem), false},
		{"server's certificate for a client", "not for a client", source(server, ours.pem), true},
		{"expired", "expired", source(ours.server(t, expired()), ours.pem), false},
		{"not yet", "clock", source(ours.server(t, Terms{From: time.Now().Add(day)}), ours.pem), false},
		{"a leaf for a CA", "is no CA", source(server, string(client.Cert)), false},
		{"a key for a CA", "no certificate", source(server, string(server.Key)), false},
		{"no such file", "certificate: neither", Source{Cert: "/none.crt", Key: "/none.key", CA: ours.pem}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ServerConfig(c.source)
			if c.client {
				_, err = ClientConfig(c.source, "")
			}
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line about %s", err, c.says)
			}
		})
	}
}
