package postgres

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Status tells all about the fleet, or about one ESCO's meters, as of one moment. Of a run of all meters only those of the ESCO are
// counted then, from the log; runs of other ESCOs are left out. It does not know the schedule and the disk: Due and Database.Free are
// nil. Errors: *UnknownESCO, or *flows.Error with Database.
func (s *Store) Status(ctx context.Context, esco string) (st flows.Status, err error) {
	err = pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		l := look{tx: tx}
		for _, part := range []func(context.Context) error{
			func(ctx context.Context) error { return l.begin(ctx, esco) },
			l.meters, l.failing, l.runs, l.ticks, l.halfHours, l.jobs, l.storage,
		} {
			if err := part(ctx); err != nil {
				return err
			}
		}
		st = l.Status
		return nil
	})
	var refused *pgconn.PgError
	switch {
	case errors.As(err, new(*UnknownESCO)):
		return st, err
	case errors.As(err, &refused) && (refused.Code == undefinedTable || refused.Code == undefinedColumn):
		return st, flows.Errorf(flows.Database, "the database's schema is older than this program (%s); run: flows migrate up", refused.Message)
	}
	return st, trouble("look at the fleet", err)
}

// SQLSTATEs of a database that was not migrated.
const (
	undefinedTable  = "42P01"
	undefinedColumn = "42703"
)

// look is a status as it is put together.
type look struct {
	flows.Status
	tx       pgx.Tx
	esco     *string  // id; nil = all
	inRepair []string // ids of the meters under maintenance
	sick     []string // ids of the failing meters
}

func (l *look) begin(ctx context.Context, esco string) error {
	l.Unfinished, l.Status.Runs, l.Status.Ticks, l.Status.Failing = []flows.RunReport{}, []flows.RunReport{}, []flows.Tick{}, []flows.Reason{}
	// One plan for one ESCO and for all of them is a bad one for both; a million ids need some room to be joined by.
	_, err := l.tx.Exec(ctx, `select set_config('plan_cache_mode', 'force_custom_plan', true), set_config('work_mem', '64MB', true)`)
	if err != nil {
		return err
	}
	err = l.tx.QueryRow(ctx, `
		select now(), e.id::text, coalesce(e.code, '') from (select) n left join flows.escos e on lower(e.code) = lower($1)`, esco).
		Scan(&l.Time, &l.esco, &l.ESCO)
	if err == nil && esco != "" && l.esco == nil {
		return &UnknownESCO{Code: esco}
	}
	return err
}

// meters is one scan.
func (l *look) meters(ctx context.Context) error {
	var half, most *time.Time // since when so many of the meters were last healthy
	m, f := &l.Status.Meters, &l.Freshness
	err := l.tx.QueryRow(ctx, `
		select count(*) filter (where active), count(*) filter (where active and health = 'healthy'),
			count(*) filter (where active and health = 'unhealthy'), count(*) filter (where active and health is null),
			count(*) filter (where active and nowhere), count(*) filter (where not active and not maintenance), count(*) filter (where maintenance),
			count(*) filter (where active and healthy is not null), count(*) filter (where active and healthy is null),
			coalesce(sum(greatest(0, date_part('epoch', now() - healthy))) filter (where active and healthy is not null), 0)::bigint,
			percentile_disc(0.5) within group (order by healthy desc) filter (where active),
			percentile_disc(0.95) within group (order by healthy desc) filter (where active),
			array_agg(id::text) filter (where maintenance), array_agg(id::text) filter (where failing),
			count(*) filter (where active and balance < $3::text::numeric), count(*) filter (where active and csq < $4), count(*) filter (where active and abs(drift) >= $5),
			array[count(*) filter (where active and age < interval '1 hour'), count(*) filter (where active and age >= interval '1 hour' and age < interval '3 hours'),
				count(*) filter (where active and age >= interval '3 hours' and age < interval '1 day'), count(*) filter (where active and age >= interval '1 day' and age < interval '7 days'),
				count(*) filter (where active and age >= interval '7 days'), count(*) filter (where active and age is null)]
		from (
			select r.id, s.balance, s.csq, s.clock_time_diff_seconds as drift, now() - s.last_healthy_at as age, r.maintenance, r.mode = 'active' and not r.maintenance as active, r.ip_address is null as nowhere, s.health, s.last_healthy_at as healthy,
				r.mode = 'active' and not r.maintenance and r.ip_address is not null
					and coalesce(s.last_healthy_at, s.created_at, r.created_at) < now() - $2::interval as failing
			from flows.meter_registry r left join flows.meter_shadows s on s.id = r.id
			where $1::text is null or r.esco = $1::text::uuid
		) m`, l.esco, flows.FailingAfter, flows.LowBalance.String(), flows.WeakSignal, int(flows.ClockDrift.Seconds())).
		Scan(&m.Active, &m.Healthy, &m.Unhealthy, &m.NeverRun, &m.NoAddress, &m.Passive, &m.Maintenance,
			&f.Meters, &f.Never, &f.Sum, &half, &most, &l.inRepair, &l.sick, &m.LowBalance, &m.WeakSignal, &m.Drifting, &f.Ages)
	if err == nil && half != nil && most != nil {
		f.P50, f.P95 = l.secondsSince(*half), l.secondsSince(*most)
	}
	return err
}

func (l *look) secondsSince(t time.Time) int64 { return int64(max(0, l.Time.Sub(t)).Seconds()) }

// failing groups by the code of the meter's last bad run, which the shadow does not have.
func (l *look) failing(ctx context.Context) error {
	if len(l.sick) == 0 {
		return nil
	}
	rows, _ := l.tx.Query(ctx, `
		select coalesce(code, ''), (array_agg(details order by serial))[1], count(*), (array_agg(serial order by serial))[1:10]
		from (
			select r.serial, coalesce(g.details, nullif(s.health_details, ''), 'no run has asked') details, g.error_code code
			from unnest($1::text[]::uuid[]) f (id) join flows.meter_registry r using (id) join flows.meter_shadows s using (id)
			left join lateral (select error_code, nullif(details, '') details from flows.meter_sync_log where meter_id = f.id and verdict <> 'healthy'
				order by "timestamp" desc limit 1) g on true
		) m group by 1 order by 3 desc, 1`, l.sick)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[flows.Reason])
	l.Status.Failing = append(l.Status.Failing, list...)
	return err
}

func (l *look) jobs(ctx context.Context) error {
	var oldest *time.Time
	err := l.tx.QueryRow(ctx, `
		select count(*) filter (where state <> 'running'), count(*) filter (where state = 'running'),
			min(scheduled_at) filter (where state <> 'running' and scheduled_at < now())
		from river.river_job where state in `+waitingStates+` and kind in ('meter_sync', 'meter_sync_all')`).
		Scan(&l.Jobs.Waiting, &l.Jobs.Running, &oldest)
	if oldest != nil {
		l.Jobs.Oldest = *oldest
	}
	return err
}

// storage needs runs of a day apart to tell how fast the database grows.
func (l *look) storage(ctx context.Context) error {
	var directory *string
	var server *netip.Addr
	var port *int
	err := l.tx.QueryRow(ctx, `
		select pg_database_size(current_database()), g.growth, inet_server_addr(), inet_client_port(),
			(select setting from pg_settings where name = 'data_directory')
		from (
			select case when max(finished_at) - min(finished_at) >= interval '1 day' then
				(((array_agg(database_bytes order by finished_at desc))[1] - (array_agg(database_bytes order by finished_at))[1])
					/ extract(epoch from max(finished_at) - min(finished_at)) * 86400)::bigint end as growth
			from flows.sync_runs where database_bytes is not null and finished_at >= now() - interval '7 days'
		) g`).Scan(&l.Database.Bytes, &l.Database.Growth, &server, &port, &directory)
	if err == nil && directory != nil && onThisMachine(l.tx.Conn(), server, port) {
		l.Database.Directory = *directory
	}
	return err
}

// onThisMachine tells whether the server sees the very socket that we see: a tunnel has other ends.
func onThisMachine(conn *pgx.Conn, server *netip.Addr, port *int) bool {
	switch ours := conn.PgConn().Conn().LocalAddr().(type) {
	case *net.UnixAddr:
		return server == nil
	case *net.TCPAddr:
		return server != nil && server.IsLoopback() && port != nil && *port == ours.Port
	}
	return false
}
