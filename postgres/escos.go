package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

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

// AddESCO stores one; a code that differs from another only by case is refused, and so is a timezone that PostgreSQL or this machine does
// not know: both have to find its midnights.
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
	var zone string
	err := s.pool.QueryRow(ctx, `select name from pg_timezone_names where lower(name) = lower($1)`, e.Timezone).Scan(&zone)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return fmt.Errorf("timezone %q is not known; give a name like Europe/London", e.Timezone)
	case err != nil:
		return trouble("look for a timezone", err)
	}
	if _, err := time.LoadLocation(zone); err != nil {
		return fmt.Errorf("timezone %q is known to the database, but not on this machine: install its tzdata, or give a name like Europe/London", zone)
	}
	_, err = s.pool.Exec(ctx, `insert into flows.escos (code, name, timezone) values ($1, $2, $3)`, e.Code, e.Name, zone)
	if refused := (*pgconn.PgError)(nil); errors.As(err, &refused) {
		switch refused.Code {
		case uniqueViolation:
			return fmt.Errorf("ESCO %q is known already", e.Code)
		case checkViolation: // a zone whose days do not begin on an hour
			return errors.New(refused.Message)
		}
	}
	return trouble("add an ESCO", err)
}

// Thresholds gives those of an ESCO that validation does not take the defaults for, by name. Errors: *UnknownESCO, or *flows.Error with Database.
func (s *Store) Thresholds(ctx context.Context, code string) (json.RawMessage, error) {
	return s.thresholds(ctx, `select vee_thresholds from flows.escos where lower(code) = lower($1)`, code)
}

// SetThresholds sets some, whose values the caller has looked at, takes some back, and gives those that are set then. Errors as for Thresholds.
func (s *Store) SetThresholds(ctx context.Context, code string, set map[string]string, reset []string) (json.RawMessage, error) {
	object, _ := json.Marshal(set) // strings
	if set == nil {
		object = []byte("{}")
	}
	return s.thresholds(ctx, `
		update flows.escos set vee_thresholds = (vee_thresholds - $2::text[]) || $3 where lower(code) = lower($1) returning vee_thresholds`,
		code, append([]string{}, reset...), object)
}

func (s *Store) thresholds(ctx context.Context, query, code string, args ...any) (all json.RawMessage, err error) {
	err = s.pool.QueryRow(ctx, query, append([]any{code}, args...)...).Scan(&all)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, &UnknownESCO{Code: code}
	}
	return all, trouble("look for thresholds", err)
}

// PostgreSQL's SQLSTATEs for a key that is there already, and for what a rule of the schema does not allow.
const (
	uniqueViolation = "23505"
	checkViolation  = "23514"
)
