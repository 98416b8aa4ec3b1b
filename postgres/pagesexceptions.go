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

// severityRank is a severity's place, the worst first; vee_exceptions_order is an index on it.
const severityRank = `array_position(array['critical', 'error', 'warning', 'info'], x.severity)`

// ExceptionLines gives a page of exceptions, the worst first, of those the ones seen last. The conditions are put together: one plan for
// all of them is a bad one for most. Errors as for Exceptions.
func (s *Store) ExceptionLines(ctx context.Context, f flows.ExceptionFilter) ([]flows.ExceptionRow, error) {
	where, args, err := s.exceptionConditions(ctx, f)
	if err != nil {
		return nil, err
	}
	order := severityRank + `, x.last_seen desc, x.id desc`
	if f.From.Back {
		order = severityRank + ` desc, x.last_seen, x.id`
	}
	rows, _ := s.pool.Query(ctx, `
		select `+exceptionColumns+`
		from flows.vee_exceptions x left join flows.meter_registers g on g.register_id = x.register_id
		left join flows.meter_registry r on r.id = coalesce(x.meter_id, g.meter_id) left join flows.escos e on e.id = r.esco
		where `+where+` order by `+order+fmt.Sprintf(` limit nullif($%d, 0)`, len(args)+1), append(args, f.Limit)...)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (flows.ExceptionRow, error) { return scanException(row) })
	if f.From.Back {
		slices.Reverse(list)
	}
	return list, trouble("list exceptions", err)
}

func (s *Store) exceptionConditions(ctx context.Context, f flows.ExceptionFilter) (where string, args []any, err error) {
	parts := []string{"true"}
	add := func(sql string, list ...any) {
		for _, arg := range list {
			args = append(args, arg)
			sql = strings.Replace(sql, "?", fmt.Sprintf("$%d", len(args)), 1)
		}
		parts = append(parts, sql)
	}
	registers, meters, err := s.everKnown(ctx, f.ESCO, f.Serials)
	if err != nil {
		return "", nil, err
	}
	if len(f.Serials) > 0 {
		add(`coalesce(x.register_id, x.meter_id) = any(?::text[]::uuid[])`, slices.Concat([]string{}, registers, meters))
	} else if f.ESCO != "" {
		add(`lower(e.code) = lower(?)`, f.ESCO)
	}
	if f.Status != "" {
		// A constant, or the index that is for open ones would not do.
		parts = append(parts, fmt.Sprintf("x.status = '%s'", map[string]string{"open": "open", "acknowledged": "acknowledged", "resolved": "resolved"}[f.Status]))
	}
	if len(f.Rules) > 0 {
		add(`x.rule = any(?)`, nonEmpty(f.Rules))
	}
	if len(f.Severities) > 0 {
		add(`x.severity = any(?)`, nonEmpty(f.Severities))
	}
	if len(f.IDs) > 0 {
		add(`x.id = any(?)`, f.IDs)
	}
	var rank, seen, id int64
	if n, _ := fmt.Sscanf(f.From.Key, "%d.%d.%d", &rank, &seen, &id); n == 3 {
		at := time.UnixMicro(seen)
		if f.From.Back {
			add(severityRank+` <= ? and (`+severityRank+` < ? or (x.last_seen, x.id) > (?, ?))`, rank, rank, at, id)
		} else {
			add(severityRank+` >= ? and (`+severityRank+` > ? or (x.last_seen, x.id) < (?, ?))`, rank, rank, at, id)
		}
	}
	return strings.Join(parts, " and "), args, nil
}

// CountExceptions counts them, as far as most.
func (s *Store) CountExceptions(ctx context.Context, f flows.ExceptionFilter, most int) (n int, err error) {
	f.From = flows.Cursor{}
	where, args, err := s.exceptionConditions(ctx, f)
	if err != nil {
		return 0, err
	}
	err = s.pool.QueryRow(ctx, `
		select count(*) from (
			select from flows.vee_exceptions x left join flows.meter_registers g on g.register_id = x.register_id
			left join flows.meter_registry r on r.id = coalesce(x.meter_id, g.meter_id) left join flows.escos e on e.id = r.esco
			where `+where+fmt.Sprintf(` limit $%d) n`, len(args)+1), append(args, most)...).Scan(&n)
	return n, trouble("count exceptions", err)
}
