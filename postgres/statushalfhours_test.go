package postgres

import (
	"slices"
	"strings"
	"testing"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
)

// mustHalfHours fills a database with a little of everything that a status says of half-hours. $P is ESCO P's yesterday, which begins at $BEGINS,
// and $K is ESCO K's, which is always another day.
func mustHalfHours(t *testing.T, s *Store, p, begins, k time.Time) {
	t.Helper()
	at := func(t time.Time) string { return "'" + t.Format(time.RFC3339) + "'" }
	for _, sql := range strings.Split(strings.NewReplacer("$P", at(p), "$BEGINS", at(begins), "$K", at(k)).Replace(halfHoursRows), ";\n") {
		mustExec(t, s, sql)
	}
}

const halfHoursRows = `
insert into flows.escos (code, timezone) values ('P', 'Pacific/Pago_Pago'), ('K', 'Pacific/Kiritimati');
insert into flows.meter_registry (serial, hardware, ip_address, esco, mode)
	select serial, hardware, case when serial <> 'nowhere' then ('10.0.0.' || row_number() over ())::inet end, (select id from flows.escos where code = esco), mode
	from (values ('full', 'C1.w', 'P', 'active'), ('mixed', 'B1.w', 'P', 'active'), ('guess', 'B1.w', 'P', 'active'), ('oneway', 'B1.w', 'P', 'active'), ('fresh', 'B1.w', 'P', 'active'),
		('short', 'C1.w', 'P', 'active'), ('new', 'B1.w', 'P', 'active'), ('newer', 'B1.w', 'P', 'active'), ('dead', 'B1.w', 'P', 'active'),
		('nowhere', 'P1.ax', 'P', 'active'), ('passive', 'B1.w', 'P', 'passive'), ('blank', null, 'P', 'active'), ('repair', 'B1.w', 'P', 'active'),
		('kiri', 'B1.w', 'K', 'active')) v (serial, hardware, esco, mode);
update flows.meter_registry set maintenance = true where serial = 'repair';
update flows.meter_shadows set health = 'healthy' where id not in (select id from flows.meter_registry where serial in ('dead', 'nowhere'));
update flows.meter_shadows set created_at = now() - interval '25 hours';
update flows.meter_registers set start_time = $BEGINS::timestamptz - interval '200 days';
insert into flows.meter_registers (meter_id, element, status, start_time, end_time)
	select meter_id, element, 'replaced', start_time - interval '1 day', start_time from flows.meter_registers where meter_id = (select id from flows.meter_registry where serial = 'full');
update flows.meter_registers set start_time = $BEGINS::timestamptz + case r.serial when 'new' then interval '10 hours 10 minutes' else '23 hours 45 minutes' end
	from flows.meter_registry r where r.id = meter_id and r.serial in ('new', 'newer');
update flows.vee_work set judged_at = $BEGINS::timestamptz + interval '24 hours';
update flows.vee_work w set judged_at = case r.serial when 'short' then $BEGINS::timestamptz + interval '24 hours' - interval '1 second' 
		when 'kiri' then now() when 'fresh' then $BEGINS::timestamptz - interval '1 second' end
	from flows.meter_registers g, flows.meter_registry r where g.register_id = w.register_id and r.id = g.meter_id
		and (r.serial = 'short' and g.element = 'B' and w.direction = 'export' or r.serial in ('new', 'kiri', 'nowhere') or r.serial = 'fresh' and w.direction = 'export');
insert into flows.register_day (register_id, direction, day, energy, expected, actual, derived, estimated, edited, billable, never_reached, not_logged, invalid)
	select g.register_id, v.direction, $P::date + v.day, 1, 48, actual, derived, estimated, edited, 0, never, unlogged, invalid
	from (values ('full', 'A', 'import', 0, 48, 0, 0, 0, 0, 0, 0), ('full', 'A', 'export', 0, 48, 0, 0, 0, 0, 0, 0),
		('full', 'B', 'import', 0, 48, 0, 0, 0, 0, 0, 0), ('full', 'B', 'export', 0, 48, 0, 0, 0, 0, 0, 0),
		('mixed', 'A', 'import', 0, 40, 5, 0, 3, 0, 0, 0), ('mixed', 'A', 'export', 0, 48, 0, 0, 0, 0, 0, 0),
		('guess', 'A', 'import', 0, 45, 0, 3, 0, 0, 3, 0), ('guess', 'A', 'export', 0, 48, 0, 0, 0, 0, 0, 0),
		('oneway', 'A', 'import', 0, 48, 0, 0, 0, 0, 0, 0), ('fresh', 'A', 'import', 0, 48, 0, 0, 0, 0, 0, 0),
		('short', 'A', 'import', 0, 48, 0, 0, 0, 0, 0, 0), ('short', 'A', 'export', 0, 48, 0, 0, 0, 0, 0, 0),
		('short', 'B', 'import', 0, 44, 0, 0, 0, 4, 0, 0), ('short', 'B', 'export', 0, 48, 0, 0, 0, 0, 0, 0),
		('dead', 'A', 'import', 0, 0, 0, 0, 0, 20, 0, 0), ('dead', 'A', 'export', 0, 0, 0, 0, 0, 20, 0, 0),
		('passive', 'A', 'import', 0, 1, 0, 0, 0, 0, 0, 0), ('repair', 'A', 'import', 0, 1, 0, 0, 0, 9, 0, 0),
		('full', 'A', 'import', -100, 0, 0, 0, 0, 48, 0, 0), ('guess', 'A', 'import', -85, 40, 0, 0, 0, 0, 8, 0), ('nowhere', 'SINGLE', 'export', -70, 0, 0, 0, 0, 48, 0, 0),
		('repair', 'A', 'import', -60, 0, 0, 0, 0, 48, 0, 0), ('short', 'A', 'export', -50, 0, 0, 0, 0, 48, 0, 0), ('full', 'B', 'export', -50, 41, 0, 0, 0, 7, 0, 0),
		('full', 'A', 'import', -50, 47, 0, 0, 0, 0, 1, 0), ('full', 'B', 'import', -50, 39, 0, 0, 0, 9, 1, 1), ('full', 'B', 'import', -4, 47, 0, 0, 0, 0, 0, 1), ('full', 'A', 'import', -4, 46, 0, 0, 0, 0, 1, 1), ('full', 'A', 'export', -9, 47, 0, 0, 0, 0, 1, 0)
	) v (serial, element, direction, day, actual, derived, estimated, edited, never, unlogged, invalid)
	join flows.meter_registry r using (serial) join flows.meter_registers g on g.meter_id = r.id and g.element = v.element and g.status = 'enabled';
insert into flows.register_day (register_id, direction, day, energy, expected, actual, derived, estimated, edited, billable, never_reached, not_logged, invalid)
	select g.register_id, d, v.day, 1, 48, actual, 0, 0, 0, 0, 0, 0, 0 from (values ($K::date, 48), ($P::date, 0)) v (day, actual), unnest('{import,export}'::text[]) d,
	flows.meter_registers g where g.meter_id = (select id from flows.meter_registry where serial = 'kiri');
insert into flows.register_day (register_id, direction, day, energy, expected, actual, derived, estimated, edited, billable, never_reached, not_logged, invalid)
	select register_id, 'import', $P::date, 1, 20, 10, 0, 0, 0, 0, 0, 0, 0 from flows.meter_registers where status = 'replaced';
insert into flows.vee_exceptions (rule, severity, register_id, direction, key, status)
	select v.rule, v.severity, g.register_id, 'import', v.key, v.status
	from (values ('full', 'REVERSAL', 'critical', '1', 'open'), ('full', 'REVERSAL', 'critical', '2', 'open'), ('full', 'REVERSAL', 'critical', '3', 'acknowledged'),
		('full', 'REVERSAL', 'critical', '4', 'resolved'), ('repair', 'REVERSAL', 'critical', '1', 'open'), ('mixed', 'STATUS', 'error', '1', 'open'),
		('mixed', 'STATUS', 'info', '2', 'open'), ('dead', 'MISSING', 'error', '1', 'open'), ('dead', 'PROLONGED_ESTIMATION', 'error', '1', 'open'),
		('short', 'PROLONGED_ESTIMATION', 'error', '1', 'open'), ('passive', 'USE_WHILE_OFF', 'error', '1', 'open'), ('kiri', 'BRACKET', 'error', '1', 'open')
	) v (serial, rule, severity, key, status)
	join flows.meter_registry r using (serial) join flows.meter_registers g on g.meter_id = r.id and g.element <> 'B' and g.status = 'enabled';
insert into flows.vee_exceptions (rule, severity, meter_id, key) select 'TAMPER', 'warning', id, '1' from flows.meter_registry where serial in ('full', 'guess', 'repair');
insert into flows.vee_exceptions (rule, severity, register_id, direction) values ('SPIKE', 'info', gen_random_uuid(), 'import')`

// yesterdayIn is the day before today in the zone, as midnight UTC and as its beginning.
func yesterdayIn(t *testing.T, zone string) (date, begins time.Time) {
	t.Helper()
	y, m, d := time.Now().In(mustZone(t, zone)).Date()
	return time.Date(y, m, d-1, 0, 0, 0, 0, time.UTC), time.Date(y, m, d-1, 0, 0, 0, 0, mustZone(t, zone)).UTC()
}

func TestStatusSaysHowHalfHoursAre(t *testing.T) {
	s := mustStore(t)
	p, begins := yesterdayIn(t, "Pacific/Pago_Pago")
	k, _ := yesterdayIn(t, "Pacific/Kiritimati")
	mustHalfHours(t, s, p, begins, k)
	ofP := flows.HalfHours{
		Days:   []string{p.Format(time.DateOnly)},
		Meters: 9, Judged: 5, Complete: 3, // not newer, passive, blank, repair; of them not fresh, short, new, nowhere; full, mixed and oneway
		Expected:  4*48 + 2*48 + 2*48 + 48 + 2*48 + 4*48 + 2*27 + 2*48 + 2*48,
		Estimated: 3,
		Unknown:   48 + 4 + 2*27 + 2*48 + 2*48, // fresh's export, short, new, dead, nowhere
		Exceptions: []flows.OpenExceptions{{Rule: "REVERSAL", Severity: "critical", Count: 2},
			{Rule: "PROLONGED_ESTIMATION", Severity: "error", Count: 2, Failing: 1}, {Rule: "MISSING", Severity: "error", Count: 1, Failing: 1},
			{Rule: "STATUS", Severity: "error", Count: 1}, {Rule: "USE_WHILE_OFF", Severity: "error", Count: 1},
			{Rule: "TAMPER", Severity: "warning", Count: 2}, {Rule: "STATUS", Severity: "info", Count: 1}},
		Gaps: flows.Gaps{NeverReached: 3, NotLogged: 1 + 1, Invalid: 1},
		OldestGap: &flows.Gap{Serial: "full", Element: "B", Direction: flows.Import, Day: p.AddDate(0, 0, -50).Format(time.DateOnly),
			Since: begins.AddDate(0, 0, -50), Age: 51, HalfHours: 9},
	}
	ofK := flows.HalfHours{Days: []string{k.Format(time.DateOnly)}, Meters: 1, Judged: 1, Complete: 1, Expected: 96,
		Exceptions: []flows.OpenExceptions{{Rule: "BRACKET", Severity: "error", Count: 1}}}
	all := ofP
	all.Days = []string{p.Format(time.DateOnly), k.Format(time.DateOnly)}
	all.Meters, all.Judged, all.Complete, all.Expected = 10, 6, 4, ofP.Expected+96
	all.Exceptions = slices.Insert(slices.Clone(ofP.Exceptions), 2, ofK.Exceptions[0])
	all.Exceptions = slices.Insert(all.Exceptions, 7, flows.OpenExceptions{Rule: "SPIKE", Severity: "info", Count: 1}) // of a register that is gone
	for esco, want := range map[string]flows.HalfHours{"": all, "p": ofP, "k": ofK} {
		got, err := s.Status(t.Context(), esco)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&want, got.HalfHours); diff != "" {
			t.Errorf("ESCO %q: want -, got +:\n%s", esco, diff)
		}
	}
}

// The judge itself has looked at these. DEAD gave nothing, ONEWAY has no export, and ELSEWHERE's yesterday is at another time.
func TestStatusOfHalfHoursThatWereJudged(t *testing.T) {
	s := mustStore(t)
	date, begins := yesterdayIn(t, defaultTimezone)
	zone := "Europe/Paris"
	if other, _ := yesterdayIn(t, zone); !other.Equal(date) {
		zone = "Atlantic/Azores"
	}
	mustExec(t, s, `insert into flows.escos (code, timezone) values ('E', $1)`, zone)
	elsewhere := at("ELSEWHERE", "10.0.0.4", "B1.w")
	elsewhere.ESCO = new("E")
	known := mustRegister(t, s, at("GOOD", "10.0.0.1", "B1.w"), at("DEAD", "10.0.0.2", "B1.w"), at("ONEWAY", "10.0.0.3", "B1.w"), elsewhere)
	mustExec(t, s, `update flows.meter_registers set start_time = $1`, begins.AddDate(0, 0, -1))
	if got, err := s.Status(t.Context(), ""); err != nil || got.HalfHours != nil {
		t.Fatalf("%v, before anything was judged: %+v", err, got.HalfHours)
	}
	slots := int(begins.In(mustZone(t, defaultTimezone)).AddDate(0, 0, 1).Sub(begins) / flows.SlotLength)
	r := fromDay(known["GOOD"], begins, rising(100, slots+1)...)
	for _, p := range r.Profile {
		p.Direction = flows.Export
		r.Profile = append(r.Profile, p)
	}
	mustSave(t, s, r, fromDay(known["ONEWAY"], begins, rising(7, slots+1)...))
	mustExec(t, s, `insert into flows.register_export (register_id, "timestamp", read)
		select register_id, $2, 0 from flows.meter_registers where meter_id = $1::text::uuid`, known["DEAD"].ID, begins)
	mustExec(t, s, `update flows.vee_work set due_at = now()`)
	mustSettle(t, s)
	got, err := s.Status(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	got.HalfHours.Exceptions, got.HalfHours.Gaps, got.HalfHours.OldestGap = nil, flows.Gaps{}, nil // they depend on how late it is
	want := &flows.HalfHours{Days: []string{date.Format(time.DateOnly)}, Meters: 4, Judged: 4, Complete: 2, Expected: 6 * slots, Unknown: 3 * slots}
	if diff := cmp.Diff(want, got.HalfHours); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}
