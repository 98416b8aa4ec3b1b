// Package supabase keeps what Flows reads in a project of Supabase, through its REST API (PostgREST): a database with Flows' own schema, or one with
// the schema of the systems in the field, which has fewer tables and columns. What cannot be kept there is known from the beginning
// (Missing), and is no meter's trouble.
//
//	event rows  ->  registry, when changed  ->  ONE shadow PATCH per meter  ->  triggers  ->  history
//
// There are no transactions over several requests. The order makes a row that stands for what has not come yet impossible, and whatever is
// repeated is the same row again.
package supabase

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Options say where the project is and who asks.
type Options struct {
	URL     string // https://PROJECT.supabase.co
	AnonKey string
	RoleKey string
	Suffix  string       // of the settings' names in messages: "" or "_EXTRA"
	HTTP    *http.Client // nil: one of its own
}

// Store is one project. It may be used by many goroutines.
type Store struct {
	base, anon, role               string
	name, anonSetting, roleSetting string
	http                           *http.Client
	pause                          time.Duration // before the first repetition

	columns map[string][]string // of the tables that are there
}

// tables are the columns that are asked for or written, by table. Those before the bar must be there.
var tables = []struct {
	name               string
	needed, worthwhile []string
}{
	{"meter_registry", []string{"id", "serial", "ip_address", "hardware", "mode", "esco"},
		[]string{"port", "name", "maintenance", "frame_address", "firmware_version", "prepay_enabled", "daylight_savings_correction_enabled"}},
	{"meter_shadows", []string{"id", "import_a", "health", "health_details", "csq"},
		[]string{"import_b", "export_a", "export_b", "balance", "voltage", "3p_voltage_l1", "3p_voltage_l2", "3p_voltage_l3", "clock_time_diff_seconds",
			"clock_time_diff_synced_at", "tariffs_active", "tariffs_future", "backlight", "load_switch", "last_healthy_at", "updated_at", "read_at"}},
	{"escos", []string{"id", "code"}, nil},
	{"meter_event_log", []string{"meter_id", "timestamp", "event_type", "event_set"}, nil},
	{"meter_metrics", nil, []string{"name", "enabled", "run_frequency"}},
	{"meter_registers", nil, []string{"register_id", "meter_id", "element", "status"}},
	{"register_profile_hh", nil, []string{"register_id", "direction", "timestamp", "read", "status", "received_at"}},
	{"register_profile_mark", nil, []string{"register_id", "direction", "through"}},
	{"sync_runs", nil, []string{"id", "frequency", "esco", "origin", "scheduled_for", "started_at", "listed_at", "finished_at", "saved_at", "meters", "healthy", "unhealthy", "skipped", "not_done"}},
	{"meter_sync_log", nil, []string{"meter_id", "timestamp", "run_id", "frequency", "verdict", "read_at", "duration_ms", "error_code", "error_object", "details", "outcomes"}},
}

// Open looks whether the keys are accepted and what the schema has. Every error is one line that says what to do.
func Open(ctx context.Context, o Options) (*Store, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, fmt.Errorf("SUPABASE_URL%s is no address like https://PROJECT.supabase.co", o.Suffix)
	}
	s := &Store{
		base: strings.TrimSuffix(u.String(), "/") + "/rest/v1/", anon: o.AnonKey, role: o.RoleKey, http: o.HTTP,
		name: "Supabase at " + u.Host, anonSetting: "SUPABASE_ANON_KEY" + o.Suffix, roleSetting: "FLOWS_ROLE_KEY" + o.Suffix, pause: firstPause,
		columns: map[string][]string{},
	}
	if s.http == nil {
		s.http = client()
	}
	for _, t := range tables {
		if err := s.learn(ctx, t.name, t.needed, t.worthwhile); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// client keeps as many connections as meters are saved at a time.
func client() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost, t.ResponseHeaderTimeout = parallel, onceWithin
	t.MaxConnsPerHost = 2 * parallel
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }} // keys go to nobody else
}

// Close gives the connections back.
func (s *Store) Close() { s.http.CloseIdleConnections() }

// learn finds out which columns a table has, one question for each that is missing.
func (s *Store) learn(ctx context.Context, table string, needed, worthwhile []string) error {
	names := slices.Concat(needed, worthwhile)
	for {
		query := url.Values{"select": {strings.Join(quoted(names), ",")}, "limit": {"0"}}
		err := s.do(ctx, "look at table "+table, call{method: http.MethodGet, path: table, query: query}, &[]struct{}{})
		switch {
		case err == nil:
			s.columns[table] = names
			return nil
		case is(err, undefinedTable) && needed == nil:
			return nil
		case !is(err, undefinedColumn):
			return err
		}
		at := slices.IndexFunc(names, func(n string) bool { return strings.Contains(err.Error(), "."+n+" does not exist") })
		if at < 0 || slices.Contains(needed, names[at]) {
			return err
		}
		if names = slices.Delete(slices.Clone(names), at, at+1); len(names) == 0 {
			return nil
		}
	}
}

// quoted are names as PostgREST takes them in a select.
func quoted(names []string) []string {
	list := slices.Clone(names)
	for i, n := range list {
		if n[0] >= '0' && n[0] <= '9' {
			list[i] = `"` + n + `"`
		}
	}
	return list
}

func (s *Store) has(table, column string) bool { return slices.Contains(s.columns[table], column) }

func (s *Store) hasTable(table string) bool { return s.columns[table] != nil }

// ours tells whether the schema is Flows' own.
func (s *Store) ours() bool { return s.has("meter_shadows", "read_at") }

// logs tells whether the meters' half-hourly logs can be kept.
func (s *Store) logs() bool {
	return s.hasTable("register_profile_hh") && s.hasTable("register_profile_mark") && s.hasTable("meter_registers")
}

// Missing says in a sentence what this project's schema has no place for; "" when it has all.
func (s *Store) Missing() string {
	var no []string
	if !s.ours() {
		no = append(no, "the time of the reading (rows get the time of the save)")
	}
	if !s.has("meter_registry", "frame_address") {
		no = append(no, "meters' own addresses (serials are read each run instead)")
	}
	if !s.logs() {
		no = append(no, "half-hourly logs")
	}
	if !s.hasTable("meter_sync_log") || !s.hasTable("sync_runs") {
		no = append(no, "the log of runs")
	}
	for _, t := range tables[:2] {
		for _, c := range t.worthwhile {
			if !s.has(t.name, c) && !slices.Contains([]string{"read_at", "frame_address", "port", "maintenance", "name", "updated_at"}, c) {
				no = append(no, t.name+"."+c)
			}
		}
	}
	if len(no) == 0 {
		return ""
	}
	return s.name + " has no place for: " + strings.Join(no, ", ")
}
