package postgres

import (
	"context"
	"net/netip"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
)

// Names of what is chosen and refused, as flows has them.
type (
	Filter         = flows.MeterFilter
	UnknownSerials = flows.UnknownSerials
	UnknownESCO    = flows.UnknownESCO
)

// chosen is the WHERE clause of a Filter whose arguments are $1 to $3.
const chosen = `
	($1 = '' or lower(e.code) = lower($1))
	and ($2::text[] is null or r.serial = any($2))
	and (not $3 or (r.mode = 'active' and r.ip_address is not null))`

func args(f Filter) []any {
	if len(f.Serials) == 0 {
		f.Serials = nil // an empty array would choose none
	}
	return []any{f.ESCO, f.Serials, f.Due}
}

// meters is what a run must know of a meter, as scanMeter reads it.
const meters = `
	select r.id::text, r.serial, r.ip_address, r.port, r.hardware, r.frame_address, coalesce(e.code, ''), r.mode,
		r.firmware_version, r.prepay_enabled, r.daylight_savings_correction_enabled, l.timestamp, s.last_healthy_at,
		p.elements, p.directions, p.through
	from flows.meter_registry r
	left join flows.escos e on e.id = r.esco
	left join flows.meter_shadows s on s.id = r.id
	left join lateral (select timestamp from flows.meter_event_log where meter_id = r.id order by timestamp desc limit 1) l on true` + marks

// Meters gives the chosen meters by serial, each with what a run must know of its past.
func (s *Store) Meters(ctx context.Context, f Filter) ([]flows.Meter, error) {
	if err := s.known(ctx, f); err != nil {
		return nil, err
	}
	rows, _ := s.pool.Query(ctx, meters+` where `+chosen+` order by r.serial`, args(f)...)
	list, err := pgx.CollectRows(rows, scanMeter)
	return list, trouble("list meters", err)
}

// Recall has nothing to do: Meters gives the past with the meters, in one query.
func (s *Store) Recall(context.Context, *flows.Meter, []string) error { return nil }

func scanMeter(row pgx.CollectableRow) (m flows.Meter, err error) {
	var ip *netip.Addr
	var port uint16
	var last, healthy *time.Time
	var elements, directions []string
	var through []time.Time
	err = row.Scan(&m.ID, &m.Serial, &ip, &port, &m.Registry.Hardware, &m.FrameAddress, &m.ESCO, &m.Mode,
		&m.Registry.FirmwareVersion, &m.Registry.PrepayEnabled, &m.Registry.DaylightSavings, &last, &healthy, &elements, &directions, &through)
	m.Profile = profileMarks(elements, directions, through)
	m.Registry.FrameAddress = m.FrameAddress
	if m.Registry.Hardware != nil {
		m.Hardware = *m.Registry.Hardware
	}
	if ip != nil {
		m.Address = netip.AddrPortFrom(*ip, port)
	}
	if last != nil {
		m.LastEvent = *last
	}
	if healthy != nil {
		m.LastHealthy = *healthy
	}
	return m, err
}

// known refuses a filter that names what is not there: a typing error must not look like a fleet without work.
func (s *Store) known(ctx context.Context, f Filter) error {
	if f.ESCO != "" {
		var exists bool
		err := s.pool.QueryRow(ctx, `select exists (select from flows.escos where lower(code) = lower($1))`, f.ESCO).Scan(&exists)
		if err != nil {
			return trouble("look for an ESCO", err)
		}
		if !exists {
			return &UnknownESCO{Code: f.ESCO}
		}
	}
	if len(f.Serials) == 0 {
		return nil
	}
	rows, _ := s.pool.Query(ctx, `
		select distinct w.serial from unnest($2::text[]) w (serial)
		where not exists (
			select from flows.meter_registry r left join flows.escos e on e.id = r.esco
			where r.serial = w.serial and ($1 = '' or lower(e.code) = lower($1)))
		order by w.serial`, f.ESCO, f.Serials)
	unknown, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return trouble("look for meters", err)
	}
	if len(unknown) > 0 {
		return &UnknownSerials{Serials: unknown, ESCO: f.ESCO}
	}
	return nil
}
