package postgres

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"flows"

	gocmp "github.com/google/go-cmp/cmp"
)

// walk goes through a list page by page, there and back, and gives what was on the way there. What was on the way back must be the same.
func walk[R any](t *testing.T, name string, size int, page func(flows.Cursor, int) ([]R, error), place func(R) string) (all []string) {
	t.Helper()
	var from flows.Cursor
	var pages [][]string
	for range 1000 {
		list, err := page(from, size)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(list) == 0 {
			break
		}
		var places []string
		for _, r := range list {
			places = append(places, place(r))
		}
		pages, all = append(pages, places), append(all, places...)
		from = flows.Cursor{Key: places[len(places)-1]}
	}
	for i := len(pages) - 1; i > 0; i-- {
		list, err := page(flows.Cursor{Key: pages[i][0], Back: true}, size)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var places []string
		for _, r := range list {
			places = append(places, place(r))
		}
		if !slices.Equal(places, pages[i-1]) {
			t.Fatalf("%s: back from page %d: %v, want %v", name, i, places, pages[i-1])
		}
	}
	return all
}

// mustFillList makes meters with few values each, so that many are equal, and many without any.
func mustFillList(t *testing.T, s *Store, n int) {
	t.Helper()
	mustExec(t, s, `insert into flows.escos (code) values ('E'), ('F')`)
	mustExec(t, s, `
		insert into flows.meter_registry (serial, name, hardware, ip_address, esco, mode, maintenance)
		select 'M' || to_char(n, 'FM0000'), case when n % 3 > 0 then 'Plot ' || n % 7 end, case when n % 4 > 0 then 'H' || n % 4 end,
			case when n % 11 > 0 then '10.0.0.0'::inet + n end, case when n % 5 > 0 then (select id from flows.escos where code = case when n % 5 > 2 then 'E' else 'F' end) end,
			case when n % 13 > 0 then 'active' else 'passive' end, n % 17 = 0
		from generate_series(1, $1::int) n`, n)
	mustExec(t, s, `
		update flows.meter_shadows set read_at = now() - interval '20 minutes' * (m.n % 40) * (m.n % 40), health = case when m.n % 6 > 1 then 'healthy' else 'unhealthy' end,
			balance = case when m.n % 4 > 0 then m.n % 9 - 2.5 end, csq = case when m.n % 5 > 0 then m.n % 12 end, clock_time_diff_seconds = case when m.n % 3 > 0 then (m.n % 15 - 7) * 20 end
		from (select id, right(serial, 4)::int n from flows.meter_registry) m where m.id = meter_shadows.id and m.n % 8 > 0`)
}

func TestMetersAreSortedAndChosenAsGoWould(t *testing.T) {
	s := mustStore(t)
	mustFillList(t, s, 300)
	defer func(pages int) { nearPages = pages }(nearPages)
	nearPages = 1
	all, err := s.MeterLines(t.Context(), flows.MeterQuery{})
	if err != nil || len(all) != 300 {
		t.Fatal(len(all), err)
	}
	now := time.Now()
	asked := func(m flows.MeterLine) bool { return m.NotRead() == "" }
	watched := func(m flows.MeterLine) bool { return m.Mode == flows.Active && !m.Maintenance }
	age := func(m flows.MeterLine, from, to time.Duration) bool {
		a := now.Sub(m.LastHealthy)
		return watched(m) && !m.LastHealthy.IsZero() && a >= from && (to == 0 || a < to)
	}
	filters := []struct {
		q    flows.MeterQuery
		want func(flows.MeterLine) bool
	}{
		{flows.MeterQuery{}, func(flows.MeterLine) bool { return true }},
		{flows.MeterQuery{ESCO: "e"}, func(m flows.MeterLine) bool { return m.ESCO == "E" }},
		{flows.MeterQuery{Search: "m00"}, func(m flows.MeterLine) bool { return strings.HasPrefix(m.Serial, "M00") }},
		{flows.MeterQuery{Search: "plot 5", ESCO: "F"}, func(m flows.MeterLine) bool { return m.Name == "Plot 5" && m.ESCO == "F" }},
		{flows.MeterQuery{Hardware: "H2"}, func(m flows.MeterLine) bool { return m.Hardware == "H2" }},
		{flows.MeterQuery{Health: flows.OnlyUnhealthy}, func(m flows.MeterLine) bool { return asked(m) && m.Health == flows.Unhealthy }},
		{flows.MeterQuery{Health: flows.OnlyNeverRead}, func(m flows.MeterLine) bool { return asked(m) && m.Health == flows.NeverRun }},
		{flows.MeterQuery{Health: flows.OnlyNotAsked}, func(m flows.MeterLine) bool { return !asked(m) }},
		{flows.MeterQuery{Look: flows.LowBalanceLook}, func(m flows.MeterLine) bool { return watched(m) && m.Balance != nil && *m.Balance < 2*flows.Pound }},
		{flows.MeterQuery{Look: flows.WeakSignalLook}, func(m flows.MeterLine) bool { return watched(m) && m.CSQ != nil && *m.CSQ < 8 }},
		{flows.MeterQuery{Look: flows.DriftLook}, func(m flows.MeterLine) bool { return watched(m) && m.Drift != nil && max(*m.Drift, -*m.Drift) >= 60 }},
		{flows.MeterQuery{Fresh: flows.AgeHour}, func(m flows.MeterLine) bool { return age(m, 0, time.Hour) }},
		{flows.MeterQuery{Fresh: flows.AgeHours}, func(m flows.MeterLine) bool { return age(m, time.Hour, 3*time.Hour) }},
		{flows.MeterQuery{Fresh: flows.AgeDay}, func(m flows.MeterLine) bool { return age(m, 3*time.Hour, 24*time.Hour) }},
		{flows.MeterQuery{Fresh: flows.AgeWeek}, func(m flows.MeterLine) bool { return age(m, 24*time.Hour, 7*24*time.Hour) }},
		{flows.MeterQuery{Fresh: flows.AgeOlder}, func(m flows.MeterLine) bool { return age(m, 7*24*time.Hour, 0) }},
		{flows.MeterQuery{Fresh: flows.AgeNever}, func(m flows.MeterLine) bool { return watched(m) && m.LastHealthy.IsZero() }},
	}
	value := map[flows.MeterSort]func(flows.MeterLine) (float64, bool){
		flows.SortSerial: func(flows.MeterLine) (float64, bool) { return 0, true },
		flows.SortHealthy: func(m flows.MeterLine) (float64, bool) {
			return float64(m.LastHealthy.UnixMicro()), !m.LastHealthy.IsZero()
		},
		flows.SortBalance: func(m flows.MeterLine) (float64, bool) { return deref(m.Balance), m.Balance != nil },
		flows.SortSignal:  func(m flows.MeterLine) (float64, bool) { return deref(m.CSQ), m.CSQ != nil },
		flows.SortDrift:   func(m flows.MeterLine) (float64, bool) { return max(deref(m.Drift), -deref(m.Drift)), m.Drift != nil },
		flows.SortName: func(m flows.MeterLine) (float64, bool) {
			return float64(len(m.Name)) + float64(lastByte(m.Name)), m.Name != ""
		},
	}
	for _, f := range filters {
		kept := slices.DeleteFunc(slices.Clone(all), func(m flows.MeterLine) bool { return !f.want(m) })
		if len(kept) == 0 || len(kept) == len(all) && f.q != (flows.MeterQuery{}) {
			t.Errorf("%+v chooses %d meters: it proves nothing", f.q, len(kept))
		}
		if n, err := s.CountMeters(t.Context(), f.q, 250); err != nil || n != min(len(kept), 250) {
			t.Errorf("%+v: %d are counted, want %d, %v", f.q, n, len(kept), err)
		}
		for sort, of := range value {
			for _, down := range []bool{false, true} {
				want := slices.SortedFunc(slices.Values(kept), func(a, b flows.MeterLine) int {
					x, hasX := of(a)
					y, hasY := of(b)
					by := cmp.Compare(x, y)
					serial := strings.Compare(a.Serial, b.Serial)
					if down {
						by = -by
						if sort == flows.SortSerial {
							serial = -serial
						}
					}
					switch {
					case hasX != hasY && hasX:
						return -1
					case hasX != hasY:
						return 1
					case !hasX:
						return serial
					}
					return cmp.Or(by, serial)
				})
				q := f.q
				q.Sort, q.Down = sort, down
				name := fmt.Sprintf("%+v", q)
				size := 1 + rand.IntN(len(kept)+1)
				got := walk(t, name, max(size, len(kept)/5), func(c flows.Cursor, n int) ([]flows.MeterLine, error) {
					q.From, q.Limit = c, n
					return s.MeterLines(t.Context(), q)
				}, func(m flows.MeterLine) string { return m.Place })
				var serials []string
				for _, place := range got {
					serials = append(serials, place[strings.LastIndexByte(place, '|')+1:])
				}
				var wanted []string
				for _, m := range want {
					wanted = append(wanted, m.Serial)
				}
				if diff := gocmp.Diff(wanted, serials); diff != "" {
					t.Fatalf("%s (-want +got):\n%s", name, diff)
				}
			}
		}
	}
	st, err := s.Status(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	counts := map[flows.MeterQuery]int{{Look: flows.LowBalanceLook}: st.Meters.LowBalance, {Look: flows.WeakSignalLook}: st.Meters.WeakSignal, {Look: flows.DriftLook}: st.Meters.Drifting}
	for i, a := range flows.Ages {
		counts[flows.MeterQuery{Fresh: a.Age}] = st.Freshness.Ages[i]
	}
	for q, n := range counts {
		if list, err := s.MeterLines(t.Context(), q); err != nil || len(list) != n {
			t.Errorf("%+v: %d meters are listed, and status counts %d, %v", q, len(list), n, err)
		}
	}
	// Keys that somebody has written.
	for _, key := range []string{"x", "|", "x|y", "'|M", "1e9|M", "2026-99-99 00:00:00+00|M", "\x00|", "--1|M"} {
		for sort := range value {
			for _, back := range []bool{false, true} {
				if _, err := s.MeterLines(t.Context(), flows.MeterQuery{Sort: sort, From: flows.Cursor{Key: key, Back: back}, Limit: 3}); err != nil && key != "2026-99-99 00:00:00+00|M" {
					t.Errorf("%q by %s: %v", key, sort, err)
				}
			}
		}
	}
}

func deref[N ~int | ~int64](n *N) float64 {
	if n == nil {
		return 0
	}
	return float64(*n)
}

func lastByte(s string) byte {
	if s == "" {
		return 0
	}
	return s[len(s)-1]
}

func TestExceptionsAreListedAPageAtATime(t *testing.T) {
	s := mustStore(t)
	mustFillList(t, s, 40)
	mustExec(t, s, `
		insert into flows.vee_exceptions (rule, severity, meter_id, key, last_seen, status, who, why)
		select (array['CLOCK', 'SPIKE', 'MISSING'])[1 + n % 3], (array['critical', 'error', 'warning', 'info'])[1 + n % 4], r.id, n::text, '2026-03-04 12:00Z'::timestamptz + interval '1 s' * (n % 5),
			(array['open', 'open', 'acknowledged', 'resolved'])[1 + n % 7 % 4], 'ann', 'x'
		from generate_series(1, 200) n join flows.meter_registry r on r.serial = 'M' || to_char(1 + n % 40, 'FM0000')`)
	for _, f := range []flows.ExceptionFilter{
		{}, {Status: "open"}, {Status: "resolved"}, {ESCO: "E", Status: "open"}, {Rules: []flows.Rule{flows.RuleSpike}}, {Severities: []flows.Severity{flows.SeverityError}, Status: "open"}, {Severities: []flows.Severity{flows.SeverityInfo, flows.SeverityCritical}, ESCO: "F"},
		{Serials: []string{"M0007"}}, {IDs: []int64{5, 9}}, {ESCO: "E", Serials: []string{"M0005"}},
	} {
		want, n, err := s.Exceptions(t.Context(), f) // by other SQL, and all at once
		if err != nil {
			if _, e := s.ExceptionLines(t.Context(), f); e == nil || e.Error() != err.Error() {
				t.Errorf("%+v: %v, but %v", f, err, e)
			}
			continue
		}
		if f.IDs != nil {
			want = slices.DeleteFunc(want, func(x flows.ExceptionRow) bool { return !slices.Contains(f.IDs, x.ID) })
			n = len(want)
		}
		if n == 0 {
			t.Errorf("%+v proves nothing", f)
		}
		var places []string
		for _, x := range want {
			places = append(places, x.Place())
		}
		got := walk(t, fmt.Sprintf("%+v", f), 7, func(c flows.Cursor, n int) ([]flows.ExceptionRow, error) {
			f.From, f.Limit = c, n
			return s.ExceptionLines(t.Context(), f)
		}, flows.ExceptionRow.Place)
		if diff := gocmp.Diff(places, got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", f, diff)
		}
		f.From = flows.Cursor{}
		if c, err := s.CountExceptions(t.Context(), f, 30); err != nil || c != min(n, 30) {
			t.Errorf("%+v: %d of %d are counted, %v", f, c, n, err)
		}
	}
}

// mustFillDays gives every register days of all kinds.
func mustFillDays(t *testing.T, s *Store) {
	t.Helper()
	mustExec(t, s, `
		insert into flows.register_day (register_id, direction, day, energy, expected, actual, derived, estimated, edited, billable, never_reached, not_logged, invalid, billable_energy)
		select g.register_id, d, '2026-03-01'::date + n, n + 0.5, 48, case k when 0 then 48 when 1 then 40 when 2 then 47 else 0 end, 0, case k when 1 then 8 else 0 end, 0, 40,
			case when k = 3 and n % 2 = 0 then 48 else 0 end, case k when 1 then 8 else 0 end, case k when 2 then 1 else 0 end, n + 0.25
		from (select g.*, row_number() over (order by r.serial, element) i from flows.meter_registers g join flows.meter_registry r on r.id = g.meter_id) g,
			generate_series(0, 9) n, unnest('{import,export}'::text[]) d, lateral (select (i * 7 + n) % 5 k) x
		where d = 'import' or i % 2 = 0`)
}

func TestTheLastDaysShowTheWorstMeters(t *testing.T) {
	s := mustStore(t)
	mustFillList(t, s, 30)
	mustFillDays(t, s)
	mustExec(t, s, `update flows.register_day set day = day + ((now() at time zone 'Europe/London')::date - '2026-03-11'::date)`) // the last one is yesterday
	mustExec(t, s, `update flows.meter_registers set start_time = now() - interval '60 days'`)
	mustExec(t, s, `update flows.register_day set actual = 48, estimated = 0 where register_id in (select register_id from flows.meter_registers g join flows.meter_registry r on r.id = g.meter_id where r.serial in ('M0001', 'M0002'))`)
	f, err := s.FleetDays(t.Context(), "", 12, 4)
	if err != nil {
		t.Fatal(err)
	}
	worst := lines(t, s, `
		select r.serial, sum(expected - actual)::int from flows.register_day join flows.meter_registers g using (register_id) join flows.meter_registry r on r.id = g.meter_id
		where mode = 'active' and not maintenance group by 1 having sum(expected - actual) > 0 order by 2 desc, 1`)
	all := strings.Split(worst, "\n")
	var got []string
	for _, m := range f.Meters {
		got = append(got, fmt.Sprintf("%s %d", m.Serial, m.Lacking))
	}
	if diff := gocmp.Diff(all[:4], got); diff != "" || f.Incomplete != len(all) {
		t.Errorf("%d incomplete, want %d (-want +got):\n%s", f.Incomplete, len(all), diff)
	}
	active := lines(t, s, `select count(distinct r.id) from flows.meter_registry r join flows.meter_registers g on g.meter_id = r.id where mode = 'active' and not maintenance`)
	if fmt.Sprint(f.Incomplete+f.Complete) != active {
		t.Errorf("%d and %d of %s", f.Incomplete, f.Complete, active)
	}
	if len(f.Days) != 12 || len(f.Meters[0].States) != 12 || f.Meters[0].States[0] != flows.DayNotExpected {
		t.Errorf("%+v", f)
	}
	seen := map[flows.DayState]int{}
	for _, m := range f.Meters {
		for i, state := range m.States {
			seen[state]++
			want := lines(t, s, `select case when sum(actual) = sum(expected) then 'complete' when sum(actual + estimated) = sum(expected) then 'estimated' when sum(actual + estimated) > 0 then 'partial' else 'none' end
				from flows.register_day join flows.meter_registers g using (register_id) join flows.meter_registry r on r.id = g.meter_id where r.serial = $1 and day = $2::date having count(*) > 0`, m.Serial, mustDay(t, f.Days[i]))
			if want == "" {
				want = "not_expected"
			}
			if string(state) != want {
				t.Errorf("%s %s: %s, want %s", m.Serial, f.Days[i], state, want)
			}
		}
	}
	if len(seen) < 4 {
		t.Errorf("only %v were seen", seen)
	}
}

func mustDay(t *testing.T, text string) time.Time {
	t.Helper()
	d, err := time.Parse(time.DateOnly, text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestRunsAreListedAPageAtATime(t *testing.T) {
	s := mustStore(t)
	mustFillList(t, s, 60)
	mustExec(t, s, `
		insert into flows.sync_runs (frequency, esco, origin, scheduled_for, started_at, listed_at, meters, healthy, unhealthy)
		select (array['hourly', '12hourly', 'daily'])[1 + n % 3], case n % 4 when 0 then (select id from flows.escos where code = 'E') when 1 then (select id from flows.escos where code = 'F') end,
			'schedule', '2026-03-01Z'::timestamptz + n * interval '1 hour', now(), now(), 60, 50, 10 from generate_series(1, 50) n`)
	for _, q := range []flows.RunQuery{{}, {ESCO: "e"}, {Frequency: flows.Daily}, {Since: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), ESCO: "F"}} {
		place := func(r flows.Run) string { return fmt.Sprint(r.ID) }
		got := walk(t, fmt.Sprintf("%+v", q), 6, func(c flows.Cursor, n int) ([]flows.Run, error) {
			q.From, q.Limit = c, n
			return s.RunLines(t.Context(), q)
		}, place)
		want := lines(t, s, `select r.id from flows.sync_runs r left join flows.escos e on e.id = r.esco where ($1 = '' or e.id is null or lower(e.code) = lower($1)) and ($2 = '' or frequency = $2)
			and scheduled_for >= $3 order by r.id desc`, q.ESCO, q.Frequency, q.Since)
		if diff := gocmp.Diff(want, strings.Join(got, "\n")); diff != "" || want == "" {
			t.Errorf("%+v (-want +got):\n%s", q, diff)
		}
	}
	mustExec(t, s, `
		insert into flows.meter_sync_log (meter_id, "timestamp", run_id, frequency, verdict, duration_ms, error_code, details, read_at)
		select id, '2026-03-01Z', 7, 'hourly', (array['healthy', 'unhealthy', 'not_done'])[1 + n % 3], 1500, case when n % 3 > 0 then (array['TIMEOUT', 'NAK'])[1 + n % 2] end, 'said ' || n, now()
		from (select id, right(serial, 4)::int n from flows.meter_registry) m`)
	for _, code := range []flows.Code{"", flows.Timeout} {
		q := flows.RunMeterQuery{Run: 7, Code: code}
		got := walk(t, fmt.Sprintf("%+v", q), 7, func(c flows.Cursor, n int) ([]flows.RunMeter, error) {
			q.From, q.Limit = c, n
			return s.RunMeters(t.Context(), q)
		}, func(m flows.RunMeter) string { return m.Serial })
		want := lines(t, s, `select serial from flows.meter_sync_log g join flows.meter_registry r on r.id = g.meter_id where verdict <> 'healthy' and ($1 = '' or error_code = $1) order by 1`, code)
		if diff := gocmp.Diff(want, strings.Join(got, "\n")); diff != "" || want == "" {
			t.Errorf("%+v (-want +got):\n%s", q, diff)
		}
	}
	r, err := s.RunPage(t.Context(), 7)
	if err != nil || r.Success.String() != "83.3 %" || len(r.Reasons) != 2 || r.Reasons[0].Count+r.Reasons[1].Count != 40 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := s.RunPage(t.Context(), 999); err == nil || !strings.Contains(err.Error(), "no run 999") {
		t.Errorf("a run that is not there: %v", err)
	}
	bars, err := s.RunBars(t.Context(), "", time.Date(2026, 3, 1, 5, 0, 0, 0, time.UTC), 4)
	if err != nil || len(bars) != 4 || bars[3].ID != 50 || bars[0].ID != 47 {
		t.Errorf("%+v, %v", bars, err)
	}
}
