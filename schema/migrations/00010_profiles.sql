-- The meters' own half-hourly register values, the energy of each half-hour, and what was found wrong with them.
--
-- Who may write what: raw records are only ever added. A trigger on them writes the exact intervals, the difference of two neighbours,
-- and nothing that takes judgement. It marks its rows by leaving billable null, and takes back only those. What has a billable was judged,
-- and only the judge changes it, but that an actual value replaces one of a lower rank. Both hold the register's row while they write.

-- +goose Up
-- No foreign keys: writers have just looked the register up, and a trigger on the other side keeps registers that have records.
create table flows.register_profile_hh (
    register_id uuid not null,
    direction   text not null check (direction in ('import', 'export')),
    "timestamp" timestamptz not null, -- by the meter's clock, on a half-hour or not
    read        numeric not null,     -- kWh
    status      integer not null,     -- two bytes as the meter gave them, the first one high; 128 = valid data
    received_at timestamptz not null default statement_timestamp(),
    primary key (register_id, direction, "timestamp")
);
-- Records that came for a time that had another one already: the first stays, and somebody has to choose.
create table flows.register_profile_conflict (
    register_id uuid not null,
    direction   text not null check (direction in ('import', 'export')),
    "timestamp" timestamptz not null,
    read        numeric not null,
    status      integer not null,
    received_at timestamptz not null default statement_timestamp(),
    primary key (register_id, direction, "timestamp", read, status)
);
-- How far the log is known without a hole: every half-hour up to "through" has its record, or is one that the meter has shown to have none.
create table flows.register_profile_mark (
    register_id uuid not null references flows.meter_registers (register_id) on delete cascade,
    direction   text not null check (direction in ('import', 'export')),
    through     timestamptz not null,
    primary key (register_id, direction)
) with (fillfactor = 50);
-- Where the meter has answered with records of other times: its log holds nothing of the half-hours from start_time on and before
-- end_time, and will not be asked for them again.
create table flows.register_profile_hole (
    register_id uuid not null references flows.meter_registers (register_id) on delete cascade,
    direction   text not null check (direction in ('import', 'export')),
    start_time  timestamptz not null,
    end_time    timestamptz not null check (end_time > start_time),
    shown_at    timestamptz not null default statement_timestamp(),
    primary key (register_id, direction, start_time),
    check (date_bin('30 minutes', start_time, '2000-01-01 00:00Z') = start_time and date_bin('30 minutes', end_time, '2000-01-01 00:00Z') = end_time)
);

-- A value, or null: nobody knows, and then the reason says why; no reason either: nobody has looked. Import and export share a row.
create table flows.register_interval_hh (
    register_id     uuid not null,
    "timestamp"     timestamptz not null, -- start of the half-hour
    import_interval numeric,              -- kWh
    import_quality  text,                 -- edited, actual, derived, estimated
    import_method   text,
    import_reason   text,
    import_billable boolean, -- null: not judged yet
    export_interval numeric,
    export_quality  text,
    export_method   text,
    export_reason   text,
    export_billable boolean,
    primary key (register_id, "timestamp"),
    constraint register_interval_hh_known check ((import_interval is null) = (import_quality is null) and (export_interval is null) = (export_quality is null))
) with (fillfactor = 70);
-- Values that were replaced or withdrawn.
create table flows.register_interval_history (
    register_id uuid not null,
    direction   text not null check (direction in ('import', 'export')),
    "timestamp" timestamptz not null,
    replaced_at timestamptz not null default clock_timestamp(),
    "interval"  numeric,
    quality     text,
    method      text,
    reason      text,
    billable    boolean,
    replaced_by text not null default '', -- the rule that spoke, or the quality that came
    primary key (register_id, direction, "timestamp", replaced_at)
);

create table flows.vee_exceptions (
    id          bigint generated always as identity primary key,
    rule        text not null,
    severity    text not null check (severity in ('info', 'warning', 'error', 'critical')),
    register_id uuid,
    meter_id    uuid,
    direction   text check (direction in ('import', 'export')),
    key         text not null default '',
    period_from timestamptz, -- null: no bound
    period_to   timestamptz,
    details     jsonb not null default '{}',
    count       integer not null default 1, -- half-hours, records or samples concerned
    status      text not null default 'open' check (status in ('open', 'acknowledged', 'resolved')),
    first_seen  timestamptz not null default statement_timestamp(),
    last_seen   timestamptz not null default statement_timestamp(),
    who         text, -- acknowledged or resolved it
    why         text,
    check (num_nonnulls(register_id, meter_id) = 1)
);
-- Found again it counts up; only after it was resolved it makes a row of its own.
create unique index vee_exceptions_once on flows.vee_exceptions (register_id, meter_id, rule, direction, key) nulls not distinct where status <> 'resolved';
create index vee_exceptions_open on flows.vee_exceptions (rule, last_seen) where status <> 'resolved';

-- +goose StatementBegin
-- The rank of a quality: a value replaces only one of a lower rank.
create function flows.quality_rank(quality text) returns integer language sql immutable parallel safe as $$
    select case quality when 'edited' then 4 when 'actual' then 3 when 'derived' then 2 when 'estimated' then 1 else 0 end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- A record that a difference may be taken of: on a half-hour, valid, and not from the future when it came.
create function flows.profile_usable("timestamp" timestamptz, status integer, received_at timestamptz) returns boolean
language sql immutable parallel safe as $$
    select status & 128 <> 0 and date_bin('30 minutes', "timestamp", '2000-01-01 00:00Z') = "timestamp"
        and "timestamp" - received_at <= interval '60 seconds' -- so, and not as a sum, it is immutable and no call remains of it
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- The most that can flow in a half-hour, kWh: 1.2 times what the fuse lets through at 253 V, rounded up to whole Wh; null: no bound.
-- Without a fuse it is 100 A, but of current transformers nobody knows.
create function flows.half_hour_limit(hardware text, fuse_rating integer, phases integer) returns numeric language sql immutable parallel safe as $$
    select ceil(151.8 * coalesce(fuse_rating, case when upper(hardware) in ('P1.CX', 'CX') then null else 100 end)
        * coalesce(phases, case when upper(hardware) in ('P1.AX', 'P1.CX', 'AX', 'CX') then 3 else 1 end)) / 1000
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- The exact intervals at the records of a register between two times. The difference of two usable records half an hour apart is one if it is
-- none below 0 and none above the limit, and the earlier of the two is neither the low side of a fall nor directly after one; the later is no
-- low side by the first condition. A fall is judged against the usable record before, however long before. So the intervals are a function of
-- the records, whatever the order they came in, and a record can change those that begin or end in it and the next two.
--
-- The lock makes a writer of a neighbour wait, and everything read after it sees what that one has committed (not in a transaction that is
-- repeatable read: there it would see the past). The two functions differ in the names of columns alone, so one text makes both.
do $make$
declare
    _direction text;
begin
    foreach _direction in array array['import', 'export'] loop
        execute replace($create$
create function flows.register_profile_exact_~(_register uuid, _from timestamptz, _to timestamptz) returns void language plpgsql
set plan_cache_mode = force_generic_plan as $$ -- else planning costs more than all the rest
declare
    _most    numeric;
    _since   timestamptz := _from - interval '1 day';
    _until   timestamptz := _to + interval '1 day';
    _emptied timestamptz[];
begin
    select flows.half_hour_limit(m.hardware, m.fuse_rating, m.phases) into _most
    from flows.meter_registers g join flows.meter_registry m on m.id = g.meter_id
    where g.register_id = _register for no key update of g;
    if not found then
        return;
    end if;
    -- A day around holds the three on each side, or they are looked for in all time: where TimescaleDB has cut the tables into chunks, a
    -- statement searches all of them unless it bounds the time.
    if 3 > (select count(*) from (select from flows.register_profile_hh h where h.register_id = _register and h.direction = '~'
        and h."timestamp" >= _since and h."timestamp" < _from and flows.profile_usable(h."timestamp", h.status, h.received_at) limit 3) n) then
        _since := '-infinity';
    end if;
    if 3 > (select count(*) from (select from flows.register_profile_hh h where h.register_id = _register and h.direction = '~'
        and h."timestamp" > _to and h."timestamp" <= _until and flows.profile_usable(h."timestamp", h.status, h.received_at) limit 3) n) then
        _until := 'infinity';
    end if;
    with records as (
        (select h."timestamp", h.read from flows.register_profile_hh h
        where h.register_id = _register and h.direction = '~' and h."timestamp" >= _since and h."timestamp" < _from
            and flows.profile_usable(h."timestamp", h.status, h.received_at)
        order by h."timestamp" desc limit 3)
        union all
        select h."timestamp", h.read from flows.register_profile_hh h
        where h.register_id = _register and h.direction = '~' and h."timestamp" between _from and _to
            and flows.profile_usable(h."timestamp", h.status, h.received_at)
        union all
        (select h."timestamp", h.read from flows.register_profile_hh h
        where h.register_id = _register and h.direction = '~' and h."timestamp" > _to and h."timestamp" <= _until
            and flows.profile_usable(h."timestamp", h.status, h.received_at)
        order by h."timestamp" limit 3)
    ), steps as (
        select "timestamp" at, lead("timestamp") over o - "timestamp" = interval '30 minutes' neighbours, lead(read) over o - read sum,
            coalesce(read < lag(read) over o, false) or coalesce(lag(read) over o < lag(read, 2) over o, false) fallen,
            lead("timestamp") over o >= _from reached
        from records window o as (order by "timestamp")
    ), wanted as (
        select at, case when not fallen and sum >= 0 and (sum <= _most) is not false then sum end want
        from steps where neighbours and reached
    ), changes as materialized (
        select w.at, w.want, i.~_interval, i.~_quality, i.~_method, i.~_reason, i.~_billable, num_nonnulls(i.import_reason, i.export_reason) = 1 alone
        from wanted w left join flows.register_interval_hh i on i.register_id = _register and i."timestamp" = w.at and i."timestamp" between _since and _until
        where case when w.want is null then i.~_quality = 'actual' and i.~_method = 'difference' and i.~_billable is null
            else flows.quality_rank(i.~_quality) < 3 and (w.at <= _to or i.~_billable is null) end
    ), kept as (
        insert into flows.register_interval_history (register_id, direction, "timestamp", "interval", quality, method, reason, billable, replaced_by)
        select _register, '~', at, ~_interval, ~_quality, ~_method, ~_reason, ~_billable, case when want is null then 'fall' else 'actual' end
        from changes where ~_interval is not null
    ), stored as (
        insert into flows.register_interval_hh as i (register_id, "timestamp", ~_interval, ~_quality, ~_method, ~_reason)
        select _register, at, want, case when want is not null then 'actual' end, case when want is not null then 'difference' end, case when want is not null then '' end
        from changes where want is not null or not alone
        on conflict (register_id, "timestamp") do update set ~_interval = excluded.~_interval, ~_quality = excluded.~_quality,
            ~_method = excluded.~_method, ~_reason = excluded.~_reason, ~_billable = null
    )
    select array_agg(at) into _emptied from changes where want is null and alone;
    if _emptied is not null then -- by constants: a packed chunk is searched for these alone
        execute format('delete from flows.register_interval_hh where register_id = %L and "timestamp" = any (%L)', _register, _emptied);
    end if;
end
$$
$create$, '~', _direction);
    end loop;
end
$make$;
-- +goose StatementEnd

-- What is to be judged: raw data between changed_from and changed_to that have come since the last time, and what has grown old since.
create table flows.vee_work (
    register_id  uuid not null references flows.meter_registers (register_id) on delete cascade,
    direction    text not null check (direction in ('import', 'export')),
    changed_from timestamptz, -- null: nothing has come
    changed_to   timestamptz,
    due_at       timestamptz not null default statement_timestamp(),
    judged_at    timestamptz,          -- null: never
    next_from    timestamptz,          -- everything before is settled, but for what comes of it
    not_run      jsonb not null default '{}', -- rules that could not look the last time, and why
    primary key (register_id, direction)
) with (fillfactor = 70);
create index vee_work_due on flows.vee_work (due_at, register_id);

-- +goose StatementBegin
-- Remembers that raw data of a time have come. Who judges holds the register's row, so that nothing is marked that is being judged.
create function flows.vee_mark(register uuid, _direction text, _from timestamptz, _to timestamptz) returns void language plpgsql
set plan_cache_mode = force_generic_plan as $$
begin
    perform from flows.meter_registers where register_id = register for no key update;
    if found then
        insert into flows.vee_work as w (register_id, direction, changed_from, changed_to) values (register, _direction, _from, _to)
        on conflict (register_id, direction) do update set changed_from = least(w.changed_from, excluded.changed_from),
            changed_to = greatest(w.changed_to, excluded.changed_to), due_at = least(w.due_at, excluded.due_at)
        where w.changed_from is null or w.changed_from > excluded.changed_from or w.changed_to < excluded.changed_to;
    end if;
end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Gathers the new records of a statement, and has the intervals made, and the time marked for judging, once for each unbroken run of a
-- register and direction, the last one after the last row. A trigger for the statement alone would need its rows in a transition table, which hypertables do not have.
-- What is gathered stands in settings of the transaction, since nothing else outlives a call: a rollback takes it away too.
create function flows.register_profile_hh_gather() returns trigger language plpgsql as $$
declare
    _run text[] := string_to_array(nullif(current_setting('flows.profile_run', true), ''), ' '); -- register, direction, from, to
    _at  bigint;
begin
    if tg_level = 'ROW' then
        _at := extract(epoch from new."timestamp");
        if _run[1] = new.register_id::text and _run[2] = new.direction and _at between _run[3]::bigint - 1800 and _run[4]::bigint + 1800 then
            perform set_config('flows.profile_run', concat_ws(' ', _run[1], _run[2], least(_run[3]::bigint, _at),
                greatest(_run[4]::bigint, _at)), true);
            return null;
        end if;
        perform set_config('flows.profile_run', concat_ws(' ', new.register_id, new.direction, _at, _at), true);
    else
        perform set_config('flows.profile_run', '', true);
    end if;
    if _run[2] = 'import' then
        perform flows.register_profile_exact_import(_run[1]::uuid, to_timestamp(_run[3]::float8), to_timestamp(_run[4]::float8));
    elsif _run[2] = 'export' then
        perform flows.register_profile_exact_export(_run[1]::uuid, to_timestamp(_run[3]::float8), to_timestamp(_run[4]::float8));
    end if;
    if _run[2] is not null then
        perform flows.vee_mark(_run[1]::uuid, _run[2], to_timestamp(_run[3]::float8), to_timestamp(_run[4]::float8));
    end if;
    return null;
end
$$;
-- +goose StatementEnd

create trigger register_profile_hh_gather after insert on flows.register_profile_hh for each row
    execute function flows.register_profile_hh_gather();
create trigger register_profile_hh_make after insert on flows.register_profile_hh for each statement
    execute function flows.register_profile_hh_gather();

-- +goose StatementBegin
-- Moves the marks of these registers forward through records, usable or not, and through holes that the meter has shown. A mark begins,
-- if it may, with the first record or hole of the last 24 hours that there are: what is older was fetched for itself, and the schedule need not
-- close the time between. To be called in the transaction that adds records or holes, after them.
create function flows.register_profile_advance(registers uuid[], begin_marks boolean) returns void language sql as $$
    with recursive walk (register_id, direction, through) as (
        select r.register_id, d.direction, coalesce(k.through, f.through)
        from (select distinct unnest(registers)) r (register_id) cross join (values ('import'), ('export')) d (direction)
        left join flows.register_profile_mark k using (register_id, direction)
        left join lateral (
            select least((
                select h."timestamp" from flows.register_profile_hh h
                where h.register_id = r.register_id and h.direction = d.direction and date_bin('30 minutes', h."timestamp", '2000-01-01 00:00Z') = h."timestamp"
                    and h."timestamp" >= n.newest - interval '24 hours'
                order by h."timestamp" limit 1
            ), (
                select min(o.start_time) - interval '30 minutes' from flows.register_profile_hole o
                where o.register_id = r.register_id and o.direction = d.direction and o.start_time > coalesce(n.newest - interval '24 hours', '-infinity')
            )) through
            from (
                select (
                    select h."timestamp" from flows.register_profile_hh h
                    where h.register_id = r.register_id and h.direction = d.direction and flows.profile_usable(h."timestamp", 128, h.received_at)
                    order by h."timestamp" desc limit 1
                ) newest
            ) n
            where k.through is null and begin_marks
        ) f on true
        where coalesce(k.through, f.through) is not null
        union all
        select w.register_id, w.direction, n.through from walk w cross join lateral (
            select max(m.through) through from (
                select h."timestamp" from flows.register_profile_hh h
                where h.register_id = w.register_id and h.direction = w.direction and h."timestamp" = w.through + interval '30 minutes'
                union all
                select o.end_time - interval '30 minutes' from flows.register_profile_hole o
                where o.register_id = w.register_id and o.direction = w.direction
                    and o.start_time <= w.through + interval '30 minutes' and o.end_time > w.through + interval '30 minutes'
            ) m (through)
        ) n where n.through is not null
    )
    insert into flows.register_profile_mark as k (register_id, direction, through)
    select register_id, direction, max(through) from walk group by register_id, direction order by register_id, direction
    on conflict (register_id, direction) do update set through = excluded.through where excluded.through > k.through
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Waits for a save under way before it looks.
create function flows.meter_registers_keep_profile() returns trigger language plpgsql as $$
begin
    perform from flows.meter_registers where register_id = old.register_id for update;
    if exists (select from flows.register_profile_hh where register_id = old.register_id)
        or exists (select from flows.register_interval_hh where register_id = old.register_id) then
        raise foreign_key_violation using message = format('register %s has half-hours and cannot be deleted; set its meter to passive', old.register_id);
    end if;
    return old;
end
$$;
-- +goose StatementEnd

create trigger meter_registers_keep_profile before delete on flows.meter_registers
    for each row execute function flows.meter_registers_keep_profile();

-- +goose Down
drop trigger meter_registers_keep_profile on flows.meter_registers;
drop table flows.register_profile_hh, flows.register_profile_conflict, flows.register_profile_mark, flows.register_profile_hole,
    flows.register_interval_hh, flows.register_interval_history, flows.vee_exceptions, flows.vee_work;
drop function flows.register_profile_hh_gather(), flows.register_profile_exact_import(uuid, timestamptz, timestamptz),
    flows.register_profile_exact_export(uuid, timestamptz, timestamptz), flows.register_profile_advance(uuid[], boolean),
    flows.meter_registers_keep_profile(), flows.vee_mark(uuid, text, timestamptz, timestamptz), flows.profile_usable(timestamptz, integer, timestamptz),
    flows.half_hour_limit(text, integer, integer), flows.quality_rank(text);
