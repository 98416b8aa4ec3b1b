package storetest

import (
	_ "embed"
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"flows"

	"github.com/jackc/pgx/v5/pgxpool"
)

// FieldSchema is the schema of the systems in the field.
//
//go:embed field.sql
var FieldSchema string

// RunField exercises a store on the field's schema, with the field's own triggers.
func RunField(t *testing.T, database func(t testing.TB) *pgxpool.Pool, open func(t *testing.T, pool *pgxpool.Pool) Store) {
	for _, e := range []struct {
		name string
		do   func(*exercise)
	}{{"WhatThereIsIsStored", fieldSave}, {"MetersAreKnown", fieldMeters}, {"RepeatingIsHarmless", fieldRepeated}} {
		t.Run(e.name, func(t *testing.T) {
			pool := database(t)
			x := &exercise{T: t, pool: pool}
			x.exec(FieldSchema)
			x.exec(`do $$ begin if to_regrole('flows') is null then create role flows nologin; end if; end $$;
				grant usage on schema flows to flows; grant all on all tables in schema flows to flows`)
			x.exec(`insert into flows.escos (code) values ('ALPHA')`)
			x.exec(`insert into flows.meter_registry (serial, ip_address, hardware, esco) select s, ('10.0.0.' || n)::inet, 'C1.w', (select id from flows.escos) from unnest('{M1,M2,M3}'::text[]) with ordinality u (s, n)`)
			x.exec(`insert into flows.meter_registers (meter_id, element) select id, e from flows.meter_registry cross join unnest('{A,B}'::text[]) e where serial = 'M1'`)
			x.exec(`insert into flows.meter_registers (meter_id, element) select id, 'SINGLE' from flows.meter_registry where serial = 'M2'`)
			x.exec(`insert into flows.meter_metrics values ('SyncerReads', true, 'hourly'), ('SyncerProfileLog', true, 'hourly'), ('SyncerCsq', true, 'hourly')`)
			x.Store = open(t, pool)
			e.do(x)
		})
	}
}

func (x *exercise) fleet() map[string]flows.Meter {
	x.Helper()
	list, err := x.Meters(x.Context(), flows.MeterFilter{ESCO: "alpha", Due: true})
	x.must(err)
	known := map[string]flows.Meter{}
	for _, m := range list {
		known[m.Serial] = m
	}
	return known
}

func fieldResult(m flows.Meter) flows.Result {
	r := healthy(m, flows.Shadow{ImportA: new(12345678 * flows.WattHour), ImportB: new(flows.Energy(5)), ExportA: new(flows.WattHour), ExportB: new(flows.WattHour), CSQ: new(17),
		Balance: new(-flows.Pound), Voltage: new(flows.Voltage(2386)), VoltageL1: new(flows.Voltage(1)), ClockDiff: new(-3), ClockDiffAt: new(noon), TariffsActive: json.RawMessage(`{"a": 1}`),
		Backlight: new("on"), LoadSwitch: new("off")})
	r.Registry = flows.Registry{FirmwareVersion: new("3_03"), FrameAddress: new(uint32(7)), PrepayEnabled: new(true)}
	r.Events = []flows.Event{{Time: noon, Type: 1, Set: 1}, {Time: noon, Type: 2, Set: 1}}
	r.Profile = []flows.ProfileRead{{Element: "A", Direction: flows.Import, Time: noon.Truncate(time.Hour), Read: flows.WattHour, Status: 128}}
	r.Holes = []flows.ProfileHole{{Element: "A", Direction: flows.Import, Period: flows.Period{From: noon.Truncate(time.Hour), To: noon.Truncate(time.Hour).Add(time.Hour)}}}
	return r
}

func fieldSave(x *exercise) {
	known := x.fleet()
	id, err := x.BeginRun(x.Context(), flows.Run{Frequency: flows.Hourly, Origin: flows.Command, Scheduled: noon, Meters: 3, ESCO: "ALPHA"})
	x.must(err)
	var list []flows.Result
	for _, serial := range []string{"M1", "M2", "M3"} {
		r := fieldResult(known[serial])
		r.Run, r.Scheduled = id, noon
		list = append(list, r)
	}
	list[2].Health, list[2].Details, list[2].NoCSQ, list[2].Shadow = flows.Unhealthy, "no answer", true, flows.Shadow{}
	x.must(x.Save(x.Context(), list))
	x.must(x.EndRun(x.Context(), id, 0, ""))
	x.says(`{"el": "A", "read": 12345.678, "serial": "M1"}`+"\n"+`{"el": "B", "read": 0.0005, "serial": "M1"}`+"\n"+`{"el": "SINGLE", "read": 12345.678, "serial": "M2"}`,
		`select serial, element el, read from flows.register_import join flows.meter_registers g using (register_id) join flows.meter_registry r on r.id = g.meter_id order by serial, element`)
	x.says(`{"n": 3}`, `select count(*) n from flows.register_export`)
	x.says(`{"csq": 17, "serial": "M1"}`+"\n"+`{"csq": 17, "serial": "M2"}`+"\n"+`{"csq": null, "serial": "M3"}`, `select serial, csq from flows.meter_csq c join flows.meter_registry r on r.id = c.meter_id order by serial`)
	x.says(`{"d": "no answer", "health": "unhealthy", "balance": null}`, `select health, health_details d, balance from flows.meter_shadows join flows.meter_registry using (id) where serial = 'M3'`)
	x.says(`{"v": 238.6, "tariff": {"a": 1}, "balance": -1, "firmware": "3_03"}`, `select balance, voltage v, tariffs_active tariff, firmware_version firmware from flows.meter_shadows join flows.meter_registry using (id) where serial = 'M1'`)
	x.says(`{"n": 6}`, `select count(*) n from flows.meter_event_log`)
}

func fieldMeters(x *exercise) {
	known := x.fleet()
	m := known["M2"]
	if m.Address != netip.MustParseAddrPort("10.0.0.2:8080") || m.ESCO != "ALPHA" || m.FrameAddress != nil || m.Hardware != "C1.w" || len(known) != 3 {
		x.Errorf("%+v", m)
	}
	names, err := x.EnabledMetrics(x.Context(), flows.Hourly)
	if err != nil || len(names) != 2 {
		x.Errorf("%v, %v", names, err)
	}
	x.exec(`insert into flows.meter_event_log select id, '2026-03-01Z', 1, 1 from flows.meter_registry where serial = 'M2'`)
	x.must(x.Recall(x.Context(), &m, []string{"SyncerEventLog", "SyncerReads"}))
	if !m.LastEvent.Equal(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)) {
		x.Errorf("last event %v", m.LastEvent)
	}
	var got []string
	x.must(x.Addresses(x.Context(), nil, func(serial string, a netip.AddrPort) { got = append(got, serial+" "+a.String()) }))
	if len(got) != 3 {
		x.Errorf("%v", got)
	}
	if _, err := x.Info(x.Context(), "M1"); err != nil {
		x.Error(err)
	}
	if text, err := x.MetersForCLI(x.Context(), "ALPHA"); err != nil || len(text) < 100 {
		x.Errorf("%s %v", text, err)
	}
}

func fieldRepeated(x *exercise) {
	known := x.fleet()
	for range 2 {
		x.must(x.Save(x.Context(), []flows.Result{fieldResult(known["M1"])}))
	}
	x.says(`{"n": 2}`, `select count(*) n from flows.meter_event_log`)
	x.says(`{"n": 2, "reads": 1}`, `select count(*) n, count(distinct read) reads from flows.register_import join flows.meter_registers using (register_id) where element = 'A'`)
}
