package certs

import (
	"bytes"
	"crypto/x509"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// files is one side's source in a folder, with a clock that stands still until it is told.
type files struct {
	Source
	log    bytes.Buffer
	passed atomic.Int64 // nanoseconds
}

func (f *files) wait(d time.Duration) { f.passed.Add(int64(d)) }

func newFiles(t *testing.T, p Pair, ca string) *files {
	t.Helper()
	dir := t.TempDir()
	f := &files{Source: Source{Cert: filepath.Join(dir, "x.crt"), Key: filepath.Join(dir, "x.key"), CA: filepath.Join(dir, "ca.crt")}}
	f.Log = slog.New(slog.NewTextHandler(&f.log, nil))
	f.put(t, p, ca)
	return f
}

func (f *files) put(t *testing.T, p Pair, ca string) {
	t.Helper()
	write(t, f.Cert, string(p.Cert))
	write(t, f.Key, string(p.Key))
	write(t, f.CA, ca)
}

func (f *files) keeper(t *testing.T, usage x509.ExtKeyUsage) *keeper {
	t.Helper()
	start := time.Now()
	k, err := newKeeper(f.Source, usage, func() time.Time { return start.Add(time.Duration(f.passed.Load())) })
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// warnings counts the lines of the log that a person must see.
func (f *files) warnings() int { return strings.Count(f.log.String(), "level=WARN") }

func TestServerTakesNewFilesWithoutARestart(t *testing.T) {
	first, second := newAuthority(t), newAuthority(t)
	f := newFiles(t, first.server(t, Terms{}), first.pem)
	address, seen := listen(t, f.keeper(t, x509.ExtKeyUsageServerAuth).serverSide())
	caller := func(ca authority) error {
		_, err := connect(address, clientSide(t, source(ca.client(t, "acme", Internal, Terms{}), ca.pem), ""))
		<-seen
		return err
	}
	if err := caller(first); err != nil {
		t.Fatal(err)
	}
	f.put(t, second.server(t, Terms{}), second.pem)
	if err := caller(first); err != nil {
		t.Errorf("the files were read again within a second: %v", err)
	}
	f.wait(recheck)
	if err := caller(second); err != nil {
		t.Errorf("the new files are not used: %v", err)
	}
	if err := caller(first); err == nil {
		t.Error("the old CA is still trusted")
	}
	if got := f.log.String(); strings.Count(got, "certificates reloaded") != 1 || f.warnings() != 0 {
		t.Errorf("log:\n%s", got)
	}
}

func TestBrokenFilesKeepTheOldCertificatesAndAreToldOnce(t *testing.T) {
	ours := newAuthority(t)
	good, other := ours.server(t, Terms{}), ours.server(t, Terms{})
	for _, c := range []struct {
		name string
		make func(f *files)
	}{
		{"no PEM", func(f *files) { write(t, f.Cert, "half a") }},
		{"empty", func(f *files) { write(t, f.Key, "") }},
		{"away", func(f *files) { _ = os.Remove(f.Key) }},
		{"key not yet written", func(f *files) { write(t, f.Cert, string(other.Cert)) }},
		{"expired", func(f *files) { f.put(t, ours.server(t, expired()), ours.pem) }},
		{"for a client", func(f *files) { f.put(t, ours.client(t, "acme", Internal, Terms{}), ours.pem) }},
		{"CA that is none", func(f *files) { write(t, f.CA, string(good.Cert)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFiles(t, good, ours.pem)
			k := f.keeper(t, x509.ExtKeyUsageServerAuth)
			address, seen := listen(t, k.serverSide())
			client := clientSide(t, source(ours.client(t, "acme", Internal, Terms{}), ours.pem), "")
			leaf := func() []byte {
				f.wait(recheck)
				state, err := connect(address, client)
				if err != nil {
					t.Fatalf("the service ended: %v", err)
				}
				<-seen
				return state.PeerCertificates[0].Raw
			}
			before := leaf()
			c.make(f)
			for range 3 {
				if !bytes.Equal(leaf(), before) {
					t.Fatal("another certificate is in force")
				}
			}
			if f.warnings() != 1 || !strings.Contains(f.log.String(), "old ones stay in force") {
				t.Errorf("want one warning:\n%s", f.log.String())
			}
			f.put(t, good, ours.pem)
			if leaf(); f.warnings() != 1 {
				t.Errorf("what is in force came back, and the log says:\n%s", f.log.String())
			}
			c.make(f)
			if leaf(); f.warnings() != 2 {
				t.Errorf("the second breakage is not told:\n%s", f.log.String())
			}
			f.put(t, other, ours.pem)
			if bytes.Equal(leaf(), before) {
				t.Error("the mended files are not used")
			}
		})
	}
}

func TestClientTakesNewFilesWithoutARestart(t *testing.T) {
	first, second := newAuthority(t), newAuthority(t)
	f := newFiles(t, first.client(t, "syncer", Internal, Terms{}), first.pem)
	client := f.keeper(t, x509.ExtKeyUsageClientAuth).clientSide(ServerName)
	address, seen := listen(t, serverSide(t, source(second.server(t, Terms{}), second.pem)))
	if _, err := connect(address, client); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Fatalf("trusts a server of another CA: %v", err)
	}
	<-seen
	f.put(t, second.client(t, "syncer2", Partner, Terms{}), second.pem)
	f.wait(recheck)
	if _, err := connect(address, client); err != nil {
		t.Fatal(err)
	}
	if got := <-seen; got.name != "syncer2" || got.role != Partner {
		t.Errorf("the server saw %+v", got)
	}
}

func TestValuesThatAreNoFilesStayAsTheyAre(t *testing.T) {
	ours := newAuthority(t)
	f := newFiles(t, ours.server(t, Terms{}), ours.pem)
	f.Source = Source{Cert: mustLoad(t, f.Cert), Key: mustLoad(t, f.Key), CA: mustLoad(t, f.CA), Log: f.Log}
	k := f.keeper(t, x509.ExtKeyUsageServerAuth)
	before := k.current()
	f.wait(time.Hour)
	if k.current() != before || k.files {
		t.Error("static values are read again")
	}
}

func mustLoad(t *testing.T, value string) string {
	t.Helper()
	b, err := Load(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestLoadedCertificatesAreWarnedOf(t *testing.T) {
	ours := newAuthority(t)
	f := newFiles(t, ours.server(t, Terms{Validity: 20 * day}), ours.pem)
	f.keeper(t, x509.ExtKeyUsageServerAuth)
	if !strings.Contains(f.log.String(), "expires soon") {
		t.Errorf("20 days left, and the log says %q", f.log.String())
	}

	nameless, err := ours.issue(&x509.Certificate{DNSNames: []string{"mediator.example"}}, Terms{})
	if err != nil {
		t.Fatal(err)
	}
	f = newFiles(t, nameless, ours.pem)
	f.keeper(t, x509.ExtKeyUsageServerAuth)
	if !strings.Contains(f.log.String(), ServerName) {
		t.Errorf("the server lacks the name, and the log says %q", f.log.String())
	}
}
