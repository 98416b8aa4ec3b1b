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
