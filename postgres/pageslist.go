package postgres

import (
	"fmt"

	"flows"
)

// meterList is a query for meters as it is put together. Its conditions are text, since one plan for all of them is a bad one for most, and
// no column of the shadows has an index: each of them would cost every reading its share.
type meterList struct {
	by               sorting
	registry, shadow string // conditions on r and on s; the second "" for none
	limit            int
	args             []any
	found            bool // by a search, which has an index
	few              bool // the conditions leave few to be chosen from
}

func newMeterList(q flows.MeterQuery) meterList {
	l := meterList{by: sorted(q), shadow: shadowConditions(q), limit: q.Limit, found: q.Search != ""}
	l.registry, l.args = conditions(q)
	return l
}

// nearPages is how many pages of meters are near: one in so many is enough to be chosen.
var nearPages = 5

// edge is a statement that gives a value which so many meters come before. It does not matter if it is not quite so: a full page of those up
// to any value is what all of them begin with. Ok is false where that is of no use.
func (l meterList) edge() (sql string, args []any, ok bool) {
	if l.limit == 0 || l.found || l.shadow == "" && !l.by.ofShadow() {
		return "", nil, false
	}
	from, where := `flows.meter_registry r`, l.registry
	if l.by.ofShadow() {
		from, where, l.args = `flows.meter_shadows s`, l.shadow, nil
	}
	value, near, ok := l.by.near(&l.args)
	return `select ` + value + `::text from ` + from + ` where ` + near + and(where) + ` order by ` + value + way(l.by.desc()) + fmt.Sprintf(` limit 1 offset %d`, nearPages*l.limit), l.args, ok
}

// upTo leaves those that come before an edge, or share its value.
func (l meterList) upTo(edge string) meterList {
	value := l.by.value()
	l.registry += " and " + value + " " + than(!l.by.desc()) + "= " + l.by.bind(&l.args, edge)
	l.few = true
	return l
}

// from is where the meters come from. Shadows that are chosen by are read as a whole: looked up one by one in the order of the meters they
// cost ten times as much when few are chosen. Every meter has one.
func (l *meterList) from() string {
	sql := `flows.meter_registry r`
	switch {
	case l.shadow != "" && !l.few:
		sql += ` join (select s.id, s.last_healthy_at, s.balance, s.csq, s.clock_time_diff_seconds from flows.meter_shadows s where ` + l.shadow + ` offset 0) s on s.id = r.id where true`
	case l.shadow != "" || l.by.ofShadow():
		sql += ` join flows.meter_shadows s on s.id = r.id where true` + and(l.shadow)
	default:
		sql += ` where true`
	}
	return sql + and(l.registry) + and(l.by.after(&l.args))
}

// page is the statement that shows columns of the meters.
func (l meterList) page(columns string) (sql string, args []any) {
	limit := ""
	if l.limit > 0 {
		limit = fmt.Sprintf(` limit %d`, l.limit)
	}
	sql = `
		with p as materialized (select r.id, ` + l.by.expression + ` as value from ` + l.from() + ` order by ` + l.by.order() + limit + `)
		select ` + columns + `
		from p join flows.meter_registry r on r.id = p.id
		left join flows.meter_shadows s on s.id = r.id
		left join flows.escos e on e.id = r.esco
		order by ` + l.by.order()
	return sql, l.args
}

func and(condition string) string {
	if condition == "" {
		return ""
	}
	return " and " + condition
}
