-- What lists of many thousands of rows are read by, a page at a time.

-- +goose Up
create index vee_exceptions_order on flows.vee_exceptions (status, array_position(array['info', 'warning', 'error', 'critical'], severity) desc, last_seen desc, id desc);
create index register_day_incomplete on flows.register_day (day) include (register_id, expected, actual, derived, edited) where actual + derived + edited < expected;

-- How many meters of which runs had which trouble is told from the index alone, as large as the one before it. For that the table's newest
-- pages must have been vacuumed: a fifth of thirty days' rows, as usual, is six days.
drop index flows.meter_sync_log_trouble;
create index meter_sync_log_trouble on flows.meter_sync_log (run_id, error_code) where verdict <> 'healthy';
alter table flows.meter_sync_log set (autovacuum_vacuum_insert_scale_factor = 0.01);

-- +goose StatementBegin
-- A part of a serial or name is found by its groups of three letters where there is an extension for that, and by looking at all without it.
do $$
declare
    _schema text;
begin
    if not exists (select from pg_extension where extname = 'pg_trgm') and exists (select from pg_available_extensions where name = 'pg_trgm')
            and has_database_privilege(current_database(), 'create') then
        begin
            create extension pg_trgm schema public; -- for whoever wants it: it stays
        exception when insufficient_privilege or invalid_schema_name then
            null;
        end;
    end if;
    select n.nspname into _schema from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_trgm';
    if _schema is not null then
        execute format('create index meter_registry_serial_part on flows.meter_registry using gin (lower(serial) %I.gin_trgm_ops)', _schema);
        execute format('create index meter_registry_name_part on flows.meter_registry using gin (lower(name) %I.gin_trgm_ops)', _schema);
    end if;
end
$$;
-- +goose StatementEnd

-- +goose Down
drop index flows.meter_sync_log_trouble;
create index meter_sync_log_trouble on flows.meter_sync_log (run_id) where verdict <> 'healthy';
alter table flows.meter_sync_log reset (autovacuum_vacuum_insert_scale_factor);
drop index if exists flows.meter_registry_name_part, flows.meter_registry_serial_part;
drop index flows.register_day_incomplete, flows.vee_exceptions_order;
