package postgres

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"flows"

	gocmp "github.com/google/go-cmp/cmp"
)

// runRow is a run as it was made.
type runRow struct {
	id        int64
	frequency flows.Frequency
	esco      string
	scheduled time.Time
}

// troubleRow is what the log has of a meter's run that is not healthy.
type troubleRow struct {
	serial  string
	code    flows.Code
	verdict flows.Verdict
	details string
}

// mustFillRuns makes runs of three frequencies, of all meters and of two ESCOs, whose ids do not go up with their times.
func mustFillRuns(t *testing.T, s *Store, now time.Time, n int) (rows []runRow) {
	t.Helper()
	mustExec(t, s, `insert into flows.escos (code) values ('E'), ('F')`)
	for i := range n {
		r := runRow{int64(i + 1), flows.Frequencies[i%3], []string{"", "E", "F"}[i/3%3], now.Add(-time.Duration(i*37%n) * 20 * time.Minute)}
		mustExec(t, s, `
			insert into flows.sync_runs (id, frequency, esco, origin, scheduled_for, missed, meters, healthy, unhealthy, skip_reasons) overriding system value
			values ($1, $2, (select id from flows.escos where code = $3), $4, $5, $6, 9, 5, 2, '{"busy": 1}')`,
			r.id, r.frequency, r.esco, []flows.Origin{flows.Schedule, flows.Command}[i%2], r.scheduled, i%10 == 7)
		rows = append(rows, r)
	}
	return rows
}

func TestRunsAreListedNewestFirstThereAndBack(t *testing.T) {
	s := mustStore(t)
	now := time.Now().UTC().Truncate(time.Microsecond)
	rows := mustFillRuns(t, s, now, 200)
	for _, q := range []flows.RunQuery{{}, {ESCO: "e"}, {Frequency: flows.Daily}, {ESCO: "F", Frequency: flows.Hourly}, {Since: now.Add(-30 * time.Hour)}} {
		var want []string
		for _, r := range slices.Backward(rows) {
			if (q.ESCO == "" || r.esco == "" || r.esco == map[string]string{"e": "E", "F": "F"}[q.ESCO]) && (q.Frequency == "" || r.frequency == q.Frequency) && !r.scheduled.Before(q.Since) {
				want = append(want, strconv.FormatInt(r.id, 10))
			}
		}
		name := fmt.Sprintf("%+v", q)
		got := walk(t, name, 7, func(from flows.Cursor, limit int) ([]flows.Run, error) {
			q.From, q.Limit = from, limit
			return s.RunLines(t.Context(), q)
		}, func(r flows.Run) string { return strconv.FormatInt(r.ID, 10) })
		if diff := gocmp.Diff(want, got); diff != "" || len(got) < 20 {
			t.Errorf("%s: %d runs\n%s", name, len(got), diff)
		}
	}
	list, err := s.RunLines(t.Context(), flows.RunQuery{Limit: 3, From: flows.Cursor{Key: "x", Back: true}})
	if err != nil || len(list) != 3 || list[0].ID != 200 {
		t.Errorf("behind what is no run is %v, %v", list, err)
	}
	want := flows.Run{ID: 198, Frequency: flows.Daily, ESCO: "F", Origin: flows.Command, Scheduled: rows[197].scheduled, Missed: true, Meters: 9, Healthy: 5, Unhealthy: 2, SkipReasons: map[string]int{"busy": 1}}
	if diff := gocmp.Diff(want, list[2]); diff != "" {
		t.Error(diff)
	}
	var unknown *UnknownESCO
	if _, err := s.RunLines(t.Context(), flows.RunQuery{ESCO: "X"}); !errors.As(err, &unknown) {
		t.Errorf("an ESCO that is not there: %v", err)
	}
}

// mustFillTroubles gives some runs a log: of each three meters one is healthy, others have one of the codes or none.
func mustFillTroubles(t *testing.T, s *Store, runs ...int64) map[int64][]troubleRow {
	t.Helper()
	mustExec(t, s, `insert into flows.meter_registry (serial, name) select 'M' || to_char(n * 7 % 100, 'FM000'), nullif('Plot ' || n % 2, 'Plot 0') from generate_series(0, 99) n`)
	codes := []flows.Code{flows.Timeout, flows.Timeout, flows.Mediator, ""}
	verdicts := map[flows.Code]flows.Verdict{flows.Timeout: flows.VerdictUnhealthy, flows.Mediator: flows.VerdictNotDone, "": flows.VerdictSkipped}
	all := map[int64][]troubleRow{}
	for _, run := range runs {
		for n := range 100 {
			row := troubleRow{serial: fmt.Sprintf("M%03d", n), verdict: flows.VerdictHealthy}
			if (n+int(run))%3 > 0 {
				row.code = codes[(n*5+int(run))%len(codes)]
				row.verdict, row.details = verdicts[row.code], fmt.Sprintf("%s of %d", row.code, n)
				all[run] = append(all[run], row)
			}
			mustExec(t, s, `
				insert into flows.meter_sync_log (meter_id, "timestamp", run_id, frequency, verdict, read_at, duration_ms, error_code, error_object, details)
				select id, '2026-03-04T12:00Z', $1, 'hourly', $3, case when $4 = 'TIMEOUT' then '2026-03-04T12:00:05Z'::timestamptz end, 1500, nullif($4, ''), case when $4 = 'TIMEOUT' then 'CSQ' end, $5
				from flows.meter_registry where serial = $2`, run, row.serial, row.verdict, row.code, row.details)
		}
	}
	return all
}

// reasonsOf counts as the store should: the most frequent first.
func reasonsOf(rows []troubleRow) (list []flows.Reason) {
	for _, row := range rows {
		i := slices.IndexFunc(list, func(r flows.Reason) bool { return r.Code == row.code })
		if i < 0 {
			i = len(list)
			list = append(list, flows.Reason{Code: row.code})
		}
		list[i].Count++
	}
	slices.SortFunc(list, func(a, b flows.Reason) int { return cmp.Or(b.Count-a.Count, cmp.Compare(a.Code, b.Code)) })
	return list
}

func TestBarsAreTheLastRunsWithTheirTroubles(t *testing.T) {
	s := mustStore(t)
	now := time.Now().UTC().Truncate(time.Microsecond)
	rows := mustFillRuns(t, s, now, 40)
	troubles := mustFillTroubles(t, s, 1, 2, 5, 13, 40)
	slices.SortFunc(rows, func(a, b runRow) int { return a.scheduled.Compare(b.scheduled) })
	for _, c := range []struct {
		esco  string
		over  time.Duration
		limit int
	}{{"", 48 * time.Hour, 100}, {"", 48 * time.Hour, 7}, {"", 5 * time.Hour, 100}, {"e", 48 * time.Hour, 100}, {"F", 8 * time.Hour, 5}} {
		var want []int64
		for _, r := range rows {
			if !r.scheduled.Before(now.Add(-c.over)) && (c.esco == "" || r.esco == "" || r.esco == map[string]string{"e": "E", "F": "F"}[c.esco]) {
				want = append(want, r.id)
			}
		}
		want = want[max(0, len(want)-c.limit):]
		list, err := s.RunBars(t.Context(), c.esco, now.Add(-c.over), c.limit)
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, r := range list {
			got = append(got, r.ID)
			if diff := gocmp.Diff(append([]flows.Reason{}, reasonsOf(troubles[r.ID])...), r.Reasons); diff != "" || r.Success != (flows.Rate{Healthy: 5, Of: 7}) {
				t.Errorf("run %d: %s %s", r.ID, r.Success, diff)
			}
		}
		if diff := gocmp.Diff(want, got); diff != "" || len(got) < 5 {
			t.Errorf("%+v: %s", c, diff)
		}
	}
	if list, err := s.RunBars(t.Context(), "", now.Add(time.Hour), 9); err != nil || len(list) > 0 {
		t.Errorf("%d runs are to come, %v", len(list), err)
	}
}

func TestARunIsShownWithItsTroubles(t *testing.T) {
	s := mustStore(t)
	mustFillRuns(t, s, time.Now(), 9)
	troubles := mustFillTroubles(t, s, 3, 4)
	r, err := s.RunPage(t.Context(), 3)
	if err != nil || r.ID != 3 || r.Frequency != flows.Daily || r.Meters != 9 || r.SkipReasons["busy"] != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	want := reasonsOf(troubles[3])
	for i, reason := range want {
		got := r.Reasons[min(i, len(r.Reasons)-1)]
		first := slices.IndexFunc(troubles[3], func(row troubleRow) bool { return slices.Contains(got.Serials, row.serial) && row.code == reason.Code })
		if got.Code != reason.Code || got.Count != reason.Count || len(got.Serials) != 10 || !slices.IsSorted(got.Serials) || first < 0 || got.Text != troubles[3][first].details {
			t.Errorf("%+v, want %+v", got, reason)
		}
	}
	if r, err = s.RunPage(t.Context(), 5); err != nil || r.ID != 5 || len(r.Reasons) != 0 {
		t.Errorf("a run without troubles: %+v, %v", r, err)
	}
	var none *flows.NoRun
	for _, id := range []int64{0, -1, 10} {
		if _, err := s.RunPage(t.Context(), id); !errors.As(err, &none) || none.ID != id {
			t.Errorf("run %d: %v", id, err)
		}
	}
}

func TestMetersOfARunAreListedBySerialThereAndBack(t *testing.T) {
	s := mustStore(t)
	mustFillRuns(t, s, time.Now(), 9)
	troubles := mustFillTroubles(t, s, 3, 4)
	for code, of := range map[flows.Code]func(flows.Code) bool{
		"":             func(flows.Code) bool { return true },
		"-":            func(c flows.Code) bool { return c == "" },
		flows.Timeout:  func(c flows.Code) bool { return c == flows.Timeout },
		flows.Mediator: func(c flows.Code) bool { return c == flows.Mediator },
	} {
		var want []string
		for _, row := range troubles[3] {
			if of(row.code) {
				want = append(want, fmt.Sprint(row))
			}
		}
		rows := map[string]string{}
		got := walk(t, string(code), 4, func(from flows.Cursor, limit int) ([]flows.RunMeter, error) {
			return s.RunMeters(t.Context(), flows.RunMeterQuery{Run: 3, Code: code, From: from, Limit: limit})
		}, func(m flows.RunMeter) string {
			rows[m.Serial] = fmt.Sprint(troubleRow{m.Serial, m.Code, m.Verdict, m.Details})
			return m.Serial
		})
		for i, serial := range got {
			got[i] = rows[serial]
		}
		if diff := gocmp.Diff(want, got); diff != "" || len(got) < 8 {
			t.Errorf("%q: %d meters\n%s", code, len(got), diff)
		}
	}
	list, err := s.RunMeters(t.Context(), flows.RunMeterQuery{Run: 3, Code: flows.Timeout, Limit: 1})
	want := []flows.RunMeter{{Serial: "M001", Name: "Plot 1", Verdict: flows.VerdictUnhealthy, Code: flows.Timeout, Object: "CSQ", Details: "TIMEOUT of 1",
		ReadAt: time.Date(2026, 3, 4, 12, 0, 5, 0, time.UTC), Duration: 1.5}}
	if diff := gocmp.Diff(want, list); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	for _, q := range []flows.RunMeterQuery{{Run: 3, Code: "X"}, {Run: 3, Code: "\x00"}, {Run: 3, From: flows.Cursor{Key: "\xff"}}, {Run: 5}} {
		if list, err := s.RunMeters(t.Context(), q); len(list) > 0 || err != nil {
			t.Errorf("%+v: %d meters, %v", q, len(list), err)
		}
	}
}

func TestAMeterThatIsGoneIsStillInItsRun(t *testing.T) {
	s := mustStore(t)
	mustFillRuns(t, s, time.Now(), 9)
	mustFillTroubles(t, s, 3)
	id := lines(t, s, `select id::text from flows.meter_registry where serial = 'M001'`)
	mustExec(t, s, `delete from flows.meter_registry where serial = 'M001'`)
	list, err := s.RunMeters(t.Context(), flows.RunMeterQuery{Run: 3})
	if err != nil || !slices.ContainsFunc(list, func(m flows.RunMeter) bool { return m.Serial == id && m.Name == "" }) {
		t.Errorf("%v %+v", err, list)
	}
}

func TestSerialsOfARunAreToldByCode(t *testing.T) {
	s := mustStore(t)
	mustFillRuns(t, s, time.Now(), 9)
	want := map[flows.Code][]string{}
	for _, row := range mustFillTroubles(t, s, 3, 4)[3] {
		want[row.code] = append(want[row.code], row.serial)
	}
	got, err := s.RunSerials(t.Context(), 3, 1000)
	for _, serials := range got {
		slices.Sort(serials)
	}
	if diff := gocmp.Diff(want, got); diff != "" || err != nil || len(want) != 3 {
		t.Errorf("%v\n%s", err, diff)
	}
	some, err := s.RunSerials(t.Context(), 3, 12)
	if n := len(some[flows.Timeout]) + len(some[flows.Mediator]) + len(some[""]); n != 12 || err != nil {
		t.Errorf("%d of 12, %v", n, err)
	}
}
