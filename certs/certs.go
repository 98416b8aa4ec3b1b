// Package certs is who may speak to whom: it issues the certificates of mediators and their clients, makes the TLS settings of both
// sides from them, and says who a caller is.
package certs

import (
	"crypto/tls"
	"slices"
)

// ServerName is what clients in the field ask a mediator's certificate for, whatever its address is.
const ServerName = "cepro-mediators"

// Roles, as the organizational unit (OU) of a client's certificate says them.
const (
	Internal = "internal" // everything
	Partner  = "partner"  // reads of objects, and info
	ReadOnly = "readonly" // info
)

// Roles gives all of them, the mightiest first.
func Roles() []string { return []string{Internal, Partner, ReadOnly} }

// Client gives the name (CN) and role (OU) of a connection's caller. It is not ok when the caller gave no certificate, or one that does
// not say exactly one known role: two would leave it to us to choose.
func Client(state tls.ConnectionState) (name, role string, ok bool) {
	// PeerCertificates is what the caller sent; VerifiedChains what has been proven.
	if len(state.VerifiedChains) == 0 || len(state.VerifiedChains[0]) == 0 {
		return "", "", false
	}
	subject := state.VerifiedChains[0][0].Subject
	if units := subject.OrganizationalUnit; subject.CommonName == "" || len(units) != 1 || !slices.Contains(Roles(), units[0]) {
		return "", "", false
	}
	return subject.CommonName, subject.OrganizationalUnit[0], true
}
