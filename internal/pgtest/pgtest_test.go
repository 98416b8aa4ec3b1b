package pgtest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestMain(m *testing.M) { Main(m) }

func TestDatabasesAreTheTestsOwn(t *testing.T) {
	one, two := connect(t, New(t)), connect(t, New(t))
	exec(t, one, "CREATE TABLE mine (id int)")
	exec(t, two, "CREATE TABLE mine (id int)")
	if first, second := query(t, one, "SELECT current_database()"), query(t, two, "SELECT current_database()"); first == second {
		t.Errorf("both tests have %s", first)
	}
}

func TestNewIsMigrated(t *testing.T) {
	if got, want := query(t, connect(t, New(t)), "SELECT count(*)::text FROM meter_registry"), "0"; got != want {
		t.Errorf("meters by an unqualified name: got %s, want %s", got, want)
	}
}

func TestEmptyHasNoTableAndNoTrace(t *testing.T) {
	if got, want := query(t, connect(t, Empty(t)), userTables), "0"; got != want {
		t.Errorf("tables: got %s, want %s", got, want)
	}
}

func TestPoolAnswers(t *testing.T) {
	var got int
	if err := Pool(t).QueryRow(t.Context(), "SELECT 1").Scan(&got); err != nil || got != 1 {
		t.Errorf("got %d, %v", got, err)
	}
}

func TestDatabaseIsDroppedUnderItsClients(t *testing.T) {
	var name string
	t.Run("test that leaves a connection open", func(t *testing.T) {
		conn, err := pgx.Connect(context.WithoutCancel(t.Context()), New(t))
		if err != nil {
			t.Fatal(err)
		}
		name = query(t, conn, "SELECT current_database()")
	})
	if got := databases(t, name); len(got) > 0 {
		t.Errorf("still there: %v", got)
	}
}

// given makes a cluster that uses our private server as if it were somebody else's.
func given(t *testing.T, migrate func(context.Context, *pgx.Conn) error) *cluster {
	t.Helper()
	at, err := shared.start()
	if err != nil {
		t.Fatal(err)
	}
	return newCluster(at(""), func(ctx context.Context, url string) error {
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return err
		}
		return errors.Join(migrate(ctx, conn), conn.Close(ctx))
	})
}

func TestClonesHaveWhatMigrationsLeave(t *testing.T) {
	c := given(t, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `
			CREATE ROLE reader;
			CREATE SCHEMA wing; CREATE TABLE wing.beak AS SELECT 7 AS n;
			DO $$ BEGIN
				EXECUTE format('ALTER DATABASE %I SET search_path = wing, public', current_database());
				EXECUTE format('ALTER ROLE reader IN DATABASE %I SET search_path = wing', current_database());
				EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM public', current_database());
			END $$`)
		return err
	})
	template, err := c.migrated()
	if err != nil {
		t.Fatal(err)
	}
	_, url, err := c.clone(t.Context(), template)
	if err != nil {
		t.Fatal(err)
	}
	conn := connect(t, url)
	for _, of := range []struct{ what, sql, want string }{
		{"table", "SELECT n::text FROM beak", "7"},
		{"search path", "SHOW search_path", "wing, public"},
		{"role's setting", `SELECT setconfig::text FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase
			WHERE setrole = 'reader'::regrole AND datname = current_database()`, "{search_path=wing}"},
		{"privilege", "SELECT has_database_privilege('reader', current_database(), 'CONNECT')::text", "false"},
	} {
		if got := query(t, conn, of.sql); got != of.want {
			t.Errorf("%s: got %q, want %q", of.what, got, of.want)
		}
	}
	if err := c.drop(t.Context(), c.prefix+"_1"); err != nil {
		t.Error(err)
	}
	if err := c.stop(t.Context()); err != nil {
		t.Error(err)
	}
	if got := databases(t, c.prefix+"%"); len(got) > 0 {
		t.Errorf("left on the given server: %v", got)
	}
	exec(t, connect(t, Empty(t)), "DROP ROLE reader")
}

func TestFailedMigrationFailsEveryTestAndLeavesNothing(t *testing.T) {
	calls := 0
	c := given(t, func(context.Context, *pgx.Conn) error { calls++; return errors.New("no such table") })
	for range 2 {
		if _, err := c.migrated(); err == nil || !strings.Contains(err.Error(), "no such table") {
			t.Errorf("got %v", err)
		}
	}
	if got, want := calls, 1; got != want {
		t.Errorf("migrations: got %d, want %d", got, want)
	}
	if err := c.stop(t.Context()); err != nil {
		t.Error(err)
	}
	if got := databases(t, c.prefix+"%"); len(got) > 0 {
		t.Errorf("left: %v", got)
	}
}

func TestGivenServerThatIsNoURLIsNamed(t *testing.T) {
	_, err := newCluster("host=here user=me", migrate).start()
	if err == nil || !strings.Contains(err.Error(), "FLOWS_TEST_DATABASE_URL") {
		t.Errorf("got %v", err)
	}
}

func TestGivenServerKeepsHostAndParameters(t *testing.T) {
	at, err := newCluster("postgres://me:secret@db:5433/admin?sslmode=disable", migrate).start()
	if err != nil {
		t.Fatal(err)
	}
	got := []string{at(""), at("x")}
	want := []string{"postgres://me:secret@db:5433/admin?sslmode=disable", "postgres://me:secret@db:5433/x?sslmode=disable"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

const userTables = "SELECT count(*)::text FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func exec(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func query(t *testing.T, conn *pgx.Conn, sql string) (text string) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), sql).Scan(&text); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return text
}

func databases(t *testing.T, like string) []string {
	t.Helper()
	conn := connect(t, mustAdmin(t))
	rows, err := conn.Query(t.Context(), "SELECT datname FROM pg_database WHERE datname LIKE $1", like)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func mustAdmin(t *testing.T) string {
	t.Helper()
	at, err := shared.start()
	if err != nil {
		t.Fatal(err)
	}
	return at("")
}
