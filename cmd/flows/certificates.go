package main

import (
	"crypto/tls"
	"strings"

	"flows/certs"
)

// Settings of certificates: each holds base64 of PEM, PEM, or a path.
const (
	serverCertSetting = "MEDIATOR_SERVER_CERT"
	serverKeySetting  = "MEDIATOR_SERVER_KEY"
	clientCertSetting = "MEDIATOR_CLIENT_CERT"
	clientKeySetting  = "MEDIATOR_CLIENT_KEY"
	caCertSetting     = "MEDIATOR_CA_CERT"
)

// serverCertificates is a mediator's side of TLS.
type serverCertificates struct {
	ServerCert string `name:"server-cert" setting:"MEDIATOR_SERVER_CERT" placeholder:"PEM" help:"The mediator's certificate: base64 of PEM, PEM or a path ($$MEDIATOR_SERVER_CERT)."`
	ServerKey  string `name:"server-key" setting:"MEDIATOR_SERVER_KEY" placeholder:"PEM" help:"Its key ($$MEDIATOR_SERVER_KEY)."`
	CACert     string `name:"ca-cert" setting:"MEDIATOR_CA_CERT" placeholder:"PEM" help:"The CA that signs the clients' certificates ($$MEDIATOR_CA_CERT)."`
}

// config is nil when no certificates are configured.
func (c serverCertificates) config(a *app) (*tls.Config, error) {
	s, err := source(a, part{serverCertSetting, c.ServerCert}, part{serverKeySetting, c.ServerKey}, part{caCertSetting, c.CACert})
	if s == nil || err != nil {
		return nil, err
	}
	t, err := certs.ServerConfig(*s)
	if err != nil {
		return nil, usage("%s, %s, %s: %w", serverCertSetting, serverKeySetting, caCertSetting, err)
	}
	return t, nil
}

// clientCertificates is the side of TLS of those who call mediators.
type clientCertificates struct {
	ClientCert string `name:"client-cert" setting:"MEDIATOR_CLIENT_CERT" placeholder:"PEM" help:"Certificate to call mediators with: base64 of PEM, PEM or a path ($$MEDIATOR_CLIENT_CERT)."`
	ClientKey  string `name:"client-key" setting:"MEDIATOR_CLIENT_KEY" placeholder:"PEM" help:"Its key ($$MEDIATOR_CLIENT_KEY)."`
	CACert     string `name:"ca-cert" setting:"MEDIATOR_CA_CERT" placeholder:"PEM" help:"The CA that signs the mediators' certificates ($$MEDIATOR_CA_CERT)."`
}

// config is nil when no certificates are configured.
func (c clientCertificates) config(a *app) (*tls.Config, error) {
	s, err := source(a, part{clientCertSetting, c.ClientCert}, part{clientKeySetting, c.ClientKey}, part{caCertSetting, c.CACert})
	if s == nil || err != nil {
		return nil, err
	}
	t, err := certs.ClientConfig(*s, certs.ServerName)
	if err != nil {
		return nil, usage("%s, %s, %s: %w", clientCertSetting, clientKeySetting, caCertSetting, err)
	}
	return t, nil
}

// part is one setting and its value.
type part struct{ setting, value string }

// source is nil when nothing is set; some without the others would be a connection less safe than somebody meant it to be.
func source(a *app, cert, key, ca part) (*certs.Source, error) {
	var missing []string
	parts := []part{cert, key, ca}
	for _, p := range parts {
		if p.value == "" {
			missing = append(missing, p.setting)
		}
	}
	switch len(missing) {
	case len(parts):
		return nil, nil
	case 0:
	default:
		return nil, usage("%s: not set: set all of %s, %s and %s, or none of them", strings.Join(missing, ", "), cert.setting, key.setting, ca.setting)
	}
	for _, p := range parts {
		if _, err := certs.Load(p.value); err != nil {
			return nil, usage("%s: %w", p.setting, err)
		}
	}
	return &certs.Source{Cert: cert.value, Key: key.value, CA: ca.value, Log: a.log}, nil
}
