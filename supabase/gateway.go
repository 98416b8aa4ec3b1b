package supabase

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"flows"
)

// listenEvery is how often Changes says that any address may have changed: nobody can listen over REST.
const listenEvery = time.Minute

// Addresses calls each for the meters of the serials, or for all meters when none are given, with the zero AddrPort for a meter without
// an address. Serials that are not registered are left out.
func (s *Store) Addresses(ctx context.Context, serials []string, each func(serial string, address netip.AddrPort)) error {
	rows, _, err := s.registry(ctx, flows.MeterFilter{Serials: serials})
	for _, r := range rows {
		each(r.Serial, r.address())
	}
	return err
}

// Changes calls each with nil, any may have changed, at once and then every minute, until the context ends or each gives an error.
func (s *Store) Changes(ctx context.Context, each func(serials []string) error) error {
	again := time.NewTicker(listenEvery)
	defer again.Stop()
	for {
		if err := each(nil); err != nil {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Info gives {"registry": row, "shadow": row} of a meter. Errors: *flows.Error with UnknownSerial or Database.
func (s *Store) Info(ctx context.Context, serial string) ([]byte, error) {
	registry, err := s.row(ctx, "meter_registry", "serial", serial)
	if err != nil {
		return nil, err
	}
	if registry == nil {
		return nil, flows.Errorf(flows.UnknownSerial, "meter %q is not known", serial)
	}
	var id struct{ ID string }
	if err := json.Unmarshal(registry, &id); err != nil {
		return nil, flows.Errorf(flows.Database, "%s: meter %s has no id: %w", s.name, serial, err)
	}
	shadow, err := s.row(ctx, "meter_shadows", "id", id.ID)
	if err != nil {
		return nil, err
	}
	if shadow == nil {
		shadow = json.RawMessage("null")
	}
	return json.Marshal(map[string]json.RawMessage{"registry": registry, "shadow": shadow})
}

// row is all of one row as it came; nil when there is none.
func (s *Store) row(ctx context.Context, table, key, value string) (json.RawMessage, error) {
	var rows []json.RawMessage
	query := url.Values{"select": {"*"}, key: {"eq." + value}}
	err := s.do(ctx, "look up a meter", call{method: http.MethodGet, path: table, query: query}, &rows)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[0], nil
}

// MetersForCLI gives the rows of get_meters_for_cli as a JSON array; esco "" means all.
func (s *Store) MetersForCLI(ctx context.Context, esco string) ([]byte, error) {
	type row struct {
		Serial string `json:"serial"`
	}
	rows := []json.RawMessage{}
	query := url.Values{"esco_filter": {esco}, "order": {"serial"}}
	if esco == "" {
		query.Del("esco_filter")
	}
	more, err := all(ctx, s, "list meters", "rpc/get_meters_for_cli", "serial", query, func(r json.RawMessage) string {
		var k row
		_ = json.Unmarshal(r, &k) // a row without a serial ends the list
		return k.Serial
	})
	if err != nil {
		return nil, err
	}
	return json.Marshal(append(rows, more...))
}
