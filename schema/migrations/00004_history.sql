-- The rest of a meter's history, written by triggers on the shadow like the reads, and like those without foreign keys.

-- +goose Up
create table flows.meter_prepay_balance (
    meter_id    uuid not null,
    "timestamp" timestamptz not null,
    balance     numeric not null,
    primary key (meter_id, "timestamp")
);
-- A null says that the meter could not be heard: the gap is a fact.
create table flows.meter_csq (
    meter_id    uuid not null,
    "timestamp" timestamptz not null,
    csq         integer,
    primary key (meter_id, "timestamp")
);
create table flows.meter_voltage (
    meter_id    uuid not null,
    "timestamp" timestamptz not null,
    voltage     numeric not null,
    primary key (meter_id, "timestamp")
);
create table flows.meter_3p_voltage (
    meter_id    uuid not null,
    "timestamp" timestamptz not null,
    voltage_l1  numeric,
    voltage_l2  numeric,
    voltage_l3  numeric,
    primary key (meter_id, "timestamp")
);
create table flows.meter_health_history (
    meter_id    uuid not null,
    "timestamp" timestamptz not null,
    health      text not null,
    primary key (meter_id, "timestamp")
);

-- +goose StatementBegin
create function flows.meter_prepay_balance_insert() returns trigger language plpgsql as $$
begin
    insert into flows.meter_prepay_balance (meter_id, "timestamp", balance) values (new.id, new.updated_at, new.balance)
    on conflict (meter_id, "timestamp") do nothing;
    return null;
end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create function flows.meter_csq_insert() returns trigger language plpgsql as $$
begin
    insert into flows.meter_csq (meter_id, "timestamp", csq) values (new.id, new.updated_at, new.csq)
    on conflict (meter_id, "timestamp") do nothing;
    return null;
end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create function flows.meter_voltage_insert() returns trigger language plpgsql as $$
begin
    insert into flows.meter_voltage (meter_id, "timestamp", voltage) values (new.id, new.updated_at, new.voltage)
    on conflict (meter_id, "timestamp") do nothing;
    return null;
end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create function flows.meter_health_history_insert() returns trigger language plpgsql as $$
begin
    insert into flows.meter_health_history (meter_id, "timestamp", health) values (new.id, new.updated_at, new.health)
    on conflict (meter_id, "timestamp") do nothing;
    return null;
end
$$;
-- +goose StatementEnd

-- Each phase has a trigger of its own, since a trigger of all three could not tell which were read: L2 and L3 sometimes fail alone, and
-- the shadow's old value would be booked as a new one. The first value of a phase at a time stays.
-- +goose StatementBegin
create function flows.meter_3p_voltage_l1_insert() returns trigger language plpgsql as $$
begin
    insert into flows.meter_3p_voltage as v (meter_id, "timestamp", voltage_l1) values (new.id, new.updated_at, new."3p_voltage_l1")
    on conflict (meter_id, "timestamp") do update set voltage_l1 = excluded.voltage_l1 where v.voltage_l1 is null;
    return null;
end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create function flows.meter_3p_voltage_l2_insert() returns trigger language plpgsql as $$
begin
    insert into flows.meter_3p_voltage as v (meter_id, "timestamp", voltage_l2) values (new.id, new.updated_at, new."3p_voltage_l2")
    on conflict (meter_id, "timestamp") do update set voltage_l2 = excluded.voltage_l2 where v.voltage_l2 is null;
    return null;
end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create function flows.meter_3p_voltage_l3_insert() returns trigger language plpgsql as $$
begin
    insert into flows.meter_3p_voltage as v (meter_id, "timestamp", voltage_l3) values (new.id, new.updated_at, new."3p_voltage_l3")
    on conflict (meter_id, "timestamp") do update set voltage_l3 = excluded.voltage_l3 where v.voltage_l3 is null;
    return null;
end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Waits for a save under way before it looks.
create function flows.meter_registry_keep() returns trigger language plpgsql as $$
begin
    perform from flows.meter_shadows where id = old.id for update;
    if exists (select from flows.meter_prepay_balance where meter_id = old.id) or exists (select from flows.meter_csq where meter_id = old.id)
        or exists (select from flows.meter_voltage where meter_id = old.id) or exists (select from flows.meter_3p_voltage where meter_id = old.id)
        or exists (select from flows.meter_health_history where meter_id = old.id) then
        raise foreign_key_violation using message = format('meter %s has history and cannot be deleted; set it to passive', old.serial);
    end if;
    return old;
end
$$;
-- +goose StatementEnd

create trigger meter_registry_keep before delete on flows.meter_registry
    for each row execute function flows.meter_registry_keep();
create trigger meter_shadows_prepay_balance_update after update of balance on flows.meter_shadows
    for each row when (new.balance is not null) execute function flows.meter_prepay_balance_insert();
create trigger meter_shadows_csq_update after update of csq on flows.meter_shadows
    for each row execute function flows.meter_csq_insert();
create trigger meter_shadows_voltage_update after update of voltage on flows.meter_shadows
    for each row when (new.voltage is not null) execute function flows.meter_voltage_insert();
create trigger meter_shadows_3p_voltage_l1_update after update of "3p_voltage_l1" on flows.meter_shadows
    for each row when (new."3p_voltage_l1" is not null) execute function flows.meter_3p_voltage_l1_insert();
create trigger meter_shadows_3p_voltage_l2_update after update of "3p_voltage_l2" on flows.meter_shadows
    for each row when (new."3p_voltage_l2" is not null) execute function flows.meter_3p_voltage_l2_insert();
create trigger meter_shadows_3p_voltage_l3_update after update of "3p_voltage_l3" on flows.meter_shadows
    for each row when (new."3p_voltage_l3" is not null) execute function flows.meter_3p_voltage_l3_insert();
create trigger meter_shadows_health_update after update of health on flows.meter_shadows
    for each row when (new.health is not null) execute function flows.meter_health_history_insert();

-- +goose Down
drop trigger meter_registry_keep on flows.meter_registry;
drop function flows.meter_registry_keep();
drop trigger meter_shadows_prepay_balance_update on flows.meter_shadows;
drop trigger meter_shadows_csq_update on flows.meter_shadows;
drop trigger meter_shadows_voltage_update on flows.meter_shadows;
drop trigger meter_shadows_3p_voltage_l1_update on flows.meter_shadows;
drop trigger meter_shadows_3p_voltage_l2_update on flows.meter_shadows;
drop trigger meter_shadows_3p_voltage_l3_update on flows.meter_shadows;
drop trigger meter_shadows_health_update on flows.meter_shadows;
drop function flows.meter_prepay_balance_insert(),
    flows.meter_csq_insert(),
    flows.meter_voltage_insert(),
    flows.meter_3p_voltage_l1_insert(),
    flows.meter_3p_voltage_l2_insert(),
    flows.meter_3p_voltage_l3_insert(),
    flows.meter_health_history_insert();
drop table flows.meter_prepay_balance, flows.meter_csq, flows.meter_voltage, flows.meter_3p_voltage, flows.meter_health_history;
