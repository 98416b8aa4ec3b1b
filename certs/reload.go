package certs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Source is where one side's certificates come from. Each value is what Load takes; files are read again when they change.
type Source struct {
	Cert, Key string       // of this side
	CA        string       // who signs the other side; several while one takes over from another
	Log       *slog.Logger // nil: slog.Default()
}

// recheck is how often, at most, a handshake looks whether the files have changed.
const recheck = time.Second

// texts are the PEM of certificate, key and CA. Whole contents are compared, not times of files: those can be kept by a copy.
type texts struct{ cert, key, ca string }

// material is what handshakes use.
type material struct {
	texts
	pair   *tls.Certificate // nil: a client without one
	pool   *x509.CertPool
	server *tls.Config // for servers
}

// keeper has the material in force and looks for newer.
type keeper struct {
	source Source
	usage  x509.ExtKeyUsage
	log    *slog.Logger
	now    func() time.Time

	inForce atomic.Pointer[material]

	checking  sync.Mutex // one handshake checks, the others go on
	files     bool       // there is something that can change
	checked   time.Time
	complaint string // the last failure, told once
}

func newKeeper(s Source, usage x509.ExtKeyUsage, now func() time.Time) (*keeper, error) {
	k := &keeper{source: s, usage: usage, log: s.Log, now: now}
	if k.log == nil {
		k.log = slog.Default()
	}
	t, err := k.read()
	if err != nil {
		return nil, err
	}
	m, err := k.build(t)
	if err != nil {
		return nil, err
	}
	k.checked = now()
	k.take(m)
	return k, nil
}

// current is the material for the handshake at hand.
func (k *keeper) current() *material {
	if k.checking.TryLock() {
		defer k.checking.Unlock()
		if now := k.now(); k.files && now.Sub(k.checked) >= recheck {
			k.checked = now
			k.refresh()
		}
	}
	return k.inForce.Load()
}

// refresh takes what the files hold now, if it is new and sound. What is in force stays otherwise: between the writing of a certificate
// and that of its key the two do not fit, and a mistake in a file must not end a service.
func (k *keeper) refresh() {
	t, err := k.read()
	if err == nil && t == k.inForce.Load().texts {
		k.complaint = ""
		return
	}
	var m *material
	if err == nil {
		m, err = k.build(t)
	}
	if err != nil {
		if text := err.Error(); text != k.complaint {
			k.complaint = text
			k.log.Warn("certificates changed but cannot be used, the old ones stay in force", "error", err)
		}
		return
	}
	k.complaint = ""
	k.take(m)
	if m.pair != nil {
		k.log.Info("certificates reloaded", "subject", m.pair.Leaf.Subject.String(), "expires", date(m.pair.Leaf.NotAfter))
	} else {
		k.log.Info("certificates reloaded")
	}
}

// read gets the three values, from their files where they are paths.
func (k *keeper) read() (t texts, err error) {
	for _, part := range []struct {
		name, value string
		to          *string
	}{{"certificate", k.source.Cert, &t.cert}, {"key", k.source.Key, &t.key}, {"CA", k.source.CA, &t.ca}} {
		if part.value == "" && part.name != "CA" {
			continue
		}
		b, path, err := load(part.value)
		if err != nil {
			return texts{}, fmt.Errorf("%s: %w", part.name, err)
		}
		*part.to = string(b)
		k.files = k.files || path != ""
	}
	return t, nil
}

// build makes sure that the three texts can serve.
func (k *keeper) build(t texts) (*material, error) {
	pool, err := pool([]byte(t.ca))
	if err != nil {
		return nil, err
	}
	m := &material{texts: t, pool: pool}
	if t.cert == "" && t.key == "" && k.usage == x509.ExtKeyUsageClientAuth {
		return m, nil
	}
	pair, err := tls.X509KeyPair([]byte(t.cert), []byte(t.key))
	if err != nil {
		return nil, fmt.Errorf("certificate and key: %w", err)
	}
	if err := fit(pair.Leaf, k.usage, k.now()); err != nil {
		return nil, err
	}
	m.pair = &pair
	if k.usage == x509.ExtKeyUsageServerAuth {
		m.server = serverConfig(m)
	}
	return m, nil
}

// take puts material in force and says what a person should know of it.
func (k *keeper) take(m *material) {
	k.inForce.Store(m)
	if m.pair == nil {
		return
	}
	leaf := m.pair.Leaf
	if left := leaf.NotAfter.Sub(k.now()); left < 30*day {
		k.log.Warn("certificate expires soon", "subject", leaf.Subject.String(), "expires", date(leaf.NotAfter))
	}
	if k.usage == x509.ExtKeyUsageServerAuth && leaf.VerifyHostname(ServerName) != nil {
		k.log.Warn("certificate lacks the name that clients ask for: issue another with flows certs server", "name", ServerName)
	}
}
