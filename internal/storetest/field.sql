-- The schema of the systems in the field, as far as syncing sees it: written from what is known of it, not by its authors.
create schema flows;
create table flows.escos (id uuid primary key default gen_random_uuid(), created_at timestamptz not null default now(), name text, code text unique);
create table flows.meter_registry (
    id uuid primary key default gen_random_uuid(), created_at timestamptz not null default now(), serial text not null unique, ip_address inet unique, name text, hardware text,
    mode text not null default 'active', esco uuid references flows.escos (id), feeder text, firmware_version text, prepay_enabled boolean,
    daylight_savings_correction_enabled boolean, single_meter_app boolean not null default false
);
create table flows.meter_shadows (
    id uuid primary key references flows.meter_registry (id), import_a real, import_b real, export_a real, export_b real, balance real, csq integer, voltage real,
    "3p_voltage_l1" real, "3p_voltage_l2" real, "3p_voltage_l3" real, clock_time_diff_seconds integer, clock_time_diff_synced_at timestamptz,
    tariffs_active jsonb, tariffs_future jsonb, backlight text, load_switch text, health text, health_details text,
    created_at timestamptz not null default now(), updated_at timestamptz
);
create table flows.meter_registers (register_id uuid primary key default gen_random_uuid(), meter_id uuid not null references flows.meter_registry (id), element text not null, status text not null default 'enabled');
create table flows.meter_metrics (name text, enabled boolean, run_frequency text);
create table flows.register_import (register_id uuid not null references flows.meter_registers (register_id), "timestamp" timestamptz not null, read real, unique (register_id, "timestamp"));
create table flows.register_export (register_id uuid not null references flows.meter_registers (register_id), "timestamp" timestamptz not null, read real, unique (register_id, "timestamp"));
create table flows.register_interval_hh (register_id uuid not null, "timestamp" timestamptz not null, kwh real, unique (register_id, "timestamp"));
create table flows.meter_csq (meter_id uuid not null, "timestamp" timestamptz not null, csq integer, unique (meter_id, "timestamp"));
create table flows.meter_prepay_balance (meter_id uuid not null, "timestamp" timestamptz not null, balance real, unique (meter_id, "timestamp"));
create table flows.meter_voltage (meter_id uuid not null, "timestamp" timestamptz not null, voltage real, unique (meter_id, "timestamp"));
create table flows.meter_3p_voltage (meter_id uuid not null, "timestamp" timestamptz not null, voltage_l1 real, voltage_l2 real, voltage_l3 real, unique (meter_id, "timestamp"));
create table flows.meter_health_history (meter_id uuid not null, "timestamp" timestamptz not null, health text, unique (meter_id, "timestamp"));
create table flows.meter_event_log (meter_id uuid not null, "timestamp" timestamptz not null, event_type integer not null, event_set integer, primary key (meter_id, "timestamp", event_type));

create function flows.meter_registry_insert_shadow() returns trigger language plpgsql as $$ begin insert into flows.meter_shadows (id) values (new.id); return new; end $$;
create trigger meter_registry_insert_shadow after insert on flows.meter_registry for each row execute function flows.meter_registry_insert_shadow();
create function flows.meter_shadows_updated_at() returns trigger language plpgsql as $$ begin new.updated_at := statement_timestamp(); return new; end $$;
create trigger meter_shadows_updated_at before update on flows.meter_shadows for each row execute function flows.meter_shadows_updated_at();

create function flows.register_import_a_insert() returns trigger language plpgsql as $$
declare _register_id uuid;
begin
    select mr.register_id into _register_id from flows.meter_registers mr where mr.meter_id = new.id and mr.element in ('A', 'SINGLE');
    insert into flows.register_import (register_id, read, "timestamp") values (_register_id, new.import_a, new.updated_at);
    return new;
end $$;
create function flows.register_import_b_insert() returns trigger language plpgsql as $$
declare _register_id uuid;
begin
    select mr.register_id into _register_id from flows.meter_registers mr where mr.meter_id = new.id and mr.element = 'B';
    insert into flows.register_import (register_id, read, "timestamp") values (_register_id, new.import_b, new.updated_at);
    return new;
end $$;
create function flows.register_export_a_insert() returns trigger language plpgsql as $$
declare _register_id uuid;
begin
    select mr.register_id into _register_id from flows.meter_registers mr where mr.meter_id = new.id and mr.element in ('A', 'SINGLE');
    insert into flows.register_export (register_id, read, "timestamp") values (_register_id, new.export_a, new.updated_at);
    return new;
end $$;
create function flows.register_export_b_insert() returns trigger language plpgsql as $$
declare _register_id uuid;
begin
    select mr.register_id into _register_id from flows.meter_registers mr where mr.meter_id = new.id and mr.element = 'B';
    insert into flows.register_export (register_id, read, "timestamp") values (_register_id, new.export_b, new.updated_at);
    return new;
end $$;
create function flows.meter_csq_insert() returns trigger language plpgsql as $$ begin insert into flows.meter_csq values (new.id, new.updated_at, new.csq); return new; end $$;
create function flows.meter_prepay_balance_insert() returns trigger language plpgsql as $$ begin insert into flows.meter_prepay_balance values (new.id, new.updated_at, new.balance); return new; end $$;
create function flows.meter_voltage_insert() returns trigger language plpgsql as $$ begin insert into flows.meter_voltage values (new.id, new.updated_at, new.voltage); return new; end $$;
create function flows.meter_3p_voltage_insert() returns trigger language plpgsql as $$ begin
    insert into flows.meter_3p_voltage values (new.id, new.updated_at, new."3p_voltage_l1", new."3p_voltage_l2", new."3p_voltage_l3"); return new; end $$;
create function flows.meter_health_history_insert() returns trigger language plpgsql as $$ begin insert into flows.meter_health_history values (new.id, new.updated_at, new.health); return new; end $$;
create trigger meter_shadows_import_a_update after update of import_a on flows.meter_shadows for each row execute function flows.register_import_a_insert();
create trigger meter_shadows_import_b_update after update of import_b on flows.meter_shadows for each row execute function flows.register_import_b_insert();
create trigger meter_shadows_export_a_update after update of export_a on flows.meter_shadows for each row execute function flows.register_export_a_insert();
create trigger meter_shadows_export_b_update after update of export_b on flows.meter_shadows for each row execute function flows.register_export_b_insert();
create trigger meter_shadows_csq_update after update of csq on flows.meter_shadows for each row execute function flows.meter_csq_insert();
create trigger meter_shadows_prepay_balance_update after update of balance on flows.meter_shadows for each row execute function flows.meter_prepay_balance_insert();
create trigger meter_shadows_voltage_update after update of voltage on flows.meter_shadows for each row execute function flows.meter_voltage_insert();
create trigger meter_shadows_3p_voltage_update after update of "3p_voltage_l1", "3p_voltage_l2", "3p_voltage_l3" on flows.meter_shadows for each row execute function flows.meter_3p_voltage_insert();
create trigger meter_shadows_health_update after update of health on flows.meter_shadows for each row execute function flows.meter_health_history_insert();

create view flows.meters_low_balance as select r.id, r.serial, r.name, s.balance from flows.meter_shadows s join flows.meter_registry r using (id) where s.balance < 15.00;
create function flows.get_meters_for_cli(esco_filter text default null, feeder_filter text default null)
returns table (id uuid, ip_address inet, serial text, name text, single_meter_app boolean, esco text, csq integer, health text, hardware text, feeder text) language sql stable as $$
    select r.id, r.ip_address, r.serial, r.name, r.single_meter_app, e.code, s.csq, s.health, r.hardware, r.feeder
    from flows.meter_registry r left join flows.escos e on e.id = r.esco left join flows.meter_shadows s on s.id = r.id
    where r.mode = 'active' and (esco_filter is null or e.code = esco_filter) and (feeder_filter is null or r.feeder = feeder_filter)
$$;
