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
