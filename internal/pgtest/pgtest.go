// Package pgtest gives a test a database of its own, cloned from a migrated template, on one private PostgreSQL for
// each test binary. Only _test files import it, and each package that does calls Main from its TestMain.
package pgtest

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// limit is for one database operation of a test's preparation on a busy machine.
const limit = time.Minute

// shared is the server of this test binary, and mainCalled says that somebody will stop it.
var (
	shared     = newCluster(os.Getenv("FLOWS_TEST_DATABASE_URL"), migrate)
	mainCalled atomic.Bool
)

// Main runs the tests, stops the server and ends the process: func TestMain(m *testing.M) { pgtest.Main(m) }.
func Main(m *testing.M) {
	mainCalled.Store(true)
	code := m.Run()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := shared.stop(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// New returns the URL of a migrated database that is the test's own and is dropped when it ends. The user is a
// superuser. FLOWS_TEST_DATABASE_URL, a superuser's, replaces the private server.
func New(t testing.TB) string {
	t.Helper()
	return database(t, shared.migrated)
}

// Empty is New without migrations.
func Empty(t testing.TB) string {
	t.Helper()
	return database(t, func() (string, error) { return "template0", nil })
}

// Pool is New with a pool of connections, which is closed when the test ends.
func Pool(t testing.TB) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), New(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func database(t testing.TB, template func() (string, error)) string {
	t.Helper()
	if !mainCalled.Load() {
		t.Fatal("pgtest: the package needs func TestMain(m *testing.M) { pgtest.Main(m) }")
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	from, err := template()
	if err != nil {
		t.Fatal("pgtest: ", err)
	}
	name, url, err := shared.clone(ctx, from)
	if err != nil {
		t.Fatal("pgtest: ", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
		defer cancel()
		if err := shared.drop(ctx, name); err != nil {
			t.Error("pgtest: ", err)
		}
	})
	return url
}
