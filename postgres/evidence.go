package postgres

import (
	"context"
	"slices"
	"strings"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
)

// Times that stand for no bound.
var (
	longAgo = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	farAway = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
)

// items are the matters as columns $1 to $6: number, register, meter, direction, and the context's bounds. $7 and $8 bound all of them, which
// tells TimescaleDB which chunks to leave alone: it looks at constants before it looks at joins.
const items = `unnest($1::int[], $2::text[]::uuid[], $3::text[]::uuid[], $4::text[], $5::timestamptz[], $6::timestamptz[]) i (n, register_id, meter_id, direction, start, stop)`

// gatherEvidence reads everything raw that lies in the matters' contexts.
func gatherEvidence(ctx context.Context, tx pgx.Tx, all []*matter) error {
	g := gathering{all: all}
	for n, m := range all {
		m.Records, m.Reads, m.Drifts, m.Balances, m.Events, m.Edits, m.Picks, m.Past = nil, nil, nil, nil, nil, nil, nil, nil
		m.Exported, m.Lost, m.Passive = nil, nil, nil
		g.n, g.registers, g.meters = append(g.n, n), append(g.registers, m.Register), append(g.meters, m.Meter)
		g.directions = append(g.directions, string(m.Direction))
		g.from, g.to = append(g.from, bound(m.Context.From, longAgo)), append(g.to, bound(m.Context.To, farAway))
	}
	g.first, g.last = slices.MinFunc(g.from, time.Time.Compare), slices.MaxFunc(g.to, time.Time.Compare)
	g.records()
	g.reads()
	g.ofMeters()
	g.persons()
	g.past()
	g.exported()
	if err := tx.SendBatch(ctx, &g.batch).Close(); err != nil {
		return err
	}
	for _, m := range all {
		m.finish()
	}
	return nil
}

func bound(t, none time.Time) time.Time {
	if t.IsZero() {
		return none
	}
	return t
}

// gathering is the questions of one round.
type gathering struct {
	all                           []*matter
	n                             []int
	registers, meters, directions []string
	from, to                      []time.Time
	first, last                   time.Time
	batch                         pgx.Batch
}

// ask puts one question whose first column is the matter's number.
func (g *gathering) ask(query string, row func(scan scanner) error) {
	args := []any{g.n, g.registers, g.meters, g.directions, g.from, g.to}
	if strings.Contains(query, "$7") { // of a time series
		args = append(args, g.first, g.last)
	}
	g.batch.Queue(query, args...).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			if err := row(func(columns ...any) (*matter, error) {
				var n int
				err := rows.Scan(append([]any{&n}, columns...)...)
				return g.all[n], err
			}); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// scanner reads the other columns of a row and gives the matter that it is of.
type scanner func(columns ...any) (*matter, error)

func (g *gathering) records() {
	g.ask(`
		select i.n, h."timestamp", (h.read * 10000)::bigint, h.status, h.received_at from `+items+`
		join flows.register_profile_hh h on h.register_id = i.register_id and h.direction = i.direction and h."timestamp" >= i.start and h."timestamp" < i.stop
			and h."timestamp" >= $7 and h."timestamp" < $8
		union all
		select i.n, h."timestamp", (h.read * 10000)::bigint, h.status, h.received_at from `+items+`
		join flows.register_profile_conflict h on h.register_id = i.register_id and h.direction = i.direction and h."timestamp" >= i.start and h."timestamp" < i.stop
			and h."timestamp" >= $7 and h."timestamp" < $8`,
		func(scan scanner) error {
			var r flows.ProfileRecord
			var status int32
			m, err := scan(&r.Time, &r.Value, &status, &r.Received)
			r.Status = uint16(status)
			m.Records = append(m.Records, r)
			return err
		})
	g.ask(`
		select i.n, o.start_time, o.end_time from `+items+`
		join flows.register_profile_hole o on o.register_id = i.register_id and o.direction = i.direction and o.end_time > i.start and o.start_time < i.stop
		order by o.start_time`, func(scan scanner) error {
		var p flows.Period
		m, err := scan(&p.From, &p.To)
		m.Lost = append(m.Lost, p)
		return err
	})
}

func (g *gathering) reads() {
	g.ask(`
		select i.n, t."timestamp", (t.read * 10000)::bigint from `+items+`
		join flows.register_import t on t.register_id = i.register_id and t."timestamp" >= i.start and t."timestamp" < i.stop
			and t."timestamp" >= $7 and t."timestamp" < $8 where i.direction = 'import'
		union all
		select i.n, t."timestamp", (t.read * 10000)::bigint from `+items+`
		join flows.register_export t on t.register_id = i.register_id and t."timestamp" >= i.start and t."timestamp" < i.stop
			and t."timestamp" >= $7 and t."timestamp" < $8 where i.direction = 'export'`,
		func(scan scanner) error {
			var r flows.RegisterRead
			m, err := scan(&r.Time, &r.Value)
			m.Reads = append(m.Reads, r)
			return err
		})
}

// ofMeters asks for what registers of a meter share: the clock's measurements with the last one before, balances, events, and when
// the meter was passive.
func (g *gathering) ofMeters() {
	g.ask(`
		select i.n, d."timestamp", (d.seconds * 1000000)::bigint from `+items+`
		join flows.meter_clock_diff d on d.meter_id = i.meter_id and d."timestamp" < i.stop and d."timestamp" >= coalesce(
			(select max(b."timestamp") from flows.meter_clock_diff b where b.meter_id = i.meter_id and b."timestamp" < i.start), i.start)
		order by d."timestamp"`, func(scan scanner) error {
		var r flows.ClockReading
		var micros int64
		m, err := scan(&r.Time, &micros)
		const most = 1 << 53 // 285 years; a meter's clock may say any
		r.Diff = time.Duration(min(max(micros, -most), most)) * time.Microsecond
		m.Drifts = append(m.Drifts, r)
		return err
	})
	g.ask(`
		select i.n, b."timestamp", (b.balance * 100000)::bigint from `+items+`
		join flows.meter_prepay_balance b on b.meter_id = i.meter_id and b."timestamp" >= i.start and b."timestamp" < i.stop
			and b."timestamp" >= $7 and b."timestamp" < $8`,
		func(scan scanner) error {
			var r flows.BalanceReading
			m, err := scan(&r.Time, &r.Amount)
			m.Balances = append(m.Balances, r)
			return err
		})
	g.ask(`
		select i.n, e."timestamp", e.event_type, coalesce(e.event_set, 0) from `+items+`
		join flows.meter_event_log e on e.meter_id = i.meter_id and e."timestamp" >= i.start and e."timestamp" < i.stop
		order by e."timestamp", e.event_type`, func(scan scanner) error {
		var e flows.Event
		m, err := scan(&e.Time, &e.Type, &e.Set)
		m.Events = append(m.Events, e)
		return err
	})
	g.ask(`
		select i.n, h."timestamp", coalesce(lead(h."timestamp") over (partition by i.n order by h."timestamp"), '9999-01-01Z'), h.mode,
			row_number() over (partition by i.n order by h."timestamp") = 1
		from `+items+` join (
			select meter_id, "timestamp", mode from flows.meter_mode_history
			union all select id, '0001-01-01Z', mode from flows.meter_registry r
			where not exists (select from flows.meter_mode_history h where h.meter_id = r.id)
		) h using (meter_id)`, func(scan scanner) error {
		var p flows.Period
		var mode flows.Mode
		var first bool
		m, err := scan(&p.From, &p.To, &mode, &first)
		if mode == flows.Passive {
			m.Passive = append(m.Passive, p)
		} else if first && p.From.Year() > 1 {
			m.Passive = append(m.Passive, flows.Period{To: p.From}) // what it was before it changed
		}
		return err
	})
}

// persons asks for what people have said: values and picks that nobody has taken back.
func (g *gathering) persons() {
	g.ask(`
		select i.n, e."timestamp", (e."interval" * 10000)::bigint, e.made_at, e.why from `+items+`
		join flows.register_interval_edit e on e.register_id = i.register_id and e.direction = i.direction and e.withdrawn_at is null`,
		func(scan scanner) error {
			var e flows.IntervalEdit
			m, err := scan(&e.Start, &e.Value, &e.Made, &e.Reason)
			m.Edits = append(m.Edits, e)
			return err
		})
	g.ask(`
		select distinct on (i.n, p."timestamp") i.n, p."timestamp", (p.read * 10000)::bigint from `+items+`
		join flows.register_profile_pick p on p.register_id = i.register_id and p.direction = i.direction and p.withdrawn_at is null
		order by i.n, p."timestamp", p.made_at desc`, func(scan scanner) error {
		var p flows.Pick
		m, err := scan(&p.Time, &p.Value)
		m.Picks = append(m.Picks, p)
		return err
	})
}

func (g *gathering) past() {
	g.ask(`
		select i.n, d.day, (d.energy * 10000)::bigint, d.expected, d.actual, d.derived, d.estimated, d.edited from `+items+`
		join flows.register_day d on d.register_id = i.register_id and d.direction = i.direction
			and d.day >= (i.start - interval '32 days')::date and d.day <= (i.start + interval '1 day')::date`,
		func(scan scanner) error {
			var d flows.RegisterDay
			m, err := scan(&d.Date, &d.Energy, &d.Expected, &d.Actual, &d.Derived, &d.Estimated, &d.Edited)
			m.Past = append(m.Past, d)
			return err
		})
}

// exported asks for half-hours that have left the house as something else than the meter's own value.
func (g *gathering) exported() {
	g.ask(`
		select i.n, e."timestamp", (e."interval" * 10000)::bigint from `+items+`
		join flows.register_exported e on e.register_id = i.register_id and e.direction = i.direction and e."timestamp" >= i.start and e."timestamp" < i.stop`,
		func(scan scanner) error {
			var i flows.Interval
			m, err := scan(&i.Start, &i.Value)
			m.Exported = append(m.Exported, i)
			return err
		})
}

// longestAnswer is how long a meter may take to say what a register stands at.
const longestAnswer = 10 * time.Second

// finish settles what follows from the rest: nobody has asked for the log before its first record, and a read was taken when the meter's
// clock was off by what was measured last.
func (m *matter) finish() {
	if !m.NoLog {
		m.Lost = append([]flows.Period{{To: *m.firstRecord}}, m.Lost...)
	}
	for i := range m.Reads {
		r := &m.Reads[i]
		r.Uncertainty = longestAnswer
		for _, d := range m.Drifts {
			if d.Time.After(r.Time) {
				break
			}
			r.Uncertainty = longestAnswer + d.Diff.Abs()
		}
	}
}
