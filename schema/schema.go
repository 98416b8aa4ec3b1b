// Package schema is the shape of the database: the tables, triggers, functions and rights that everything else relies on, as numbered
// SQL files, and the way a database gets from one number to the next.
//
// It uses goose as a library: which file was run when, each in a transaction of its own, statements that hold semicolons, and later
// steps that must run outside of a transaction are solved there, and an engineer who does not trust us can apply the same files with
// goose's own command (-table flows.schema_version). The queue's tables are River's and migrated by its own code, in schema river.
package schema

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var files embed.FS

// versionTable remembers what was applied.
const versionTable = "flows.schema_version"

// lockKey is the advisory lock that makes a second migration of the same database wait for the first.
const lockKey = 7_063_746_359_681

// Migration is one numbered file, ours or River's, which counts its own from 1 and has "river: " before the name, or a step of TimescaleDB's,
// which has "timescaledb: ".
type Migration struct {
	Version   int64      `json:"version"`
	Name      string     `json:"name"`
	AppliedAt *time.Time `json:"applied_at"` // UTC; nil = pending
}

// Report says what Up or Down did. From and To are versions of our own migrations.
type Report struct {
	From    int64       `json:"from"`
	To      int64       `json:"to"`
	Applied []Migration `json:"applied"`
	// Notices are SQL statements that this user may not run; somebody with the right must.
	Notices []string `json:"notices"`
}

// Version is the newest schema of our own that this program knows.
func Version() int64 {
	known := migrations()
	return known[len(known)-1].Version
}

// migrations lists the embedded files, oldest first.
func migrations() []Migration {
	names, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		return nil
	}
	list := make([]Migration, 0, len(names))
	for _, name := range names {
		if version, err := goose.NumericComponent(name); err == nil {
			list = append(list, Migration{Version: version, Name: nameOf(name)})
		}
	}
	return list
}

// nameOf turns migrations/00001_registry.sql into registry.
func nameOf(file string) string {
	_, name, _ := strings.Cut(strings.TrimSuffix(path.Base(file), ".sql"), "_")
	return name
}

// Up brings the database to Version. It may be run again at any time, also by several processes at once.
func Up(ctx context.Context, databaseURL string) (Report, error) {
	return migrate(ctx, databaseURL, func(p *goose.Provider, db *database, r *Report) error {
		return allUp(ctx, p, db, r, nil)
	})
}

// allUp applies ours, River's and what TimescaleDB adds, with these steps of its own, and sets rights.
func allUp(ctx context.Context, p *goose.Provider, db *database, r *Report, more []step) error {
	done, err := p.Up(ctx)
	r.Applied = applied(done)
	if err != nil {
		return err
	}
	rivers, err := riverUp(ctx, db)
	r.Applied = append(r.Applied, rivers...)
	if err != nil {
		return err
	}
	if err := timescaleUp(ctx, db, r, more); err != nil {
		return err
	}
	notices, err := grant(ctx, db)
	r.Notices = append(r.Notices, notices...)
	return err
}

// Down takes back the newest migration of our own, with the data in its tables. All of River's go with 00009_runs.
func Down(ctx context.Context, databaseURL string) (Report, error) {
	return migrate(ctx, databaseURL, func(p *goose.Provider, db *database, r *Report) error {
		if err := timescaleDown(ctx, db, r.From); err != nil {
			return err
		}
		done, err := p.Down(ctx)
		if errors.Is(err, goose.ErrNoNextVersion) {
			return errors.New("nothing to take back: no migration is applied")
		}
		if err != nil {
			return err
		}
		r.Applied = applied([]*goose.MigrationResult{done})
		if done.Source.Version > riverSince {
			return nil
		}
		// Asked at every step, so that the next one makes up for a failure here.
		rivers, err := riverDown(ctx, db)
		r.Applied = append(r.Applied, rivers...)
		return err
	})
}

// Status lists every migration, applied or pending, River's after ours, and then what is pending of TimescaleDB's. It changes nothing.
func Status(ctx context.Context, databaseURL string) ([]Migration, error) {
	db, err := open(ctx, databaseURL)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	ours, err := ourStatus(ctx, db)
	if err != nil {
		return ours, err
	}
	rivers, err := riverStatus(ctx, db)
	if err != nil {
		return append(ours, rivers...), err
	}
	steps, err := timescalePending(ctx, db)
	return slices.Concat(ours, rivers, steps), oneLine(err)
}

// ourStatus asks first, since goose would make its table.
func ourStatus(ctx context.Context, db *database) ([]Migration, error) {
	list := migrations()
	if exists, err := ask(ctx, db, `select to_regclass($1) is not null`, versionTable); err != nil || !exists {
		return list, oneLine(err)
	}
	p, err := provider(db)
	if err != nil {
		return nil, err
	}
	status, err := p.Status(ctx)
	if err != nil {
		return nil, oneLine(err)
	}
	for i, s := range status {
		if s.State == goose.StateApplied {
			at := s.AppliedAt.UTC()
			list[i].AppliedAt = &at
		}
	}
	return list, notNewer(ctx, p)
}

// migrate runs one change under the lock and reports from where to where it came.
func migrate(ctx context.Context, databaseURL string, change func(*goose.Provider, *database, *Report) error) (r Report, err error) {
	db, err := open(ctx, databaseURL)
	if err != nil {
		return r, err
	}
	defer db.Close()
	// There is one connection, so the lock is held by it until it closes.
	if _, err := db.ExecContext(ctx, `select pg_advisory_lock($1)`, int64(lockKey)); err != nil {
		return r, fmt.Errorf("cannot wait for other migrations of this database: %w", oneLine(err))
	}
	if err := makeSchema(ctx, db, "flows"); err != nil {
		return r, err
	}
	p, err := provider(db)
	if err != nil {
		return r, err
	}
	if err := notNewer(ctx, p); err != nil {
		return r, err
	}
	if _, err := riverStatus(ctx, db); err != nil {
		return r, err
	}
	if r.From, err = p.GetDBVersion(ctx); err != nil {
		return r, oneLine(err)
	}
	failed := change(p, db, &r)
	if r.To, err = p.GetDBVersion(ctx); err != nil && failed == nil {
		failed = err
	}
	return r, oneLine(failed)
}

func provider(db *database) (*goose.Provider, error) {
	sub, err := fs.Sub(files, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, db.DB, sub, goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true))
}

// notNewer refuses a database that a later version of this program has migrated: its tables are not the ones we know.
func notNewer(ctx context.Context, p *goose.Provider) error {
	at, err := p.GetDBVersion(ctx)
	if err != nil {
		return oneLine(err)
	}
	if at > Version() {
		return fmt.Errorf("the database has schema %d, newer than the %d this program knows: use a newer flows", at, Version())
	}
	return nil
}

// database is one connection, as goose wants it and as River wants it.
type database struct {
	*sql.DB
	pool *pgxpool.Pool
}

func open(ctx context.Context, databaseURL string) (*database, error) {
	cfg, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL is malformed: %w", oneLine(err))
	}
	cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
	cfg.MaxConns = 1
	cfg.MaxConnLifetime, cfg.MaxConnIdleTime = math.MaxInt64, math.MaxInt64 // another one would not hold the lock
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, oneLine(err)
	}
	db := &database{stdlib.OpenDBFromPool(pool), pool}
	db.SetMaxOpenConns(1)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot connect to the database: %w", oneLine(err)), db.Close())
	}
	return db, nil
}

// Close ends the connection.
func (db *database) Close() error {
	err := db.DB.Close()
	db.pool.Close()
	return err
}

// makeSchema asks first, since CREATE SCHEMA IF NOT EXISTS needs the right to create even when there is nothing to do.
func makeSchema(ctx context.Context, db *database, name string) error {
	if exists, err := ask(ctx, db, `select to_regnamespace($1) is not null`, name); err != nil || exists {
		return oneLine(err)
	}
	if _, err := db.ExecContext(ctx, `create schema `+name); err != nil {
		return fmt.Errorf("cannot create schema %s (does this user own the database?): %w", name, oneLine(err))
	}
	return nil
}

// ask gives the answer to a query for one boolean.
func ask(ctx context.Context, db *database, query string, args ...any) (yes bool, err error) {
	err = db.QueryRowContext(ctx, query, args...).Scan(&yes)
	return yes, err
}

func applied(results []*goose.MigrationResult) []Migration {
	list := make([]Migration, 0, len(results))
	for _, r := range results {
		list = append(list, Migration{Version: r.Source.Version, Name: nameOf(r.Source.Path)})
	}
	return list
}

// flat is an error whose text fits a line; errors.As still finds the cause.
type flat struct{ error }

func (f flat) Error() string { return strings.Join(strings.Fields(f.error.Error()), " ") }
func (f flat) Unwrap() error { return f.error }

// oneLine names the migration that failed and keeps PostgreSQL's message without the text of the statement.
func oneLine(err error) error {
	if err == nil {
		return nil
	}
	var refused *pgconn.PgError
	if partial := (*goose.PartialError)(nil); errors.As(err, &partial) && errors.As(err, &refused) {
		return fmt.Errorf("migration %s failed: %w", path.Base(partial.Failed.Source.Path), refused)
	}
	return flat{err}
}
