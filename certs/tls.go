package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// ServerConfig gives a mediator's side. It asks for a client certificate but lets a caller without one through the handshake, so that
// it can be answered UNAUTHENTICATED; a certificate that our CA has not signed, or one that has expired, ends the handshake. Whoever
// answers must ask Client who calls.
func ServerConfig(s Source) (*tls.Config, error) {
	k, err := newKeeper(s, x509.ExtKeyUsageServerAuth, time.Now)
	if err != nil {
		return nil, err
	}
	return k.serverSide(), nil
}

// ClientConfig gives a client's side: it trusts servers that our CA has signed for serverName ("" is ServerName), and no others. A
// Source without Cert and Key makes a caller without a certificate.
func ClientConfig(s Source, serverName string) (*tls.Config, error) {
	k, err := newKeeper(s, x509.ExtKeyUsageClientAuth, time.Now)
	if err != nil {
		return nil, err
	}
	if serverName == "" {
		serverName = ServerName
	}
	return k.clientSide(serverName), nil
}

// base is what both sides have in common. TLS 1.2 is allowed because clients and mediators in the field are gRPC libraries of unknown
// age; then only with the forward secret, authenticated ciphers that HTTP/2 leaves.
func base() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2"},
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		// Connections last, so resuming gains nothing; and a CA that was taken away must not live on in a ticket.
		SessionTicketsDisabled: true,
	}
}

func (k *keeper) serverSide() *tls.Config {
	c := base()
	c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return k.current().server, nil }
	return c
}

// serverConfig is the server's side with one material.
func serverConfig(m *material) *tls.Config {
	c := base()
	c.Certificates = []tls.Certificate{*m.pair}
	c.ClientAuth = tls.VerifyClientCertIfGiven
	c.ClientCAs = m.pool
	return c
}

func (k *keeper) clientSide(serverName string) *tls.Config {
	c := base()
	c.ServerName = serverName
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if pair := k.current().pair; pair != nil {
			return pair, nil
		}
		return new(tls.Certificate), nil
	}
	// crypto/tls cannot be given another RootCAs between handshakes, so its check is replaced by the same one with the CAs in force.
	c.InsecureSkipVerify = true
	c.VerifyConnection = func(state tls.ConnectionState) error {
		return verify(state.PeerCertificates, k.current().pool, serverName, k.now())
	}
	return c
}

// verify is what a client asks of a server's certificate.
func verify(sent []*x509.Certificate, roots *x509.CertPool, serverName string, now time.Time) error {
	if len(sent) == 0 {
		return errors.New("the mediator sent no certificate")
	}
	o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool(), DNSName: serverName, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, c := range sent[1:] {
		o.Intermediates.AddCert(c)
	}
	if _, err := sent[0].Verify(o); err != nil {
		return fmt.Errorf("the mediator's certificate: %w", err)
	}
	return nil
}

// pool gathers CAs. Anything else in it would be trusted as itself, so a certificate that is no CA is refused.
func pool(b []byte) (*x509.CertPool, error) {
	all, err := parse(b)
	if err != nil {
		return nil, fmt.Errorf("CA: %w", err)
	}
	p := x509.NewCertPool()
	for _, c := range all {
		if !c.IsCA {
			return nil, fmt.Errorf("CA: %s is no CA: give the certificate that signed it", c.Subject)
		}
		p.AddCert(c)
	}
	return p, nil
}
