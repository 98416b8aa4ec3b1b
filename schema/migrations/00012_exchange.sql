-- A meter on site is replaced by another one: the registry's row is the place and stays, the registers are closed and new ones opened.

-- +goose Up
alter table flows.meter_registers
    add column serial text,   -- of the meter that had the register before an exchange; null: the registry's
    add column hardware text, -- and its hardware
    add constraint meter_registers_life check (end_time >= start_time),
    add constraint meter_registers_ended check (status = 'replaced' or num_nonnulls(end_time, final_read, serial, hardware) = 0),
    add constraint meter_registers_former check (serial is null or serial <> '' and end_time is not null),
    add constraint meter_registers_reads check (least(initial_read, final_read) >= 0);
-- The history of a meter that is no longer in the registry is asked for by its serial.
create index meter_registers_serial on flows.meter_registers (serial) where serial is not null;

-- +goose StatementBegin
-- Ends a save when a meter of it has been exchanged since it was read; the error's detail has the numbers of such pairs. To be called with
-- the meters' shadows locked: whoever exchanges a meter holds its shadow first.
create function flows.meter_serials_hold(ids uuid[], serials text[]) returns void language plpgsql as $$
declare
    _gone text;
begin
    select string_agg(v.n::text, ' ' order by v.n) into _gone
    from unnest(ids, serials) with ordinality v (id, serial, n) join flows.meter_registry r using (id) where r.serial <> v.serial;
    if _gone is not null then
        raise exception using errcode = 'FL001', message = 'a meter was exchanged after it had been read', detail = _gone;
    end if;
end
$$;
-- +goose StatementEnd

-- +goose Down
drop function flows.meter_serials_hold(uuid[], text[]);
alter table flows.meter_registers
    drop constraint meter_registers_life,
    drop constraint meter_registers_ended,
    drop constraint meter_registers_former,
    drop constraint meter_registers_reads,
    drop column serial,
    drop column hardware;
