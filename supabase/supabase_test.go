package supabase

import (
	"net/http/httptest"
	"testing"
	"time"

	"flows/internal/pgtest"
	"flows/internal/postgrest"
	"flows/internal/storetest"

	"github.com/jackc/pgx/v5/pgxpool"
)

func TestMain(m *testing.M) {
	time.Local = time.FixedZone("far away", 5*3600)
	pgtest.Main(m)
}

// project is a Supabase project on the pool's database.
func project(t *testing.T, pool *pgxpool.Pool) (*postgrest.Server, Options) {
	t.Helper()
	p := &postgrest.Server{Pool: pool, Schema: "flows", APIKey: "anon", Secret: []byte("secret")}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	return p, Options{URL: s.URL, AnonKey: p.APIKey, RoleKey: p.Token("flows", time.Now().Add(time.Hour))}
}

func TestTheStoreDoesWhatAStoreMust(t *testing.T) {
	storetest.Run(t, func(t testing.TB) *pgxpool.Pool { return pgtest.Pool(t) }, func(t *testing.T, pool *pgxpool.Pool) storetest.Store {
		_, o := project(t, pool)
		s, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		if s.Missing() != "" {
			t.Error(s.Missing())
		}
		return s
	})
}

func TestTheFieldsSchemaIsServedAsItIs(t *testing.T) {
	database := func(t testing.TB) *pgxpool.Pool {
		pool, err := pgxpool.New(t.Context(), pgtest.Empty(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		return pool
	}
	storetest.RunField(t, database, func(t *testing.T, pool *pgxpool.Pool) storetest.Store {
		_, o := project(t, pool)
		s, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		want := s.name + " has no place for: the time of the reading (rows get the time of the save), meters' own addresses (serials are read each run instead), " +
			"half-hourly logs, the log of runs, meter_shadows.last_healthy_at"
		if got := s.Missing(); got != want {
			t.Error(got)
		}
		return s
	})
}
