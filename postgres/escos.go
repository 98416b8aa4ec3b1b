package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"flows"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// UnknownESCO is asked for but not in the database.
type UnknownESCO struct{ Code string }

func (e *UnknownESCO) Error() string {
	return fmt.Sprintf("ESCO %q is not known; flows escos list shows which are", e.Code)
}

// defaultTimezone is that of an ESCO which names none.
const defaultTimezone = "Europe/London"

// ESCOs lists them by code.
func (s *Store) ESCOs(ctx context.Context) ([]flows.ESCO, error) {
	rows, _ := s.pool.Query(ctx, `select code, name, timezone from flows.escos order by lower(code)`)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e flows.ESCO, err error) {
		err = row.Scan(&e.Code, &e.Name, &e.Timezone)
		return e, err
	})
	return list, trouble("list ESCOs", err)
}

// AddESCO stores one; a code that differs from another only by case is refused, and so is a timezone PostgreSQL does not know.
func (s *Store) AddESCO(ctx context.Context, e flows.ESCO) error {
	if strings.TrimSpace(e.Code) == "" || strings.TrimSpace(e.Code) != e.Code {
		return fmt.Errorf("ESCO code %q is empty or has spaces around it", e.Code)
	}
	if !storable(e.Code + e.Name + e.Timezone) {
		return fmt.Errorf("ESCO %q has a character that cannot be stored", e.Code)
	}
	if e.Timezone == "" {
		e.Timezone = defaultTimezone
	}
	tag, err := s.pool.Exec(ctx, `
		insert into flows.escos (code, name, timezone)
		select $1, $2, z.name from pg_timezone_names z where lower(z.name) = lower($3)`, e.Code, e.Name, e.Timezone)
	if refused := (*pgconn.PgError)(nil); errors.As(err, &refused) && refused.Code == uniqueViolation {
		return fmt.Errorf("ESCO %q is known already", e.Code)
	}
	if err == nil && tag.RowsAffected() == 0 {
		return fmt.Errorf("timezone %q is not known; give a name like Europe/London", e.Timezone)
	}
	return trouble("add an ESCO", err)
}

// uniqueViolation is PostgreSQL's SQLSTATE for a key that is there already.
const uniqueViolation = "23505"
