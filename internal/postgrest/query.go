package postgrest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// query is what a request asks.
type query struct {
	method   string
	columns  string // of the answer, as SQL
	where    []string
	order    string
	limit    int
	conflict []string
	prefer   map[string]string
	args     map[string]string // of a function
	body     []byte
}

var (
	plainName = regexp.MustCompile(`^[a-z0-9_]+$`)
	condition = regexp.MustCompile(`^("?[a-z0-9_]+"?)\.(.*)$`)
)

func parse(r *http.Request) (*query, error) {
	q := &query{method: r.Method, columns: "*", limit: MaxRows, prefer: map[string]string{}, args: map[string]string{}}
	for _, p := range strings.Split(r.Header.Get("Prefer"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		switch name + "=" + value {
		case "=", "return=minimal", "return=representation", "resolution=ignore-duplicates", "resolution=merge-duplicates", "count=exact":
			q.prefer[name] = value
		default:
			return nil, unknown("preference", p)
		}
	}
	rpc := strings.Contains(r.URL.Path, "/rpc/")
	for name, values := range r.URL.Query() {
		for _, value := range values {
			if err := q.parameter(name, value, rpc); err != nil {
				return nil, err
			}
		}
	}
	return q, nil
}

func (q *query) parameter(name, value string, rpc bool) (err error) {
	switch name {
	case "select":
		q.columns, err = names(value)
	case "order":
		column, way, _ := strings.Cut(value, ".")
		if !plainName.MatchString(column) || way != "" && way != "asc" && way != "desc" {
			return unknown("order", value)
		}
		q.order = " order by " + ident(column) + " " + way
	case "limit":
		n, e := strconv.Atoi(value)
		if q.limit = min(n, MaxRows); e != nil || n < 0 {
			return unknown("limit", value)
		}
	case "on_conflict":
		q.conflict = strings.Split(value, ",")
	case "and":
		inner, ok := strings.CutPrefix(value, "(")
		inner, ok2 := strings.CutSuffix(inner, ")")
		if !ok || !ok2 {
			return unknown("condition", value)
		}
		for _, c := range split(inner) {
			m := condition.FindStringSubmatch(c)
			if m == nil {
				return unknown("condition", c)
			}
			if err := q.filter(m[1], m[2], true); err != nil {
				return err
			}
		}
	default:
		if rpc && !strings.Contains(value, ".") {
			q.args[name] = value
			return nil
		}
		err = q.filter(name, value, false)
	}
	return err
}

// names are columns as PostgREST takes them.
func names(list string) (string, error) {
	if list == "*" {
		return list, nil
	}
	var all []string
	for _, n := range strings.Split(list, ",") {
		n = strings.Trim(n, `"`)
		if !plainName.MatchString(n) {
			return "", unknown("column", n)
		}
		all = append(all, ident(n))
	}
	return strings.Join(all, ", "), nil
}

var operators = map[string]string{"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}

// filter adds a condition. Within and=() values with dots, colons or commas must be quoted.
func (q *query) filter(column, value string, nested bool) error {
	column = strings.Trim(column, `"`)
	if !plainName.MatchString(column) {
		return unknown("parameter", column)
	}
	value, negated := strings.CutPrefix(value, "not.")
	operator, operand, _ := strings.Cut(value, ".")
	sql := ""
	switch {
	case operator == "is" && slices.Contains([]string{"null", "true", "false"}, operand):
		sql = "is " + operand
	case operator == "in" && strings.HasPrefix(operand, "(") && strings.HasSuffix(operand, ")"):
		var values []string
		for _, v := range split(operand[1 : len(operand)-1]) {
			values = append(values, literal(unquote(v)))
		}
		if values == nil {
			values = []string{"null"}
		}
		sql = "in (" + strings.Join(values, ", ") + ")"
	case operators[operator] != "":
		if nested {
			if !strings.HasPrefix(operand, `"`) && strings.ContainsAny(operand, ".:,()") {
				return unknown("unquoted value", operand)
			}
			operand = unquote(operand)
		}
		sql = operators[operator] + " " + literal(operand)
	default:
		return unknown("operator", value)
	}
	sql = ident(column) + " " + sql
	if negated {
		sql = "not (" + sql + ")"
	}
	q.where = append(q.where, sql)
	return nil
}

// split cuts at commas outside of quotes and brackets.
func split(text string) (parts []string) {
	depth, quoted, from := 0, false, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			parts, from = append(parts, text[from:i]), i+1
		}
	}
	if from < len(text) {
		parts = append(parts, text[from:])
	}
	return parts
}

func unquote(v string) string {
	if len(v) < 2 || v[0] != '"' {
		return v
	}
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(v[1 : len(v)-1])
}

func ident(name string) string { return pgx.Identifier{name}.Sanitize() }

func literal(v string) string { return "'" + strings.ReplaceAll(v, "'", "''") + "'" }

func (q *query) condition() string {
	if len(q.where) == 0 {
		return ""
	}
	return " where " + strings.Join(q.where, " and ")
}

// table answers for a table or view.
func (q *query) table(ctx context.Context, tx pgx.Tx, schema, name string) (body []byte, status int, headers map[string]string, err error) {
	from := ident(schema) + "." + ident(name)
	var columns []string
	err = tx.QueryRow(ctx, `select array_agg(attname::text) from pg_attribute where attrelid = to_regclass($1) and attnum > 0 and not attisdropped`, from).Scan(&columns)
	switch {
	case err != nil:
		return nil, 0, nil, err
	case columns == nil:
		return nil, 0, nil, &fault{status: http.StatusNotFound, Code: "PGRST205", Message: fmt.Sprintf("Could not find the table '%s.%s' in the schema cache", schema, name)}
	}
	switch q.method {
	case http.MethodGet:
		headers = map[string]string{}
		if q.prefer["count"] == "exact" {
			var n int
			if err := tx.QueryRow(ctx, `select count(*) from `+from+q.condition()).Scan(&n); err != nil {
				return nil, 0, nil, err
			}
			headers["Content-Range"] = fmt.Sprintf("*/%d", n)
		}
		sql := fmt.Sprintf(`select coalesce(json_agg(t), '[]') from (select %s from %s%s%s limit %d) t`, q.columns, from, q.condition(), q.order, q.limit)
		err = tx.QueryRow(ctx, sql).Scan(&body)
		if err != nil {
			err = named(err, name)
		}
		return body, http.StatusOK, headers, err
	case http.MethodPost, http.MethodPatch:
		body, status, err = q.write(ctx, tx, from, name, columns)
		return body, status, nil, err
	}
	return nil, 0, nil, &fault{status: http.StatusMethodNotAllowed, Code: "PGRST117", Message: "Unsupported HTTP method: " + q.method}
}

// named says of which table an unknown column is, as PostgREST's own SQL would make PostgreSQL say it.
func named(err error, table string) error {
	f := refused(err)
	if f.Code == "42703" {
		if m := regexp.MustCompile(`column "([^"]+)" does not exist`).FindStringSubmatch(f.Message); m != nil {
			f.Message = fmt.Sprintf("column %s.%s does not exist", table, m[1])
		}
	}
	return f
}

func (q *query) write(ctx context.Context, tx pgx.Tx, from, name string, columns []string) (body []byte, status int, err error) {
	keys, err := q.keys()
	if err != nil {
		return nil, 0, err
	}
	var given, set []string
	for _, k := range keys {
		if !slices.Contains(columns, k) {
			return nil, 0, &fault{status: http.StatusBadRequest, Code: "PGRST204", Message: fmt.Sprintf("Could not find the '%s' column of '%s' in the schema cache", k, name)}
		}
		given = append(given, ident(k))
		set = append(set, ident(k)+" = v."+ident(k))
	}
	list := strings.Join(given, ", ")
	sql, status := "", http.StatusCreated
	if q.method == http.MethodPost {
		sql = fmt.Sprintf(`insert into %s (%s) select %[2]s from json_populate_recordset(null::%[1]s, $1)`, from, list)
		if q.conflict != nil {
			target, err := names(strings.Join(q.conflict, ","))
			if err != nil {
				return nil, 0, err
			}
			sql += " on conflict (" + target + ") do "
			if q.prefer["resolution"] == "merge-duplicates" {
				for i, g := range given {
					set[i] = g + " = excluded." + g
				}
				sql += "update set " + strings.Join(set, ", ")
			} else {
				sql += "nothing"
			}
		}
	} else {
		status = http.StatusOK
		sql = fmt.Sprintf(`update %[1]s set %[2]s from json_populate_record(null::%[1]s, $1) v%[3]s`, from, strings.Join(set, ", "), q.qualified(from))
	}
	if q.prefer["return"] != "representation" {
		if q.method == http.MethodPatch {
			status = http.StatusNoContent
		}
		_, err := tx.Exec(ctx, sql, string(q.body))
		return nil, status, err
	}
	back := q.columns
	if q.method == http.MethodPatch {
		back = from + "." + strings.ReplaceAll(q.columns, ", ", ", "+from+".")
	}
	err = tx.QueryRow(ctx, `with w as (`+sql+` returning `+back+`) select coalesce(json_agg(w), '[]') from w`, string(q.body)).Scan(&body)
	return body, status, err
}

// qualified are the conditions where a second table is in sight.
func (q *query) qualified(from string) string {
	where := slices.Clone(q.where)
	for i, w := range where {
		if rest, negated := strings.CutPrefix(w, "not ("); negated {
			where[i] = "not (" + from + "." + rest
		} else {
			where[i] = from + "." + w
		}
	}
	return (&query{where: where}).condition()
}

// keys are those of the objects, which must all be the same.
func (q *query) keys() ([]string, error) {
	var rows []map[string]json.RawMessage
	if q.method == http.MethodPatch {
		rows = make([]map[string]json.RawMessage, 1)
		if err := json.Unmarshal(q.body, &rows[0]); err != nil {
			return nil, &fault{status: http.StatusBadRequest, Code: "PGRST102", Message: "Empty or invalid json"}
		}
	} else if err := json.Unmarshal(q.body, &rows); err != nil {
		return nil, &fault{status: http.StatusBadRequest, Code: "PGRST102", Message: "Empty or invalid json"}
	}
	if len(rows) == 0 || len(rows[0]) == 0 {
		return nil, errors.New("nothing to write")
	}
	first := slices.Sorted(maps.Keys(rows[0]))
	for _, r := range rows {
		if !slices.Equal(first, slices.Sorted(maps.Keys(r))) {
			return nil, &fault{status: http.StatusBadRequest, Code: "PGRST102", Message: "All object keys must match"}
		}
	}
	return first, nil
}

// call answers for a function.
func (q *query) call(ctx context.Context, tx pgx.Tx, schema, name string) (body []byte, status int, err error) {
	if !plainName.MatchString(name) {
		return nil, 0, unknown("function", name)
	}
	args := map[string]any{}
	for k, v := range q.args {
		args[k] = v
	}
	if q.method == http.MethodPost {
		if err := json.Unmarshal(q.body, &args); err != nil {
			return nil, 0, &fault{status: http.StatusBadRequest, Code: "PGRST102", Message: "Empty or invalid json"}
		}
	}
	var given []string
	var values []any
	for _, k := range slices.Sorted(maps.Keys(args)) {
		if !plainName.MatchString(k) {
			return nil, 0, unknown("argument", k)
		}
		v := args[k]
		if many, ok := v.([]any); ok {
			var texts []string
			for _, one := range many {
				texts = append(texts, fmt.Sprint(one))
			}
			given = append(given, fmt.Sprintf(`%s => %s`, ident(k), literal("{"+strings.Join(texts, ",")+"}")))
			continue
		}
		given = append(given, fmt.Sprintf(`%s => %s`, ident(k), literal(fmt.Sprint(v))))
	}
	from := ident(schema) + "." + ident(name) + "(" + strings.Join(given, ", ") + ")"
	if q.method == http.MethodPost {
		if q.prefer["return"] == "minimal" {
			_, err := tx.Exec(ctx, `select from `+from, values...)
			return nil, http.StatusNoContent, err
		}
		return nil, 0, unknown("answer of a posted function", name)
	}
	sql := fmt.Sprintf(`select coalesce(json_agg(t), '[]') from (select %s from %s%s%s limit %d) t`, q.columns, from, q.condition(), q.order, q.limit)
	err = tx.QueryRow(ctx, sql, values...).Scan(&body)
	return body, http.StatusOK, err
}
