package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
)

// Field is the store of a database that has the schema of the systems in the field: fewer tables, fewer columns, and triggers of its own.
// What has no place there is left out, and known from the beginning.
type Field struct {
	*Store
	columns map[string][]string // by table
}

// Field tells whether the database has the field's schema and not Flows' own, and gives its store.
func (s *Store) Field(ctx context.Context) (f *Field, is bool, err error) {
	if s.ours {
		return nil, false, nil
	}
	f = &Field{Store: s, columns: map[string][]string{}}
	rows, _ := s.pool.Query(ctx, `
		select c.relname::text, array_agg(a.attname::text) from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
		where c.relnamespace = 'flows'::regnamespace and c.relkind in ('r', 'p', 'v') group by c.relname`)
	var name string
	var columns []string
	_, err = pgx.ForEachRow(rows, []any{&name, &columns}, func() error {
		f.columns[name] = slices.Clone(columns)
		return nil
	})
	return f, true, trouble("look at the field's schema", err)
}

func (f *Field) has(table, column string) bool { return slices.Contains(f.columns[table], column) }

// Missing says in a sentence what this schema has no place for.
func (f *Field) Missing() string {
	return "the database has the schema of the systems in the field, which has no place for: the time of the reading (rows get the time of the save), meters' own addresses (serials are read each run instead), half-hourly logs, the log of runs"
}

// Meters is Store.Meters, as far as the columns go.
func (f *Field) Meters(ctx context.Context, filter flows.MeterFilter) ([]flows.Meter, error) {
	if err := f.known(ctx, filter); err != nil {
		return nil, err
	}
	rows, _ := f.pool.Query(ctx, `
		select r.id::text, r.serial, r.ip_address, `+f.orNull("port", "integer")+`, r.hardware, coalesce(e.code, ''), r.mode, r.firmware_version, r.prepay_enabled,
			r.daylight_savings_correction_enabled
		from flows.meter_registry r left join flows.escos e on e.id = r.esco
		where `+chosen+` order by r.serial`, args(filter)...)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m flows.Meter, err error) {
		var ip *netip.Addr
		var port *uint16
		err = row.Scan(&m.ID, &m.Serial, &ip, &port, &m.Registry.Hardware, &m.ESCO, &m.Mode, &m.Registry.FirmwareVersion, &m.Registry.PrepayEnabled, &m.Registry.DaylightSavings)
		if m.Registry.Hardware != nil {
			m.Hardware = *m.Registry.Hardware
		}
		m.Address = fieldAddress(ip, port)
		return m, err
	})
	return list, trouble("list meters", err)
}

// orNull is a column of the registry, or null where there is none.
func (f *Field) orNull(column, kind string) string {
	if f.has("meter_registry", column) {
		return "r." + column
	}
	return "null::" + kind
}

// fieldPort is every meter's where the registry has no column for it.
const fieldPort = 8080

func fieldAddress(ip *netip.Addr, port *uint16) netip.AddrPort {
	switch {
	case ip == nil:
		return netip.AddrPort{}
	case port == nil:
		return netip.AddrPortFrom(*ip, fieldPort)
	}
	return netip.AddrPortFrom(*ip, *port)
}

// Recall fills in the last event that is stored.
func (f *Field) Recall(ctx context.Context, m *flows.Meter, metrics []string) error {
	if !slices.ContainsFunc(metrics, func(n string) bool { return strings.EqualFold(n, "SyncerEventLog") }) {
		return nil
	}
	var last time.Time
	err := f.pool.QueryRow(ctx, `select "timestamp" from flows.meter_event_log where meter_id = $1::text::uuid order by "timestamp" desc limit 1`, m.ID).Scan(&last)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	m.LastEvent = last
	return trouble("look for the last event of "+m.Serial, err)
}

// EnabledMetrics is Store's, without the half-hourly log.
func (f *Field) EnabledMetrics(ctx context.Context, freq flows.Frequency) ([]string, error) {
	if f.columns["meter_metrics"] == nil {
		return flows.FieldMetrics(freq), nil
	}
	names, err := f.Store.EnabledMetrics(ctx, freq)
	return slices.DeleteFunc(names, func(n string) bool { return strings.EqualFold(n, "SyncerProfileLog") }), err
}

// BeginRun does nothing: there is no table for runs.
func (f *Field) BeginRun(context.Context, flows.Run) (int64, error) { return 0, nil }

// EndRun does nothing: there is no table for runs.
func (f *Field) EndRun(context.Context, int64, int, string) error { return nil }

// CloseRuns does nothing: there is no table for runs.
func (f *Field) CloseRuns(context.Context, time.Duration) (int64, error) { return 0, nil }

// Save stores what runs found out in one transaction, in the columns that are there. The field's triggers stamp history with the time of the
// save.
func (f *Field) Save(ctx context.Context, results []flows.Result) error {
	registered, err := f.registered(ctx, results)
	if err != nil {
		return err
	}
	rounds := judged(registered)
	if len(rounds) == 0 {
		return nil
	}
	batch := &pgx.Batch{}
	batch.Queue(`set local lock_timeout = '2s'`)
	batch.Queue(`select from flows.meter_shadows where id = any($1::text[]::uuid[]) order by id for no key update`, meterIDs(rounds))
	for _, round := range rounds {
		queueFieldEvents(batch, round)
		for _, t := range []table{registryTable, shadowTable} {
			queueUpdates(batch, f.narrowed(t), round)
		}
	}
	err = pgx.BeginFunc(ctx, f.pool, func(tx pgx.Tx) error { return tx.SendBatch(ctx, batch).Close() })
	return trouble(fmt.Sprintf("save %d meters", len(results)), err)
}

// narrowed is the table without the columns that are not there.
func (f *Field) narrowed(t table) table {
	name := strings.TrimPrefix(t.name, "flows.")
	t.columns = slices.DeleteFunc(slices.Clone(t.columns), func(c column) bool { return !f.has(name, strings.Trim(c.name, `"`)) })
	return t
}

// registered leaves out reads that have no register: the field's triggers fail on them.
func (f *Field) registered(ctx context.Context, results []flows.Result) ([]flows.Result, error) {
	ids := make([]string, len(results))
	for i, r := range results {
		ids[i] = r.Meter.ID
	}
	rows, _ := f.pool.Query(ctx, `select meter_id::text || case element when 'B' then 'B' else 'A' end from flows.meter_registers where meter_id = any($1::text[]::uuid[])`, ids)
	has, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, trouble("look for registers", err)
	}
	some := make([]flows.Result, len(results))
	for i, r := range results {
		some[i] = r.OnlyOf(slices.Contains(has, r.Meter.ID+"A"), slices.Contains(has, r.Meter.ID+"B"))
	}
	return some, nil
}

func queueFieldEvents(batch *pgx.Batch, round []*flows.Result) {
	var ids []string
	var times []time.Time
	var types, sets []int
	for _, r := range round {
		for _, e := range r.Events {
			ids, times, types, sets = append(ids, r.Meter.ID), append(times, e.Time), append(types, e.Type), append(sets, e.Set)
		}
	}
	if len(ids) > 0 {
		batch.Queue(`
			insert into flows.meter_event_log (meter_id, "timestamp", event_type, event_set)
			select * from unnest($1::text[]::uuid[], $2::timestamptz[], $3::int[], $4::int[]) on conflict do nothing`, ids, times, types, sets)
	}
}

// Addresses is Store.Addresses, as far as the columns go.
func (f *Field) Addresses(ctx context.Context, serials []string, each func(serial string, address netip.AddrPort)) error {
	rows, _ := f.pool.Query(ctx, `select r.serial, r.ip_address, `+f.orNull("port", "integer")+` from flows.meter_registry r where $1::text[] is null or r.serial = any($1)`, nonEmpty(serials))
	var serial string
	var ip *netip.Addr
	var port *uint16
	_, err := pgx.ForEachRow(rows, []any{&serial, &ip, &port}, func() error {
		each(serial, fieldAddress(ip, port))
		return nil
	})
	return trouble("read addresses of meters", err)
}

// Changes says every minute that any address may have changed: the field's tables tell nobody.
func (f *Field) Changes(ctx context.Context, each func(serials []string) error) error {
	again := time.NewTicker(time.Minute)
	defer again.Stop()
	for {
		if err := each(nil); err != nil {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
