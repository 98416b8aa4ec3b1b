-- The present state of each meter.

-- +goose Up
-- Space is left in each page so that updates stay in it; for the same reason no column that a save changes has an index.
create table flows.meter_shadows (
    id              uuid primary key references flows.meter_registry (id) on delete cascade,
    import_a        numeric,
    import_b        numeric,
    export_a        numeric,
    export_b        numeric,
    balance         numeric,
    csq             integer,
    voltage         numeric,
    "3p_voltage_l1" numeric,
    "3p_voltage_l2" numeric,
    "3p_voltage_l3" numeric,
    clock_time_diff_seconds   bigint, -- a meter's clock may say any year to 2255
    clock_time_diff_synced_at timestamptz,
    tariffs_active  jsonb,
    tariffs_future  jsonb,
    backlight       text,
    load_switch     text,
    health          text check (health in ('healthy', 'unhealthy')),
    health_details  text,
    last_healthy_at timestamptz,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz,
    read_at         timestamptz
) with (fillfactor = 70);

-- +goose StatementBegin
create function flows.meter_registry_insert_shadow() returns trigger language plpgsql as $$
begin
    insert into flows.meter_shadows (id) select m.id from new_meters m;
    return null;
end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create function flows.meter_shadows_health() returns trigger language plpgsql as $$
begin
    if new.health = 'healthy' then
        new.last_healthy_at := greatest(old.last_healthy_at, coalesce(new.read_at, statement_timestamp()));
    end if;
    return new;
end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- All history is stamped with updated_at. read_at is how a writer says when it read; it is a message to this trigger and is not kept.
create function flows.meter_shadows_stamp() returns trigger language plpgsql as $$
begin
    new.updated_at := coalesce(new.read_at, statement_timestamp());
    new.read_at := null;
    return new;
end
$$;
-- +goose StatementEnd

create trigger meter_registry_insert_shadow after insert on flows.meter_registry
    referencing new table as new_meters for each statement execute function flows.meter_registry_insert_shadow();
-- Triggers of one kind fire in the order of their names: this one still sees the read_at that the next one clears.
create trigger meter_shadows_last_healthy before update of health on flows.meter_shadows
    for each row execute function flows.meter_shadows_health();
create trigger meter_shadows_updated_at before update on flows.meter_shadows
    for each row execute function flows.meter_shadows_stamp();

-- +goose Down
drop trigger meter_registry_insert_shadow on flows.meter_registry;
drop table flows.meter_shadows;
drop function flows.meter_registry_insert_shadow(), flows.meter_shadows_health(), flows.meter_shadows_stamp();
