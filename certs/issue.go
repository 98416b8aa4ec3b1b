package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"
)

const day = 24 * time.Hour

const (
	// AuthorityValidity is ten years: a new CA means a new file on every machine.
	AuthorityValidity = 3650 * day
	// Validity of server and client certificates: under the 825 days that strict TLS libraries (Apple's) take from a private CA, backdating
	// included.
	Validity = 800 * day
	// backdate lets a certificate be used at once on a machine whose clock is behind.
	backdate = time.Hour
)

// Pair is a certificate and its private key, both PEM.
type Pair struct{ Cert, Key []byte }

// Terms say when a certificate holds. The zero value is from now on, for the default of its kind.
type Terms struct {
	From     time.Time     // zero: now
	Validity time.Duration // zero: AuthorityValidity or Validity
}

func (t Terms) times(usual time.Duration) (from, until time.Time, err error) {
	if t.From.IsZero() {
		t.From = time.Now()
	}
	if t.Validity == 0 {
		t.Validity = usual
	}
	if t.Validity < 0 {
		return from, until, errors.New("a certificate must hold for some time")
	}
	return t.From.Add(-backdate), t.From.Add(t.Validity), nil
}

// NewAuthority makes a CA that signs itself.
func NewAuthority(t Terms) (Pair, error) {
	from, until, err := t.times(AuthorityValidity)
	if err != nil {
		return Pair{}, err
	}
	serial, err := serialNumber()
	if err != nil {
		return Pair{}, err
	}
	return sign(&x509.Certificate{
		// While one CA takes over from another, machines trust a file with both: they must not have one name.
		Subject:               pkix.Name{CommonName: fmt.Sprintf("Flows CA %08x", new(big.Int).Rsh(serial, 96))},
		SerialNumber:          serial,
		NotBefore:             from,
		NotAfter:              until,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, nil)
}

// Authority is a CA that is able to sign.
type Authority struct {
	cert *x509.Certificate
	key  any
}

// OpenAuthority makes sure that a pair is a CA.
func OpenAuthority(p Pair) (*Authority, error) {
	pair, err := tls.X509KeyPair(p.Cert, p.Key)
	if err != nil {
		return nil, fmt.Errorf("CA: %w", err)
	}
	if !pair.Leaf.IsCA {
		return nil, fmt.Errorf("CA: %s is no CA: it may not sign certificates", pair.Leaf.Subject)
	}
	return &Authority{pair.Leaf, pair.PrivateKey}, nil
}

// Server issues a mediator's certificate for ServerName and the given DNS names and IP addresses.
func (a *Authority) Server(names []string, t Terms) (Pair, error) {
	c := &x509.Certificate{
		Subject:     pkix.Name{CommonName: ServerName},
		DNSNames:    []string{ServerName},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if err := addName(c, name); err != nil {
			return Pair{}, err
		}
	}
	return a.issue(c, t)
}

// Client issues a caller's certificate.
func (a *Authority) Client(name, role string, t Terms) (Pair, error) {
	if err := checkClient(name, role); err != nil {
		return Pair{}, err
	}
	return a.issue(&x509.Certificate{
		Subject:     pkix.Name{CommonName: name, OrganizationalUnit: []string{role}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, t)
}

// issue signs a certificate, which ends with the CA at the latest.
func (a *Authority) issue(c *x509.Certificate, t Terms) (p Pair, err error) {
	if c.NotBefore, c.NotAfter, err = t.times(Validity); err != nil {
		return Pair{}, err
	}
	if c.NotAfter.After(a.cert.NotAfter) {
		c.NotAfter = a.cert.NotAfter
	}
	if !c.NotBefore.Add(backdate).Before(c.NotAfter) {
		return Pair{}, fmt.Errorf("the CA expired on %s: make a new one in another folder", date(a.cert.NotAfter))
	}
	if c.SerialNumber, err = serialNumber(); err != nil {
		return Pair{}, err
	}
	c.BasicConstraintsValid = true
	c.KeyUsage = x509.KeyUsageDigitalSignature
	return sign(c, a)
}

// sign makes a key for a certificate and signs it; by is nil for a CA, which signs itself.
func sign(c *x509.Certificate, by *Authority) (Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, fmt.Errorf("make a key: %w", err)
	}
	if by == nil {
		by = &Authority{c, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by.cert, key.Public(), by.key)
	if err != nil {
		return Pair{}, fmt.Errorf("sign a certificate: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Pair{}, fmt.Errorf("write a key: %w", err)
	}
	return Pair{
		Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}, nil
}

// serialNumber is random, 128 bits: nobody has to remember the last one.
func serialNumber() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 128))
	if err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	return n, nil
}

func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }
