package postgres

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"flows"

	gocmp "github.com/google/go-cmp/cmp"
)

func TestGapsAreListedAPageAtATime(t *testing.T) {
	s := mustStore(t)
	mustFillList(t, s, 30)
	mustFillDays(t, s)
	for _, q := range []flows.GapQuery{{}, {ESCO: "e"}, {Kind: flows.GapNeverReached}, {Kind: flows.GapNotLogged}, {Kind: flows.GapInvalid, ESCO: "F"}, {Again: true}, {Serial: "M0003"}} {
		got := walk(t, fmt.Sprintf("%+v", q), 6, func(c flows.Cursor, n int) ([]flows.GapLine, error) {
			q.From, q.Limit = c, n
			return s.GapLines(t.Context(), q)
		}, flows.GapLine.Place)
		want := lines(t, s, `
			select concat_ws('.', p.day, p.element, p.register_id, p.direction, p.serial)
			from flows.register_gaps p join flows.meter_registry r on r.id = p.meter_id left join flows.escos e on e.id = r.esco
			where ($1 = '' or lower(e.code) = lower($1)) and ($2 = '' or p.serial = $2) and (not $3 or p.asked_again)
				and ($4 = '' or $4 = 'never_reached' and p.never_reached > 0 or $4 = 'not_logged' and p.not_logged > 0 or $4 = 'invalid' and p.invalid > 0)
			order by p.day desc, p.serial, p.element, p.register_id, p.direction desc`, q.ESCO, q.Serial, q.Again, q.Kind)
		if want == "" {
			t.Errorf("%+v proves nothing", q)
		}
		if diff := gocmp.Diff(strings.Split(want, "\n"), got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", q, diff)
		}
	}
	for _, key := range []string{"x", "....", "0000-01-01.A.00000000-0000-0000-0000-000000000000.import.M", "2026-03-04.A.00000000-0000-0000-0000-000000000000.import.\x00"} {
		if list, err := s.GapLines(t.Context(), flows.GapQuery{From: flows.Cursor{Key: key}, Limit: 3}); err != nil || len(list) != 3 || list[0].Day != "2026-03-10" {
			t.Errorf("from %q, which is no place: %+v, %v", key, list, err)
		}
	}
}

// A gap is told with what the logs know of it: how often runs were to fetch it since its day ended, and when the meter showed that it has none.
func TestGapsTellWhatWasDoneAboutThem(t *testing.T) {
	s := mustStore(t)
	known := mustRegister(t, s, at("M", "10.0.0.1", "B1.w"), at("GONE", "10.0.0.2", "B1.w"))
	mustExec(t, s, `update flows.meter_registry set mode = 'passive' where serial = 'GONE'`)
	day := func(serial string, never, unlogged int) {
		mustExec(t, s, `insert into flows.register_day (register_id, direction, day, energy, expected, actual, derived, estimated, edited, billable, never_reached, not_logged, invalid)
			select register_id, 'import', '2026-07-01', 0, 48, 48 - $2::int - $3::int, 0, 0, 0, 0, $2, $3, 0 from flows.meter_registers g join flows.meter_registry r on r.id = g.meter_id where r.serial = $1`, serial, never, unlogged)
	}
	day("M", 3, 4)
	day("GONE", 5, 0)
	log := func(at, frequency, metric, state string) {
		mustExec(t, s, `insert into flows.meter_sync_log (meter_id, "timestamp", run_id, frequency, verdict, duration_ms, outcomes)
			values ($1, $2, 1, $3, 'healthy', 1, jsonb_build_array(jsonb_build_object('metric', 'SyncerCSQ', 'state', 'read'), jsonb_build_object('metric', $4::text, 'state', $5::text)))`,
			known["M"].ID, at, frequency, metric, state)
	}
	log("2026-07-01 22:30Z", "12hourly", "SyncerProfileLog", "read") // before the day has ended in London
	log("2026-07-01 23:00Z", "12hourly", "SyncerProfileLog", "partial")
	log("2026-07-02 11:00Z", "12hourly", "SyncerProfileLog", "skipped")
	log("2026-07-02 12:00Z", "hourly", "SyncerProfileLog", "read")
	log("2026-07-02 23:00Z", "12hourly", "SyncerReads", "read")
	for at, hole := range map[string]string{"2026-07-05 10:00Z": "2026-07-01 21:00Z", "2026-07-04 10:00Z": "2026-06-30 22:30Z", "2026-07-06 10:00Z": "2026-07-01 23:00Z", "2026-07-07 10:00Z": "2026-06-30 22:00Z"} {
		mustExec(t, s, `insert into flows.register_profile_hole select register_id, 'import', $1::timestamptz, $1::timestamptz + interval '1 hour', $2 from flows.meter_registers where meter_id = $3::text::uuid`, hole, at, known["M"].ID)
	}
	list, err := s.GapLines(t.Context(), flows.GapQuery{})
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	utc := func(text string) time.Time { t, _ := time.Parse(time.RFC3339, text); return t }
	want := []flows.GapLine{
		{Serial: "GONE", MeterGap: flows.MeterGap{NeverReached: 5}, NotAsked: flows.NotRead(flows.Passive, true), Every: flows.TwelveHourly},
		{Serial: "M", MeterGap: flows.MeterGap{NeverReached: 3, NotLogged: 4, Again: true}, Every: flows.TwelveHourly, Tries: 2, Answered: 1,
			Tried: utc("2026-07-02T11:00:00Z"), Shown: utc("2026-07-05T10:00:00Z")},
	}
	for i := range want {
		w, g := &want[i], list[i]
		w.Zone, w.Element, w.Direction, w.Day, w.Expected, w.Register, w.Age = "Europe/London", "A", flows.Import, "2026-07-01", 48, g.Register, g.Age
	}
	if diff := gocmp.Diff(want, list); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	mustExec(t, s, `update flows.meter_metrics set enabled = false where name = 'SyncerProfileLog'`)
	if list, err = s.GapLines(t.Context(), flows.GapQuery{Serial: "M"}); err != nil || len(list) != 1 || !strings.Contains(list[0].NotAsked, "SyncerProfileLog is off") || list[0].Tries != 0 {
		t.Errorf("without a metric that reads logs: %+v, %v", list, err)
	}
}
