-- Energy by hour, day and month; and what hypertables need besides.

-- +goose Up
-- By hours of UTC. Where TimescaleDB is, it keeps this view's rows (a continuous aggregate). A sum is of the half-hours that are known, and
-- null when none is; known, estimated and billable count half-hours; what is exported as bills or settlement is the billable sum alone.
create view flows.register_interval_hourly as
select register_id, date_trunc('hour', "timestamp", 'UTC') as hour,
    sum(import_interval) as import_interval,
    sum(import_interval) filter (where import_billable) as import_billable_interval,
    count(import_interval) as import_known,
    count(import_interval) filter (where import_quality in ('derived', 'estimated')) as import_estimated,
    count(import_interval) filter (where import_billable) as import_billable,
    sum(export_interval) as export_interval,
    sum(export_interval) filter (where export_billable) as export_billable_interval,
    count(export_interval) as export_known,
    count(export_interval) filter (where export_quality in ('derived', 'estimated')) as export_estimated,
    count(export_interval) filter (where export_billable) as export_billable
from flows.register_interval_hh group by register_id, date_trunc('hour', "timestamp", 'UTC');

-- By days of the ESCO's zone. Quick for a register; a day of the whole fleet is better asked for by hours.
create view flows.register_interval_daily as
select h.register_id, (h.hour at time zone coalesce(e.timezone, 'Europe/London'))::date as day,
    sum(h.import_interval) as import_interval,
    sum(h.import_billable_interval) as import_billable_interval,
    sum(h.import_known)::bigint as import_known,
    sum(h.import_estimated)::bigint as import_estimated,
    sum(h.import_billable)::bigint as import_billable,
    sum(h.export_interval) as export_interval,
    sum(h.export_billable_interval) as export_billable_interval,
    sum(h.export_known)::bigint as export_known,
    sum(h.export_estimated)::bigint as export_estimated,
    sum(h.export_billable)::bigint as export_billable
from flows.register_interval_hourly h
join flows.meter_registers g using (register_id)
join flows.meter_registry m on m.id = g.meter_id
left join flows.escos e on e.id = m.esco
group by 1, 2;

create view flows.register_interval_monthly as
select register_id, date_trunc('month', day::timestamp)::date as month, -- the first
    sum(import_interval) as import_interval,
    sum(import_billable_interval) as import_billable_interval,
    sum(import_known)::bigint as import_known,
    sum(import_estimated)::bigint as import_estimated,
    sum(import_billable)::bigint as import_billable,
    sum(export_interval) as export_interval,
    sum(export_billable_interval) as export_billable_interval,
    sum(export_known)::bigint as export_known,
    sum(export_estimated)::bigint as export_estimated,
    sum(export_billable)::bigint as export_billable
from flows.register_interval_daily group by 1, 2;

-- +goose StatementBegin
-- Days are made of whole hours of UTC, so a zone must always be some of these away from it. Where it is not, in India, say, a day would
-- begin in the middle of an hour; in Nepal even in the middle of a half-hour.
create function flows.escos_timezone_check() returns trigger language plpgsql as $$
begin
    if exists (
        select from generate_series('2020-01-01'::timestamp, '2040-01-01', interval '1 month') t
        where date_trunc('hour', t at time zone 'UTC' at time zone new.timezone) <> t at time zone 'UTC' at time zone new.timezone
    ) then
        raise check_violation using message = format('ESCO %s cannot have time zone %s: its days do not begin on an hour of UTC; give one whose do, like Europe/London',
            new.code, new.timezone);
    end if;
    return new;
end
$$;
-- +goose StatementEnd
create trigger escos_timezone_check before insert or update of timezone on flows.escos
    for each row execute function flows.escos_timezone_check();
update flows.escos set timezone = timezone; -- those that are there

-- +goose StatementBegin
-- Since when there are raw readings: for ever, unless flows migrate timescale --keep-raw has said for how long. What is older is not judged again.
create function flows.raw_since() returns timestamptz language sql stable as $$ select timestamptz '-infinity' $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- For a trigger that only hypertables have. The first row of a statement in a packed chunk is seen by nobody before the statement has ended, not
-- even by its triggers; what ends here is a statement too, and adds nothing, since the row is there. Once a day of records will do: no
-- chunk is smaller.
create function flows.register_profile_hh_found() returns trigger language plpgsql as $$
declare
    _day text := floor(extract(epoch from new."timestamp") / 86400); -- of UTC, as chunks are
begin
    if pg_trigger_depth() = 1 and current_setting('flows.profile_day', true) is distinct from _day then
        insert into flows.register_profile_hh select new.* on conflict do nothing;
        perform set_config('flows.profile_day', _day, true);
    end if;
    return null;
end
$$;
-- +goose StatementEnd

-- +goose Down
drop trigger if exists register_profile_hh_found on flows.register_profile_hh;
drop function flows.register_profile_hh_found(), flows.raw_since();
drop trigger escos_timezone_check on flows.escos;
drop function flows.escos_timezone_check();
drop view flows.register_interval_monthly, flows.register_interval_daily;
-- +goose StatementBegin
do $$
begin
    drop view flows.register_interval_hourly;
exception when wrong_object_type or feature_not_supported then -- it is a continuous aggregate
    drop materialized view flows.register_interval_hourly;
end
$$;
-- +goose StatementEnd
