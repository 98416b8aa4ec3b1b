-- Names that dashboards and clients in the field ask for.

-- +goose Up
create table flows.circuits (
    id   uuid primary key default gen_random_uuid(),
    type text not null check (type in ('power', 'heat', 'solar')),
    site text,
    name text not null default ''
);
-- The registers whose energy is a circuit's. After an exchange it has those of both meters.
create table flows.circuit_register (
    circuit  uuid not null references flows.circuits (id) on delete cascade,
    register uuid not null references flows.meter_registers (register_id) on delete cascade,
    primary key (circuit, register)
);
create index circuit_register_register on flows.circuit_register (register);

-- Amounts in pounds. A meter activates its tariff by its own clock, so that time has no zone.
create view flows.meter_shadows_tariffs as
select s.id, r.serial,
    a.standing_charge as active_standing_charge,
    a.unit_rate_element_a as active_unit_rate_a,
    a.unit_rate_element_b as active_unit_rate_b,
    a.prepayment_ecredit_availability as active_ecredit_availability,
    a.prepayment_debt_recovery_rate as active_debt_recovery_rate,
    a.prepayment_emergency_credit as active_emergency_credit,
    f.standing_charge as future_standing_charge,
    f.unit_rate_element_a as future_unit_rate_a,
    f.unit_rate_element_b as future_unit_rate_b,
    f.activation_datetime as future_activation_datetime,
    f.prepayment_ecredit_availability as future_ecredit_availability,
    f.prepayment_debt_recovery_rate as future_debt_recovery_rate,
    f.prepayment_emergency_credit as future_emergency_credit
from flows.meter_shadows s
join flows.meter_registry r using (id)
left join lateral jsonb_to_record(case jsonb_typeof(s.tariffs_active) when 'object' then s.tariffs_active end) a (
    standing_charge numeric, unit_rate_element_a numeric, unit_rate_element_b numeric,
    prepayment_ecredit_availability numeric, prepayment_debt_recovery_rate numeric, prepayment_emergency_credit numeric) on true
left join lateral jsonb_to_record(case jsonb_typeof(s.tariffs_future) when 'object' then s.tariffs_future end) f (
    standing_charge numeric, unit_rate_element_a numeric, unit_rate_element_b numeric, activation_datetime timestamp,
    prepayment_ecredit_availability numeric, prepayment_debt_recovery_rate numeric, prepayment_emergency_credit numeric) on true;

-- Alerts are made of the views that follow, so meters that are passive or under maintenance are in none.
create view flows.meters_clock_drift as
select s.clock_time_diff_seconds, r.serial, r.name -- below 0 the clock is behind
from flows.meter_shadows s join flows.meter_registry r using (id)
where abs(s.clock_time_diff_seconds) >= 60 and r.mode = 'active' and not r.maintenance
order by abs(s.clock_time_diff_seconds) desc, r.serial;

create view flows.meters_low_balance as
select r.id, r.serial, r.name, s.balance
from flows.meter_shadows s join flows.meter_registry r using (id)
where s.balance < 15.00 and r.mode = 'active' and not r.maintenance;

-- Without a time are those that were asked and have never been healthy; those that nobody has asked yet are left out.
create view flows.meters_offline_all as
select s.last_healthy_at as last_online, r.serial, r.name
from flows.meter_shadows s join flows.meter_registry r using (id)
where coalesce(s.last_healthy_at, s.created_at) < now() - interval '3 hours' and coalesce(s.health, s.last_healthy_at::text) is not null
    and r.mode = 'active' and not r.maintenance
order by s.last_healthy_at, r.serial;

create view flows.meters_offline_recently as
select last_online, serial, name from flows.meters_offline_all where last_online > now() - interval '24 hours'
order by last_online, serial;

-- The imports of each local day, the ESCO's: how many half-hours should be there by now, how many have a value, and the others, by their
-- start. A register's life reaches back to its first record, unless another register or a reading begins it; while its meter is passive
-- nothing is expected. Each day is looked up for itself, so that a day or a register alone costs no more than its own half-hours.
create view flows.register_interval_hh_missing as
select g.register_id, d.day::date as date, c.expected_count, c.actual_count, c.missing_count, c.missing
from flows.meter_registers g
join flows.meter_registry m on m.id = g.meter_id
left join flows.escos e on e.id = m.esco
left join lateral (
    select h."timestamp" from flows.register_profile_hh h
    where g.initial_read is null
        and not exists (select from flows.meter_registers p where p.meter_id = g.meter_id and (p.element = 'B') = (g.element = 'B') and p.start_time < g.start_time)
        and h.register_id = g.register_id and h.direction = 'import' and h."timestamp" < g.start_time and h."timestamp" >= g.start_time - interval '400 days'
        and flows.profile_usable(h."timestamp", h.status, h.received_at)
    order by h."timestamp" limit 1
) f on true
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
    select coalesce(e.timezone, 'Europe/London') zone, coalesce(f."timestamp", g.start_time) begins, least(g.end_time, now() - interval '2 hours' - coalesce((
        select min(case run_frequency when 'hourly' then interval '1 hour' when '12hourly' then interval '12 hours' else interval '24 hours' end)
        from flows.meter_metrics where enabled and lower(name) = 'syncerprofilelog'
    ), interval '12 hours')) ends
) life
cross join lateral generate_series((life.begins at time zone life.zone)::date::timestamp, (life.ends at time zone life.zone)::date::timestamp, interval '1 day') d (day)
cross join lateral (
    select d.day at time zone life.zone begins, (d.day + interval '1 day') at time zone life.zone ends
) midnight
cross join lateral (
    select count(*) expected_count, count(i.import_interval) actual_count, count(*) - count(i.import_interval) missing_count,
        coalesce(array_agg(s.at order by s.at) filter (where i.import_interval is null), '{}') missing
    from generate_series(midnight.begins, midnight.ends - interval '30 minutes', interval '30 minutes') s (at)
    left join flows.register_interval_hh i on i.register_id = g.register_id and i."timestamp" = s.at
        and i."timestamp" >= midnight.begins and i."timestamp" < midnight.ends
    where s.at >= life.begins and s.at + interval '30 minutes' <= life.ends
        and (passive.times && tstzrange(s.at, s.at + interval '30 minutes')) is not true
) c
where c.expected_count > 0;

-- +goose Down
drop view flows.register_interval_hh_missing, flows.meters_offline_recently, flows.meters_offline_all, flows.meters_low_balance,
    flows.meters_clock_drift, flows.meter_shadows_tariffs;
drop table flows.circuit_register, flows.circuits;
