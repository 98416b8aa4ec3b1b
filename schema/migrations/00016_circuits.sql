-- The energy of circuits, and the register reads that did not come.

-- +goose Up
-- +goose StatementBegin
-- The whole half-hours between two times, local ones of each register's ESCO unless a zone is given, that are over and in which the circuit's
-- registers live. A register's life reaches back to its first half-hour: logs are older than registrations.
create function flows.circuit_half_hours(_circuit uuid, _from timestamp, _to timestamp, _zone text default null) returns bigint language sql stable as $$
    select sum(greatest(0, floor(extract(epoch from least(g.end_time, _to at time zone z.zone, now())) / 1800)
        - ceil(extract(epoch from greatest(least(g.start_time, f."timestamp"), _from at time zone z.zone)) / 1800)))::bigint
    from flows.circuit_register c
    join flows.meter_registers g on g.register_id = c.register
    join flows.meter_registry m on m.id = g.meter_id
    left join flows.escos e on e.id = m.esco
    left join lateral (select h."timestamp" from flows.register_interval_hh h where h.register_id = c.register order by h."timestamp" limit 1) f on true
    cross join lateral (select coalesce(_zone, e.timezone, 'Europe/London') zone) z
    where c.circuit = _circuit
$$;
-- +goose StatementEnd

-- A row where there is a half-hour of any of the circuit's registers. A sum is of what is known, as in register_interval_hourly: it has a hole
-- where fewer half-hours are known than expected. Many registers have no export at all. Of a circuit without half-hours there is no row.
create view flows.circuit_interval_hh as
select circuit, "timestamp", flows.circuit_half_hours(circuit, "timestamp" at time zone 'UTC', "timestamp" at time zone 'UTC' + interval '30 minutes', 'UTC') as expected,
    import_interval, import_billable_interval, import_known, import_estimated, import_billable,
    export_interval, export_billable_interval, export_known, export_estimated, export_billable
from (
    select c.circuit, h."timestamp",
        sum(h.import_interval) as import_interval,
        sum(h.import_interval) filter (where h.import_billable) as import_billable_interval,
        count(h.import_interval) as import_known,
        count(h.import_interval) filter (where h.import_quality in ('derived', 'estimated')) as import_estimated,
        count(h.import_interval) filter (where h.import_billable) as import_billable,
        sum(h.export_interval) as export_interval,
        sum(h.export_interval) filter (where h.export_billable) as export_billable_interval,
        count(h.export_interval) as export_known,
        count(h.export_interval) filter (where h.export_quality in ('derived', 'estimated')) as export_estimated,
        count(h.export_interval) filter (where h.export_billable) as export_billable
    from flows.circuit_register c join flows.register_interval_hh h on h.register_id = c.register
    group by 1, 2
) h;

-- Each register's half-hours by the days of its ESCO. Not of register_interval_daily, which would be made of all registers before these are
-- found in it.
create view flows.circuit_interval_daily as
select circuit, day, flows.circuit_half_hours(circuit, day, day + interval '1 day') as expected,
    import_interval, import_billable_interval, import_known, import_estimated, import_billable,
    export_interval, export_billable_interval, export_known, export_estimated, export_billable
from (
    select c.circuit, (h."timestamp" at time zone coalesce(e.timezone, 'Europe/London'))::date as day,
        sum(h.import_interval) as import_interval,
        sum(h.import_interval) filter (where h.import_billable) as import_billable_interval,
        count(h.import_interval) as import_known,
        count(h.import_interval) filter (where h.import_quality in ('derived', 'estimated')) as import_estimated,
        count(h.import_interval) filter (where h.import_billable) as import_billable,
        sum(h.export_interval) as export_interval,
        sum(h.export_interval) filter (where h.export_billable) as export_billable_interval,
        count(h.export_interval) as export_known,
        count(h.export_interval) filter (where h.export_quality in ('derived', 'estimated')) as export_estimated,
        count(h.export_interval) filter (where h.export_billable) as export_billable
    from flows.circuit_register c
    join flows.register_interval_hh h on h.register_id = c.register
    join flows.meter_registers g on g.register_id = c.register
    join flows.meter_registry m on m.id = g.meter_id
    left join flows.escos e on e.id = m.esco
    group by 1, 2
) d;

create view flows.circuit_interval_monthly as
select circuit, month, flows.circuit_half_hours(circuit, month, month + interval '1 month') as expected, -- also of days without a row
    import_interval, import_billable_interval, import_known, import_estimated, import_billable,
    export_interval, export_billable_interval, export_known, export_estimated, export_billable
from (
    select circuit, date_trunc('month', day::timestamp)::date as month, -- the first
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
    from flows.circuit_interval_daily group by 1, 2
) m;

-- The import reads of each local day, the ESCO's, by the most frequent run that SyncerReads is enabled for: how many of its periods are over,
-- in how many there is a read, and the others, by their start. Read within an hour counts as in time. Without that metric, of a register
-- that has ended and while its meter is passive nothing is expected.
create view flows.register_import_missing as
select g.register_id, d.day::date as date, c.expected_count, c.actual_count, c.expected_count - c.actual_count as missing_count, c.missing
from flows.meter_registers g
join flows.meter_registry m on m.id = g.meter_id
left join flows.escos e on e.id = m.esco
cross join (
    select min(case run_frequency when 'hourly' then interval '1 hour' when '12hourly' then interval '12 hours' else interval '24 hours' end) period
    from flows.meter_metrics where enabled and lower(name) = 'syncerreads'
) every
cross join lateral (
    select range_agg(tstzrange(o.since, o.until)) filter (where o.mode = 'passive') times from (
        select h.since, lead(h.since) over (order by h.since) until, h.mode from (
            select "timestamp" since, mode from flows.meter_mode_history where meter_id = m.id
            union all -- what it was before it changed
            select '-infinity', coalesce((
                select case mode when 'active' then 'passive' else 'active' end from flows.meter_mode_history where meter_id = m.id order by "timestamp" limit 1
            ), m.mode)
        ) h
    ) o
) passive
cross join lateral (
    select coalesce(e.timezone, 'Europe/London') zone, least(g.end_time, now() - interval '1 hour') ends
) life
cross join lateral generate_series((g.start_time at time zone life.zone)::date::timestamp, (life.ends at time zone life.zone)::date::timestamp, interval '1 day') d (day)
cross join lateral (
    select d.day at time zone life.zone begins, (d.day + interval '1 day') at time zone life.zone ends
) midnight
cross join lateral (
    select count(*) expected_count, count(*) filter (where r.found) actual_count, coalesce(array_agg(r.begins order by r.begins) filter (where not r.found), '{}') missing
    from (
        select s.begins, bool_or(i."timestamp" is not null) found
        from (
            select p.begins, lead(p.begins, 1, midnight.ends) over (order by p.begins) ends
            from ( -- hours are those that pass, half days those of the clock
                select generate_series(midnight.begins, midnight.ends - every.period, every.period) begins where every.period < interval '2 hours'
                union all
                select generate_series(d.day, d.day + interval '1 day' - every.period, every.period) at time zone life.zone where every.period > interval '2 hours'
            ) p
        ) s
        left join flows.register_import i on i.register_id = g.register_id and i."timestamp" >= s.begins and i."timestamp" < s.ends
            and i."timestamp" >= midnight.begins and i."timestamp" < midnight.ends
        where s.begins >= g.start_time and s.ends <= life.ends and (passive.times && tstzrange(s.begins, s.ends)) is not true
        group by 1
    ) r
) c
where c.expected_count > 0;

-- +goose Down
drop view flows.register_import_missing, flows.circuit_interval_monthly, flows.circuit_interval_daily, flows.circuit_interval_hh;
drop function flows.circuit_half_hours(uuid, timestamp, timestamp, text);
