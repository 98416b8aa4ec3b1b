package certs

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math"
	"time"
)

// Kinds of certificates.
const (
	KindCA     = "ca"
	KindServer = "server"
	KindClient = "client"
	KindOther  = "other" // for several uses, or for another one
)

// Info is what a certificate says.
type Info struct {
	Kind        string    `json:"kind"`
	Name        string    `json:"name"` // CN
	Role        string    `json:"role"` // OU of a client
	Names       []string  `json:"names"`
	Subject     string    `json:"subject"`
	Issuer      string    `json:"issuer"`
	Serial      string    `json:"serial"` // hex
	NotBefore   time.Time `json:"not_before"`
	NotAfter    time.Time `json:"not_after"`
	DaysLeft    int       `json:"days_left"`   // whole days; below zero when it has expired
	Fingerprint string    `json:"fingerprint"` // SHA-256 of the DER, hex
}

// Describe tells of every certificate in PEM. Private keys in it are passed over.
func Describe(b []byte, now time.Time) ([]Info, error) {
	all, err := parse(b)
	if err != nil {
		return nil, err
	}
	var infos []Info
	for _, c := range all {
		infos = append(infos, describe(c, now))
	}
	return infos, nil
}

func describe(c *x509.Certificate, now time.Time) Info {
	sum := sha256.Sum256(c.Raw)
	i := Info{Kind: kind(c), Name: c.Subject.CommonName, Names: append([]string{}, c.DNSNames...), Subject: c.Subject.String(), Issuer: c.Issuer.String(),
		Serial: c.SerialNumber.Text(16), NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(),
		DaysLeft: int(math.Floor(float64(c.NotAfter.Sub(now)) / float64(day))), Fingerprint: hex.EncodeToString(sum[:])}
	for _, ip := range c.IPAddresses {
		i.Names = append(i.Names, ip.String())
	}
	if units := c.Subject.OrganizationalUnit; i.Kind == KindClient && len(units) == 1 {
		i.Role = units[0]
	}
	return i
}

func kind(c *x509.Certificate) string {
	server, client := may(c, x509.ExtKeyUsageServerAuth), may(c, x509.ExtKeyUsageClientAuth)
	switch {
	case c.IsCA:
		return KindCA
	case server && !client:
		return KindServer
	case client && !server:
		return KindClient
	}
	return KindOther
}

// parse gives the certificates in PEM, at least one.
func parse(b []byte) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d cannot be read: %w", len(all)+1, err)
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, errors.New("there is no certificate in it")
	}
	return all, nil
}
