package postgres

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"flows"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestOnlyTheDatasFaultIsARefusal(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want bool
	}{
		{"numeric out of range", &pgconn.PgError{Code: "22003"}, true},
		{"unique violation", &pgconn.PgError{Code: "23505"}, true},
		{"no such table", &pgconn.PgError{Code: "42P01"}, true},
		{"raised by a trigger", &pgconn.PgError{Code: "P0001"}, true},
		{"value too large", &pgconn.PgError{Code: "54000"}, true},
		{"wrapped", fmt.Errorf("commit: %w", &pgconn.PgError{Code: "23503"}), true},
		{"too much to decompress", &pgconn.PgError{Code: "53400"}, true},
		{"too many connections", &pgconn.PgError{Code: "53300"}, false},
		{"disk full", &pgconn.PgError{Code: "53100"}, false},
		{"deadlock", &pgconn.PgError{Code: "40P01"}, false},
		{"serialization", &pgconn.PgError{Code: "40001"}, false},
		{"shutting down", &pgconn.PgError{Code: "57P01"}, false},
		{"cancelled by a time-out", &pgconn.PgError{Code: "57014"}, false},
		{"a standby", &pgconn.PgError{Code: "25006"}, false},
		{"changed under a prepared statement", &pgconn.PgError{Code: "0A000"}, false},
		{"connection lost", io.ErrUnexpectedEOF, false},
		{"no answer in time", context.DeadlineExceeded, false},
		{"no SQLSTATE", &pgconn.PgError{}, false},
	} {
		if got := flows.Refused(trouble("save", c.err)); got != c.want {
			t.Errorf("%s: refused %t", c.name, got)
		}
	}
	if flows.Refused(nil) || flows.Refused(io.EOF) {
		t.Error("what is no database error is a refusal")
	}
}

func TestABadRowIsRefusedAndALostServerIsNot(t *testing.T) {
	s := mustStore(t)
	m := mustRegister(t, s, at("M1", "10.0.0.1", "C1.w"))["M1"]
	bad := healthy(m, flows.Shadow{CSQ: new(1 << 40)})
	if err := s.Save(t.Context(), []flows.Result{bad}); !flows.Refused(err) || flows.CodeOf(err, "") != flows.Database {
		t.Errorf("a signal that is no integer: %v", err)
	}
	late, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	if err := s.Save(late, []flows.Result{healthy(m, flows.Shadow{CSQ: new(1)})}); err == nil || flows.Refused(err) {
		t.Errorf("no time left: %v", err)
	}
	// Somebody ends the connection between the statements and COMMIT.
	mustExec(t, s, `
		create function flows.die() returns trigger language plpgsql as $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$`)
	mustExec(t, s, `create constraint trigger die after update on flows.meter_shadows deferrable initially deferred for each row execute function flows.die()`)
	if err := s.Save(t.Context(), []flows.Result{healthy(m, flows.Shadow{CSQ: new(1)})}); err == nil || flows.Refused(err) || flows.CodeOf(err, "") != flows.Database {
		t.Errorf("connection lost in COMMIT: %v", err)
	}
}
