package postgres

import (
	"context"
	"errors"

	"flows"

	"github.com/jackc/pgx/v5"
)

// Info gives {"registry": row, "shadow": row} of a meter. Errors: *flows.Error with UnknownSerial or Database.
func (s *Store) Info(ctx context.Context, serial string) (json []byte, err error) {
	err = s.pool.QueryRow(ctx, `
		select json_build_object('registry', row_to_json(r), 'shadow', row_to_json(s))
		from flows.meter_registry r left join flows.meter_shadows s on s.id = r.id where r.serial = $1`, serial).Scan(&json)
	if err != nil {
		return nil, notFound(serial, err)
	}
	return json, nil
}

// MetersForCLI gives the rows of get_meters_for_cli as a JSON array; esco "" means all.
func (s *Store) MetersForCLI(ctx context.Context, esco string) (json []byte, err error) {
	err = s.pool.QueryRow(ctx, `select coalesce(json_agg(m), '[]') from flows.get_meters_for_cli($1, null) m`, esco).Scan(&json)
	return json, trouble("list meters", err)
}

func notFound(serial string, err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return flows.Errorf(flows.UnknownSerial, "meter %q is not known", serial)
	}
	return trouble("look up a meter", err)
}
