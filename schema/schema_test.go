package schema_test

import (
	"context"
	"database/sql/driver"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"flows/internal/pgtest"
	"flows/schema"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestUpDownUpLeavesTheSameSchema(t *testing.T) {
	url := pgtest.Empty(t)
	if r := up(t, url); r.From != 0 || r.To != schema.Version() || len(r.Applied) != known(t) || len(r.Notices) != 0 {
		t.Errorf("first up: %+v", r)
	}
	first := objects(t, url)
	if !strings.Contains(first, "meter_shadows_import_a_update") || !strings.Contains(first, "r river.river_job\n") {
		t.Fatalf("the listing lacks the triggers or River's tables:\n%s", first)
	}
	for v := schema.Version(); v > 0; v-- {
		r, err := schema.Down(t.Context(), url)
		want := 1
		if v == 9 { // the runs, and with them the queue
			want += known(t) - int(schema.Version())
		}
		if err != nil || r.From != v || r.To != v-1 || len(r.Applied) != want {
			t.Fatalf("down from %d: %+v, %v", v, r, err)
		}
	}
	if got, want := objects(t, url), "n flows\nr flows.schema_version"; got != want {
		t.Errorf("left after all downs: %s", got)
	}
	if _, err := schema.Down(t.Context(), url); err == nil || !strings.Contains(err.Error(), "nothing to take back") {
		t.Errorf("down of nothing: %v", err)
	}
	up(t, url)
	if diff := cmp.Diff(first, objects(t, url)); diff != "" {
		t.Errorf("after up again (-first +second):\n%s", diff)
	}
}

func TestUpTwiceDoesNothingTheSecondTime(t *testing.T) {
	url := pgtest.Empty(t)
	up(t, url)
	if r := up(t, url); r.From != schema.Version() || r.To != schema.Version() || len(r.Applied) != 0 || len(r.Notices) != 0 {
		t.Errorf("got %+v", r)
	}
}

func TestUpsAtTheSameTimeApplyEachMigrationOnce(t *testing.T) {
	url := pgtest.Empty(t)
	var wg sync.WaitGroup
	var applied [4]int
	for i := range applied {
		wg.Go(func() {
			r, err := schema.Up(context.WithoutCancel(t.Context()), url)
			if err != nil {
				t.Error(err)
			}
			applied[i] = len(r.Applied)
		})
	}
	wg.Wait()
	if got, want := applied[0]+applied[1]+applied[2]+applied[3], known(t); got != want {
		t.Errorf("applied %v, want %d together", applied, want)
	}
}

func TestStatusChangesNothingAndTellsAppliedFromPending(t *testing.T) {
	url := pgtest.Empty(t)
	status := func() (ours, rivers []schema.Migration) {
		t.Helper()
		list, err := schema.Status(t.Context(), url)
		if err != nil || len(list) != known(t) {
			t.Fatalf("%+v, %v", list, err)
		}
		return list[:schema.Version()], list[schema.Version():]
	}
	ours, rivers := status()
	if ours[0].AppliedAt != nil || ours[0].Name != "registry" || rivers[0].AppliedAt != nil || rivers[1].Name != "river: initial schema" {
		t.Errorf("before: %+v %+v", ours, rivers)
	}
	if got := objects(t, url); got != "" {
		t.Errorf("status made %s", got)
	}
	up(t, url)
	ours, rivers = status()
	for _, m := range slices.Concat(ours, rivers) {
		if m.AppliedAt == nil || time.Since(*m.AppliedAt) > time.Hour {
			t.Errorf("after up: %+v", m)
		}
	}
	exec(t, connect(t, url), `delete from river.river_migration where version = 8`)
	if _, rivers := status(); rivers[6].AppliedAt == nil || rivers[7].AppliedAt != nil {
		t.Errorf("a version of River's is missing: %+v", rivers)
	}
	if _, err := schema.Down(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	ours, _ = status()
	last := len(ours) - 1
	if ours[last].AppliedAt != nil || ours[last-1].AppliedAt == nil {
		t.Errorf("after down: %+v", ours)
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	for name, sql := range map[string]string{
		"ours":    `insert into flows.schema_version (version_id, is_applied) values (99999, true)`,
		"River's": `insert into river.river_migration (line, version) values ('main', 99999)`,
	} {
		url := pgtest.New(t)
		exec(t, connect(t, url), sql)
		before := objects(t, url)
		_, upErr := schema.Up(t.Context(), url)
		_, downErr := schema.Down(t.Context(), url)
		_, statusErr := schema.Status(t.Context(), url)
		for _, err := range []error{upErr, downErr, statusErr} {
			if err == nil || !strings.Contains(err.Error(), "use a newer flows") {
				t.Errorf("%s: got %v", name, err)
			}
		}
		if diff := cmp.Diff(before, objects(t, url)); diff != "" {
			t.Errorf("%s: changed all the same (-before +after):\n%s", name, diff)
		}
	}
}

func TestErrorsAreOneLine(t *testing.T) {
	for _, of := range []struct{ name, url, want string }{
		{"malformed", "postgres://a b", "DATABASE_URL is malformed"},
		{"away", "postgres://nobody:hush@127.0.0.1:1/none", "cannot connect to the database"},
	} {
		_, err := schema.Up(t.Context(), of.url)
		if err == nil || !strings.HasPrefix(err.Error(), of.want) || strings.ContainsAny(err.Error(), "\n\t") || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %q", of.name, err)
		}
	}
}

func TestFailedMigrationIsNamed(t *testing.T) {
	url := pgtest.Empty(t)
	exec(t, connect(t, url), `create schema flows; create table flows.meter_registry (mine int)`)
	r, err := schema.Up(t.Context(), url)
	if err == nil || !strings.HasPrefix(err.Error(), "migration 00001_registry.sql failed: ") || strings.Contains(err.Error(), "\n") || r.To != 0 {
		t.Errorf("got %+v, %v", r, err)
	}
}

// known is the number of migrations there are, with River's.
func known(t *testing.T) int {
	t.Helper()
	list, err := schema.Status(t.Context(), pgtest.Empty(t))
	if err != nil || len(list) <= int(schema.Version()) || !strings.HasPrefix(list[schema.Version()].Name, "river: ") {
		t.Fatalf("got %+v, %v, want ours and then River's", list, err)
	}
	return len(list)
}

// objects lists everything in our schemas.
func objects(t *testing.T, url string) string {
	t.Helper()
	conn := connect(t, url)
	return rows(t, conn, `
		with n as (select oid, nspname from pg_namespace where nspname in ('flows', 'river'))
		select 'n ' || nspname from n
		union all select relkind::text || ' ' || nspname || '.' || relname from pg_class c join n on n.oid = relnamespace where relname not like 'schema_version\_%'
		union all select 'f ' || p.oid::regprocedure from pg_proc p join n on n.oid = pronamespace
		union all select 'T ' || t.oid::regtype from pg_type t join n on n.oid = typnamespace where typtype = 'e'
		union all select 't ' || tgname || ' ' || pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
		order by 1`)
}

func up(t *testing.T, url string) schema.Report {
	t.Helper()
	r, err := schema.Up(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// as gives the URL with another user.
func as(t *testing.T, databaseURL, user string) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User(user)
	return u.String()
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.WithoutCancel(t.Context()), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func exec(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(context.WithoutCancel(t.Context()), sql, args...); err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
}

// rows gives the result of a query, a line a row, values separated by spaces.
func rows(t *testing.T, conn *pgx.Conn, sql string, args ...any) string {
	t.Helper()
	found, err := conn.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
	lines, err := pgx.CollectRows(found, func(row pgx.CollectableRow) (string, error) {
		values, err := row.Values()
		words := make([]string, len(values))
		for i, v := range values {
			words[i] = asText(v)
		}
		return strings.Join(words, " "), err
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
	return strings.Join(lines, "\n")
}

// asText prints a value as PostgreSQL would; pgx's numbers know their own text.
func asText(v any) string {
	if n, ok := v.(driver.Valuer); ok {
		if text, err := n.Value(); err == nil {
			return fmt.Sprint(text)
		}
	}
	return fmt.Sprint(v)
}
