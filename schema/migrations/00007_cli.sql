-- What command line clients ask for through the mediator.

-- +goose Up
-- Filters are matched without regard to case; null or '' lets everything through. Passive meters are left out.
create function flows.get_meters_for_cli(esco_filter text default null, feeder_filter text default null)
returns table (id uuid, ip_address inet, serial text, name text, single_meter_app boolean, esco text, csq integer, health text, hardware text, feeder text)
language sql stable as $$
    select r.id, r.ip_address, r.serial, r.name, r.single_meter_app, e.code, s.csq, s.health, r.hardware, r.feeder
    from flows.meter_registry r
    left join flows.escos e on e.id = r.esco
    left join flows.meter_shadows s on s.id = r.id
    where r.mode = 'active'
      and (coalesce(esco_filter, '') = '' or lower(e.code) = lower(esco_filter))
      and (coalesce(feeder_filter, '') = '' or lower(r.feeder) = lower(feeder_filter))
    order by r.serial
$$;

-- +goose Down
drop function flows.get_meters_for_cli(text, text);
