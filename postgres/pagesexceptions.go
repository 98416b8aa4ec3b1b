package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
)

// severityRank is a severity's place, the higher the worse; vee_exceptions_order is an index on it.
const severityRank = `array_position(array['info', 'warning', 'error', 'critical'], x.severity)`

const exceptionsOf = `flows.vee_exceptions x left join flows.meter_registers g on g.register_id = x.register_id left join flows.meter_registry r on r.id = coalesce(x.meter_id, g.meter_id)`

// ExceptionLines gives a page of exceptions, the worst first, of those the ones seen last. The conditions are put together: one plan for
// all of them is a bad one for most. Each status and severity is looked through by itself, since the index has them apart. Errors as for
// Exceptions.
func (s *Store) ExceptionLines(ctx context.Context, f flows.ExceptionFilter) ([]flows.ExceptionRow, error) {
	c, err := s.exceptionConditions(ctx, f)
	if err != nil {
		return nil, err
	}
	order := severityRank + ` desc, x.last_seen desc, x.id desc`
	if f.From.Back {
		order = severityRank + `, x.last_seen, x.id`
	}
	end := ` order by ` + order + ` limit nullif(` + c.bind(f.Limit) + `, 0)`
	severities := []string{""}
	if len(f.Severities) > 0 {
		severities = nil
	}
	for _, severity := range f.Severities {
		severities = append(severities, ` and `+severityRank+` = array_position(array['info', 'warning', 'error', 'critical'], `+c.bind(string(severity))+`::text)`)
	}
	var lists []string
	for _, status := range c.statuses {
		for _, severity := range severities {
			lists = append(lists, `(select x.* from `+c.from+` where x.status = `+c.bind(status)+severity+c.where+end+`)`)
		}
	}
	rows, _ := s.pool.Query(ctx, `
		select `+exceptionColumns+`
		from (select * from (`+strings.Join(lists, ` union all `)+`) x`+end+`) x left join flows.meter_registers g on g.register_id = x.register_id
		left join flows.meter_registry r on r.id = coalesce(x.meter_id, g.meter_id) left join flows.escos e on e.id = r.esco order by `+order, c.args...)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (flows.ExceptionRow, error) { return scanException(row) })
	if f.From.Back {
		slices.Reverse(list)
	}
	return list, trouble("list exceptions", err)
}

// CountExceptions counts them, as far as most.
func (s *Store) CountExceptions(ctx context.Context, f flows.ExceptionFilter, most int) (n int, err error) {
	f.From = flows.Cursor{}
	c, err := s.exceptionConditions(ctx, f)
	if err != nil {
		return 0, err
	}
	if len(f.Severities) > 0 {
		c.where += ` and x.severity = any(` + c.bind(nonEmpty(f.Severities)) + `)`
	}
	// The limit is no parameter: the plan is for that many.
	err = s.pool.QueryRow(ctx, `select count(*) from (select from `+c.from+` where x.status = any(`+c.bind(c.statuses)+`)`+c.where+fmt.Sprintf(` limit %d) n`, most), c.args...).Scan(&n)
	return n, trouble("count exceptions", err)
}

// exceptionsWhere is a filter as SQL, but for the status and the severity.
type exceptionsWhere struct {
	from, where string
	statuses    []string
	args        []any
}

// bind gives the name of a parameter.
func (c *exceptionsWhere) bind(arg any) string {
	c.args = append(c.args, arg)
	return fmt.Sprintf("$%d", len(c.args))
}

func (s *Store) exceptionConditions(ctx context.Context, f flows.ExceptionFilter) (c exceptionsWhere, err error) {
	c = exceptionsWhere{from: `flows.vee_exceptions x`, statuses: []string{"open", "acknowledged", "resolved"}}
	if f.Status != "" {
		c.statuses = []string{f.Status}
	}
	registers, meters, err := s.everKnown(ctx, f.ESCO, f.Serials)
	if err != nil {
		return c, err
	}
	of, few := slices.Concat([]string{}, registers, meters), len(f.Serials) > 0
	if !few && f.ESCO != "" {
		if of, few, err = s.ofESCO(ctx, f.ESCO); err != nil {
			return c, err
		}
	}
	switch {
	case few: // without offset 0 the planner would look for them among all, in their order
		c.from = `(select * from flows.vee_exceptions x where coalesce(x.register_id, x.meter_id) = any(` + c.bind(of) + `::text[]::uuid[]) offset 0) x`
	case f.ESCO != "": // in their order there is soon a page of these
		c.from = exceptionsOf
		c.where += ` and r.esco = (select id from flows.escos where lower(code) = lower(` + c.bind(f.ESCO) + `))`
	}
	if len(f.Rules) > 0 {
		c.where += ` and x.rule = any(` + c.bind(nonEmpty(f.Rules)) + `)`
	}
	if len(f.IDs) > 0 {
		c.where += ` and x.id = any(` + c.bind(f.IDs) + `)`
	}
	var rank, seen, id int64
	if n, _ := fmt.Sscanf(f.From.Key, "%d.%d.%d", &rank, &seen, &id); n == 3 && seen > 0 && seen < latest.UnixMicro() {
		than := "<"
		if f.From.Back {
			than = ">"
		}
		c.where += ` and (` + severityRank + `, x.last_seen, x.id) ` + than + ` (` + c.bind(rank) + `, ` + c.bind(time.UnixMicro(seen)) + `, ` + c.bind(id) + `)`
	}
	return c, nil
}

// latest is after all that has happened, and a time that PostgreSQL can have.
var latest = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// fewMeters are looked up one by one.
const fewMeters = 1000

// ofESCO gives its registers and meters when it has few.
func (s *Store) ofESCO(ctx context.Context, code string) (list []string, few bool, err error) {
	rows, _ := s.pool.Query(ctx, `select r.id::text from flows.meter_registry r where r.esco = (select id from flows.escos where lower(code) = lower($1)) limit $2`, code, fewMeters+1)
	meters, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(meters) > fewMeters {
		return nil, false, trouble("list the meters of an ESCO", err)
	}
	rows, _ = s.pool.Query(ctx, `select register_id::text from flows.meter_registers where meter_id = any($1::text[]::uuid[])`, meters)
	registers, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return slices.Concat([]string{}, registers, meters), true, trouble("list the registers of an ESCO", err)
}
