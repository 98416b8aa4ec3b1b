package postgres

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
)

// mustFillHistory gives M1, whose register A was another's before, and N a few of everything, much of it at the same times.
func mustFillHistory(t *testing.T, s *Store) {
	t.Helper()
	mustFillPages(t, s)
	mustExec(t, s, `update flows.meter_registers set start_time = '2026-03-02 12:00Z'`)
	for _, sql := range []string{
		`insert into flows.meter_registers (meter_id, element, status, start_time, end_time, serial)
			select id, 'A', 'replaced', '2024-01-01Z', '2026-03-02 12:00Z', 'OLD' from flows.meter_registry where serial = 'M1'`,
		`insert into flows.meter_event_log (meter_id, "timestamp", event_type, event_set)
			select id, '2026-03-01Z'::timestamptz + n / 3 * interval '1 s', (array[4, 33, 777])[1 + n % 3], n from flows.meter_registry, generate_series(0, 30) n where serial in ('M1', 'N')`,
		`insert into flows.meter_sync_log (meter_id, "timestamp", run_id, frequency, verdict, duration_ms, error_code, error_object, details, outcomes)
			select id, '2026-03-01Z'::timestamptz + n / 4 * interval '0.001 s', n % 4 * 5, 'hourly', 'unhealthy', n * 100, 'NAK', 'csq', 'said ' || n, '[{"metric": "SyncerCSQ", "state": "failed", "reason": "NAK"}]'
			from flows.meter_registry, generate_series(0, 30) n where serial in ('M1', 'N')`,
		`insert into flows.register_import (register_id, "timestamp", read) select register_id, '2026-03-02 10:00Z'::timestamptz + n / 2 * interval '20 minutes', n + 0.25
			from flows.meter_registers, generate_series(0, 18, 2) n`,
		`insert into flows.register_export (register_id, "timestamp", read) select register_id, '2026-03-02 11:00Z'::timestamptz + n / 2 * interval '20 minutes', n
			from flows.meter_registers, generate_series(0, 18, 2) n where element <> 'B'`,
		`insert into flows.register_profile_hh (register_id, direction, "timestamp", read, status, received_at)
			select register_id, d, '2026-03-02 10:00Z'::timestamptz + n * interval '30 minutes', n, case n % 4 when 3 then 64 else 128 end, '2026-03-02 18:00Z'
			from flows.meter_registers, unnest('{import,export}'::text[]) d, generate_series(0, 8) n where element <> 'B' or d = 'import'`,
	} {
		mustExec(t, s, sql)
	}
}

func TestAMetersListsGoBackAsTheyCame(t *testing.T) {
	s := mustStore(t)
	mustFillHistory(t, s)
	const registers = `flows.meter_registers g join flows.meter_registry r on r.id = g.meter_id`
	const at = `to_char("timestamp" at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')`
	for _, c := range []struct {
		name, truth string
		page        func(flows.Cursor, int) ([]string, error)
	}{
		{"events", `select ` + at + `, event_type, coalesce((select name from flows.meter_event_log_type where id = event_type), ''), event_set from flows.meter_event_log
			where meter_id = (select id from flows.meter_registry where serial = 'M1') order by "timestamp" desc, event_type desc`,
			pageOf(func(c flows.Cursor, n int) ([]flows.EventLine, error) { return s.MeterEvents(t.Context(), "M1", c, n) }, func(e flows.EventLine) (string, string) {
				return e.Place(), fmt.Sprint(micro(e.At), " ", e.Type, " ", e.Name, " ", e.Set)
			})},
		{"sync log", `select ` + at + `, run_id, frequency, verdict, error_code, error_object, details, round(duration_ms / 1000.0, 1)::text, 'SyncerCSQ failed NAK' from flows.meter_sync_log
			where meter_id = (select id from flows.meter_registry where serial = 'M1') order by "timestamp" desc, run_id desc`,
			pageOf(func(c flows.Cursor, n int) ([]flows.SyncLine, error) { return s.SyncLog(t.Context(), "M1", c, n) }, func(l flows.SyncLine) (string, string) {
				return l.Place(), fmt.Sprintf("%s %d %s %s %s %s %s %.1f %s %s %s", micro(l.At), l.Run, l.Frequency, l.Verdict, l.Code, l.Object, l.Details, l.Duration, l.Outcomes[0].Metric, l.Outcomes[0].State, l.Outcomes[0].Reason)
			})},
		{"reads of runs", `select ` + at + `, element, direction, round(read, greatest(3, min_scale(read)))::text from (
				select *, 'import' direction from flows.register_import union all select *, 'export' from flows.register_export) i join ` + registers + ` using (register_id)
			where r.serial = 'M1' order by "timestamp" desc, register_id desc, direction desc`,
			pageOf(func(c flows.Cursor, n int) ([]flows.RawRead, error) {
				return s.RawReads(t.Context(), "M1", flows.FromRuns, c, n)
			}, func(r flows.RawRead) (string, string) {
				return r.Place(), fmt.Sprint(micro(r.At), " ", r.Element, " ", r.Direction, " ", r.Value)
			})},
		{"the log", `select ` + at + `, element, direction, round(read, greatest(3, min_scale(read)))::text, h.status, '18:00' from flows.register_profile_hh h join ` + registers + ` using (register_id)
			where r.serial = 'M1' order by "timestamp" desc, register_id desc, direction desc`,
			pageOf(func(c flows.Cursor, n int) ([]flows.RawRead, error) {
				return s.RawReads(t.Context(), "M1", flows.FromLog, c, n)
			}, func(r flows.RawRead) (string, string) {
				return r.Place(), fmt.Sprint(micro(r.At), " ", r.Element, " ", r.Direction, " ", r.Value, " ", *r.Status, " ", r.Received.Format("15:04"))
			})},
	} {
		want := lines(t, s, c.truth)
		if n := strings.Count(want, "\n"); n < 25 {
			t.Fatalf("%s: %d lines prove nothing", c.name, n)
		}
		for _, size := range []int{1, 3, 7, 100} {
			places := map[string]string{}
			got := walk(t, c.name, size, func(from flows.Cursor, n int) ([][2]string, error) {
				list, err := c.page(from, n)
				var rows [][2]string
				for _, line := range list {
					place, text, _ := strings.Cut(line, "\n")
					places[place] = text
					rows = append(rows, [2]string{place, text})
				}
				return rows, err
			}, func(row [2]string) string { return row[0] })
			for i, place := range got {
				got[i] = places[place]
			}
			if diff := cmp.Diff(want, strings.Join(got, "\n")); diff != "" {
				t.Fatalf("%s, %d a page (-want +got):\n%s", c.name, size, diff)
			}
		}
		for _, key := range []string{"x", "|", "2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z|x|y|z", "2026-03-01T00:00:00Z|'|import", "\x00|1", "0000-01-01T00:00:00Z|1"} {
			for _, back := range []bool{false, true} {
				if _, err := c.page(flows.Cursor{Key: key, Back: back}, 3); err != nil {
					t.Errorf("%s behind %q: %v", c.name, key, err)
				}
			}
		}
	}
}

func micro(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000") }

// pageOf makes lines of a page's rows: the place of each, and what it says.
func pageOf[R any](page func(flows.Cursor, int) ([]R, error), say func(R) (place, text string)) func(flows.Cursor, int) ([]string, error) {
	return func(c flows.Cursor, n int) (list []string, err error) {
		rows, err := page(c, n)
		for _, r := range rows {
			place, text := say(r)
			list = append(list, place+"\n"+text)
		}
		return list, err
	}
}

func TestTracesAreWhatRegistersStoodAt(t *testing.T) {
	s := mustStore(t)
	mustFillHistory(t, s)
	from, to := time.Date(2026, 3, 2, 11, 0, 0, 0, time.UTC), time.Date(2026, 3, 2, 13, 0, 0, 0, time.UTC)
	traces, err := s.Traces(t.Context(), "M1", flows.Period{From: from, To: to})
	if err != nil {
		t.Fatal(err)
	}
	var got, lanes []string
	for _, tr := range traces {
		lanes = append(lanes, fmt.Sprint(tr.Serial, " ", tr.Element, " ", tr.Direction))
		for i, points := range [][]flows.TracePoint{tr.Reads, tr.Log} {
			for _, p := range points {
				got = append(got, fmt.Sprintf("%s %s %s %t %s %s", tr.Serial, tr.Element, tr.Direction, i == 1, micro(p.At), p.Value))
			}
			if !slices.IsSortedFunc(points, func(a, b flows.TracePoint) int { return a.At.Compare(b.At) }) {
				t.Errorf("%s %s %s: %v", tr.Serial, tr.Element, tr.Direction, points)
			}
		}
	}
	if diff := cmp.Diff([]string{"OLD A import", "OLD A export", "M1 A import", "M1 A export", "M1 B import"}, lanes); diff != "" {
		t.Errorf("lanes (-want +got):\n%s", diff)
	}
	slices.Sort(got)
	want := lines(t, s, `
		select coalesce(g.serial, r.serial), element, direction, log, to_char("timestamp" at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), round(read, greatest(3, min_scale(read)))::text from (
			select register_id, "timestamp", read, 'import' direction, false log from flows.register_import union all select register_id, "timestamp", read, 'export', false from flows.register_export
			union all select register_id, "timestamp", read, direction, true from flows.register_profile_hh where status = 128) x
		join flows.meter_registers g using (register_id) join flows.meter_registry r on r.id = g.meter_id
		where r.serial = 'M1' and "timestamp" between $1 and $2`, from, to)
	all := strings.Split(want, "\n")
	slices.Sort(all)
	if diff := cmp.Diff(all, got); diff != "" || len(all) < 30 {
		t.Errorf("readings (-want +got):\n%s", diff)
	}
	month, err := s.Traces(t.Context(), "M1", flows.Period{From: from.AddDate(0, 0, -9), To: to})
	var thin []string
	for _, tr := range month {
		for _, p := range append(tr.Reads, tr.Log...) {
			thin = append(thin, p.At.UTC().Format("15:04"))
		}
	}
	slices.Sort(thin)
	want = lines(t, s, `
		select to_char("timestamp" at time zone 'UTC', 'HH24:MI') from (
			select register_id, "timestamp" from flows.register_import union all select register_id, "timestamp" from flows.register_export
			union all select register_id, "timestamp" from flows.register_profile_hh where status = 128 and to_char("timestamp" at time zone 'UTC', 'MI') = '00') x
		join flows.meter_registers g using (register_id) join flows.meter_registry r on r.id = g.meter_id
		where r.serial = 'M1' and "timestamp" <= $1 and to_char("timestamp" at time zone 'UTC', 'HH24') in ('00', '03', '06', '09', '12', '15', '18', '21') order by 1`, to)
	if diff := cmp.Diff(want, strings.Join(thin, "\n")); diff != "" || err != nil || want == "" {
		t.Errorf("of long (-want +got):\n%s%v", diff, err)
	}
	if list, err := s.Traces(t.Context(), "X", flows.Period{From: from, To: to}); list != nil || err != nil {
		t.Errorf("of nobody: %v %v", list, err)
	}
}

func TestTheNewestHalfHourIsOneThatHasAValue(t *testing.T) {
	s := mustStore(t)
	mustFillPages(t, s)
	if at, err := s.LastHalfHour(t.Context(), "M1"); !at.IsZero() || err != nil {
		t.Errorf("none: %v %v", at, err)
	}
	mustExec(t, s, `insert into flows.register_interval_hh (register_id, "timestamp", import_interval, import_quality, export_interval, export_quality, import_reason)
		select register_id, t::timestamptz, i, case when i is not null then 'actual' end, e, case when e is not null then 'actual' end, 'RESET'
		from flows.meter_registers g join flows.meter_registry r on r.id = g.meter_id,
			(values ('M1', 'A', '2026-03-01 00:00Z', 1, null), ('M1', 'B', '2026-03-02 01:00Z', null, 0), ('M1', 'A', '2026-03-03 00:00Z', null, null), ('N', 'A', '2026-03-04 00:00Z', 1, 1)) v (s, l, t, i, e)
		where s = r.serial and l = element`)
	if at, err := s.LastHalfHour(t.Context(), "M1"); !at.Equal(time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC)) || err != nil {
		t.Errorf("%v %v", at, err)
	}
}

func TestAMetersHistoryIsThatOfThePeriod(t *testing.T) {
	s := mustStore(t)
	mustFillPages(t, s)
	mustExec(t, s, `delete from flows.meter_csq`)
	for _, sql := range []string{
		`insert into flows.meter_prepay_balance select id, t::timestamptz, b from flows.meter_registry, (values ('2026-02-01Z', 1), ('2026-02-02Z', -2.5), ('2026-02-03Z', 3)) v (t, b) where serial in ('M2', 'M3')`,
		`insert into flows.meter_csq select id, t::timestamptz, b from flows.meter_registry, (values ('2026-02-01Z', 10), ('2026-02-02Z', null)) v (t, b) where serial = 'M2'`,
		`insert into flows.meter_3p_voltage select id, '2026-02-01Z', 230, null, 231.5 from flows.meter_registry where serial = 'M2'`,
		`insert into flows.meter_clock_diff select id, '2026-02-01Z', -7 from flows.meter_registry where serial = 'M2'`,
		`insert into flows.meter_health_history select id, '2026-02-01Z'::timestamptz + n * interval '1 hour', case when n in (3, 4, 9) then 'unhealthy' else 'healthy' end
			from flows.meter_registry, generate_series(0, 11) n where serial = 'M2'`,
		`update flows.meter_shadows set tariffs_active = '{"standing_charge": "0.07650"}' where id = (select id from flows.meter_registry where serial = 'M2')`,
	} {
		mustExec(t, s, sql)
	}
	first := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	list, err := s.MeterSeries(t.Context(), "M2", flows.Period{From: first, To: first.AddDate(0, 0, 2)})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, one := range list {
		line := one.Name + " " + one.Unit
		for _, p := range one.Points {
			line += fmt.Sprintf(" %d=%s", p.At.UTC().Day(), p.Value)
		}
		got = append(got, line)
	}
	want := []string{"Balance £ 1=1.00000 2=-2.50000", "Signal csq 1=10 2=", "Voltage L1 V 1=230", "Voltage L2 V 1=", "Voltage L3 V 1=231.5", "Clock ahead s 1=-7"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("series (-want +got):\n%s", diff)
	}
	for _, c := range []struct {
		from, limit int
		want        string
	}{{-100, 9, "10 healthy, 9 unhealthy, 5 healthy, 3 unhealthy, 0 healthy"}, {4, 9, "10 healthy, 9 unhealthy, 5 healthy"}, {6, 1, "10 healthy"}, {11, 9, ""}} {
		changes, err := s.HealthChanges(t.Context(), "M2", flows.Period{From: first.Add(time.Duration(c.from) * time.Hour), To: first.AddDate(0, 0, 1)}, c.limit)
		var told []string
		for _, h := range changes {
			told = append(told, fmt.Sprint(h.At.UTC().Hour(), " ", h.Health))
		}
		if got := strings.Join(told, ", "); got != c.want || err != nil {
			t.Errorf("health since hour %d: %s, want %s, %v", c.from, got, c.want, err)
		}
	}
	if active, future, err := s.MeterTariffs(t.Context(), "M2"); string(active) != `{"standing_charge": "0.07650"}` || future != nil || err != nil {
		t.Errorf("tariffs: %s %s %v", active, future, err)
	}
	if active, _, err := s.MeterTariffs(t.Context(), "X"); active != nil || err != nil {
		t.Errorf("tariffs of nobody: %s %v", active, err)
	}
}

func TestARegistersLifeReachesBackToItsFirstRecord(t *testing.T) {
	s := mustStore(t)
	mustFillPages(t, s)
	mustExec(t, s, `update flows.meter_registers set start_time = '2026-03-02 12:00Z', initial_read = case when element = 'B' then 1 end`)
	mustExec(t, s, `insert into flows.register_profile_hh (register_id, direction, "timestamp", read, status, received_at)
		select register_id, 'import', '2026-02-20Z'::timestamptz + n * interval '30 minutes', n, case n when 0 then 64 else 128 end, '2026-03-02 18:00Z'
		from flows.meter_registers g join flows.meter_registry r on r.id = g.meter_id, generate_series(0, 4) n where r.serial = 'M1'`)
	day := time.Date(2026, 2, 20, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		from time.Time
		want string
	}{{day, "A 00:30 3.000"}, {day.AddDate(0, 0, 1), "A 00:30 0.000"}, {day.AddDate(0, 0, -1), ""}, {day.AddDate(0, 0, 10), "A 00:30 0.000 B 12:00 0.000"}} {
		p := flows.Period{From: c.from, To: c.from.AddDate(0, 0, 1)}
		lanes, err := s.Lanes(t.Context(), "M1", p)
		var got []string
		for _, l := range lanes {
			sum := flows.Energy(0)
			for _, slot := range l.Slots {
				if slot.Import.Value != nil {
					sum += *slot.Import.Value
				}
			}
			got = append(got, l.Element, l.Life.From.UTC().Format("15:04"), sum.String())
		}
		if text := strings.Join(got, " "); text != c.want || err != nil {
			t.Errorf("%s: %q, want %q, %v", c.from.Format(time.DateOnly), text, c.want, err)
		}
		traces, err := s.Traces(t.Context(), "M1", p)
		if (len(traces) > 0) != (c.from == day) || err != nil {
			t.Errorf("%s: %v %v", c.from.Format(time.DateOnly), traces, err)
		}
	}
}
