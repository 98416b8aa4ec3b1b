package postgres

import (
	"slices"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
)

// queueProfile adds the half-hourly records of all rounds and moves the marks of their registers. The first record of a time stays; what
// says something else of that time is kept beside it. Triggers make the exact intervals, and hold the register's row while they do: the
// rows come sorted by register, so that savers never wait for each other in a circle, and by direction and time, since one unbroken run costs
// as much as one row. Only what the schedule fetches begins a mark.
func queueProfile(batch *pgx.Batch, rounds [][]*flows.Result, scheduled bool) {
	p := profileColumns(rounds)
	if len(p.ids) == 0 {
		return
	}
	// All that this save will lock, in the order of those who judge.
	batch.Queue(`select from flows.meter_registers where status = 'enabled' and meter_id = any($1::text[]::uuid[]) order by register_id for no key update`, p.ids)
	queueHoles(batch, rounds)
	if len(p.times) > 0 {
		queueRecords(batch, p)
	}
	batch.Queue(`
		select flows.register_profile_advance(array(
			select register_id from flows.meter_registers where status = 'enabled' and meter_id = any($1::text[]::uuid[])), $2)`, p.ids, scheduled)
}

func queueRecords(batch *pgx.Batch, p profile) {
	args := []any{p.meters, p.elements, p.directions, p.times, p.reads, p.status, p.received}
	batch.Queue(`
		insert into flows.register_profile_hh (register_id, direction, "timestamp", read, status, received_at)
		select g.register_id, v.direction, v.at, v.read, v.status, v.received from `+profileRows+`
		order by g.register_id, v.direction, v.at, v.n
		on conflict do nothing`, args...)
	first, last := slices.MinFunc(p.times, time.Time.Compare), slices.MaxFunc(p.times, time.Time.Compare)
	batch.Queue(`
		insert into flows.register_profile_conflict (register_id, direction, "timestamp", read, status, received_at)
		select g.register_id, v.direction, v.at, v.read, v.status, v.received from `+profileRows+`
		join flows.register_profile_hh h on h.register_id = g.register_id and h.direction = v.direction and h."timestamp" = v.at
			and h."timestamp" between $8 and $9 -- or TimescaleDB looks into all of its chunks
		where (h.read, h.status) <> (v.read, v.status)
		order by g.register_id, v.direction, v.at, v.n
		on conflict do nothing`, append(args, first, last)...)
}

// profileRows are the records with their registers; what belongs to no enabled register is not there. SINGLE is the A of a meter that has no B.
const profileRows = `
	unnest($1::text[]::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::text[]::numeric[], $6::integer[], $7::timestamptz[])
		with ordinality v (meter_id, element, direction, at, read, status, received, n)
	join flows.meter_registers g on g.meter_id = v.meter_id and g.status = 'enabled' and (g.element = 'B') = (v.element = 'B')`

// profile is records, column by column.
type profile struct {
	ids                                 []string // each meter once
	meters, elements, directions, reads []string
	times, received                     []time.Time
	status                              []int
}

// profileColumns gives each record the time at which its run ended: none can be younger, whatever the order in which the run asked.
func profileColumns(rounds [][]*flows.Result) (p profile) {
	for _, round := range rounds {
		for _, r := range round {
			if len(r.Profile)+len(r.Holes) == 0 {
				continue
			}
			p.ids = append(p.ids, r.Meter.ID)
			received := r.ReadAt.Add(r.Duration)
			for _, record := range r.Profile {
				p.meters, p.elements = append(p.meters, r.Meter.ID), append(p.elements, record.Element)
				p.directions, p.times = append(p.directions, string(record.Direction)), append(p.times, record.Time)
				p.reads, p.status = append(p.reads, record.Read.String()), append(p.status, int(record.Status))
				p.received = append(p.received, received)
			}
		}
	}
	return p
}

// queueHoles adds what the meters' logs have shown not to hold, so that the marks can pass it.
func queueHoles(batch *pgx.Batch, rounds [][]*flows.Result) {
	var meters, elements, directions []string
	var from, to []time.Time
	for _, round := range rounds {
		for _, r := range round {
			for _, h := range r.Holes {
				meters, elements, directions = append(meters, r.Meter.ID), append(elements, h.Element), append(directions, string(h.Direction))
				from, to = append(from, h.From), append(to, h.To)
			}
		}
	}
	if len(meters) == 0 {
		return
	}
	batch.Queue(`
		insert into flows.register_profile_hole as o (register_id, direction, start_time, end_time)
		select g.register_id, v.direction, v.start, max(v.stop)
		from unnest($1::text[]::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[]) v (meter_id, element, direction, start, stop)
		join flows.meter_registers g on g.meter_id = v.meter_id and g.status = 'enabled' and (g.element = 'B') = (v.element = 'B')
		group by 1, 2, 3 order by 1, 2, 3
		on conflict (register_id, direction, start_time) do update set end_time = excluded.end_time where excluded.end_time > o.end_time`,
		meters, elements, directions, from, to)
}

// marks is what a meter's marks are read from, beside meters' r: three columns, an element of each for a register and direction.
const marks = `
	left join lateral (
		select array_agg(case g.element when 'B' then 'B' else 'A' end order by g.element, k.direction) elements,
			array_agg(k.direction order by g.element, k.direction) directions, array_agg(k.through order by g.element, k.direction) through
		from flows.meter_registers g join flows.register_profile_mark k using (register_id)
		where g.meter_id = r.id and g.status = 'enabled'
	) p on true`

func profileMarks(elements, directions []string, through []time.Time) []flows.ProfileMark {
	var list []flows.ProfileMark
	for i := range elements {
		list = append(list, flows.ProfileMark{Element: elements[i], Direction: flows.Direction(directions[i]), Through: through[i].UTC()})
	}
	return list
}
