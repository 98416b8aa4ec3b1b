-- What a run reads.

-- +goose Up
-- No unique key: a metric is read at a frequency if any enabled row says so, and a second row that says the same is no error.
create table flows.meter_metrics (
    name          text not null,
    enabled       boolean not null default true,
    run_frequency text not null check (run_frequency in ('hourly', '12hourly', 'daily'))
);
insert into flows.meter_metrics (name, enabled, run_frequency) values
    ('SyncerReads', true, 'hourly'),
    ('SyncerPrepayBalance', true, 'hourly'),
    ('SyncerVoltage', true, 'hourly'),
    ('SyncerCSQ', true, '12hourly'),
    ('SyncerReads', true, 'daily'),
    ('SyncerEventLog', true, 'daily'),
    ('SyncerBacklight', true, 'daily'),
    ('SyncerLoadSwitch', true, 'daily'),
    ('SyncerFirmwareVersion', true, 'daily'),
    ('SyncerPrepayEnabled', true, 'daily'),
    ('SyncerDaylightSavingsEnabled', true, 'daily'),
    ('SyncerSerial', true, 'daily'),
    ('SyncerHardware', true, 'daily'),
    ('SyncerClockDiff', true, 'daily'),
    ('SyncerTariffsActive', true, 'daily'),
    ('SyncerTariffsFuture', true, 'daily');

-- +goose Down
drop table flows.meter_metrics;
