-- Register reads over time, written by triggers on the shadow.

-- +goose Up
-- Triggers write these rows, from the register they have just looked up, so a foreign key could only say what is known, at the
-- cost of a check and a row lock for each row. A trigger on the other side keeps registers that have reads: owners bill from them.
create table flows.register_import (
    register_id uuid not null,
    "timestamp" timestamptz not null,
    read        numeric not null,
    primary key (register_id, "timestamp")
);
create table flows.register_export (
    register_id uuid not null,
    "timestamp" timestamptz not null,
    read        numeric not null,
    primary key (register_id, "timestamp")
);
create index register_import_timestamp on flows.register_import using brin ("timestamp");
create index register_export_timestamp on flows.register_export using brin ("timestamp");

-- A meter without the register stores nothing, and so does a read that is stored already.
-- +goose StatementBegin
create function flows.register_import_a_insert() returns trigger language plpgsql as $$
begin
    insert into flows.register_import (register_id, "timestamp", read)
    select mr.register_id, new.updated_at, new.import_a from flows.meter_registers mr
    where mr.meter_id = new.id and mr.element in ('A', 'SINGLE') and mr.status = 'enabled'
    on conflict (register_id, "timestamp") do nothing;
    return null;
end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create function flows.register_import_b_insert() returns trigger language plpgsql as $$
begin
    insert into flows.register_import (register_id, "timestamp", read)
    select mr.register_id, new.updated_at, new.import_b from flows.meter_registers mr
    where mr.meter_id = new.id and mr.element = 'B' and mr.status = 'enabled'
    on conflict (register_id, "timestamp") do nothing;
    return null;
end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create function flows.register_export_a_insert() returns trigger language plpgsql as $$
begin
    insert into flows.register_export (register_id, "timestamp", read)
    select mr.register_id, new.updated_at, new.export_a from flows.meter_registers mr
    where mr.meter_id = new.id and mr.element in ('A', 'SINGLE') and mr.status = 'enabled'
    on conflict (register_id, "timestamp") do nothing;
    return null;
end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create function flows.register_export_b_insert() returns trigger language plpgsql as $$
begin
    insert into flows.register_export (register_id, "timestamp", read)
    select mr.register_id, new.updated_at, new.export_b from flows.meter_registers mr
    where mr.meter_id = new.id and mr.element = 'B' and mr.status = 'enabled'
    on conflict (register_id, "timestamp") do nothing;
    return null;
end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Waits for a save under way before it looks.
create function flows.meter_registers_keep() returns trigger language plpgsql as $$
begin
    perform from flows.meter_shadows where id = old.meter_id for update;
    if exists (select from flows.register_import where register_id = old.register_id)
        or exists (select from flows.register_export where register_id = old.register_id) then
        raise foreign_key_violation using message = format('register %s has reads and cannot be deleted; set its meter to passive', old.register_id);
    end if;
    return old;
end
$$;
-- +goose StatementEnd

create trigger meter_registers_keep before delete on flows.meter_registers
    for each row execute function flows.meter_registers_keep();
-- "Of" a column fires when it is in the SET list, whether its value changed or not: the same reading an hour later is a reading.
create trigger meter_shadows_import_a_update after update of import_a on flows.meter_shadows
    for each row when (new.import_a is not null) execute function flows.register_import_a_insert();
create trigger meter_shadows_import_b_update after update of import_b on flows.meter_shadows
    for each row when (new.import_b is not null) execute function flows.register_import_b_insert();
create trigger meter_shadows_export_a_update after update of export_a on flows.meter_shadows
    for each row when (new.export_a is not null) execute function flows.register_export_a_insert();
create trigger meter_shadows_export_b_update after update of export_b on flows.meter_shadows
    for each row when (new.export_b is not null) execute function flows.register_export_b_insert();

-- +goose Down
drop trigger meter_registers_keep on flows.meter_registers;
drop function flows.meter_registers_keep();
drop trigger meter_shadows_import_a_update on flows.meter_shadows;
drop trigger meter_shadows_import_b_update on flows.meter_shadows;
drop trigger meter_shadows_export_a_update on flows.meter_shadows;
drop trigger meter_shadows_export_b_update on flows.meter_shadows;
drop function flows.register_import_a_insert(), flows.register_import_b_insert(),
    flows.register_export_a_insert(), flows.register_export_b_insert();
drop table flows.register_import, flows.register_export;
