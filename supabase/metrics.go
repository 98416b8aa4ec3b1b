package supabase

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"flows"
)

// profileMetric reads the meters' half-hourly logs.
const profileMetric = "SyncerProfileLog"

// EnabledMetrics gives the names to read at a frequency, each once: SyncerCSQ and SyncerCsq are one. What there is no place for is not read.
func (s *Store) EnabledMetrics(ctx context.Context, f flows.Frequency) ([]string, error) {
	names := flows.FieldMetrics(f)
	if s.hasTable("meter_metrics") {
		var rows []struct{ Name string }
		query := url.Values{"select": {"name"}, "enabled": {"is.true"}, "run_frequency": {"eq." + string(f)}, "order": {"name"}}
		if err := s.do(ctx, "list enabled metrics", call{method: http.MethodGet, path: "meter_metrics", query: query}, &rows); err != nil {
			return nil, err
		}
		names = nil
		for _, r := range rows {
			if !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, r.Name) }) {
				names = append(names, r.Name)
			}
		}
	}
	return slices.DeleteFunc(names, func(n string) bool { return strings.EqualFold(n, profileMetric) && !s.logs() }), nil
}
