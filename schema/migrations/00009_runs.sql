-- Runs of the schedule, and what each run came to for each meter.

-- +goose Up
-- One row for each time at which a frequency was due; a person's run is due when it begins.
create table flows.sync_runs (
    id             bigint generated always as identity primary key,
    frequency      text not null check (frequency in ('hourly', '12hourly', 'daily')),
    esco           uuid references flows.escos (id), -- null = all meters
    origin         text not null default 'schedule' check (origin in ('schedule', 'command')),
    scheduled_for  timestamptz not null,
    missed         boolean not null default false, -- nobody was there to run it, and a later one has made up for it
    started_at     timestamptz,
    listed_at      timestamptz, -- every meter of the run is counted in meters, and has its job or is counted as skipped
    listed_through text not null default '', -- the last serial listed so far
    saved_at       timestamptz, -- of the last result
    finished_at    timestamptz, -- every meter is counted in one of the four
    meters         integer not null default 0,
    healthy        integer not null default 0,
    unhealthy      integer not null default 0,
    skipped        integer not null default 0, -- nobody's trouble: still waiting from the run before, busy, nothing to read
    not_done       integer not null default 0, -- our trouble: mediator, gateway, certificate, database
    skip_reasons   jsonb not null default '{}', -- why meters got no job: reason to number of meters
    database_bytes bigint, -- size of the database when the run finished
    -- What makes a tick happen once, however many schedulers there are.
    unique nulls not distinct (frequency, esco, origin, scheduled_for)
);
create index sync_runs_scheduled_for on flows.sync_runs (scheduled_for);
create index sync_runs_unfinished on flows.sync_runs (id) where finished_at is null;

-- One row a meter and run. No foreign keys: a row outlives its meter, and they cost more than the row.
create table flows.meter_sync_log (
    meter_id     uuid not null,
    "timestamp"  timestamptz not null, -- when its run was due; of a reading that a person asked for, when it was read
    run_id       bigint not null,      -- 0 = a person asked
    frequency    text not null,
    verdict      text not null check (verdict in ('healthy', 'unhealthy', 'skipped', 'not_done')),
    read_at      timestamptz, -- the time that the meter's history rows have
    duration_ms  integer not null,
    error_code   text,
    error_object text,
    details      text not null default '',
    outcomes     jsonb not null default '[]', -- by metric
    primary key (meter_id, "timestamp", run_id)
);
create index meter_sync_log_trouble on flows.meter_sync_log (run_id) where verdict <> 'healthy';
-- To prune by. Summaries of pages (BRIN) would be smaller, but pages that are filled again after a prune spoil them for good.
create index meter_sync_log_time on flows.meter_sync_log ("timestamp");

-- +goose StatementBegin
create function flows.sync_run_finish() returns trigger language plpgsql as $$
begin
    if new.listed_at is not null and new.finished_at is null
       and new.healthy + new.unhealthy + new.skipped + new.not_done >= new.meters then
        new.finished_at := now();
        new.database_bytes := pg_database_size(current_database());
    end if;
    return new;
end
$$;
-- +goose StatementEnd
create trigger sync_runs_finish before update on flows.sync_runs
    for each row execute function flows.sync_run_finish();

-- +goose Down
drop table flows.meter_sync_log, flows.sync_runs;
drop function flows.sync_run_finish();
