package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
)

// Row is a meter as `flows meters list` shows it.
type Row struct {
	Serial      string       `json:"serial"`
	Name        *string      `json:"name"`
	ESCO        *string      `json:"esco"`
	Mode        flows.Mode   `json:"mode"`
	Maintenance bool         `json:"maintenance"`
	Hardware    *string      `json:"hardware"`
	Address     *netip.Addr  `json:"ip_address"`
	Port        uint16       `json:"port"`
	Health      flows.Health `json:"health"` // "" = never run
	Details     string       `json:"health_details"`
	CSQ         *int         `json:"csq"`
	UpdatedAt   *time.Time   `json:"updated_at"`
}

const rowColumns = `r.serial, r.name, e.code, r.mode, r.maintenance, r.hardware, r.ip_address, r.port,
	coalesce(s.health, ''), coalesce(s.health_details, ''), s.csq, s.updated_at`

func (r *Row) fields() []any {
	return []any{&r.Serial, &r.Name, &r.ESCO, &r.Mode, &r.Maintenance, &r.Hardware, &r.Address, &r.Port, &r.Health, &r.Details, &r.CSQ, &r.UpdatedAt}
}

// List gives the chosen meters by serial. Errors as for Meters.
func (s *Store) List(ctx context.Context, f Filter) ([]Row, error) {
	if err := s.known(ctx, f); err != nil {
		return nil, err
	}
	rows, _ := s.pool.Query(ctx, `
		select `+rowColumns+` from flows.meter_registry r
		left join flows.escos e on e.id = r.esco
		left join flows.meter_shadows s on s.id = r.id
		where `+chosen+` order by r.serial`, args(f)...)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r Row, err error) {
		err = row.Scan(r.fields()...)
		return r, err
	})
	return list, trouble("list meters", err)
}

// Description is all that is known of one meter.
type Description struct {
	Row
	ID              string     `json:"id"`
	Feeder          *string    `json:"feeder"`
	FuseRating      *int       `json:"fuse_rating"` // A
	Phases          *int       `json:"phases"`
	FrameAddress    *uint32    `json:"frame_address"`
	FirmwareVersion *string    `json:"firmware_version"`
	PrepayEnabled   *bool      `json:"prepay_enabled"`
	DaylightSavings *bool      `json:"daylight_savings_correction_enabled"`
	LastHealthyAt   *time.Time `json:"last_healthy_at"`
	CreatedAt       time.Time  `json:"created_at"`
	Registers       []Register `json:"registers"`
	// Shadow has the columns of meter_shadows that hold values read from the meter, by name.
	Shadow json.RawMessage `json:"shadow"`
	// NotRead says why no run asks this meter; "" when one does. Note is worth knowing but keeps nobody from reading.
	NotRead string `json:"not_read,omitempty"`
	Note    string `json:"note,omitempty"`
}

// Register is what one element's history is stored under.
type Register struct {
	ID          string       `json:"register_id"`
	Element     string       `json:"element"`
	Status      string       `json:"status"`
	Serial      string       `json:"serial"` // of the meter that has or had it
	StartTime   time.Time    `json:"start_time"`
	EndTime     *time.Time   `json:"end_time"`
	InitialRead *json.Number `json:"initial_read"` // kWh
	FinalRead   *json.Number `json:"final_read"`
}

// Replaced is asked for but was exchanged for another meter.
type Replaced struct {
	Serial, By string
	At         time.Time
}

func (e *Replaced) Error() string {
	return fmt.Sprintf("meter %s was exchanged for %s at %s; see: flows meters show %[2]s", e.Serial, e.By, e.At.UTC().Format(time.RFC3339))
}

// Describe tells all about a meter. Errors: *UnknownSerials, *Replaced, or *flows.Error with Database.
func (s *Store) Describe(ctx context.Context, serial string) (d Description, err error) {
	if err := s.known(ctx, Filter{Serials: []string{serial}}); err != nil {
		if by, at, e := successor(ctx, s.pool, serial); e == nil && by != "" {
			return d, &Replaced{serial, by, at}
		}
		return d, err
	}
	// The registers' ids, times and states come as JSON of their own so that one statement sees one moment.
	var registers []byte
	err = s.pool.QueryRow(ctx, `
		select r.id::text, r.feeder, r.fuse_rating, r.phases, r.frame_address, r.firmware_version, r.prepay_enabled,
			r.daylight_savings_correction_enabled, s.last_healthy_at, r.created_at,
			(select coalesce(json_agg(g order by g.status, g.end_time desc, g.element), '[]') from
				(select register_id, element, status, coalesce(serial, r.serial) serial, start_time, end_time, initial_read, final_read
				from flows.meter_registers where meter_id = r.id) g),
			to_jsonb(s) - array['id', 'health', 'health_details', 'last_healthy_at', 'created_at', 'updated_at', 'read_at'],
			`+rowColumns+`
		from flows.meter_registry r
		left join flows.escos e on e.id = r.esco
		left join flows.meter_shadows s on s.id = r.id
		where r.serial = $1`, serial).Scan(append([]any{&d.ID, &d.Feeder, &d.FuseRating, &d.Phases, &d.FrameAddress, &d.FirmwareVersion,
		&d.PrepayEnabled, &d.DaylightSavings, &d.LastHealthyAt, &d.CreatedAt, &registers, &d.Shadow}, d.Row.fields()...)...)
	if err == nil {
		err = json.Unmarshal(registers, &d.Registers)
	}
	d.NotRead = flows.NotRead(d.Mode, d.Address != nil)
	if d.Maintenance {
		d.Note = "under maintenance: read and stored as ever, left out of status and alerts"
	}
	return d, trouble("describe a meter", err)
}
