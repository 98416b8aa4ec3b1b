package schema

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// riverSchema has the tables of River, the queue, apart from ours: River numbers and applies its own migrations.
const riverSchema = "river"

// riverSince is the migration with the runs that the jobs are about. River's tables come after it and go when it goes: a job whose run
// is gone must not be worked.
const riverSince = 9

// riverMigrator needs no pool to tell what it knows.
func riverMigrator(pool *pgxpool.Pool) (*rivermigrate.Migrator[pgx.Tx], error) {
	return rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Schema: riverSchema, Logger: slog.New(slog.DiscardHandler)})
}

// riverStatus lists River's migrations, applied or pending, and refuses a database that a later River has migrated.
func riverStatus(ctx context.Context, db *database) ([]Migration, error) {
	m, err := riverMigrator(nil)
	if err != nil {
		return nil, oneLine(err)
	}
	var list []Migration
	for _, known := range m.AllVersions() {
		list = append(list, riverMigration(known.Version, known.Name))
	}
	at, err := riverApplied(ctx, db)
	if err != nil {
		return nil, fmt.Errorf("cannot read which of River's migrations are applied: %w", oneLine(err))
	}
	for i, known := range list {
		if applied, ok := at[known.Version]; ok {
			list[i].AppliedAt = &applied
			delete(at, known.Version)
		}
	}
	for unknown := range at {
		return list, fmt.Errorf("schema river has River's migration %d, newer than the %d this program knows: use a newer flows", unknown, len(list))
	}
	return list, nil
}

// riverApplied asks the table itself, since River's own answer has no times and is an error if one is unknown. Before River's migration 5
// the table has no column line; other lines than main are add-ons to River.
func riverApplied(ctx context.Context, db *database) (map[int64]time.Time, error) {
	at := map[int64]time.Time{}
	if exists, err := ask(ctx, db, `select to_regclass('river.river_migration') is not null`); err != nil || !exists {
		return at, err
	}
	rows, err := db.QueryContext(ctx, `select version, created_at from river.river_migration m where coalesce(to_jsonb(m)->>'line', 'main') = 'main'`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var version int64
		var applied time.Time
		if err := rows.Scan(&version, &applied); err != nil {
			return nil, err
		}
		at[version] = applied.UTC()
	}
	return at, rows.Err()
}

func riverMigration(version int, name string) Migration {
	return Migration{Version: int64(version), Name: "river: " + name}
}

// riverUp brings River's tables to the newest version this program knows.
func riverUp(ctx context.Context, db *database) ([]Migration, error) {
	if err := makeSchema(ctx, db, riverSchema); err != nil {
		return nil, err
	}
	return riverMigrate(ctx, db, rivermigrate.DirectionUp, nil)
}

// riverDown takes all of River's tables back, with the jobs in them. Jobs go first: River's way back makes an index of an older kind of
// uniqueness, which they may break. The schema stays if it is somebody else's or if there is something else in it.
func riverDown(ctx context.Context, db *database) ([]Migration, error) {
	exists, err := ask(ctx, db, `select to_regnamespace('river') is not null`)
	if err != nil || !exists {
		return nil, oneLine(err)
	}
	jobs, err := ask(ctx, db, `select to_regclass('river.river_job') is not null`)
	if err == nil && jobs {
		_, err = db.ExecContext(ctx, `truncate river.river_job`)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot remove the queue's jobs: %w", oneLine(err))
	}
	done, err := riverMigrate(ctx, db, rivermigrate.DirectionDown, &rivermigrate.MigrateOpts{TargetVersion: -1})
	if err != nil {
		return done, err
	}
	if _, err = db.ExecContext(ctx, `drop schema river`); isCode(err, insufficientPrivilege, dependentObjects) {
		err = nil
	}
	return done, oneLine(err)
}

func riverMigrate(ctx context.Context, db *database, to rivermigrate.Direction, opts *rivermigrate.MigrateOpts) ([]Migration, error) {
	m, err := riverMigrator(db.pool)
	if err != nil {
		return nil, oneLine(err)
	}
	done, err := m.Migrate(ctx, to, opts)
	if err != nil {
		return nil, fmt.Errorf("migrations of River failed: %w", oneLine(err))
	}
	var list []Migration
	for _, v := range done.Versions {
		list = append(list, riverMigration(v.Version, v.Name))
	}
	return list, nil
}
