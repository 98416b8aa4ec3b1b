package postgres

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
)

// findings are exceptions as columns, and beside them what was looked at.
type findings struct {
	registers, meters, directions             []*string
	rules, severities, keys, details          []string
	from, to                                  []*time.Time
	counts                                    []int
	seen                                      map[string]int
	scopeRegisters, scopeMeters, scopeDirects []*string
	scopeFrom, scopeTo                        []time.Time
	scopeRules                                []string
}

// queueExceptions writes what was found: what is open already is updated, what is not found any more is resolved, and what a person has
// resolved stays so unless there is more of it now.
func queueExceptions(ctx context.Context, tx pgx.Tx, batch *pgx.Batch, all []*matter, judge flows.Judge) error {
	f := findings{seen: map[string]int{}}
	for _, m := range all {
		f.looked(&m.Register, nil, (*string)(&m.Direction), m.Span, m.verdict.Ran)
		for _, e := range m.verdict.Exceptions {
			f.add(&m.Register, nil, (*string)(&m.Direction), e)
		}
	}
	meters, err := meterEvidence(ctx, tx, all)
	if err != nil {
		return err
	}
	for _, e := range meters {
		found := judge.Meter(*e)
		f.looked(nil, &e.Meter, nil, e.Span, found.Ran)
		for _, x := range found.Exceptions {
			f.add(nil, &e.Meter, nil, x)
		}
	}
	f.queue(batch)
	return nil
}

func (f *findings) looked(register, meter, direction *string, span flows.Period, rules []flows.Rule) {
	f.scopeRegisters, f.scopeMeters, f.scopeDirects = append(f.scopeRegisters, register), append(f.scopeMeters, meter), append(f.scopeDirects, direction)
	f.scopeFrom, f.scopeTo = append(f.scopeFrom, bound(span.From, longAgo)), append(f.scopeTo, bound(span.To, farAway))
	names := make([]string, len(rules))
	for i, r := range rules {
		names[i] = string(r)
	}
	f.scopeRules = append(f.scopeRules, strings.Join(names, " "))
}

// add takes an exception. Of two of the same name, from two spans of one register, the later counts.
func (f *findings) add(register, meter, direction *string, e flows.Exception) {
	details, _ := json.Marshal(e.Details) // strings
	if e.Details == nil {
		details = []byte("{}")
	}
	value := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	name := strings.Join([]string{value(register), value(meter), value(direction), string(e.Rule), e.Key}, "\x00")
	i, known := f.seen[name]
	if !known {
		i = len(f.rules)
		f.seen[name] = i
		f.registers, f.meters, f.directions = append(f.registers, register), append(f.meters, meter), append(f.directions, direction)
		f.rules, f.severities, f.keys, f.details = append(f.rules, string(e.Rule)), append(f.severities, ""), append(f.keys, e.Key), append(f.details, "")
		f.from, f.to, f.counts = append(f.from, nil), append(f.to, nil), append(f.counts, 0)
	}
	f.severities[i], f.details[i], f.counts[i] = string(e.Severity), string(details), e.Count
	f.from[i], f.to[i] = maybeTime(e.Period.From), maybeTime(e.Period.To)
}

func maybeTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (f *findings) queue(batch *pgx.Batch) {
	// The unique index has nulls not distinct, but an index is only searched for what is equal: so registers and meters apart.
	for _, of := range []string{"x.register_id = s.register_id and x.direction = s.direction", "x.register_id is null and x.meter_id = s.meter_id"} {
		batch.Queue(`
			update flows.vee_exceptions x set status = 'resolved', who = 'flows', why = 'not found any more'
			from unnest($1::text[]::uuid[], $2::text[]::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::text[]) s (register_id, meter_id, direction, start, stop, rules)
			where `+of+` and x.status <> 'resolved' and x.rule = any(string_to_array(s.rules, ' '))
				and coalesce(x.period_from, '-infinity') < s.stop
				and (coalesce(x.period_to, 'infinity') > s.start or coalesce(x.period_from, '-infinity') >= s.start)
				and not exists (
					select from unnest($7::text[]::uuid[], $8::text[]::uuid[], $9::text[], $10::text[], $11::text[]) f (register_id, meter_id, direction, rule, key)
					where (f.register_id, f.meter_id, f.direction, f.rule, f.key) is not distinct from (x.register_id, x.meter_id, x.direction, x.rule, x.key))`,
			f.scopeRegisters, f.scopeMeters, f.scopeDirects, f.scopeFrom, f.scopeTo, f.scopeRules, f.registers, f.meters, f.directions, f.rules, f.keys)
	}
	if len(f.rules) == 0 {
		return
	}
	batch.Queue(`
		insert into flows.vee_exceptions as x (rule, severity, register_id, meter_id, direction, key, period_from, period_to, details, count)
		select v.rule, v.severity, v.register_id, v.meter_id, v.direction, v.key, v.start, v.stop, v.details, v.count
		from unnest($1::text[], $2::text[], $3::text[]::uuid[], $4::text[]::uuid[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[], $9::text[]::jsonb[], $10::int[])
			v (rule, severity, register_id, meter_id, direction, key, start, stop, details, count)
		where not exists (
			select from flows.vee_exceptions o
			where coalesce(o.register_id, o.meter_id) = coalesce(v.register_id, v.meter_id) and o.rule = v.rule and o.key = v.key
				and o.direction is not distinct from v.direction and o.status = 'resolved' and o.who <> 'flows' and o.count >= v.count
				and coalesce(o.period_from, '-infinity') <= coalesce(v.stop, 'infinity') and coalesce(v.start, '-infinity') <= coalesce(o.period_to, o.last_seen))
		on conflict (register_id, meter_id, rule, direction, key) where status <> 'resolved' do update set severity = excluded.severity,
			period_from = excluded.period_from, period_to = excluded.period_to, details = excluded.details, count = excluded.count, last_seen = excluded.last_seen`,
		f.rules, f.severities, f.registers, f.meters, f.directions, f.keys, f.from, f.to, f.details, f.counts)
}

// meterEvidence gives what the rules of a whole meter look at: once a meter, for the days that its register is judged up to today.
func meterEvidence(ctx context.Context, tx pgx.Tx, all []*matter) (list []*flows.MeterEvidence, err error) {
	var n []int
	var meters []string
	var from, to []time.Time
	for _, m := range all {
		if !m.forMeter {
			continue
		}
		e := &flows.MeterEvidence{Meter: m.Meter, Zone: m.Zone, Span: m.Span, Thresholds: m.Thresholds}
		for _, d := range m.Drifts {
			if !d.Time.Before(m.Span.From) {
				e.Drifts = append(e.Drifts, d)
			}
		}
		for _, v := range m.Events {
			if !v.Time.Before(m.Span.From) {
				e.Events = append(e.Events, v)
			}
		}
		n, meters, from, to = append(n, len(list)), append(meters, m.Meter), append(from, m.Span.From), append(to, m.Span.To)
		list = append(list, e)
	}
	if len(list) == 0 {
		return nil, nil
	}
	rows, _ := tx.Query(ctx, `
		select i.n, v."timestamp", v.phase, (v.voltage * 10)::int
		from unnest($1::int[], $2::text[]::uuid[], $3::timestamptz[], $4::timestamptz[]) i (n, meter_id, start, stop)
		join lateral (
			select s."timestamp", '' phase, s.voltage from flows.meter_voltage s where s.meter_id = i.meter_id and s."timestamp" >= i.start and s."timestamp" < i.stop
			union all
			select t."timestamp", p.phase, p.voltage from flows.meter_3p_voltage t
			cross join lateral (values ('L1', t.voltage_l1), ('L2', t.voltage_l2), ('L3', t.voltage_l3)) p (phase, voltage)
			where t.meter_id = i.meter_id and t."timestamp" >= i.start and t."timestamp" < i.stop and p.voltage is not null
		) v on true order by v."timestamp"`, n, meters, from, to)
	var at int
	var v flows.VoltageReading
	_, err = pgx.ForEachRow(rows, []any{&at, &v.Time, &v.Phase, &v.Value}, func() error {
		list[at].Voltages = append(list[at].Voltages, v)
		return nil
	})
	return list, err
}
