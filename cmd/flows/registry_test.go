package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flows"
	"flows/emlite"
	"flows/internal/pgtest"
	"flows/localpg"
	"flows/mediator"
	"flows/postgres"
	"flows/schema"
	"flows/simulator"

	"github.com/jackc/pgx/v5"
)

// watched is the registry with a signal for every change that the mediator has taken in.
type watched struct {
	registry
	taken chan []string
}

func (w watched) Changes(ctx context.Context, each func([]string) error) error {
	return w.registry.Changes(ctx, func(serials []string) error {
		err := each(serials)
		if err == nil {
			w.taken <- serials
		}
		return err
	})
}

// street is a real mediator between a database that the test stops and starts, and two meters in fleets of their own.
type street struct {
	dir    string
	server *localpg.Server
	here   *simulator.Fleet
	there  *simulator.Fleet
	client *emlite.Client
	taken  chan []string
}

const house = "EML0000000001"

func mustStreet(t *testing.T) *street {
	t.Helper()
	s := &street{dir: t.TempDir(), here: mustFleet(t, 1), there: mustFleet(t, 2), taken: make(chan []string, 1000)}
	for _, d := range []string{s.dir, filepath.Dir(s.dir)} {
		if err := os.Chmod(d, 0o755); err != nil { // the server may be another user's
			t.Fatal(err)
		}
	}
	s.begin(t)
	t.Cleanup(func() { s.server.Stop() })
	if _, err := schema.Up(t.Context(), s.server.URL("postgres")); err != nil {
		t.Fatal(err)
	}
	store, err := postgres.Open(t.Context(), s.server.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	ip, port := s.here.Meters()[0].Address.Addr(), s.here.Meters()[0].Address.Port()
	if _, _, err := store.Register(t.Context(), []flows.Registration{{Serial: house, Address: &ip, Port: &port}}); err != nil {
		t.Fatal(err)
	}
	s.mediate(t, store)
	return s
}

func mustFleet(t *testing.T, seed uint64) *simulator.Fleet {
	t.Helper()
	f := simulator.New(simulator.Options{Meters: 1, Seed: seed, Listen: "127.62.0.1:0"})
	if err := f.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Stop)
	return f
}

func (s *street) begin(t *testing.T) {
	t.Helper()
	server, err := localpg.Start(t.Context(), localpg.Options{Dir: s.dir})
	if err != nil {
		t.Fatal(err)
	}
	s.server = server
}

func (s *street) mediate(t *testing.T, store *postgres.Store) {
	t.Helper()
	m, err := mediator.New(watched{registry{store}, s.taken}, mediator.Options{Timeout: 2 * time.Second, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- m.Serve(lis) }()
	s.client, err = emlite.Dial([]string{lis.Addr().String()}, emlite.Options{Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.client.Close()
		m.Stop(context.Background())
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// move gives the house the address of another meter.
func (s *street) move(t *testing.T, to *simulator.Fleet) {
	t.Helper()
	at := to.Meters()[0].Address
	err := execute(t.Context(), s.server.URL("postgres"), fmt.Sprintf(
		`update flows.meter_registry set ip_address = '%s', port = %d where serial = '%s'`, at.Addr(), at.Port(), house))
	if err != nil {
		t.Fatal(err)
	}
}

// mustReach reads the house and checks that it was this meter that was asked.
func (s *street) mustReach(t *testing.T, want *simulator.Fleet) {
	t.Helper()
	before := want.Requests()
	if _, err := s.client.Read(t.Context(), house, 0xfffd1d); err != nil {
		t.Fatal(err)
	}
	if want.Requests() != before+1 {
		t.Fatal("another meter was asked")
	}
}

func TestAChangedAddressIsUsedByTheNextRead(t *testing.T) {
	s := mustStreet(t)
	if first := <-s.taken; first != nil {
		t.Errorf("told of %v, want nil", first)
	}
	for _, next := range []*simulator.Fleet{s.there, s.here, s.there} {
		s.move(t, next)
		if told := <-s.taken; len(told) != 1 || told[0] != house {
			t.Errorf("told of %v, want %s", told, house)
		}
		s.mustReach(t, next)
	}
}

func TestKnownMetersAreReadWhileTheDatabaseIsStopped(t *testing.T) {
	s := mustStreet(t)
	<-s.taken
	if err := s.server.Stop(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		s.mustReach(t, s.here)
		if _, err := s.client.Read(t.Context(), "EML0000000002", 0xfffd1d); flows.CodeOf(err, "") != flows.Database {
			t.Errorf("an unknown meter: %v, want %s", err, flows.Database)
		}
	}
	s.begin(t)
	s.move(t, s.there)
	for told := range s.taken { // everything, and perhaps the house afterwards
		before := s.there.Requests()
		if _, err := s.client.Read(t.Context(), house, 0xfffd1d); err != nil {
			t.Fatal(err)
		}
		if s.there.Requests() > before {
			return
		}
		if told != nil {
			t.Fatal("the old address was used after the change was taken in")
		}
	}
}

func TestAMediatorDoesNotStartWithoutItsRegistry(t *testing.T) {
	url := pgtest.New(t)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), `alter table flows.meter_registry rename column port to harbour`); err != nil {
		t.Fatal(err)
	}
	for name, url := range map[string]string{"no database": "postgres://127.0.0.1:1/x", "another schema": url} {
		got := call(map[string]string{"DATABASE_URL": url}, "mediator", "--port", "0")
		if got.code != exitNotDone || !strings.HasPrefix(got.stderr, "flows: ") || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("%s: exit %d, want %d with one line:\n%s", name, got.code, exitNotDone, got.stderr)
		}
	}
}
