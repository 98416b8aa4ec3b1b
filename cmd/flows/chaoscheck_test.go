//go:build linux

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"flows"
	"flows/ledger"
	"flows/postgres"
)

func clock(t time.Time) string { return t.UTC().Format("15:04:05.000") }

// Questions to the database, each of which gives a sentence for everything that is wrong.
const (
	waitingJobs = `
		select format('job %s (%s), %s, attempt %s of %s, since %s: meter %s, run %s%s', j.id, j.kind, j.state, j.attempt, j.max_attempts,
			coalesce(j.attempted_at, j.created_at), coalesce(r.serial, 'none'), j.args->>'run', E'\n\t' || coalesce(j.errors[cardinality(j.errors)]::text, ''))
		from river.river_job j left join flows.meter_registry r on r.id::text = j.args->>'meter'
		where j.kind in ('meter_sync', 'meter_sync_all') and j.state in ('available', 'pending', 'scheduled', 'retryable', 'running') order by j.id`

	unsavedJobs = `
		select format('meter %s: job %s of run %s (%s) was completed at %s, but nothing of it is stored',
			r.serial, j.id, j.args->>'run', j.args->>'scheduled', j.finalized_at)
		from river.river_job j left join flows.meter_registry r on r.id::text = j.args->>'meter'
		where j.kind = 'meter_sync' and j.state = 'completed' and not exists (
			select from flows.meter_sync_log l where l.meter_id = r.id and l.run_id = (j.args->>'run')::bigint)
		order by j.id`

	abandonedJobs = `
		select format('meter %s: job %s (%s) of run %s was given up (%s): %s', coalesce(r.serial, 'none'), j.id, j.kind, j.args->>'run', j.state,
			j.errors[cardinality(j.errors)]::text)
		from river.river_job j left join flows.meter_registry r on r.id::text = j.args->>'meter' where j.state in ('discarded', 'cancelled') order by j.id`

	unsavedReads = `
		with read as (
			select r.id, r.serial, l.read_at, l.run_id, o->>'metric' metric
			from flows.meter_sync_log l join flows.meter_registry r on r.id = l.meter_id, jsonb_array_elements(l.outcomes) o where o->>'state' = 'read'
		), wanted as (
			select d.*, g.register_id, v.history from read d join flows.meter_registers g on g.meter_id = d.id and g.status = 'enabled',
				(values ('register_import'), ('register_export')) v (history) where d.metric = 'SyncerReads'
			union all
			select d.*, null, 'register_import' from read d where d.metric = 'SyncerReads' and not exists (select from flows.meter_registers where meter_id = d.id)
			union all
			select d.*, null, case d.metric when 'SyncerVoltage' then 'voltage' else 'meter_prepay_balance' end
			from read d where d.metric in ('SyncerVoltage', 'SyncerPrepayBalance')
		)
		select format('meter %s, register %s, %s at %s: run %s has read it, but it is not stored', serial, coalesce(register_id::text, 'none'), history, read_at, run_id)
		from wanted w where case history
			when 'register_import' then not exists (select from flows.register_import h where h.register_id = w.register_id and h.timestamp = read_at)
			when 'register_export' then not exists (select from flows.register_export h where h.register_id = w.register_id and h.timestamp = read_at)
			when 'meter_prepay_balance' then not exists (select from flows.meter_prepay_balance h where h.meter_id = w.id and h.timestamp = read_at)
			else not exists (select from flows.meter_voltage h where h.meter_id = w.id and h.timestamp = read_at)
				and not exists (select from flows.meter_3p_voltage h where h.meter_id = w.id and h.timestamp = read_at) end
		order by read_at`

	doubledRuns = `
		select format('run %s of %s was begun by %s jobs', r.id, r.scheduled_for, count(j.id))
		from flows.sync_runs r left join river.river_job j on j.kind = 'meter_sync_all' and (j.args->>'run')::bigint = r.id
		where not r.missed group by r.id having count(j.id) <> 1`

	unfinishedRuns = `
		select format('run %s of %s is not finished: %s meters, %s healthy, %s unhealthy, %s skipped, %s not done', id, scheduled_for, meters, healthy, unhealthy, skipped, not_done)
		from flows.sync_runs where finished_at is null order by id`

	lastReads = `
		select r.serial, (select max(i.timestamp) from flows.register_import i join flows.meter_registers g using (register_id)
				where g.meter_id = r.id and g.element in ('A', 'SINGLE')),
			coalesce((select format('its last job is %s of run %s, %s, attempt %s of %s, %s', j.id, j.args->>'run', j.state, j.attempt, j.attempted_at,
					j.errors[cardinality(j.errors)]->>'error')
				from river.river_job j where j.args->>'meter' = r.id::text order by j.id desc limit 1), 'it has no job')
		from flows.meter_registry r order by 1`

	miscountedRuns = `
		select format('run %s of %s counts %s healthy, %s unhealthy, %s skipped, %s not done; the log of meters has %s, %s, %s and %s, and %s had no job',
			r.id, r.scheduled_for, r.healthy, r.unhealthy, r.skipped, r.not_done, l.healthy, l.unhealthy, l.skipped, l.not_done, s.n)
		from flows.sync_runs r, lateral (
			select count(*) filter (where verdict = 'healthy') healthy, count(*) filter (where verdict = 'unhealthy') unhealthy,
				count(*) filter (where verdict = 'skipped') skipped, count(*) filter (where verdict = 'not_done') not_done
			from flows.meter_sync_log where run_id = r.id) l, lateral (select coalesce(sum(value::int), 0) n from jsonb_each_text(r.skip_reasons)) s
		where (r.healthy, r.unhealthy, r.skipped, r.not_done) is distinct from (l.healthy, l.unhealthy, l.skipped + s.n, l.not_done)
			or not r.missed and r.meters <> r.healthy + r.unhealthy + r.skipped + r.not_done
		order by r.id`
)

func waiting(ctx context.Context, conn *pgx.Conn) []string {
	rows, _ := conn.Query(ctx, waitingJobs)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return []string{err.Error()}
	}
	return list
}

// mostTold is how many sentences of one kind are printed.
const mostTold = 20

func (c *chaos) complain(about string, sentences []string) {
	c.t.Helper()
	if len(sentences) > 0 {
		c.t.Errorf("%s: %d\n\t%s", about, len(sentences), strings.Join(sentences[:min(len(sentences), mostTold)], "\n\t"))
	}
}

// check looks for all that must never happen, after no more failures came since calm and no tick since last.
func (c *chaos) check(calm, last time.Time) {
	c.t.Helper()
	conn := c.connect()
	for about, question := range map[string]string{
		"values lost after they were acknowledged": unsavedJobs, "reads lost": unsavedReads, "jobs given up": abandonedJobs,
		"runs not finished": unfinishedRuns, "runs doubled or never begun": doubledRuns, "runs counted wrongly": miscountedRuns,
	} {
		rows, _ := conn.Query(c.ctx, question)
		sentences, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			c.t.Fatalf("%s: %v", about, err)
		}
		c.complain(about, sentences)
	}
	store, err := postgres.Open(c.ctx, c.databaseURL())
	if err != nil {
		c.t.Fatal(err)
	}
	defer store.Close()
	facts, err := store.Facts(c.ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	answers := ledgerAnswers(c.fleet.Ledger())
	var invented []string
	for _, m := range ledger.Contained(ledgerMeters(c.fleet.Meters()), answers, facts) {
		invented = append(invented, m.String())
	}
	c.complain("values that no meter answered then", invented)
	c.t.Logf("%d stored values, %d answers", len(facts), len(answers))
	runs, err := store.Runs(c.ctx, 1000)
	if err != nil {
		c.t.Fatal(err)
	}
	c.checkTicks(runs, last)
	c.checkShare(conn, runs, calm)
}

// checkTicks wants every tick from the first to the last exactly once. Runs come newest first.
func (c *chaos) checkTicks(runs []flows.Run, last time.Time) {
	c.t.Helper()
	times := map[time.Time]int{}
	missed := 0
	for _, r := range runs {
		c.t.Logf("run %d of %s: %d meters, %d healthy, %d unhealthy, %d skipped %v, %d not done, missed %v", r.ID, clock(r.Scheduled), r.Meters, r.Healthy,
			r.Unhealthy, r.Skipped, r.SkipReasons, r.NotDone, r.Missed)
		times[r.Scheduled.UTC()]++
		if r.Missed {
			missed++
		}
	}
	if len(runs) == 0 {
		c.t.Fatal("there is no run")
	}
	first := runs[len(runs)-1].Scheduled.UTC()
	for tick := first; !tick.After(last); tick = tick.Add(chaosEvery) {
		if n := times[tick]; n != 1 {
			c.t.Errorf("the tick of %s has %d runs", clock(tick), n)
		}
		delete(times, tick)
	}
	for tick := range times {
		c.t.Errorf("the run of %s has no tick", clock(tick))
	}
	// No failure lasts as long as from one tick to the next.
	if missed > 0 {
		c.t.Errorf("%d ticks were missed", missed)
	}
}

// checkShare wants nearly all meters done, and nearly all that can be reached read in the end.
func (c *chaos) checkShare(conn *pgx.Conn, runs []flows.Run, calm time.Time) {
	c.t.Helper()
	const atLeast = 95 // %
	meters, done := 0, 0
	for _, r := range runs {
		if !r.Missed {
			meters, done = meters+r.Meters, done+r.Healthy+r.Unhealthy+r.Skipped
		}
	}
	if done*100 < meters*atLeast {
		c.t.Errorf("of %d meters in %d runs only %d are done", meters, len(runs), done)
	}
	rows, _ := conn.Query(c.ctx, lastReads)
	type reading struct {
		Serial string
		At     *time.Time
		Job    string
	}
	readings, err := pgx.CollectRows(rows, pgx.RowToStructByPos[reading])
	if err != nil {
		c.t.Fatal(err)
	}
	stale := map[string]string{}
	for _, r := range readings {
		if r.At == nil || r.At.Before(calm) {
			stale[r.Serial] = fmt.Sprintf("meter %s was last read at %v; %s", r.Serial, r.At, r.Job)
		}
	}
	live := 0
	var unread []string
	for _, m := range c.fleet.Meters() {
		if m.Reachable && m.OwnSerial == m.Serial {
			live++
			if s := stale[m.Serial]; s != "" {
				unread = append(unread, s)
			}
		}
	}
	c.t.Logf("%d of %d meters done in %d runs; %d of %d live meters not read since the last failure at %s", done, meters, len(runs), len(unread), live, clock(calm))
	if len(unread)*100 > live*(100-atLeast) {
		c.complain("live meters not read since the last failure", unread)
	}
}
