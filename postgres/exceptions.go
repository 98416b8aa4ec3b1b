package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
)

// Exceptions gives the worst first, of those the ones seen last, and how many there are without a limit. Errors as for ExportIntervals.
func (s *Store) Exceptions(ctx context.Context, f flows.ExceptionFilter) (list []flows.ExceptionRow, all int, err error) {
	registers, meters, err := s.everKnown(ctx, f.ESCO, f.Serials)
	if err != nil {
		return nil, 0, err
	}
	var subjects []string
	if registers != nil {
		subjects = slices.Concat([]string{}, registers, meters)
	}
	rows, _ := s.pool.Query(ctx, `
		select `+exceptionColumns+`, count(*) over ()
		from flows.vee_exceptions x left join flows.meter_registers g on g.register_id = x.register_id
		left join flows.meter_registry r on r.id = coalesce(x.meter_id, g.meter_id) left join flows.escos e on e.id = r.esco
		where ($1 = '' or lower(e.code) = lower($1)) and ($2::text[] is null or coalesce(x.register_id, x.meter_id) = any($2::text[]::uuid[]))
			and ($3::text[] is null or x.rule = any($3)) and ($4::text[] is null or x.severity = any($4))
			and ($5 = '' or x.status = $5)
		order by array_position(array['critical', 'error', 'warning', 'info'], x.severity), x.last_seen desc, x.id desc
		limit nullif($6, 0)`, f.ESCO, subjects, nonEmpty(f.Rules), nonEmpty(f.Severities), f.Status, f.Limit)
	list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (flows.ExceptionRow, error) { return scanException(row, &all) })
	return list, all, trouble("list exceptions", err)
}

const exceptionColumns = `x.id, x.rule, x.severity, x.key, x.period_from, x.period_to, x.count, x.details, coalesce(g.serial, r.serial, ''), coalesce(e.code, ''),
	coalesce(e.timezone, '` + defaultTimezone + `'), coalesce(g.element, ''), coalesce(x.direction, ''), x.status, x.first_seen, x.last_seen, coalesce(x.who, ''),
	coalesce(x.why, '')`

// scanException reads exceptionColumns, and what stands behind them.
func scanException(row pgx.CollectableRow, behind ...any) (x flows.ExceptionRow, err error) {
	var from, to *time.Time
	var details []byte
	if err := row.Scan(append([]any{&x.ID, &x.Rule, &x.Severity, &x.Key, &from, &to, &x.Count, &details, &x.Serial, &x.ESCO, &x.Zone, &x.Element, &x.Direction,
		&x.Status, &x.FirstSeen, &x.LastSeen, &x.Who, &x.Why}, behind...)...); err != nil {
		return x, err
	}
	if from != nil {
		x.Period.From = *from
	}
	if to != nil {
		x.Period.To = *to
	}
	return x, json.Unmarshal(details, &x.Details)
}

// nonEmpty is nil for none, which chooses all.
func nonEmpty[S ~string](list []S) (texts []string) {
	for _, s := range list {
		texts = append(texts, string(s))
	}
	return texts
}

// Unlooked is why a rule could not look, and at how many registers and directions; Rule "" are those that nobody has judged yet.
type Unlooked struct {
	Rule  flows.Rule `json:"rule"`
	Why   string     `json:"why"`
	Count int        `json:"count"`
}

// Unlooked tells what was not looked at the last time: that nothing was found there says nothing. Status, severity and limit do not matter.
func (s *Store) Unlooked(ctx context.Context, f flows.ExceptionFilter) ([]Unlooked, error) {
	registers, _, err := s.everKnown(ctx, f.ESCO, f.Serials)
	if err != nil {
		return nil, err
	}
	rows, _ := s.pool.Query(ctx, `
		select n.rule, n.why, count(*)
		from flows.vee_work w join flows.meter_registers g using (register_id) join flows.meter_registry r on r.id = g.meter_id
		left join flows.escos e on e.id = r.esco
		cross join lateral (
			select '' rule, 'not judged yet' why where w.judged_at is null
			union all
			select key, value from jsonb_each_text(w.not_run) where w.judged_at is not null and ($3::text[] is null or key = any($3))
		) n
		where ($1 = '' or lower(e.code) = lower($1)) and ($2::text[] is null or w.register_id = any($2::text[]::uuid[]))
		group by n.rule, n.why order by n.rule <> '', count(*) desc, n.rule, n.why`, f.ESCO, registers, nonEmpty(f.Rules))
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Unlooked])
	return list, trouble("list what was not looked at", err)
}

// flowsItself signs what was resolved by being found no more.
const flowsItself = "flows"

// Answer stores it for all of the exceptions or for none, and gives the meters (ids) whose half-hours are to be judged again.
// Errors: *flows.Refusal, or *flows.Error with Database.
func (s *Store) Answer(ctx context.Context, a flows.Answer) (meters []string, err error) {
	switch {
	case strings.TrimSpace(a.Who) == "" || strings.TrimSpace(a.Why) == "":
		return nil, &flows.Refusal{Reason: "an answer needs who gives it, and why"}
	case strings.EqualFold(a.Who, flowsItself):
		return nil, &flows.Refusal{Reason: "who says so? Validation itself signs as flows: give your own name with --who"}
	case !storable(a.Who + a.Why):
		return nil, &flows.Refusal{Reason: "the name or the reason has a character that cannot be stored"}
	case a.Pick != nil && len(a.IDs) != 1:
		return nil, &flows.Refusal{Reason: "a value is picked for one exception at a time: give one id"}
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) (err error) {
		if a.Pick != nil {
			if meters, err = pick(ctx, tx, a); err != nil {
				return err
			}
		}
		return storeAnswer(ctx, tx, a)
	})
	if refused := (*flows.Refusal)(nil); errors.As(err, &refused) {
		return nil, refused
	}
	return meters, trouble("answer an exception", err)
}

func unanswerable(format string, args ...any) error {
	return &flows.Refusal{Reason: fmt.Sprintf(format, args...)}
}

func storeAnswer(ctx context.Context, tx pgx.Tx, a flows.Answer) error {
	rows, _ := tx.Query(ctx, `select id, status, coalesce(who, ''), coalesce(why, '') from flows.vee_exceptions where id = any($1) order by id for update`, a.IDs)
	unknown := slices.Clone(a.IDs)
	var id int64
	var status, who, why string
	_, err := pgx.ForEachRow(rows, []any{&id, &status, &who, &why}, func() error {
		if status == "resolved" {
			return unanswerable("exception %d was resolved already, by %s: %s", id, who, why)
		}
		unknown = slices.DeleteFunc(unknown, func(u int64) bool { return u == id })
		return nil
	})
	if err != nil {
		return err
	}
	if len(unknown) > 0 {
		return unanswerable("exception %d is not known; flows vee list --status all shows which are", unknown[0])
	}
	status = "acknowledged"
	if a.Resolve {
		status = "resolved"
	}
	_, err = tx.Exec(ctx, `update flows.vee_exceptions set status = $2, who = $3, why = $4 where id = any($1)`, a.IDs, status, a.Who, a.Why)
	return err
}

// pick says which of the values that arrived for a time is the register's. It takes the register before the exception, as the judge does, so
// that the two never wait for each other in a circle.
func pick(ctx context.Context, tx pgx.Tx, a flows.Answer) (meters []string, err error) {
	id := a.IDs[0]
	var rule flows.Rule
	var register, meter, direction *string
	var at *time.Time
	err = tx.QueryRow(ctx, `
		select x.rule, g.register_id::text, g.meter_id::text, x.direction, x.period_from
		from flows.vee_exceptions x left join flows.meter_registers g on g.register_id = x.register_id where x.id = $1`, id).Scan(&rule, &register, &meter, &direction, &at)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil // store says so
	case err != nil:
		return nil, err
	case rule != flows.RuleConflict || register == nil || at == nil:
		return nil, unanswerable("exception %d is a %s: a value can be picked for a CONFLICT only", id, rule)
	}
	if _, err := tx.Exec(ctx, `select from flows.meter_registers where register_id = $1::text::uuid for no key update`, register); err != nil {
		return nil, err
	}
	const arrived = `
		with arrived as (
			select read, received_at from flows.register_profile_hh
			where register_id = $1::text::uuid and direction = $2 and "timestamp" = $3 and status & 128 <> 0
			union all
			select read, received_at from flows.register_profile_conflict
			where register_id = $1::text::uuid and direction = $2 and "timestamp" = $3 and status & 128 <> 0
		)`
	tag, err := tx.Exec(ctx, arrived+`
		insert into flows.register_profile_pick (register_id, direction, "timestamp", read, who, why)
		select $1::text::uuid, $2, $3, read, $5, $6 from arrived where read = $4::text::numeric limit 1`, register, direction, at, a.Pick.String(), a.Who, a.Why)
	if err != nil {
		return nil, err
	}
	if tag.RowsAffected() > 0 {
		return []string{*meter}, nil
	}
	rows, _ := tx.Query(ctx, arrived+`
		select round(read, greatest(3, min_scale(read)))::text from arrived group by read order by min(received_at), read`, register, direction, at)
	values, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	return nil, unanswerable("%s kWh is none of the values that arrived for %s: they are %s", a.Pick, at.Format(time.RFC3339), strings.Join(values, ", "))
}
