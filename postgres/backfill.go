package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
)

// MissingHalfHours gives the half-hourly times from one to another, both included, of which there is neither a record nor a hole that the
// meter has shown, of each of its enabled registers and directions, in stretches and the earliest first. Of a register that has taken
// another one's place nothing is missing before it began: another meter was there. A meter that has been exchanged since has none.
func (s *Store) MissingHalfHours(ctx context.Context, m flows.Meter, from, to time.Time) ([]flows.ProfileHole, error) {
	rows, _ := s.pool.Query(ctx, `
		with registers as (
			select g.register_id, case g.element when 'B' then 'B' else 'A' end element, d.direction,
				case when g.initial_read is not null or exists (
					select from flows.meter_registers p where p.meter_id = g.meter_id and p.status = 'replaced' and (p.element = 'B') = (g.element = 'B')
				) then g.start_time else '-infinity' end since
			from flows.meter_registers g join flows.meter_registry r on r.id = g.meter_id
			cross join (values ('import'), ('export')) d (direction)
			where r.id = $1::text::uuid and r.serial = $2 and g.status = 'enabled'
		), missing as (
			select r.element, r.direction, t.at, row_number() over (partition by r.register_id, r.direction order by t.at) n
			from registers r join generate_series($3::timestamptz, $4, interval '30 minutes') t (at) on t.at >= r.since
			where not exists (
				select from flows.register_profile_hh h where h.register_id = r.register_id and h.direction = r.direction and h."timestamp" = t.at
			) and not exists (
				select from flows.register_profile_hole o
				where o.register_id = r.register_id and o.direction = r.direction and o.start_time <= t.at and o.end_time > t.at
			)
		)
		select element, direction, min(at), max(at) + interval '30 minutes' from missing
		group by element, direction, at - n * interval '30 minutes' order by 3, 1, 2`,
		m.ID, m.Serial, from.UTC().Add(flows.SlotLength-1).Truncate(flows.SlotLength), to.UTC())
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (h flows.ProfileHole, err error) {
		err = row.Scan(&h.Element, &h.Direction, &h.From, &h.To)
		return h, err
	})
	return list, trouble("look for missing half-hours", err)
}

// SaveProfile stores the half-hours and holes of results, and nothing else of them: no verdict, no reading, no log row. Either all are stored
// or none; those of a meter that has been exchanged since are refused. Storing them again changes nothing.
func (s *Store) SaveProfile(ctx context.Context, results []flows.Result) error {
	if len(results) == 0 {
		return nil
	}
	round := make([]*flows.Result, len(results))
	for i := range results {
		round[i] = &results[i]
	}
	rounds := [][]*flows.Result{round}
	batch := &pgx.Batch{}
	batch.Queue(`set local lock_timeout = '2s'`)
	// The shadow first, as a save and an exchange do.
	batch.Queue(`select from flows.meter_shadows where id = any($1::text[]::uuid[]) order by id for no key update`, meterIDs(rounds))
	queueSerials(batch, rounds)
	queueProfile(batch, rounds, false)
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		return tx.SendBatch(ctx, batch).Close()
	})
	if withoutExchanged(results, rounds, err) != nil {
		return &flows.Error{Code: flows.UnknownSerial, Refused: true,
			Err: errors.New("the meter was exchanged after it had been read: its last half-hours are not stored; run it again for the new one's")}
	}
	return trouble(fmt.Sprintf("save half-hours of %d meters", len(results)), err)
}
