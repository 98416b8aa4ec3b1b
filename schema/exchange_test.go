package schema_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestRegistersOfAnExchangeAreConsistent(t *testing.T) {
	conn := migrated(t)
	register(t, conn, "M1", "B1.w")
	for _, c := range []struct{ name, set, refused string }{
		{"closed", `status = 'replaced', end_time = start_time + interval '1 day', initial_read = 0, final_read = 1.5, serial = 'M0', hardware = 'C1.w'`, ""},
		{"closed with its hardware corrected", `status = 'replaced', end_time = start_time`, ""},
		{"open with a reading", `initial_read = 0.0001`, ""},
		{"ended before it began", `status = 'replaced', end_time = start_time - interval '1 second'`, "meter_registers_life"},
		{"enabled with an end", `end_time = start_time`, "meter_registers_ended"},
		{"enabled with a final read", `final_read = 1`, "meter_registers_ended"},
		{"enabled with a serial", `serial = 'M0'`, "meter_registers_"},
		{"of a former meter without an end", `status = 'replaced', serial = 'M0'`, "meter_registers_former"},
		{"of a former meter without a name", `status = 'replaced', end_time = start_time, serial = ''`, "meter_registers_former"},
		{"begun below 0", `initial_read = -1`, "meter_registers_reads"},
		{"ended below 0", `status = 'replaced', end_time = start_time, initial_read = 1, final_read = -0.1`, "meter_registers_reads"},
	} {
		t.Run(c.name, func(t *testing.T) {
			undone(t, conn)
			_, err := conn.Exec(t.Context(), `update flows.meter_registers set `+c.set)
			if (err != nil) != (c.refused != "") || err != nil && !strings.Contains(err.Error(), c.refused) {
				t.Errorf("got %v, want %q", err, c.refused)
			}
		})
	}
}

func TestSaveOfAMeterThatIsNotThereIsEnded(t *testing.T) {
	conn := migrated(t)
	id := meter(t, conn, "M1", "C1.w")
	const call = `select flows.meter_serials_hold(array[$1, $1, gen_random_uuid()::text, $1]::uuid[], $2)`
	exec(t, conn, call, id, []string{"M1", "M1", "deleted", "M1"})
	_, err := conn.Exec(t.Context(), call, id, []string{"M1", "M0", "deleted", "M9"})
	var raised *pgconn.PgError
	if !errors.As(err, &raised) || raised.Code != "FL001" || raised.Detail != "2 4" {
		t.Errorf("got %v, want FL001 with 2 4", err)
	}
}
