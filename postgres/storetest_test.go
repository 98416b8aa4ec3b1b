package postgres

import (
	"testing"

	"flows/internal/pgtest"
	"flows/internal/storetest"

	"github.com/jackc/pgx/v5/pgxpool"
)

func TestTheStoreDoesWhatAStoreMust(t *testing.T) {
	storetest.Run(t, func(t testing.TB) *pgxpool.Pool { return pgtest.Pool(t) }, func(t *testing.T, pool *pgxpool.Pool) storetest.Store {
		s, err := Open(t.Context(), pool.Config().ConnString())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
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
		s, err := Open(t.Context(), pool.Config().ConnString())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		f, is, err := s.Field(t.Context())
		if err != nil || !is {
			t.Fatal(is, err)
		}
		return f
	})
}
