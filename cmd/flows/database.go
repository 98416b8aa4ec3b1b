package main

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"flows"
	"flows/postgres"
)

// database is where the meters' rows are.
type database struct {
	DatabaseURL string `name:"database-url" setting:"DATABASE_URL" placeholder:"URL" help:"PostgreSQL with the schema of flows migrate up ($$DATABASE_URL)."`
}

func (d database) url() (string, error) {
	if d.DatabaseURL == "" {
		return "", usage("no database: set DATABASE_URL, for example postgres://flows@localhost/flows, or try flows demo, which brings its own")
	}
	if _, err := pgx.ParseConfig(d.DatabaseURL); err != nil {
		return "", usage("DATABASE_URL is malformed: %w", err)
	}
	return d.DatabaseURL, nil
}

func (d database) open(a *app) (*postgres.Store, error) {
	url, err := d.url()
	if err != nil {
		return nil, err
	}
	return postgres.Open(a.ctx, url)
}

// userError gives what a person got wrong exit code 2; trouble with a code of its own keeps it.
func userError(err error) error {
	var coded *flows.Error
	if err == nil || errors.As(err, &coded) || errors.Is(err, context.Canceled) {
		return err
	}
	return exit{exitUsage, err}
}

// registry is the store as the mediator needs it.
type registry struct{ *postgres.Store }

func (r registry) Meters(ctx context.Context, esco string) ([]byte, error) {
	return r.MetersForCLI(ctx, esco)
}
