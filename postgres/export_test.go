package postgres

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
)

// date is a Bound at the beginning of a local date.
func date(text string) Bound {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return Bound{Time: t, Local: true}
}

// mustExport gives the lines with what is in them, serial and element first.
func mustExport(t *testing.T, s *Store, q ExportQuery) []string {
	t.Helper()
	var list []string
	if _, err := s.ExportIntervals(t.Context(), q, func(l *IntervalLine) error {
		value := func(v IntervalValue) string {
			billable := "?"
			if v.Billable != nil {
				billable = fmt.Sprint(*v.Billable)
			}
			return fmt.Sprintf("%s/%s/%s/%s/%s", v.KWh, v.Quality, v.Method, v.Reason, billable)
		}
		list = append(list, strings.Join([]string{l.Serial, l.Element, l.Start.Format("01-02 15:04"), value(l.Import), value(l.Export)}, " "))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestExportHasEveryHalfHourOfALocalDay(t *testing.T) {
	s := mustStore(t)
	mustExec(t, s, `insert into flows.escos (code, timezone) values ('LONDON', 'Europe/London'), ('KIEV', 'Europe/Kiev')`)
	london, kiev := at("L", "10.0.0.1", "B1.w"), at("K", "10.0.0.2", "B1.w")
	london.ESCO, kiev.ESCO = new("london"), new("kiev")
	mustRegister(t, s, london, kiev, at("NOBODYS", "10.0.0.3", "B1.w"))
	mustExec(t, s, `update flows.meter_registers set start_time = '2024-01-01Z'`)
	for _, c := range []struct {
		from, to    string
		serial      string
		lines       int
		first, last string
	}{
		{"2025-10-26", "2025-10-27", "L", 50, "10-25 23:00", "10-26 23:30"},
		{"2025-03-30", "2025-03-31", "L", 46, "03-30 00:00", "03-30 22:30"},
		{"2025-03-30", "2025-03-31", "NOBODYS", 46, "03-30 00:00", "03-30 22:30"},
		{"2025-03-30", "2025-03-31", "K", 46, "03-29 22:00", "03-30 20:30"},
		{"2025-06-01", "2025-06-02", "L", 48, "05-31 23:00", "06-01 22:30"},
		{"2025-06-01", "2025-06-02", "K", 48, "05-31 21:00", "06-01 20:30"},
	} {
		lines := mustExport(t, s, ExportQuery{Serials: []string{c.serial}, From: date(c.from), To: date(c.to)})
		want := func(at string) string {
			return fmt.Sprintf("%s A %s ///MISSING/false ///MISSING/false", c.serial, at)
		}
		if len(lines) != c.lines || lines[0] != want(c.first) || lines[len(lines)-1] != want(c.last) {
			t.Errorf("%s of %s has %d half-hours, want %d from %s to %s:\n%s", c.from, c.serial, len(lines), c.lines, c.first, c.last, strings.Join(lines, "\n"))
		}
	}
	instant := Bound{Time: time.Date(2025, 6, 1, 0, 10, 0, 0, time.UTC)}
	if got := len(mustExport(t, s, ExportQuery{ESCO: "kiev", From: instant, To: Bound{Time: instant.Time.Add(time.Hour)}})); got != 2 {
		t.Errorf("an hour between half-hours has %d", got)
	}
}

// A register begins where its log does, if that is older than its registration, and ends with its meter; a serial finds what was its own.
func TestExportFollowsTheLifeOfARegister(t *testing.T) {
	s := mustStore(t)
	mustRegister(t, s, at("NEW", "10.0.0.1", "B1.w"))
	mustExec(t, s, `update flows.meter_registers set start_time = '2025-06-01 10:10Z', end_time = '2025-06-01 12:10Z', status = 'replaced', serial = 'OLD'`)
	mustExec(t, s, `insert into flows.meter_registers (meter_id, element, start_time) select meter_id, 'A', end_time from flows.meter_registers`)
	june := ExportQuery{From: Bound{Time: time.Date(2025, 6, 1, 8, 0, 0, 0, time.UTC)}, To: Bound{Time: time.Date(2025, 6, 1, 14, 0, 0, 0, time.UTC)}}
	times := func(serials ...string) string {
		q := june
		q.Serials = serials
		var list []string
		for _, l := range mustExport(t, s, q) {
			list = append(list, strings.Join(strings.Fields(l)[:4], " "))
		}
		return strings.Join(list, ", ")
	}
	old, now := "OLD A 06-01 10:30, OLD A 06-01 11:00, OLD A 06-01 11:30", "NEW A 06-01 12:30, NEW A 06-01 13:00, NEW A 06-01 13:30"
	for _, c := range []struct {
		serials []string
		want    string
	}{{nil, now + ", " + old}, {[]string{"OLD"}, old}, {[]string{"NEW"}, now}, {[]string{"OLD", "NEW", "OLD"}, now + ", " + old}} {
		if diff := cmp.Diff(c.want, times(c.serials...)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.serials, diff)
		}
	}
	mustExec(t, s, `insert into flows.register_interval_hh (register_id, "timestamp", import_interval, import_quality, import_method, import_reason, import_billable)
		select register_id, '2025-06-01 09:00Z', 0.5, 'actual', 'difference', '', true from flows.meter_registers where serial = 'OLD'`)
	if got, want := times("OLD"), "OLD A 06-01 09:00, OLD A 06-01 09:30, OLD A 06-01 10:00, "+old; got != want {
		t.Errorf("with an older log: %s", got)
	}
	tomorrow := ExportQuery{Serials: []string{"NEW"}, From: Bound{Time: time.Now().Add(-2 * time.Hour)}, To: Bound{Time: time.Now().Add(48 * time.Hour)}}
	if got := len(mustExport(t, s, tomorrow)); got != 3 && got != 4 { // by when in a half-hour it is
		t.Errorf("the last two hours have %d half-hours", got)
	}
}

func TestExportRefusesWhatIsNotThere(t *testing.T) {
	s := mustStore(t)
	mustExec(t, s, `insert into flows.escos (code) values ('HERE'), ('THERE')`)
	r := at("NEW", "10.0.0.1", "B1.w")
	r.ESCO = new("HERE")
	unread := at("UNREAD", "10.0.0.2", "")
	unread.Hardware = nil
	mustRegister(t, s, r, unread)
	mustExec(t, s, `update flows.meter_registers set end_time = now(), status = 'replaced', serial = 'OLD'`)
	for _, c := range []struct {
		q    ExportQuery
		want string
	}{
		{ExportQuery{ESCO: "NOBODY"}, `ESCO "NOBODY" is not known`},
		{ExportQuery{Serials: []string{"OLD", "X", "NEW", "W"}}, "meters W, X are not known;"},
		{ExportQuery{ESCO: "there", Serials: []string{"OLD"}}, `meter OLD is not known in ESCO "there"`},
		{ExportQuery{ESCO: "here", Serials: []string{"OLD", "NEW"}}, ""},
		{ExportQuery{Serials: []string{"UNREAD"}}, ""},
	} {
		q := c.q
		q.From, q.To = date("2025-06-01"), date("2025-06-02")
		nothing := func(l *IntervalLine) error { return fmt.Errorf("there is a line: %v", l) }
		if _, err := s.ExportIntervals(t.Context(), q, nothing); err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)) || err == nil && c.want != "" {
			t.Errorf("%+v: %v", c.q, err)
		}
	}
}

// mustFill gives register M so many half-hours from the beginning of 2025 on.
func mustFill(t *testing.T, s *Store, n int) (q ExportQuery) {
	t.Helper()
	mustRegister(t, s, at("M", "10.0.0.1", "B1.w"))
	mustExec(t, s, `update flows.meter_registers set start_time = '2010-01-01Z'`)
	mustExec(t, s, `insert into flows.register_interval_hh (register_id, "timestamp", import_interval, import_quality, import_method, import_reason, import_billable)
		select register_id, '2010-01-01Z'::timestamptz + n * interval '30 minutes', 0.25, 'actual', 'difference', '', true
		from flows.meter_registers, generate_series(0, $1 - 1) n`, n)
	return ExportQuery{From: date("2010-01-01"), To: Bound{Time: time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * flows.SlotLength)}}
}

func TestExportIsOneMomentAndRemembered(t *testing.T) {
	s := mustStore(t)
	q := mustFill(t, s, 4)
	q.Record = true
	mustExec(t, s, `update flows.register_interval_hh set import_quality = 'estimated' where "timestamp" = '2010-01-01 01:30Z'`)
	mustExec(t, s, `insert into flows.meter_registers (meter_id, element, status, start_time, end_time) select id, 'A', 'replaced', '2009-01-01Z', '2010-01-01Z' from flows.meter_registry`)
	n := 0
	recorded, err := s.ExportIntervals(t.Context(), q, func(l *IntervalLine) error {
		if n++; n == 1 {
			mustExec(t, s, `delete from flows.register_interval_hh where "timestamp" > '2010-01-01 01:00Z'`)
			mustExec(t, s, `update flows.register_interval_hh set import_interval = 9`)
			mustExec(t, s, `insert into flows.meter_registry (serial, hardware) values ('LATER', 'B1.w')`)
		}
		if l.Import.KWh != "0.250" {
			t.Errorf("%+v", l)
		}
		return nil
	})
	if err != nil || n != 4 || recorded != 5 {
		t.Errorf("%d lines, %d half-hours remembered, %v", n, recorded, err)
	}
	// What was known of export, and of import what was estimated, before somebody changed it.
	const want = "export 00:00 <nil>\nexport 00:30 <nil>\nexport 01:00 <nil>\nexport 01:30 <nil>\nimport 01:30 0.25"
	if got := lines(t, s, `select direction, to_char("timestamp" at time zone 'UTC', 'HH24:MI'), "interval" from flows.register_exported order by 1, 2`); got != want {
		t.Errorf("remembered:\n%s", got)
	}
	q.From, q.To = Bound{Time: time.Now().Add(-time.Hour)}, Bound{Time: time.Now().Add(time.Hour)} // the future has not left
	if recorded, err = s.ExportIntervals(t.Context(), q, func(*IntervalLine) error { return nil }); err != nil || recorded < 2 || recorded > 4 {
		t.Errorf("%d half-hours remembered, %v", recorded, err)
	}
}

func TestExportEndsWithTheErrorOfWhoTakesTheLines(t *testing.T) {
	s := mustStore(t)
	q := mustFill(t, s, 1000)
	q.Record = true
	full := errors.New("disk full")
	if _, err := s.ExportIntervals(t.Context(), q, func(*IntervalLine) error { return full }); err != full {
		t.Errorf("error %v", err)
	}
	if err := s.ExportReads(t.Context(), q, func(*ReadLine) error { return full }); err != nil {
		t.Errorf("no read, and error %v", err)
	}
	if got := lines(t, s, `select count(*) from flows.register_exported`); got != "0" || s.pool.Stat().AcquiredConns() > 0 {
		t.Errorf("%s remembered, %d connections in use", got, s.pool.Stat().AcquiredConns())
	}
}

func TestExportKeepsNoLines(t *testing.T) {
	s := mustStore(t)
	const many = 100_000
	q := mustFill(t, s, many)
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	n := 0
	var first, last int64
	if _, err := s.ExportIntervals(t.Context(), q, func(*IntervalLine) error {
		switch n++; n {
		case 1:
			first = heap()
		case many:
			last = heap()
		}
		return nil
	}); err != nil || n != many {
		t.Fatalf("%d lines, %v", n, err)
	}
	if grown := last - first; grown > 1<<20 {
		t.Errorf("%d bytes more after %d lines", grown, many)
	}
}

func TestExportReadsPutsBothDirectionsOfATimeInALine(t *testing.T) {
	s := mustStore(t)
	mustRegister(t, s, at("M", "10.0.0.1", "P1.cx"))
	mustExec(t, s, `insert into flows.register_import (register_id, "timestamp", read) select register_id, v.at::timestamptz, v.read
		from flows.meter_registers, (values ('2025-06-01 10:00:00.25Z', 18204.3312), ('2025-06-01 11:00Z', 18205), ('2025-06-01 12:00Z', 1)) v (at, read)`)
	mustExec(t, s, `insert into flows.register_export (register_id, "timestamp", read) select register_id, v.at::timestamptz, v.read
		from flows.meter_registers, (values ('2025-06-01 09:59Z', 0.1), ('2025-06-01 11:00Z', 0.123400), ('2025-06-01 08:59Z', 1)) v (at, read)`)
	var got []string
	q := ExportQuery{From: Bound{Time: time.Date(2025, 6, 1, 9, 0, 0, 0, time.UTC)}, To: Bound{Time: time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)}}
	if err := s.ExportReads(t.Context(), q, func(l *ReadLine) error {
		got = append(got, fmt.Sprintf("%s %s %s %s/%s", l.Serial, l.Element, l.Time.Format("15:04:05.00"), l.Import, l.Export))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := []string{"M SINGLE 09:59:00.00 /0.100", "M SINGLE 10:00:00.25 18204.3312/", "M SINGLE 11:00:00.00 18205.000/0.1234"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The meter's own value that comes after an export is reported where the export is remembered, and only there.
func TestWhatChangesAfterAnExportIsReported(t *testing.T) {
	s := mustStore(t)
	known := mustRegister(t, s, at("TOLD", "10.0.0.1", "B1.w"), at("UNTOLD", "10.0.0.2", "B1.w"))
	start := time.Now().UTC().Add(-72 * time.Hour).Truncate(24 * time.Hour)
	log := func(from, to int) {
		var results []flows.Result
		for _, m := range known {
			r := healthy(m, flows.Shadow{})
			r.ReadAt = time.Now()
			for n := from; n < to; n++ {
				r.Profile = append(r.Profile, flows.ProfileRead{Element: "A", Direction: flows.Import, Time: start.Add(time.Duration(n) * flows.SlotLength),
					Read: flows.Energy(100*n+40*(n%2)) * flows.WattHour, Status: 0x0080})
			}
			results = append(results, r)
		}
		mustSave(t, s, results...)
		mustSettle(t, s)
	}
	log(0, 10)
	log(14, 40)
	q := ExportQuery{Serials: []string{"TOLD"}, From: Bound{Time: start}, To: Bound{Time: start.Add(12 * time.Hour)}, Record: true}
	if _, err := s.ExportIntervals(t.Context(), q, func(*IntervalLine) error { return nil }); err != nil {
		t.Fatal(err)
	}
	log(10, 14)
	log(40, 44)
	const reported = `select r.serial, x.count, x.period_from, x.period_to from flows.vee_exceptions x join flows.meter_registers g using (register_id)
		join flows.meter_registry r on r.id = g.meter_id where rule = 'REPLACED_AFTER_EXPORT'`
	want := fmt.Sprintf("TOLD 5 %v %v", start.Add(9*flows.SlotLength), start.Add(14*flows.SlotLength))
	if got := lines(t, s, reported); got != want {
		t.Errorf("reported %q, want %q", got, want)
	}
}
