// Package postgres keeps everything that Flows must remember in a PostgreSQL database: every SQL statement of the application is here.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Store is a pool of connections to one database. It may be used by many goroutines.
type Store struct {
	pool *pgxpool.Pool
	ours bool // the schema is Flows' own
}

// Open connects and looks whether the schema is there. Every error is one line that says what to do; all but that of a malformed URL
// are *flows.Error with Database.
func Open(ctx context.Context, databaseURL string) (*Store, error) {
	cfg, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL is malformed: %w", flat{err})
	}
	cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
	if cfg.ConnConfig.RuntimeParams["application_name"] == "" {
		cfg.ConnConfig.RuntimeParams["application_name"] = "flows"
	}
	cfg.AfterConnect = ready
	// A queue's process has a listener, a saver and many short questions at a time.
	const fewest = 10
	if !strings.Contains(databaseURL, "pool_max_conns") {
		cfg.MaxConns = max(cfg.MaxConns, fewest)
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, flows.Errorf(flows.Database, "cannot connect to the database: %w", flat{err})
	}
	s := &Store{pool: pool}
	if err := s.check(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return s, nil
}

// ready makes every time that is read a UTC time, wherever this process runs. And it has the server give up a transaction whose client is
// gone without a word (a machine that lost its power, a process that was stopped): it holds the locks of a whole run.
func ready(ctx context.Context, conn *pgx.Conn) error {
	conn.TypeMap().RegisterType(&pgtype.Type{
		Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
	_, err := conn.Exec(ctx, `select set_config(name, value, false) from (values ('idle_in_transaction_session_timeout', '15s'),
		('tcp_keepalives_idle', '15'), ('tcp_keepalives_interval', '5'), ('tcp_keepalives_count', '3'), ('tcp_user_timeout', '30s')) s (name, value)`)
	return err
}

// Close waits until the connections in use are given back.
func (s *Store) Close() { s.pool.Close() }

// Ping asks whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	return trouble("reach the database", s.pool.Ping(ctx))
}

// check tells apart a server that is away, a database without our schema, and a user who may not use it.
func (s *Store) check(ctx context.Context) error {
	if err := s.pool.Ping(ctx); err != nil {
		return flows.Errorf(flows.Database, "cannot connect to the database: %w", flat{err})
	}
	// The catalog is readable for everybody; to_regclass is refused to a user without rights on the schema.
	var exists, usable bool
	var user string
	err := s.pool.QueryRow(ctx, `
		select count(*) > 0, coalesce(bool_and(has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')), false), current_user,
			exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'flows' and c.relname = 'schema_version')
		from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where n.nspname = 'flows' and c.relname in ('meter_registry', 'meter_shadows')`).Scan(&exists, &usable, &user, &s.ours)
	switch {
	case err != nil:
		return trouble("look for the schema", err)
	case !exists:
		return flows.Errorf(flows.Database, "the database has no schema flows yet; run: flows migrate up")
	case !usable:
		return flows.Errorf(flows.Database, "user %s may not use schema flows; run as its owner: GRANT flows TO %s", user, user)
	}
	return nil
}

// trouble gives a database error its code. What the caller itself called off is nobody's fault.
func trouble(doing string, err error) error {
	if err == nil {
		return nil
	}
	code := flows.Database
	if errors.Is(err, context.Canceled) {
		code = flows.Cancelled
	}
	return &flows.Error{Code: code, Refused: refused(err), Err: fmt.Errorf("database: cannot %s: %w", doing, flat{err})}
}

// flat is an error whose text fits a line: a failed connection has a line for every address tried.
type flat struct{ error }

func (f flat) Error() string { return strings.Join(strings.Fields(f.error.Error()), " ") }
func (f flat) Unwrap() error { return f.error }
