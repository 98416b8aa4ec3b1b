package postgres

import (
	"encoding/json"
	"slices"
	"strconv"

	"flows"

	"github.com/jackc/pgx/v5"
)

// queueLog adds a row a meter and run, and counts the new rows in their runs: a row that is there already has been counted. The runs are
// locked last, since all savers meet there, and in one order.
func queueLog(batch *pgx.Batch, results []flows.Result) {
	const columns = 11
	values := make([][]*string, columns)
	var runs []int64
	for i := range results {
		r := &results[i]
		at := moment(&r.Scheduled)
		if at == nil {
			at = moment(&r.ReadAt)
		}
		for c, v := range [columns]*string{
			&r.Meter.ID, at, new(strconv.FormatInt(r.Run, 10)), new(string(r.Frequency)), new(string(r.Verdict())), moment(&r.ReadAt),
			new(strconv.FormatInt(r.Duration.Milliseconds(), 10)), filled(string(r.Code)), filled(r.Object), clean(&r.Details), outcomes(r),
		} {
			values[c] = append(values[c], v)
		}
		if r.Run != 0 && !slices.Contains(runs, r.Run) {
			runs = append(runs, r.Run)
		}
	}
	args := []any{runs}
	for _, v := range values {
		args = append(args, v)
	}
	if len(runs) > 0 {
		batch.Queue(`select from flows.sync_runs where id = any($1) order by id for no key update`, runs)
	}
	batch.Queue(`
		with added as (
			insert into flows.meter_sync_log (meter_id, "timestamp", run_id, frequency, verdict, read_at, duration_ms, error_code, error_object, details, outcomes)
			select * from unnest($2::text[]::uuid[], $3::text[]::timestamptz[], $4::text[]::bigint[], $5::text[], $6::text[], $7::text[]::timestamptz[],
				$8::text[]::integer[], $9::text[], $10::text[], $11::text[], $12::text[]::jsonb[])
			order by 1
			on conflict do nothing returning run_id, verdict
		), counts as (
			select run_id, count(*) filter (where verdict = 'healthy') healthy, count(*) filter (where verdict = 'unhealthy') unhealthy,
				count(*) filter (where verdict = 'skipped') skipped, count(*) filter (where verdict = 'not_done') not_done
			from added group by run_id
		)
		update flows.sync_runs r set saved_at = now(), healthy = r.healthy + c.healthy, unhealthy = r.unhealthy + c.unhealthy,
			skipped = r.skipped + c.skipped, not_done = r.not_done + c.not_done
		from counts c where r.id = c.run_id and r.id = any($1)`, args...)
}

// filled is null for a text that says nothing.
func filled(s string) *string {
	if s == "" {
		return nil
	}
	return clean(&s)
}

// outcomes are cleaned before they are JSON: an escaped NUL is no jsonb either.
func outcomes(r *flows.Result) *string {
	all := make([]flows.Outcome, len(r.Outcomes))
	for i, o := range r.Outcomes {
		o.Metric, o.Object, o.Reason = *clean(&o.Metric), *clean(&o.Object), *clean(&o.Reason)
		all[i] = o
	}
	text, err := json.Marshal(all)
	if err != nil {
		return new("[]")
	}
	return new(string(text))
}
