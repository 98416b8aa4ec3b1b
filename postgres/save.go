package postgres

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
)

// Save stores what runs found out, in one transaction: a meter's registry, shadow, history (by triggers), events, half-hours and log row
// come together or not at all, and are counted in their run. Of results that were not judged only the log is written, and so it is of
// meters that have been deleted or exchanged since. Saving the same results again stores and counts nothing twice.
func (s *Store) Save(ctx context.Context, results []flows.Result) error {
	if len(results) == 0 {
		return nil
	}
	batch := &pgx.Batch{}
	// Whoever holds a meter's rows for longer must not hold up all others: the saver comes back to it.
	batch.Queue(`set local lock_timeout = '2s'`)
	rounds := judged(results)
	if len(rounds) > 0 {
		queueRounds(batch, rounds)
	}
	queueLog(batch, results)
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		return tx.SendBatch(ctx, batch).Close()
	})
	if kept := withoutExchanged(results, rounds, err); kept != nil {
		return s.Save(ctx, kept)
	}
	return trouble(fmt.Sprintf("save %d meters", len(results)), err)
}

func queueRounds(batch *pgx.Batch, rounds [][]*flows.Result) {
	// Savers that meet take their rows in one order and so never wait for each other in a circle.
	batch.Queue(`select from flows.meter_shadows where id = any($1::text[]::uuid[]) order by id for no key update`, meterIDs(rounds))
	queueSerials(batch, rounds)
	for _, round := range rounds {
		queueUpdates(batch, registryTable, round)
	}
	for _, round := range rounds {
		queueUpdates(batch, shadowTable, round)
	}
	queueEvents(batch, rounds)
	queueProfile(batch, rounds, true)
}

// judged sorts the results with a verdict into rounds, in each of which a meter comes once and the meters are sorted; a meter with two
// results (hourly and daily, say) has the earlier one in the earlier round.
func judged(results []flows.Result) [][]*flows.Result {
	var all []*flows.Result
	for i := range results {
		if results[i].Health != flows.NeverRun {
			all = append(all, &results[i])
		}
	}
	slices.SortStableFunc(all, func(a, b *flows.Result) int {
		return cmp.Or(cmp.Compare(a.Meter.ID, b.Meter.ID), a.ReadAt.Compare(b.ReadAt))
	})
	var rounds [][]*flows.Result
	n := 0
	for i, r := range all {
		if n++; i == 0 || all[i-1].Meter.ID != r.Meter.ID {
			n = 0
		}
		if n == len(rounds) {
			rounds = append(rounds, nil)
		}
		rounds[n] = append(rounds[n], r)
	}
	return rounds
}

func meterIDs(rounds [][]*flows.Result) []string {
	ids := make([]string, len(rounds[0]))
	for i, r := range rounds[0] {
		ids[i] = r.Meter.ID
	}
	return ids
}

// queueUpdates writes one UPDATE for every set of columns that occurs in the round.
func queueUpdates(batch *pgx.Batch, t table, round []*flows.Result) {
	groups := map[uint64]*group{}
	for _, r := range round {
		set, values := t.read(r)
		if set == 0 {
			continue
		}
		g := groups[set]
		if g == nil {
			g = &group{values: make([][]*string, len(values))}
			groups[set] = g
		}
		g.ids = append(g.ids, r.Meter.ID)
		for i, v := range values {
			g.values[i] = append(g.values[i], v)
		}
	}
	for _, set := range slices.Sorted(maps.Keys(groups)) {
		args := []any{groups[set].ids}
		for _, values := range groups[set].values {
			args = append(args, values)
		}
		batch.Queue(t.update(set), args...)
	}
}

// group is the rows of one UPDATE, column by column.
type group struct {
	ids    []string
	values [][]*string
}

// update is the statement that sets just these columns. A column that was not read must not be in the SET list at all: there it would
// fire its trigger and store the old value as a new reading.
func (t table) update(set uint64) string {
	var assign, unnest, names strings.Builder
	n := 1
	for i, c := range t.columns {
		if set&(1<<i) == 0 {
			continue
		}
		n++
		if n > 2 {
			assign.WriteString(", ")
		}
		value := fmt.Sprintf("v.c%d", n)
		if c.fill {
			value = fmt.Sprintf("coalesce(t.%s, %s)", c.name, value)
		}
		fmt.Fprintf(&assign, "%s = %s", c.name, value)
		fmt.Fprintf(&unnest, ", $%d::text[]::%s[]", n, c.kind)
		fmt.Fprintf(&names, ", c%d", n)
	}
	return fmt.Sprintf(`update %s t set %s from unnest($1::text[]::uuid[]%s) v (id%s) where t.id = v.id`, t.name, &assign, &unnest, &names)
}

// queueEvents adds the events of all rounds; those that are stored already stay as they are, and of two with one key the first stays.
// What a meter logged before it was exchanged for another one, it logged elsewhere.
func queueEvents(batch *pgx.Batch, rounds [][]*flows.Result) {
	var ids []string
	var times []time.Time
	var types, sets []int
	for _, round := range rounds {
		for _, r := range round {
			for _, e := range r.Events {
				ids, times, types, sets = append(ids, r.Meter.ID), append(times, e.Time), append(types, e.Type), append(sets, e.Set)
			}
		}
	}
	if len(ids) == 0 {
		return
	}
	batch.Queue(`
		insert into flows.meter_event_log (meter_id, timestamp, event_type, event_set)
		select v.id, v.at, v.type, v.set from unnest($1::text[]::uuid[], $2::timestamptz[], $3::int[], $4::int[])
			with ordinality v (id, at, type, set, n)
		where exists (select from flows.meter_shadows s where s.id = v.id)
			and not exists (select from flows.meter_registers g where g.meter_id = v.id and g.serial is not null and g.end_time > v.at)
		order by v.n
		on conflict (meter_id, timestamp, event_type) do nothing`, ids, times, types, sets)
}
