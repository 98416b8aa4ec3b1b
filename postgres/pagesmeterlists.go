package postgres

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
)

// backwards is a list that has the newest first, from a place on. Without a place it begins after all time, so that one condition serves,
// which an index answers.
type backwards struct {
	at          time.Time
	rest        []string // of the key, after the time
	order, than string
}

// newestFirst reads a cursor whose key is a time and so many more values; what is no such key is no place.
func newestFirst(c flows.Cursor, last ...string) backwards {
	b := backwards{time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), last, "desc", "<"}
	part := strings.Split(c.Key, "|")
	at, err := time.Parse(time.RFC3339Nano, part[0])
	if err != nil || at.Year() < 1 || len(part) != len(last)+1 || !storable(c.Key) {
		return b
	}
	b.at, b.rest = at, part[1:]
	if c.Back {
		b.order, b.than = "asc", ">"
	}
	return b
}

// sorted turns around what was read forwards.
func (b backwards) sorted() bool { return b.order == "desc" }

func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64) // what is none is before all of them
	return n
}

// MeterEvents gives a page of a meter's events, the newest first.
func (s *Store) MeterEvents(ctx context.Context, serial string, from flows.Cursor, limit int) ([]flows.EventLine, error) {
	b := newestFirst(from, "0")
	rows, _ := s.pool.Query(ctx, `
		select h."timestamp", h.event_type, coalesce(t.name, ''), h.event_set
		from flows.meter_event_log h left join flows.meter_event_log_type t on t.id = h.event_type
		where h.meter_id = (select id from flows.meter_registry where serial = $1) and (h."timestamp", h.event_type) `+b.than+` ($2, $3)
		order by h."timestamp" `+b.order+`, h.event_type `+b.order+` limit nullif($4, 0)`, serial, b.at, number(b.rest[0]), limit)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[flows.EventLine])
	if !b.sorted() {
		slices.Reverse(list)
	}
	return list, trouble("list a meter's events", err)
}

// SyncLog gives a page of what runs came to for a meter, the newest first.
func (s *Store) SyncLog(ctx context.Context, serial string, from flows.Cursor, limit int) ([]flows.SyncLine, error) {
	b := newestFirst(from, "0")
	rows, _ := s.pool.Query(ctx, `
		select "timestamp", run_id, frequency, verdict, coalesce(error_code, ''), coalesce(error_object, ''), details, duration_ms / 1000.0::float8, coalesce(read_at, '0001-01-01Z'), outcomes
		from flows.meter_sync_log where meter_id = (select id from flows.meter_registry where serial = $1) and ("timestamp", run_id) `+b.than+` ($2, $3)
		order by "timestamp" `+b.order+`, run_id `+b.order+` limit nullif($4, 0)`, serial, b.at, number(b.rest[0]), limit)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l flows.SyncLine, err error) {
		var outcomes []byte
		if err := row.Scan(&l.At, &l.Run, &l.Frequency, &l.Verdict, &l.Code, &l.Object, &l.Details, &l.Duration, &l.ReadAt, &outcomes); err != nil {
			return l, err
		}
		l.ReadAt = l.ReadAt.UTC()
		return l, json.Unmarshal(outcomes, &l.Outcomes)
	})
	if !b.sorted() {
		slices.Reverse(list)
	}
	return list, trouble("list what runs came to", err)
}

// rawPage is a page of one register's and direction's rows of a table. A register's own newest are found by its key; of these the newest are taken.
func rawPage(b backwards, table, direction, filter, more string) string {
	return `(select "timestamp" at, ` + direction + ` direction, read, ` + more + ` from flows.` + table + `
		where register_id = g.register_id and ` + filter + ` and ("timestamp", register_id, ` + direction + `) ` + b.than + ` ($2, $3::text::uuid, $4) order by "timestamp" ` + b.order + ` limit nullif($5, 0))`
}

// RawReads gives a page of a meter's raw reads from one source, the newest first, those of registers included that it took over.
func (s *Store) RawReads(ctx context.Context, serial string, of flows.RawSource, from flows.Cursor, limit int) ([]flows.RawRead, error) {
	b := newestFirst(from, noUUID, "")
	if !isUUID(b.rest[0]) {
		b = newestFirst(flows.Cursor{}, noUUID, "")
	}
	const none = `null::integer status, null::timestamptz received_at`
	source := rawPage(b, "register_profile_hh", "d.direction", "direction = d.direction", "status, received_at")
	if of == flows.FromRuns {
		source = rawPage(b, "register_import", "'import'", "d.direction = 'import'", none) + ` union all ` + rawPage(b, "register_export", "'export'", "d.direction = 'export'", none)
	}
	rows, _ := s.pool.Query(ctx, `
		select x.at, g.element, x.direction, round(x.read, 4)::text, x.status, coalesce(x.received_at, '0001-01-01Z'), g.register_id::text
		from flows.meter_registry r join flows.meter_registers g on g.meter_id = r.id cross join (values ('import'), ('export')) d (direction) cross join lateral (`+source+`) x
		where r.serial = $1 order by x.at `+b.order+`, g.register_id `+b.order+`, x.direction `+b.order+` limit nullif($5, 0)`, serial, b.at, b.rest[0], b.rest[1], limit)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r flows.RawRead, err error) {
		var read string
		if err := row.Scan(&r.At, &r.Element, &r.Direction, &read, &r.Status, &r.Received, &r.Register); err != nil {
			return r, err
		}
		r.Received = r.Received.UTC()
		r.Value, err = flows.ParseEnergy(read)
		return r, err
	})
	if !b.sorted() {
		slices.Reverse(list)
	}
	return list, trouble("list raw reads", err)
}

const noUUID = "00000000-0000-0000-0000-000000000000"
