package schema

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/pressly/goose/v3"
)

// series is a table that only grows with time. With TimescaleDB it is a hypertable: chunks of its rows by time, the older ones packed into
// columns. Every statement answers the same without.
type series struct {
	table  string
	since  int64  // the migration that makes it
	by     string // what packed rows are sorted into and found by
	packed int    // days after which a chunk is packed
	raw    bool   // readings as they came, which may be dropped some day
}

// timeSeries are all of them but meter_sync_log, whose rows are deleted by their place in the table, which says nothing across chunks.
// What is packed can still be written, at some cost, so that half-hours wait until they are judged for good: four weeks and some days.
var timeSeries = []series{
	{table: "register_import", since: 3, by: "register_id", packed: 7, raw: true},
	{table: "register_export", since: 3, by: "register_id", packed: 7, raw: true},
	{table: "meter_prepay_balance", since: 4, by: "meter_id", packed: 7},
	{table: "meter_csq", since: 4, by: "meter_id", packed: 7},
	{table: "meter_voltage", since: 4, by: "meter_id", packed: 7},
	{table: "meter_3p_voltage", since: 4, by: "meter_id", packed: 7},
	{table: "meter_health_history", since: 4, by: "meter_id", packed: 7},
	{table: "register_profile_hh", since: 10, by: "register_id, direction", packed: 7, raw: true},
	{table: "register_interval_hh", since: 10, by: "register_id", packed: settledDays},
	{table: "register_interval_history", since: 10, by: "register_id, direction", packed: settledDays},
}

// settledDays is when hardly any half-hour is changed any more.
const settledDays = 35

// chunkDays is the time that a chunk holds. 28 days make 13 chunks a year; the trigger on new half-hours, whose plans name every chunk, takes
// four times as long with chunks of a week. Where the newest chunks of a great many meters do not fit into memory, set_chunk_time_interval
// makes those to come smaller.
const chunkDays = 28

// step is one thing that TimescaleDB adds. Each is looked at every time, as rights are, and all of its statement is done or nothing.
type step struct {
	name string
	right
}

// timescaleSteps come in this order, the first alone before the others can be asked for.
func timescaleSteps() []step {
	list := []step{{"extension", right{
		check:     `select exists (select from pg_extension where extname = 'timescaledb')`,
		statement: `CREATE EXTENSION timescaledb SCHEMA public`,
	}}}
	for _, s := range timeSeries {
		list = append(list, step{"hypertable " + s.table, right{
			check: fmt.Sprintf(`select exists (select from timescaledb_information.hypertables
				where hypertable_schema = 'flows' and hypertable_name = '%s' and compression_enabled)`, s.table),
			statement: fmt.Sprintf(`SELECT create_hypertable('flows.%[1]s', 'timestamp', chunk_time_interval => interval '%[2]d days', `+
				`create_default_indexes => false, migrate_data => true, if_not_exists => true); `+
				`ALTER TABLE flows.%[1]s SET (timescaledb.compress, timescaledb.compress_segmentby = '%[3]s', timescaledb.compress_orderby = '"timestamp"'); `+
				`SELECT add_compression_policy('flows.%[1]s', interval '%[4]d days', if_not_exists => true)`, s.table, chunkDays, s.by, s.packed),
		}})
	}
	// Its name comes before that of the trigger whose work needs it.
	return append(list, step{"trigger register_profile_hh_found", right{
		check: `select exists (select from pg_trigger where tgrelid = 'flows.register_profile_hh'::regclass and tgname = 'register_profile_hh_found')`,
		statement: `CREATE TRIGGER register_profile_hh_found AFTER INSERT ON flows.register_profile_hh ` +
			`FOR EACH ROW EXECUTE FUNCTION flows.register_profile_hh_found()`,
	}}, step{"continuous aggregate register_interval_hourly", right{
		check: `select exists (select from timescaledb_information.continuous_aggregates
			where view_schema = 'flows' and view_name = 'register_interval_hourly')`,
		statement: hourlyAggregate,
	}})
}

// hourlyAggregate makes the aggregate of the view's own text, so that they cannot differ, and the views over it again. It keeps what is
// settled: younger hours are summed when they are asked for, and what still comes for older ones is in it an hour later. It is filled
// a day at a time: an hour at a time, as by default, takes forty times as long.
var hourlyAggregate = strings.Join(strings.Fields(fmt.Sprintf(`DO $do$
DECLARE
	hourly text := replace(rtrim(pg_get_viewdef('flows.register_interval_hourly'), ';'),
		$q$date_trunc('hour'::text, "timestamp", 'UTC'::text)$q$, $q$time_bucket('1 hour', "timestamp")$q$);
	daily text := pg_get_viewdef('flows.register_interval_daily');
	monthly text := pg_get_viewdef('flows.register_interval_monthly');
	job int;
BEGIN
	DROP VIEW flows.register_interval_monthly, flows.register_interval_daily, flows.register_interval_hourly;
	EXECUTE 'CREATE MATERIALIZED VIEW flows.register_interval_hourly WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS '
		|| hourly || ' WITH NO DATA';
	EXECUTE 'CREATE VIEW flows.register_interval_daily AS ' || daily;
	EXECUTE 'CREATE VIEW flows.register_interval_monthly AS ' || monthly;
	job := add_continuous_aggregate_policy('flows.register_interval_hourly',
		start_offset => NULL, end_offset => interval '%d days', schedule_interval => interval '1 hour');
	PERFORM alter_job(job, config => config || '{"buckets_per_batch": 24}') FROM timescaledb_information.jobs WHERE job_id = job;
END
$do$`, settledDays)), " ")

// retention is a step for each series of raw readings: they are dropped after so many days, 0 for never.
func retention(days int) (list []step) {
	for _, s := range timeSeries {
		if !s.raw {
			continue
		}
		kept := fmt.Sprintf(`select from timescaledb_information.jobs
			where proc_name = 'policy_retention' and hypertable_schema = 'flows' and hypertable_name = '%s'`, s.table)
		r := right{
			check:     `select not exists (` + kept + `)`,
			statement: fmt.Sprintf(`SELECT remove_retention_policy('flows.%s', if_exists => true)`, s.table),
		}
		if days > 0 {
			r.check = fmt.Sprintf(`select exists (%s and (config->>'drop_after')::interval = interval '%d days')`, kept, days)
			r.statement += fmt.Sprintf(`; SELECT add_retention_policy('flows.%s', interval '%d days')`, s.table, days)
		}
		list = append(list, step{fmt.Sprintf("retention of %s", s.table), r})
	}
	since := `timestamptz '-infinity'`
	if days > 0 {
		since = fmt.Sprintf(`date_trunc('day', now()) - interval '%d days'`, days)
	}
	return append(list, step{"what is judged no more", right{
		check:     `select flows.raw_since() is not distinct from (` + since + `)`,
		statement: `CREATE OR REPLACE FUNCTION flows.raw_since() RETURNS timestamptz LANGUAGE sql STABLE AS $$ select ` + since + ` $$`,
	}})
}

// noTimescale says, by what was found, what keeps TimescaleDB from being used, and what to do.
var noTimescale = map[string]string{
	"none":       "this server has no TimescaleDB: install it there, add timescaledb to shared_preload_libraries and restart PostgreSQL",
	"not loaded": "TimescaleDB is installed on this server but not loaded: add timescaledb to shared_preload_libraries and restart PostgreSQL",
	"apache":     "TimescaleDB can neither compress nor aggregate here: set timescaledb.license to timescale, or leave the tables plain",
	"old":        "this TimescaleDB cannot write into compressed chunks: update it to 2.11 or newer",
}

// timescaleMissing gives the reason why TimescaleDB cannot be used, none when it can. CREATE EXTENSION would end the connection if its library
// was not loaded with the server, so it is asked first whether the library's settings exist.
func timescaleMissing(ctx context.Context, db *database) (why string, err error) {
	var found string
	err = db.QueryRowContext(ctx, `
		select case
			when coalesce(made, known) is null then 'none'
			when made is null and current_setting('timescaledb.max_background_workers', true) is null then 'not loaded'
			when current_setting('timescaledb.license', true) = 'apache' then 'apache'
			when string_to_array(regexp_replace(coalesce(made, known), '[^0-9.].*', ''), '.')::int[] < '{2,11}' then 'old'
			else 'usable' end
		from (select (select extversion from pg_extension where extname = 'timescaledb') made,
			(select default_version from pg_available_extensions where name = 'timescaledb') known) e`).Scan(&found)
	return noTimescale[found], err
}

// timescalePending lists the steps still to do, numbered from 1; none where TimescaleDB cannot be used. When one was done nobody remembers.
func timescalePending(ctx context.Context, db *database) (list []Migration, err error) {
	if why, err := timescaleMissing(ctx, db); err != nil || why != "" {
		return nil, err
	}
	steps := timescaleSteps()
	made, err := holds(ctx, db, steps[0].right)
	for i := 0; i < len(steps) && err == nil; i++ {
		held := made
		if made {
			held, err = holds(ctx, db, steps[i].right)
		}
		if !held {
			list = append(list, steps[i].migration(i))
		}
	}
	return list, err
}

func (s step) migration(i int) Migration {
	return Migration{Version: int64(i + 1), Name: "timescaledb: " + s.name}
}

// timescaleUp does the steps that are not done, and these after them, up to one that this user may not do: the others rest on it.
func timescaleUp(ctx context.Context, db *database, r *Report, more []step) error {
	if why, err := timescaleMissing(ctx, db); err != nil || why != "" {
		return err
	}
	for i, s := range append(timescaleSteps(), more...) {
		done, err := holds(ctx, db, s.right)
		if err != nil {
			return err
		}
		if done {
			continue
		}
		switch done, err := s.take(ctx, db); {
		case err != nil:
			return fmt.Errorf("cannot make %s: %w", s.name, oneLine(err))
		case !done:
			r.Notices = append(r.Notices, s.statement)
			return nil
		}
		r.Applied = append(r.Applied, s.migration(i))
	}
	return nil
}

// take runs the statement with TimescaleDB's functions in reach: they are in whatever schema somebody made the extension.
func (s step) take(ctx context.Context, db *database) (done bool, err error) {
	_, err = db.ExecContext(ctx, `select set_config('search_path', 'flows, ' || quote_ident(nspname), false)
		from pg_extension join pg_namespace n on n.oid = extnamespace where extname = 'timescaledb'`)
	if err != nil {
		return false, err
	}
	return set(ctx, db, s.right)
}

// timescaleDown makes plain, empty tables of the hypertables that the newest migration made, so that it can drop several at once, as
// hypertables cannot be. Whoever takes a migration back has said that its rows may go.
func timescaleDown(ctx context.Context, db *database, version int64) error {
	made, err := holds(ctx, db, timescaleSteps()[0].right)
	if err != nil || !made {
		return err
	}
	for _, s := range timeSeries {
		if s.since != version {
			continue
		}
		hyper, err := ask(ctx, db, `select exists (select from timescaledb_information.hypertables where hypertable_schema = 'flows' and hypertable_name = $1)`, s.table)
		if err == nil && hyper {
			_, err = db.ExecContext(ctx, fmt.Sprintf(`create table flows.emptied (like flows.%[1]s including all);
				drop table flows.%[1]s; alter table flows.emptied rename to %[1]s`, s.table))
		}
		if err != nil {
			return fmt.Errorf("cannot empty %s: %w", s.table, oneLine(err))
		}
	}
	return nil
}

// Timescale is Up on a server where TimescaleDB must be: what is in plain tables moves into hypertables, and stays locked meanwhile. Raw
// readings are dropped keepRaw days after their time, with 0 never, with a nil pointer as it was.
func Timescale(ctx context.Context, databaseURL string, keepRaw *int) (Report, error) {
	return migrate(ctx, databaseURL, func(p *goose.Provider, db *database, r *Report) error {
		why, err := timescaleMissing(ctx, db)
		if err == nil && why != "" {
			err = errors.New(why)
		}
		if err != nil {
			return err
		}
		var more []step
		if keepRaw != nil {
			more = retention(*keepRaw)
		}
		return allUp(ctx, p, db, r, more)
	})
}
