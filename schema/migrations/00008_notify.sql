-- Mediators keep the addresses of all meters in memory; they are told which have changed.

-- +goose Up
-- +goose StatementBegin
-- Once a statement: the serials as a JSON array, or '*' where they do not fit. What changes no address is not told.
create function flows.meter_registry_notify() returns trigger language plpgsql as $$
declare
    _serials text;
begin
    case tg_op
    when 'INSERT' then
        select json_agg(serial) into _serials from new_meters;
    when 'DELETE' then
        select json_agg(serial) into _serials from old_meters;
    else
        select json_agg(distinct v.serial) into _serials
        from old_meters o full join new_meters n using (id), lateral (values (o.serial), (n.serial)) v (serial)
        where (o.serial, o.ip_address, o.port) is distinct from (n.serial, n.ip_address, n.port) and v.serial is not null;
    end case;
    if _serials is not null then
        perform pg_notify('flows_meter_registry', case when octet_length(_serials) < 7000 then _serials else '*' end);
    end if;
    return null;
end
$$;
-- +goose StatementEnd

-- Three, since a trigger with transition tables has one event, and no column list.
create trigger meter_registry_notify_insert after insert on flows.meter_registry
    referencing new table as new_meters for each statement execute function flows.meter_registry_notify();
create trigger meter_registry_notify_update after update on flows.meter_registry
    referencing old table as old_meters new table as new_meters for each statement execute function flows.meter_registry_notify();
create trigger meter_registry_notify_delete after delete on flows.meter_registry
    referencing old table as old_meters for each statement execute function flows.meter_registry_notify();

-- +goose Down
drop trigger meter_registry_notify_insert on flows.meter_registry;
drop trigger meter_registry_notify_update on flows.meter_registry;
drop trigger meter_registry_notify_delete on flows.meter_registry;
drop function flows.meter_registry_notify();
