-- Who owns the meters, which meters there are, and the registers each of them has.

-- +goose Up
create table flows.escos (
    id         uuid primary key default gen_random_uuid(),
    code       text not null unique check (code <> ''),
    name       text not null default '',
    timezone   text not null default 'Europe/London',
    created_at timestamptz not null default now()
);
-- Codes are matched without regard to case, so they must differ by more than case.
create unique index escos_code_any_case on flows.escos (lower(code));

create table flows.meter_registry (
    id               uuid primary key default gen_random_uuid(),
    serial           text not null unique check (serial <> ''),
    ip_address       inet check (masklen(ip_address) = case family(ip_address) when 4 then 32 else 128 end),
    port             integer not null default 8080 check (port between 1 and 65535),
    name             text,
    hardware         text,
    esco             uuid references flows.escos (id),
    mode             text not null default 'active' check (mode in ('active', 'passive')),
    maintenance      boolean not null default false,
    feeder           text,
    fuse_rating      integer check (fuse_rating > 0),
    phases           integer check (phases between 1 and 3),
    frame_address    integer check (frame_address between 0 and 16777215),
    firmware_version text,
    prepay_enabled   boolean,
    daylight_savings_correction_enabled boolean,
    single_meter_app boolean not null default false,
    created_at       timestamptz not null default now(),
    updated_at       timestamptz not null default now(),
    -- Deferrable means checked after the statement, not row by row: two meters may swap addresses in one update.
    constraint meter_registry_address unique (ip_address, port) deferrable initially immediate
);
create index meter_registry_esco on flows.meter_registry (esco);

create table flows.meter_registers (
    register_id  uuid primary key default gen_random_uuid(),
    meter_id     uuid not null references flows.meter_registry (id) on delete cascade,
    element      text not null check (element in ('A', 'B', 'SINGLE')),
    status       text not null default 'enabled' check (status in ('enabled', 'replaced')),
    start_time   timestamptz not null default now(),
    end_time     timestamptz,
    initial_read numeric,
    final_read   numeric,
    created_at   timestamptz not null default now()
);
create index meter_registers_meter on flows.meter_registers (meter_id);
-- One enabled register per meter and element; SINGLE is the A of a meter that has no B.
create unique index meter_registers_enabled on flows.meter_registers (meter_id, (element = 'B')) where status = 'enabled';

-- +goose StatementBegin
-- The elements that a meter of this hardware measures. Nobody knows those of a meter whose hardware is not known yet.
create function flows.hardware_elements(hardware text) returns text[] language sql immutable as $$
    select case
        when hardware is null then '{}'::text[]
        when hardware = 'C1.w' then '{A,B}'
        when hardware in ('P1.ax', 'P1.cx', 'AX', 'CX') then '{SINGLE}'
        else '{A}'
    end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create function flows.meter_registry_insert_registers() returns trigger language plpgsql as $$
begin
    insert into flows.meter_registers (meter_id, element)
    select m.id, unnest(flows.hardware_elements(m.hardware)) from new_meters m;
    return null;
end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- A register keeps its id, and so its history, when only the name of the hardware was corrected.
create function flows.meter_registry_hardware_registers() returns trigger language plpgsql as $$
declare
    _elements text[] := flows.hardware_elements(new.hardware);
begin
    if new.hardware is null then
        return new;
    end if;
    update flows.meter_registers set element = _elements[1]
    where meter_id = new.id and status = 'enabled' and element <> 'B' and element <> _elements[1];
    update flows.meter_registers set status = 'replaced', end_time = statement_timestamp()
    where meter_id = new.id and status = 'enabled' and element = 'B' and 'B' <> all (_elements);
    insert into flows.meter_registers (meter_id, element) select new.id, unnest(_elements) on conflict do nothing;
    return new;
end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- The address on the wire belongs to the meter behind ip_address and port: a new place means an unknown meter, unless the same update names it.
create function flows.meter_registry_forget_frame_address() returns trigger language plpgsql as $$
begin
    if (new.ip_address, new.port) is distinct from (old.ip_address, old.port) and new.frame_address is not distinct from old.frame_address then
        new.frame_address := null;
    end if;
    return new;
end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create function flows.meter_registry_touch() returns trigger language plpgsql as $$
begin
    new.updated_at := statement_timestamp();
    return new;
end
$$;
-- +goose StatementEnd

-- Once a statement, since a whole fleet may come in one.
create trigger meter_registry_insert_registers after insert on flows.meter_registry
    referencing new table as new_meters for each statement execute function flows.meter_registry_insert_registers();
-- Before, so that the registers exist when a later part of the same transaction or statement saves the first reads.
create trigger meter_registry_hardware_update before update of hardware on flows.meter_registry
    for each row execute function flows.meter_registry_hardware_registers();
create trigger meter_registry_address_update before update of ip_address, port on flows.meter_registry
    for each row execute function flows.meter_registry_forget_frame_address();
create trigger meter_registry_updated_at before update on flows.meter_registry
    for each row execute function flows.meter_registry_touch();

-- +goose Down
drop table flows.meter_registers, flows.meter_registry, flows.escos;
drop function flows.meter_registry_insert_registers(), flows.meter_registry_hardware_registers(), flows.hardware_elements(text),
    flows.meter_registry_forget_frame_address(), flows.meter_registry_touch();
