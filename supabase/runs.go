package supabase

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"flows"
)

// BeginRun makes the run of somebody's command, which has all its meters already; 0 where there is no table for runs.
func (s *Store) BeginRun(ctx context.Context, r flows.Run) (id int64, err error) {
	if !s.hasTable("sync_runs") {
		return 0, nil
	}
	at := moment(&r.Scheduled)
	row := map[string]any{"frequency": r.Frequency, "esco": nil, "origin": r.Origin, "scheduled_for": at, "started_at": at, "listed_at": at, "meters": r.Meters}
	if r.Meters == 0 {
		row["finished_at"] = at
	}
	if r.ESCO != "" {
		codes, err := s.codes(ctx)
		if err != nil {
			return 0, err
		}
		for i, code := range codes {
			if code == r.ESCO {
				row["esco"] = i
			}
		}
	}
	var rows []struct{ ID int64 }
	c := call{method: http.MethodPost, path: "sync_runs", prefer: rowsBack + ",resolution=merge-duplicates", body: []any{row},
		query: url.Values{"on_conflict": {"frequency,esco,origin,scheduled_for"}, "select": {"id"}}}
	if err = s.do(ctx, "begin a run", c, &rows); err == nil && len(rows) == 1 {
		id = rows[0].ID
	}
	return id, err
}

// EndRun counts what became of the run's meters by the log's rows. What has no row is not done or, that many, skipped for the reason given.
func (s *Store) EndRun(ctx context.Context, id int64, notDone int, why string) error {
	if id == 0 {
		return nil // there is no table for runs
	}
	row, counted := map[string]any{"saved_at": moment(new(time.Now()))}, 0
	for _, v := range []flows.Verdict{flows.VerdictHealthy, flows.VerdictUnhealthy, flows.VerdictSkipped, flows.VerdictNotDone} {
		var n int
		c := call{method: http.MethodGet, path: "meter_sync_log", prefer: "count=exact", count: &n,
			query: url.Values{"select": {"run_id"}, "run_id": {"eq." + strconv.FormatInt(id, 10)}, "verdict": {"eq." + string(v)}, "limit": {"1"}}}
		if err := s.do(ctx, "count the meters of a run", c, &[]struct{}{}); err != nil {
			return err
		}
		row[string(v)], counted = n, counted+n
	}
	var runs []struct{ Meters int }
	query := url.Values{"id": {"eq." + strconv.FormatInt(id, 10)}, "select": {"meters"}}
	if err := s.do(ctx, "look at a run", call{method: http.MethodGet, path: "sync_runs", query: query}, &runs); err != nil || len(runs) == 0 {
		return err
	}
	rest := max(0, runs[0].Meters-counted)
	lost := min(rest, max(0, notDone-row[string(flows.VerdictNotDone)].(int)))
	row[string(flows.VerdictNotDone)] = row[string(flows.VerdictNotDone)].(int) + lost
	if rest > lost {
		row[string(flows.VerdictSkipped)] = row[string(flows.VerdictSkipped)].(int) + rest - lost
		row["skip_reasons"] = map[string]int{why: rest - lost}
	}
	return s.do(ctx, "end a run", call{method: http.MethodPatch, path: "sync_runs", query: url.Values{"id": query["id"]}, prefer: minimal, body: row}, nil)
}
