package certs

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// fit refuses what the other side is sure to refuse, before it does, and says why.
func fit(leaf *x509.Certificate, usage x509.ExtKeyUsage, now time.Time) error {
	if now.After(leaf.NotAfter) {
		return fmt.Errorf("the certificate %s expired on %s: issue another", leaf.Subject, date(leaf.NotAfter))
	}
	if now.Before(leaf.NotBefore) {
		return fmt.Errorf("the certificate %s holds only from %s on: is the clock right?", leaf.Subject, leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	if may(leaf, usage) {
		return nil
	}
	if usage == x509.ExtKeyUsageServerAuth {
		return errors.New("the certificate is not for a server: issue one with flows certs server")
	}
	return errors.New("the certificate is not for a client: issue one with flows certs client")
}

// may says whether a certificate allows a use. One that names no use allows all.
func may(c *x509.Certificate, usage x509.ExtKeyUsage) bool {
	if len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) == 0 {
		return true
	}
	for _, u := range c.ExtKeyUsage {
		if u == usage || u == x509.ExtKeyUsageAny {
			return true
		}
	}
	return false
}
