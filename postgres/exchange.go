package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"flows"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Exchange is a meter on site that was replaced by another one.
type Exchange struct {
	Old, New string // serials
	At       time.Time
	Final    Readings // of the old meter
	Initial  Readings // of the new one

	Hardware string      // of the new meter; "" = it tells at first contact
	Address  *netip.Addr // nil: where the old one was, and so for Port
	Port     *uint16
}

// Readings are what import registers stood at, by element: A, B, or "" for the only one of a meter.
type Readings map[string]flows.Energy

// Exchanged is what follows from an exchange that has been stored.
type Exchanged struct {
	Unread []string // elements without readings
	Later  int      // reads and half-hourly records of times after the exchange that stand under the old meter's registers
}

// ExchangeError says why an exchange was not stored and what to do.
type ExchangeError struct{ Reason string }

func (e *ExchangeError) Error() string { return e.Reason }

func refuse(format string, args ...any) error { return &ExchangeError{fmt.Sprintf(format, args...)} }

// Exchange gives the place of the old meter in the registry to the new one: the place keeps its row, with the new serial and without what
// the old meter had told; the registers are closed and new ones opened; the shadow begins anew. Raw reads stay where they are, those that
// have come in since the exchange too. Nothing is stored with an error: *ExchangeError, or *flows.Error with Database.
func (s *Store) Exchange(ctx context.Context, e Exchange) (done Exchanged, err error) {
	e.At = e.At.UTC().Truncate(time.Microsecond)
	if err := e.check(); err != nil {
		return done, err
	}
	x := exchange{Exchange: e}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		x.tx = tx
		for _, step := range []func(context.Context) error{x.lock, x.free, x.registers, x.readings, x.close, x.open} {
			if err := step(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	var refused *ExchangeError
	if errors.As(err, &refused) {
		return done, refused
	}
	return x.done, trouble("exchange a meter", err)
}

// check finds what is wrong without looking at the database.
func (e *Exchange) check() error {
	switch err := flows.CheckSerial(e.New); {
	case err != nil:
		return refuse("the new meter: %v", err)
	case strings.TrimSpace(e.New) != e.New:
		return refuse("the new meter's serial %q has spaces around it", e.New)
	case e.New == e.Old:
		return refuse("meter %s cannot be exchanged for itself: give the new meter's serial second", e.Old)
	case !storable(e.Old + e.Hardware):
		return refuse("serial or hardware has a character that cannot be stored")
	case e.Address != nil && e.Address.Zone() != "":
		return refuse("address %s has a zone", e.Address)
	case e.At.IsZero():
		return refuse("when was meter %s exchanged? Give the time", e.Old)
	}
	return nil
}

// exchange is an Exchange as it is stored.
type exchange struct {
	Exchange
	tx     pgx.Tx
	id     string
	before []register // the old meter's enabled ones
	after  []register // the new meter's
	done   Exchanged
}

// register is one of the two sides of an exchange.
type register struct {
	element string
	reading *flows.Energy // of the old meter at its end, of the new one at its beginning
	enabled bool
	start   time.Time
	last    *flows.Energy // the last read that is stored of the time before
	lastAt  *time.Time
}

// lock takes what a save takes, in its order, so that the two never wait for each other in a circle: the shadow first. A save that comes
// behind finds another serial than that of the meter it has read. The table's lock, which savers share, keeps out who changes the registry.
func (x *exchange) lock(ctx context.Context) error {
	const patience = `set local lock_timeout = '30s'` // a save is over sooner; whoever holds the rows for longer has forgotten them
	if _, err := x.tx.Exec(ctx, patience); err != nil {
		return err
	}
	err := x.tx.QueryRow(ctx, `
		select id::text from flows.meter_shadows where id = (select id from flows.meter_registry where serial = $1) for update`, x.Old).Scan(&x.id)
	if err == nil {
		_, err = x.tx.Exec(ctx, `lock table flows.meter_registry in row exclusive mode`)
	}
	if err == nil {
		err = x.tx.QueryRow(ctx, `select id::text from flows.meter_registry where id = $1::text::uuid and serial = $2`, x.id, x.Old).Scan(&x.id)
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	by, at, err := successor(ctx, x.tx, x.Old)
	switch {
	case err != nil:
		return err
	case by != "":
		return refuse("%v", &Replaced{x.Old, by, at})
	}
	return refuse("%v", &UnknownSerials{Serials: []string{x.Old}})
}

// free makes sure that nobody else has the new serial and address.
func (x *exchange) free(ctx context.Context) error {
	var reason string
	err := x.tx.QueryRow(ctx, `
		select format('meter %1$s is a meter of its own in the registry already. Check the serial; if %1$s was added by mistake and never read: '
			'delete from flows.meter_registry where serial = %1$L; if it has been read, set %2$s to passive and leave them two', serial, $3::text)
		from flows.meter_registry where serial = $2
		union all
		select format('address %s port %s is that of meter %s: give the new meter''s own', host(o.ip_address), o.port, o.serial)
		from flows.meter_registry r join flows.meter_registry o on o.id <> r.id
			and (o.ip_address, o.port) = (coalesce($4::inet, r.ip_address), coalesce($5, r.port))
		where r.id = $1::text::uuid
		limit 1`, x.id, x.New, x.Old, x.address(), x.Port).Scan(&reason)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return err
	}
	return &ExchangeError{reason}
}

func (e *Exchange) address() *string {
	if e.Address == nil {
		return nil
	}
	return new(e.Address.Unmap().String())
}

// registers gives both sides their registers, and locks all that the meter ever had.
func (x *exchange) registers(ctx context.Context) error {
	var now time.Time
	var elements []string
	if err := x.tx.QueryRow(ctx, `select now(), flows.hardware_elements(nullif($1, ''))`, x.Hardware).Scan(&now, &elements); err != nil {
		return err
	}
	if x.At.After(now) {
		return refuse("%s lies in the future: give the time at which the meters were exchanged", x.At.Format(time.RFC3339))
	}
	rows, _ := x.tx.Query(ctx, `
		select g.element, g.status = 'enabled', g.start_time, trunc(h.read, 4)::text, h."timestamp" from flows.meter_registers g
		left join lateral (select read, "timestamp" from flows.register_import where register_id = g.register_id and "timestamp" <= $2
			order by "timestamp" desc limit 1) h on true
		where g.meter_id = $1::text::uuid order by g.register_id for no key update of g`, x.id, x.At)
	all, err := pgx.CollectRows(rows, scanRegister)
	if err != nil {
		return err
	}
	for _, r := range all {
		if !r.enabled {
			continue
		}
		if x.At.Before(r.start) {
			return refuse("register %s of meter %s begins at %s: an exchange at %s lies before it", r.element, x.Old, r.start.Format(time.RFC3339Nano),
				x.At.Format(time.RFC3339Nano))
		}
		x.before = append(x.before, r)
		if x.Hardware == "" {
			elements = append(elements, r.element)
		}
	}
	for _, e := range elements {
		x.after = append(x.after, register{element: e})
	}
	return nil
}

func scanRegister(row pgx.CollectableRow) (r register, err error) {
	var last *string
	if err = row.Scan(&r.element, &r.enabled, &r.start, &last, &r.lastAt); err == nil && last != nil {
		r.last = new(flows.Energy)
		*r.last, err = flows.ParseEnergy(*last)
	}
	return r, err
}

// readings finds the register of each reading. It refuses one reading of two, which says nothing of what flowed, and one that is lower than
// what the register has shown before.
func (x *exchange) readings(context.Context) error {
	if err := x.Final.give(x.before, "--final-read", x.Old); err != nil {
		return err
	}
	if err := x.Initial.give(x.after, "--initial-read", x.New); err != nil {
		return err
	}
	for _, old := range x.before {
		if i := place(x.after, old.element); i >= 0 {
			switch one, other := old.reading == nil, x.after[i].reading == nil; {
			case one != other:
				return refuse("register %s has one reading of two: give both --final-read and --initial-read, or neither", old.element)
			case one:
				x.done.Unread = append(x.done.Unread, old.element)
			}
		}
		if old.reading != nil && old.last != nil && *old.reading < *old.last {
			return refuse("register %s of meter %s stood at %s kWh already at %s: a final read of %s kWh cannot be; if the meter lost count, leave its readings out",
				old.element, x.Old, old.last, old.lastAt.Format(time.RFC3339), old.reading)
		}
	}
	slices.Sort(x.done.Unread)
	return nil
}

// place is that of an element's register; SINGLE is the A of a meter that has no B.
func place(in []register, element string) int {
	return slices.IndexFunc(in, func(r register) bool { return (r.element == "B") == (element == "B") })
}

// give finds the register of each reading.
func (readings Readings) give(to []register, flag, serial string) error {
	for element, energy := range readings {
		i := place(to, element)
		switch {
		case element == "" && len(to) > 1:
			return refuse("meter %s has registers A and B: say which with %s A=KWH %[2]s B=KWH", serial, flag)
		case len(to) == 0:
			return refuse("meter %s has no register, since its hardware is not known: leave out %s", serial, flag)
		case i < 0:
			return refuse("meter %s has no register %s: leave out %s %[2]s=…", serial, element, flag)
		case energy < 0:
			return refuse("%s %s kWh: a register never stands below 0", flag, energy)
		}
		to[i].reading = &energy
	}
	return nil
}

// columns of registers for unnest.
func columns(of []register) (elements []string, readings []*string) {
	for _, r := range of {
		elements, readings = append(elements, r.element), append(readings, quantity(r.reading))
	}
	return elements, readings
}

// close ends the old meter's registers. Those that ended before, when its hardware was corrected, were its own too.
func (x *exchange) close(ctx context.Context) error {
	elements, readings := columns(x.before)
	return x.tx.QueryRow(ctx, `
		with ended as (
			update flows.meter_registers g set serial = m.serial, hardware = m.hardware, status = 'replaced', end_time = coalesce(g.end_time, $2),
				final_read = case g.status when 'enabled' then (select r.read from unnest($3::text[], $4::text[]::numeric[]) r (element, read)
					where r.element = g.element) else g.final_read end
			from flows.meter_registry m where m.id = $1::text::uuid and g.meter_id = m.id and g.serial is null returning g.register_id, g.end_time
		)
		select (select count(*) from ended join flows.register_import h using (register_id) where h."timestamp" > end_time)
			+ (select count(*) from ended join flows.register_profile_hh h using (register_id) where h."timestamp" > end_time)`,
		x.id, x.At, elements, readings).Scan(&x.done.Later)
}

// open begins anew: registers before the row with its hardware, whose trigger would make them from now on. An update of the shadow would
// be history of a csq that nobody has read.
func (x *exchange) open(ctx context.Context) error {
	elements, readings := columns(x.after)
	batch := &pgx.Batch{}
	batch.Queue(`insert into flows.meter_registers (meter_id, element, start_time, initial_read)
		select $1::text::uuid, r.element, $2, r.read from unnest($3::text[], $4::text[]::numeric[]) r (element, read)`, x.id, x.At, elements, readings)
	batch.Queue(`
		update flows.meter_registry set serial = $2, hardware = nullif($3, ''), frame_address = null, firmware_version = null, prepay_enabled = null,
			daylight_savings_correction_enabled = null, ip_address = coalesce($4::inet, ip_address), port = coalesce($5, port)
		where id = $1::text::uuid`, x.id, x.New, x.Hardware, x.address(), x.Port)
	batch.Queue(`delete from flows.meter_shadows where id = $1::text::uuid`, x.id)
	batch.Queue(`insert into flows.meter_shadows (id) values ($1::text::uuid)`, x.id)
	return x.tx.SendBatch(ctx, batch).Close()
}

// successor tells which meter a meter was exchanged for, the last time, and when; "" when it never was.
func successor(ctx context.Context, q interface {
	QueryRow(context.Context, string, ...any) pgx.Row
}, serial string) (next string, at time.Time, err error) {
	err = q.QueryRow(ctx, `
		select coalesce(n.serial, r.serial), g.end_time from flows.meter_registers g join flows.meter_registry r on r.id = g.meter_id
		left join lateral (select serial from flows.meter_registers where meter_id = g.meter_id and serial is not null and end_time > g.end_time
			order by end_time limit 1) n on true
		where g.serial = $1 order by g.end_time desc limit 1`, serial).Scan(&next, &at)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return next, at, err
}

// exchangedSince is the SQLSTATE that flows.meter_serials_hold raises.
const exchangedSince = "FL001"

// queueSerials ends the save, before it changes anything, when a meter is not there any more that a result came of.
func queueSerials(batch *pgx.Batch, rounds [][]*flows.Result) {
	var ids, serials []string
	for _, r := range slices.Concat(rounds...) {
		ids, serials = append(ids, r.Meter.ID), append(serials, r.Meter.Serial)
	}
	batch.Queue(`select flows.meter_serials_hold($1::text[]::uuid[], $2)`, ids, serials)
}

// withoutExchanged gives the results of a save that was ended so, with nothing left of those meters' but what the log needs; nil when it was not.
func withoutExchanged(results []flows.Result, rounds [][]*flows.Result, err error) []flows.Result {
	var raised *pgconn.PgError
	if !errors.As(err, &raised) || raised.Code != exchangedSince {
		return nil
	}
	all, kept := slices.Concat(rounds...), slices.Clone(results)
	for word := range strings.FieldsSeq(raised.Detail) {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 || n > len(all) {
			return nil
		}
		r := all[n-1]
		for i := range results {
			if &results[i] == r {
				kept[i] = flows.Result{Meter: r.Meter, Frequency: r.Frequency, Run: r.Run, Scheduled: r.Scheduled, ReadAt: r.ReadAt, Duration: r.Duration,
					Details: "meter " + r.Meter.Serial + " was exchanged after it had been read: nothing of it is stored"}
			}
		}
	}
	return kept
}
