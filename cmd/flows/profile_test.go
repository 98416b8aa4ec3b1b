package main

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestHalfHoursComeInAndAreNotAskedForAgain(t *testing.T) {
	env := installation(t, "6", "--fault", "pieces=0.3")
	conn, err := pgx.Connect(t.Context(), env["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	counts := func() (records, intervals, meters int) {
		t.Helper()
		if err := conn.QueryRow(t.Context(), `select (select count(*) from flows.register_profile_hh), (select count(*) from flows.register_interval_hh where import_quality = 'actual'),
			(select count(distinct meter_id) from flows.register_interval_hh join flows.meter_registers using (register_id))`).Scan(&records, &intervals, &meters); err != nil {
			t.Fatal(err)
		}
		return records, intervals, meters
	}
	call(env, "sync", "--freq", "daily", "--parallel", "6") // hardware, which decides which log there is
	call(env, "sync", "--freq", "12hourly", "--parallel", "6")
	records, intervals, meters := counts()
	if meters != 6 || intervals < 6*40 || records < 2*intervals {
		t.Errorf("%d records, %d exact intervals of %d meters", records, intervals, meters)
	}
	call(env, "sync", "--freq", "12hourly", "--parallel", "6")
	if again, _, _ := counts(); again > records+4*6 {
		t.Errorf("%d records after the second run, %d after the first", again, records)
	}
}
