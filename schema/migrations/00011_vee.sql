-- What half-hours are judged by beside the meters' logs, and what became of each local day.

-- +goose Up
alter table flows.escos add vee_thresholds jsonb not null default '{}' check (jsonb_typeof(vee_thresholds) = 'object');

-- The meter's clock, meter minus server, each time it was measured: the shadow has only the last time.
create table flows.meter_clock_diff (
    meter_id    uuid not null,
    "timestamp" timestamptz not null,
    seconds     numeric not null,
    primary key (meter_id, "timestamp")
);
-- When a meter was not to be asked.
create table flows.meter_mode_history (
    meter_id    uuid not null references flows.meter_registry (id) on delete cascade,
    "timestamp" timestamptz not null default statement_timestamp(),
    mode        text not null,
    primary key (meter_id, "timestamp")
);
-- A person's answers: the value of a half-hour, and which of several records of one time is the register's. The newest counts; withdrawn_at
-- takes one back.
create table flows.register_interval_edit (
    register_id  uuid not null references flows.meter_registers (register_id) on delete cascade,
    direction    text not null check (direction in ('import', 'export')),
    "timestamp"  timestamptz not null check (date_bin('30 minutes', "timestamp", '2000-01-01 00:00Z') = "timestamp"), -- start of the half-hour
    "interval"   numeric not null check ("interval" >= 0), -- kWh
    made_at      timestamptz not null default statement_timestamp(),
    withdrawn_at timestamptz,
    who          text not null,
    why          text not null,
    primary key (register_id, direction, "timestamp", made_at)
);
create table flows.register_profile_pick (
    register_id  uuid not null references flows.meter_registers (register_id) on delete cascade,
    direction    text not null check (direction in ('import', 'export')),
    "timestamp"  timestamptz not null,
    read         numeric not null,
    made_at      timestamptz not null default statement_timestamp(),
    withdrawn_at timestamptz,
    who          text not null,
    why          text not null,
    primary key (register_id, direction, "timestamp", made_at)
);
-- Half-hours that have left the house as something else than the meter's own value: when that comes, it is reported.
create table flows.register_exported (
    register_id uuid not null references flows.meter_registers (register_id) on delete cascade,
    direction   text not null check (direction in ('import', 'export')),
    "timestamp" timestamptz not null,
    "interval"  numeric, -- kWh; null: nobody knew
    exported_at timestamptz not null default statement_timestamp(),
    primary key (register_id, direction, "timestamp")
);
-- What a local day came to, the ESCO's, written with its half-hours. What the log does not give is told apart by what can be done about it.
create table flows.register_day (
    register_id   uuid not null references flows.meter_registers (register_id) on delete cascade,
    direction     text not null check (direction in ('import', 'export')),
    day           date not null,
    energy        numeric not null,  -- kWh, of the half-hours that are known
    expected      smallint not null, -- 46, 48 or 50, fewer when the register's life begins or ends on it
    actual        smallint not null,
    derived       smallint not null,
    estimated     smallint not null,
    edited        smallint not null,
    billable      smallint not null,
    never_reached smallint not null, -- asked for again by every run that reads the log
    not_logged    smallint not null, -- the meter has shown that it has none
    invalid       smallint not null, -- the meter's record is marked invalid, or is from the future
    billable_energy numeric not null default 0, -- kWh, of the half-hours that may be billed
    primary key (register_id, direction, day)
);
create index register_day_day on flows.register_day (day);
create index register_day_gaps on flows.register_day (day) include (register_id, never_reached, not_logged, invalid) where never_reached + not_logged + invalid > 0;

-- The gaps, one a register, direction and local day.
create view flows.register_gaps as
select r.serial, r.id meter_id, g.element, d.register_id, d.direction, d.day, d.expected, d.never_reached, d.not_logged, d.invalid,
    case when d.never_reached > 0 then 'never reached' when d.not_logged > 0 then 'not logged by the meter' else 'marked invalid by the meter' end why,
    d.estimated, (now() at time zone coalesce(e.timezone, 'Europe/London'))::date - d.day age_days,
    d.never_reached > 0 and g.status = 'enabled' and r.mode = 'active' and r.ip_address is not null asked_again
from flows.register_day d
join flows.meter_registers g using (register_id) join flows.meter_registry r on r.id = g.meter_id left join flows.escos e on e.id = r.esco
where d.never_reached + d.not_logged + d.invalid > 0;

create index vee_exceptions_of on flows.vee_exceptions (coalesce(register_id, meter_id), rule);

-- +goose StatementBegin
-- Nobody knows when between two measurements a clock went wrong, or was set: those half-hours are to be judged again.
create function flows.meter_clock_diff_insert() returns trigger language plpgsql as $$
declare
    _at  timestamptz := coalesce(new.clock_time_diff_synced_at, new.updated_at);
    _old flows.meter_clock_diff;
begin
    select * into _old from flows.meter_clock_diff where meter_id = new.id and "timestamp" < _at order by "timestamp" desc limit 1;
    insert into flows.meter_clock_diff (meter_id, "timestamp", seconds) values (new.id, _at, new.clock_time_diff_seconds) on conflict do nothing;
    if found and greatest(abs(new.clock_time_diff_seconds), abs(_old.seconds)) > 20 then
        perform flows.vee_mark_meter(new.id, coalesce(_old."timestamp", '-infinity'), _at);
    end if;
    return null;
end
$$;
-- +goose StatementEnd
create trigger meter_shadows_clock_diff_update after update of clock_time_diff_seconds on flows.meter_shadows for each row
    when (new.clock_time_diff_seconds is not null) execute function flows.meter_clock_diff_insert();

-- +goose StatementBegin
create function flows.meter_mode_history_insert() returns trigger language plpgsql as $$
begin
    insert into flows.meter_mode_history (meter_id, mode) values (new.id, new.mode)
    on conflict (meter_id, "timestamp") do update set mode = excluded.mode;
    if new.mode = 'active' then
        update flows.vee_work w set due_at = statement_timestamp()
        from flows.meter_registers g where g.register_id = w.register_id and g.meter_id = new.id and g.status = 'enabled';
    end if;
    return null;
end
$$;
-- +goose StatementEnd
create trigger meter_registry_mode_update after update of mode on flows.meter_registry for each row
    when (new.mode <> old.mode) execute function flows.meter_mode_history_insert();

-- +goose StatementBegin
-- Marks all registers of a meter, in the order in which savers and judges lock them.
create function flows.vee_mark_meter(meter uuid, _from timestamptz, _to timestamptz) returns void language plpgsql as $$
declare
    _register uuid;
begin
    for _register in select register_id from flows.meter_registers where meter_id = meter order by register_id loop
        perform flows.vee_mark(_register, 'import', _from, _to), flows.vee_mark(_register, 'export', _from, _to);
    end loop;
end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Marks what a row of the argument's kind speaks of.
create function flows.vee_mark_row() returns trigger language plpgsql as $$
begin
    case tg_argv[0]
    when 'time' then
        perform flows.vee_mark(new.register_id, new.direction, new."timestamp", new."timestamp");
    when 'hole' then
        perform flows.vee_mark(new.register_id, new.direction, new.start_time, new.end_time);
    when 'register' then -- and the one on the other side of an exchange
        perform flows.vee_mark_meter(new.meter_id, '-infinity', 'infinity');
    when 'meter' then
        perform flows.vee_mark_meter(new.id, '-infinity', 'infinity');
    when 'zone' then
        perform flows.vee_mark_meter(id, '-infinity', 'infinity') from flows.meter_registry where esco = new.id;
    when 'event' then
        perform flows.vee_mark_meter(new.meter_id, new."timestamp", new."timestamp");
    end case;
    return null;
end
$$;
-- +goose StatementEnd
create trigger register_profile_conflict_mark after insert on flows.register_profile_conflict for each row execute function flows.vee_mark_row('time');
create trigger register_profile_pick_mark after insert or update on flows.register_profile_pick for each row execute function flows.vee_mark_row('time');
create trigger register_interval_edit_mark after insert or update on flows.register_interval_edit for each row execute function flows.vee_mark_row('time');
create trigger register_exported_mark after insert or update on flows.register_exported for each row execute function flows.vee_mark_row('time');
create trigger register_profile_hole_mark after insert or update on flows.register_profile_hole for each row execute function flows.vee_mark_row('hole');
create trigger meter_registers_mark after update of start_time, end_time, initial_read, final_read on flows.meter_registers for each row
    when ((new.start_time, new.end_time, new.initial_read, new.final_read) is distinct from (old.start_time, old.end_time, old.initial_read, old.final_read))
    execute function flows.vee_mark_row('register');
create trigger meter_registry_mark after update of hardware, fuse_rating, phases, esco on flows.meter_registry for each row
    when ((new.hardware, new.fuse_rating, new.phases, new.esco) is distinct from (old.hardware, old.fuse_rating, old.phases, old.esco)
        and old.hardware is not null and new.serial = old.serial) -- an exchange closes registers and changes none
    execute function flows.vee_mark_row('meter');
create trigger escos_mark after update of timezone on flows.escos for each row
    when (new.timezone <> old.timezone) execute function flows.vee_mark_row('zone');
-- Reverse energy, an opened cover, a magnet: they may be fetched long after they happened.
create trigger meter_event_log_mark after insert on flows.meter_event_log for each row
    when (new.event_type in (3, 4, 10)) execute function flows.vee_mark_row('event');

-- +goose StatementBegin
-- A new register is looked at when its first half-hours should have come.
create function flows.meter_registers_work() returns trigger language plpgsql as $$
begin
    insert into flows.vee_work (register_id, direction, due_at)
    select n.register_id, d, statement_timestamp() + interval '14 hours' from new_registers n cross join unnest('{import,export}'::text[]) d
    on conflict do nothing;
    return null;
end
$$;
-- +goose StatementEnd
create trigger meter_registers_work after insert on flows.meter_registers referencing new table as new_registers
    for each statement execute function flows.meter_registers_work();
insert into flows.vee_work (register_id, direction) select register_id, d from flows.meter_registers cross join unnest('{import,export}'::text[]) d on conflict do nothing;

insert into flows.meter_metrics (name, enabled, run_frequency) values ('SyncerProfileLog', true, '12hourly');

-- +goose Down
delete from flows.meter_metrics where name = 'SyncerProfileLog';
drop trigger meter_registers_work on flows.meter_registers;
drop trigger meter_event_log_mark on flows.meter_event_log;
drop trigger escos_mark on flows.escos;
drop trigger meter_registry_mark on flows.meter_registry;
drop trigger meter_registers_mark on flows.meter_registers;
drop trigger register_profile_hole_mark on flows.register_profile_hole;
drop trigger register_profile_conflict_mark on flows.register_profile_conflict;
drop trigger meter_registry_mode_update on flows.meter_registry;
drop trigger meter_shadows_clock_diff_update on flows.meter_shadows;
drop view flows.register_gaps;
drop index flows.vee_exceptions_of;
drop table flows.register_day, flows.register_exported, flows.register_profile_pick, flows.register_interval_edit, flows.meter_mode_history,
    flows.meter_clock_diff;
drop function flows.meter_registers_work(), flows.vee_mark_row(), flows.vee_mark_meter(uuid, timestamptz, timestamptz), flows.meter_mode_history_insert(), flows.meter_clock_diff_insert();
alter table flows.escos drop vee_thresholds;
