package deploy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"flows/internal/pgtest"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// What these tests look at of a dashboard.
type (
	dashboard struct {
		File          string `json:"-"`
		UID           string
		Title         string
		Description   string
		SchemaVersion int
		Templating    struct{ List []variable }
		Panels        []panel
	}
	variable struct {
		Name       string
		Query      any // text, or an object of Prometheus's
		Datasource source
		Multi      bool
		IncludeAll bool
	}
	panel struct {
		ID          int
		Type        string
		Title       string
		Description string
		Datasource  source
		GridPos     struct{ H, W, X, Y int }
		FieldConfig struct {
			Defaults struct {
				Unit   string
				Custom struct{ SpanNulls *bool }
			}
		}
		Targets []target
	}
	target struct {
		Datasource   source
		RefID        string
		Format       string
		RawSQL       string `json:"rawSql"`
		Expr         string
		LegendFormat string
	}
	source struct{ Type, UID string }
)

func dashboards(t *testing.T) (list []dashboard) {
	t.Helper()
	files, err := filepath.Glob("grafana/dashboards/*.json")
	if err != nil || len(files) < 3 {
		t.Fatalf("dashboards %v, %v", files, err)
	}
	for _, file := range files {
		d := dashboard{File: file}
		if err := json.Unmarshal([]byte(read(t, file)), &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		list = append(list, d)
	}
	return list
}

func (d dashboard) targets() (list []target) {
	for _, p := range d.Panels {
		list = append(list, p.Targets...)
	}
	return list
}

var provisioned = regexp.MustCompile(`(?m)^    uid: (\S+)\n    type: (\S+)$`)

func TestDashboardsAreWhole(t *testing.T) {
	known := map[source]bool{}
	for _, m := range provisioned.FindAllStringSubmatch(read(t, "grafana/provisioning/datasources/flows.yml"), -1) {
		known[source{Type: m[2], UID: m[1]}] = true
	}
	if len(known) != 2 {
		t.Fatalf("provisioned: %v", known)
	}
	uids, links := map[string]bool{}, regexp.MustCompile(`"url": "/d/([\w-]+)`)
	for _, d := range dashboards(t) {
		if d.UID == "" || uids[d.UID] || d.Title == "" || d.Description == "" || d.SchemaVersion < 39 {
			t.Errorf("%s: %s %q, schema %d: its uid comes twice, or it says too little", d.File, d.UID, d.Title, d.SchemaVersion)
		}
		uids[d.UID] = true
		ids, taken := map[int]bool{}, map[[2]int]string{}
		for _, p := range d.Panels {
			name := d.File + ": " + p.Title
			if p.ID == 0 || ids[p.ID] || p.Title == "" {
				t.Errorf("%s: id %d comes twice", name, p.ID)
			}
			ids[p.ID] = true
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if taken[[2]int{x, y}] != "" || x > 23 {
						t.Fatalf("%s lies over %s, or outside", name, taken[[2]int{x, y}])
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
			if p.Type == "row" {
				continue
			}
			series := p.Type == "timeseries" || p.Type == "state-timeline"
			if p.Description == "" || len(p.Targets) == 0 || series && (p.FieldConfig.Defaults.Custom.SpanNulls == nil || *p.FieldConfig.Defaults.Custom.SpanNulls) ||
				(p.Type == "timeseries" || p.Type == "stat") && p.FieldConfig.Defaults.Unit == "" {
				t.Errorf("%s: no description, no query, no unit, or it connects what is not known", name)
			}
			for _, q := range p.Targets {
				if !known[q.Datasource] || q.Datasource != p.Datasource || (q.RawSQL == "") == (q.Expr == "") {
					t.Errorf("%s: query %s is of %v", name, q.RefID, q.Datasource)
				}
			}
		}
		for _, v := range d.Templating.List {
			if !known[v.Datasource] {
				t.Errorf("%s: variable %s is of %v", d.File, v.Name, v.Datasource)
			}
		}
	}
	for _, d := range dashboards(t) {
		for _, m := range links.FindAllStringSubmatch(read(t, d.File), -1) {
			if !uids[m[1]] {
				t.Errorf("%s links to %s, which is no dashboard", d.File, m[1])
			}
		}
	}
}

func TestProvisioningHoldsNoSecret(t *testing.T) {
	err := filepath.WalkDir("grafana", func(path string, _ os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yml" {
			return err
		}
		for _, m := range regexp.MustCompile(`(?m)^ +(?:password|url|database|path|sslmode): *(.*)$`).FindAllStringSubmatch(read(t, path), -1) {
			if !regexp.MustCompile(`^\$FLOWS_GRAFANA_\w+$`).MatchString(m[1]) {
				t.Errorf("%s: %s is not the environment's", path, m[0])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// span is what the dashboards are asked for.
type span struct{ from, to time.Time }

var (
	variableIn = regexp.MustCompile(`\$\{(\w+)(?::(\w+))?\}|\$(\w+)`)
	macroIn    = regexp.MustCompile(`\$(\w+)\(([^)]*)\)`) // no argument holds a ) of its own
	literal    = func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
)

// interpolate puts values for variables into a query as Grafana's page does, and then for macros as its data source of PostgreSQL does.
func (s span) interpolate(sql string, variables []variable, values map[string][]string) (string, error) {
	sql = variableIn.ReplaceAllStringFunc(sql, func(text string) string {
		m := variableIn.FindStringSubmatch(text)
		name, format := m[1]+m[3], m[2]
		i := slices.IndexFunc(variables, func(v variable) bool { return v.Name == name })
		switch {
		case name == "__searchFilter":
			return "%"
		case i < 0:
			return text
		case format == "sqlstring" || variables[i].Multi || variables[i].IncludeAll:
			var quoted []string
			for _, v := range values[name] {
				quoted = append(quoted, literal(v))
			}
			return strings.Join(quoted, ",")
		}
		return strings.ReplaceAll(values[name][0], "'", "''")
	})
	at := func(t time.Time) string { return literal(t.UTC().Format(time.RFC3339Nano)) }
	sql = macroIn.ReplaceAllStringFunc(sql, func(text string) string {
		m := macroIn.FindStringSubmatch(text)
		column, rest, _ := strings.Cut(m[2], ",")
		switch m[1] {
		case "__timeFilter":
			return column + " BETWEEN " + at(s.from) + " AND " + at(s.to)
		case "__timeFrom":
			return at(s.from)
		case "__timeTo":
			return at(s.to)
		case "__timeGroup":
			every, err := time.ParseDuration(strings.Trim(rest, " '"))
			if err != nil {
				return text
			}
			return fmt.Sprintf("floor(extract(epoch from %s)/%v)*%[2]v", column, every.Seconds())
		}
		return text
	})
	if rest := regexp.MustCompile(`\$\{?[A-Za-z_]\w*`).FindString(sql); rest != "" {
		return "", fmt.Errorf("nobody knows %s", rest)
	}
	return sql, nil
}

func TestEveryQueryOfPostgreSQLFindsSomething(t *testing.T) {
	conn := filled(t)
	if _, err := conn.Exec(t.Context(), `set role grafanareader; set default_transaction_read_only = on; set jit = off`); err != nil {
		t.Fatal(err)
	}
	s := span{time.Now().AddDate(0, 0, -7), time.Now()}
	asked := 0
	for _, d := range dashboards(t) {
		values := map[string][]string{}
		for _, v := range d.Templating.List {
			query, ok := v.Query.(string)
			if !ok {
				continue // Prometheus's
			}
			found, err := s.ask(t, conn, query, d.Templating.List, values)
			if err != nil || len(found.first) == 0 || v.Name == "esco" && !slices.Equal(found.first, []string{"A'B", "none"}) {
				t.Fatalf("%s: variable %s: %v, %v", d.File, v.Name, found.first, err)
			}
			if values[v.Name] = found.first[:1]; v.IncludeAll {
				values[v.Name] = found.first
			}
		}
		for _, q := range d.Panels {
			for _, target := range q.Targets {
				if target.RawSQL == "" {
					continue
				}
				asked++
				found, err := s.ask(t, conn, target.RawSQL, d.Templating.List, values)
				switch {
				case err != nil:
					t.Errorf("%s: %s: %v", d.File, q.Title, err)
				case len(found.first) == 0:
					t.Errorf("%s: %s finds nothing", d.File, q.Title)
				case target.Format == "time_series" && !found.series():
					t.Errorf("%s: %s is no series: %v", d.File, q.Title, found.columns)
				case target.Format != "time_series" && target.Format != "table":
					t.Errorf("%s: %s has format %q", d.File, q.Title, target.Format)
				}
			}
		}
	}
	if asked < 20 {
		t.Errorf("only %d queries were found", asked)
	}
}

// answer is what a query finds: its columns, and the values of the last of them, the first row first.
type answer struct {
	columns map[string]uint32
	first   []string
}

// series tells whether Grafana can draw it: a time, numbers, and perhaps a name for them.
func (a answer) series() bool {
	times := []uint32{pgtype.TimestamptzOID, pgtype.NumericOID}
	for name, is := range a.columns {
		number := slices.Contains([]uint32{pgtype.NumericOID, pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.Float8OID}, is)
		if name != "time" && !number && (name != "metric" || is != pgtype.TextOID) {
			return false
		}
	}
	return slices.Contains(times, a.columns["time"]) && len(a.columns) > 1
}

func (s span) ask(t *testing.T, conn *pgx.Conn, query string, variables []variable, values map[string][]string) (found answer, err error) {
	sql, err := s.interpolate(query, variables, values)
	if err != nil {
		return found, err
	}
	rows, err := conn.Query(t.Context(), sql)
	if err != nil {
		return found, err
	}
	defer rows.Close()
	found.columns = map[string]uint32{}
	for _, f := range rows.FieldDescriptions() {
		found.columns[f.Name] = f.DataTypeOID
	}
	for rows.Next() {
		all, err := rows.Values()
		if err != nil {
			return found, err
		}
		found.first = append(found.first, fmt.Sprint(all[len(all)-1]))
	}
	return found, rows.Err()
}

// filled is a database with some rows of everything, made by hand, of a meter of two elements that has been read for three days.
func filled(t *testing.T) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	for _, sql := range []string{
		`set search_path = flows, public`,
		`insert into escos (code) values ('A''B')`,
		`insert into meter_registry (serial, hardware, esco) select 'M1', 'C1.w', id from escos`,
		`insert into meter_registry (serial) values ('M2')`,
		`update meter_registers set start_time = now() - interval '3 days'`,
		`update meter_shadows s set read_at = now() - interval '1 day', import_a = 10, export_a = 1, balance = 5, csq = 20, voltage = 240, "3p_voltage_l1" = 230,
			clock_time_diff_seconds = 3, health = 'healthy' from meter_registry r where r.id = s.id and r.serial = 'M1'`,
		`insert into register_interval_hh (register_id, timestamp, import_interval, import_quality, export_interval, export_quality)
			select register_id, date_bin('30 minutes', now(), '2000-01-01Z') - n * interval '30 minutes', 0.2, 'actual', 0.1, 'estimated' from meter_registers, generate_series(1, 90) n`,
		`insert into register_day (register_id, direction, day, energy, expected, actual, derived, estimated, edited, billable, never_reached, not_logged, invalid, billable_energy)
			select register_id, d, current_date - n, 9, 48, 40, 1, 3, 1, 40, 2, 1, 3, 8 from meter_registers, generate_series(1, 3) n, unnest('{import,export}'::text[]) d`,
		`insert into vee_exceptions (rule, severity, register_id, direction) select 'REVERSAL', 'critical', register_id, 'import' from meter_registers`,
		`insert into vee_exceptions (rule, severity, meter_id) select 'CLOCK', 'warning', id from meter_registry where serial = 'M1'`,
		`insert into meter_sync_log (meter_id, timestamp, run_id, frequency, verdict, duration_ms, error_code) select id, now() - interval '1 hour', 1, 'hourly', 'unhealthy', 10, 'TIMEOUT' from meter_registry`,
		`insert into meter_event_log select id, now() - interval '1 hour', 33, 0 from meter_registry`,
		`insert into circuits (type, name) values ('heat', 'Plot 1')`,
		`insert into circuit_register select c.id, g.register_id from circuits c, meter_registers g`,
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%v\n%s", err, sql)
		}
	}
	return conn
}

var (
	grouping = regexp.MustCompile(`by \(([^)]*)\)`)
	legend   = regexp.MustCompile(`\{\{(\w+)\}\}`)
)

func TestDashboardsNameWhatIsExposed(t *testing.T) {
	known := everything(t)
	// Workers' are made where they are counted.
	for _, m := range regexp.MustCompile(`Name: "(flows_\w+)"`).FindAllStringSubmatch(read(t, "../cmd/flows/serve.go"), -1) {
		known[m[1]] = []string{"frequency", "verdict", "code"}
	}
	asked := 0
	for _, d := range dashboards(t) {
		for _, q := range d.targets() {
			if q.Expr == "" {
				continue
			}
			asked++
			of := []string{"instance", "job", "le", "quantile", "alertname", "severity"} // Prometheus's own, and the rules'
			for _, labels := range known.named(t, d.File, q.Expr) {
				of = append(of, labels...)
			}
			for _, m := range grouping.FindAllStringSubmatch(q.Expr, -1) {
				for label := range strings.SplitSeq(m[1], ", ") {
					if !slices.Contains(of, label) {
						t.Errorf("%s: %s has no label %s", d.File, q.Expr, label)
					}
				}
			}
			for _, m := range legend.FindAllStringSubmatch(q.LegendFormat, -1) {
				if by := grouping.FindStringSubmatch(q.Expr); by != nil && !slices.Contains(strings.Split(by[1], ", "), m[1]) || !slices.Contains(of, m[1]) {
					t.Errorf("%s: %s is named by %s, which it has not", d.File, q.Expr, m[1])
				}
			}
		}
		for _, v := range d.Templating.List {
			if text := fmt.Sprint(v.Query); v.Datasource.Type == "prometheus" {
				known.named(t, d.File, text)
			}
		}
	}
	if asked < 20 {
		t.Errorf("only %d expressions were found", asked)
	}
}

func TestPromtoolReadsTheDashboards(t *testing.T) {
	tool := promtool(t)
	text := "groups:\n  - name: dashboards\n    rules:\n"
	for _, d := range dashboards(t) {
		for i, q := range d.targets() {
			if q.Expr != "" {
				expr := strings.NewReplacer("$__rate_interval", "5m", "$job", "flows").Replace(q.Expr)
				text += fmt.Sprintf("      - {record: 'panel:%d', expr: %s}\n", i, literal(expr))
			}
		}
	}
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), tool, "check", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}
