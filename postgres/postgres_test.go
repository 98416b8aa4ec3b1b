package postgres

import (
	"context"
	"database/sql/driver"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"flows"
	"flows/internal/pgtest"

	"github.com/jackc/pgx/v5"
)

func TestMain(m *testing.M) {
	time.Local = time.FixedZone("far away", 5*3600) // nothing may depend on where a process runs
	pgtest.Main(m)
}

// mustStore opens a migrated database of the test's own.
func mustStore(t testing.TB) *Store {
	t.Helper()
	s, err := Open(t.Context(), pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func mustExec(t testing.TB, s *Store, sql string, args ...any) {
	t.Helper()
	if _, err := s.pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
}

// lines gives the result of a query, a line a row, values separated by spaces.
func lines(t testing.TB, s *Store, sql string, args ...any) string {
	t.Helper()
	rows, _ := s.pool.Query(context.WithoutCancel(t.Context()), sql, args...)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		values, err := row.Values()
		words := make([]string, len(values))
		for i, v := range values {
			if n, ok := v.(driver.Valuer); ok {
				v, _ = n.Value()
			}
			words[i] = fmt.Sprint(v)
		}
		return strings.Join(words, " "), err
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
	return strings.Join(list, "\n")
}

// mustRegister adds meters and returns them as a run would get them, by serial.
func mustRegister(t *testing.T, s *Store, list ...flows.Registration) map[string]flows.Meter {
	t.Helper()
	if _, _, err := s.Register(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	meters, err := s.Meters(t.Context(), Filter{})
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]flows.Meter{}
	for _, m := range meters {
		known[m.Serial] = m
	}
	return known
}

// at is a registration with an address; hardware "" leaves it unknown.
func at(serial, address, hardware string) flows.Registration {
	a := netip.MustParseAddr(address)
	return flows.Registration{Serial: serial, Address: &a, Hardware: &hardware}
}

var noon = time.Date(2026, 3, 4, 12, 0, 0, 123456789, time.UTC)

func TestOpenTellsWhatIsMissing(t *testing.T) {
	ready := pgtest.New(t)
	admin, err := Open(t.Context(), ready)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	mustExec(t, admin, `create role stranger login`)
	defer admin.pool.Exec(context.WithoutCancel(t.Context()), `drop role stranger`)
	for _, c := range []struct {
		name, url, want string
		code            flows.Code
	}{
		{"malformed URL", "postgres://a b", "DATABASE_URL is malformed", ""},
		{"no server", "postgres://x:hush@127.0.0.1:1/x?connect_timeout=2", "cannot connect to the database", flows.Database},
		{"no database", strings.Replace(ready, "flows_test", "none", 1), "cannot connect to the database", flows.Database},
		{"no schema", pgtest.Empty(t), "run: flows migrate up", flows.Database},
		{"no rights", strings.Replace(ready, "//postgres@", "//stranger@", 1), "GRANT flows TO stranger", flows.Database},
	} {
		s, err := Open(t.Context(), c.url)
		if err == nil {
			s.Close()
			t.Errorf("%s: opened", c.name)
			continue
		}
		if !strings.Contains(err.Error(), c.want) || strings.ContainsAny(err.Error(), "\n\t") || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %q", c.name, err)
		}
		if got := flows.CodeOf(err, ""); got != c.code {
			t.Errorf("%s: code %q", c.name, got)
		}
	}
	if err := admin.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTroubleHasACode(t *testing.T) {
	s := mustStore(t)
	called, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Metrics(called); flows.CodeOf(err, "") != flows.Cancelled {
		t.Errorf("called off: %v", err)
	}
	mustExec(t, s, `drop table flows.meter_metrics cascade`)
	if _, err := s.Metrics(t.Context()); flows.CodeOf(err, "") != flows.Database {
		t.Errorf("broken: %v", err)
	}
}
