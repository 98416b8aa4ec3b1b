package postgres

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"flows"
	"flows/vee"

	"github.com/google/go-cmp/cmp"
)

// lastDays is a midnight UTC so many days ago: what is judged is judged up to today.
func lastDays(n int) time.Time { return time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -n) }

// fromDay is records on end, one a half-hour, from a time on; -1 is none.
func fromDay(m flows.Meter, start time.Time, reads ...int) flows.Result {
	r := flows.Result{Meter: m, Health: flows.Healthy, ReadAt: time.Now()}
	for i, read := range reads {
		if read >= 0 {
			r.Profile = append(r.Profile, flows.ProfileRead{Element: "A", Direction: flows.Import, Time: start.Add(time.Duration(i) * flows.SlotLength),
				Read: flows.Energy(read) * flows.WattHour, Status: 0x0080})
		}
	}
	return r
}

// rising is a register's values from one half-hour to another, 10 Wh each.
func rising(first, n int) (reads []int) {
	for i := range n {
		reads = append(reads, (first+i)*10)
	}
	return reads
}

// oneMeter is a store with a meter without an ESCO that lives since a number of days.
func oneMeter(t *testing.T, days int) (*Store, flows.Meter, time.Time) {
	t.Helper()
	s := mustStore(t)
	m := mustRegister(t, s, at("M", "10.0.0.1", "B1.w"))["M"]
	mustExec(t, s, `update flows.escos set timezone = 'UTC'`)
	mustExec(t, s, `update flows.meter_registers set start_time = $1`, lastDays(days))
	mustExec(t, s, `update flows.vee_work set changed_from = null, changed_to = null, due_at = 'infinity'`)
	return s, m, lastDays(days)
}

const exceptions = `select rule, coalesce(direction, '-'), key, count, status, coalesce(who, '-') from flows.vee_exceptions
	where rule = any(string_to_array($1, ' ')) order by id`

func TestAnExceptionHasOneLife(t *testing.T) {
	s, m, start := oneMeter(t, 3)
	reads := rising(1000, 49)
	reads[20] = 3 // a fall, and no read after it that could decide
	mustSave(t, s, fromDay(m, start, reads[:21]...))
	mustSettle(t, s)
	want := "RESET_SUSPECTED import " + start.Add(10*time.Hour).Format(time.RFC3339) + " 1 open -"
	look := func(step, want string) {
		t.Helper()
		if diff := cmp.Diff(want, lines(t, s, exceptions, "RESET_SUSPECTED BAD_READ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step, diff)
		}
	}
	look("seen", want)
	again := func() {
		t.Helper()
		mustExec(t, s, `update flows.vee_work set due_at = now(), changed_from = '-infinity', changed_to = 'infinity'`)
		mustSettle(t, s)
	}
	again()
	look("seen again", want)
	mustExec(t, s, `update flows.vee_exceptions set status = 'acknowledged', who = 'a person' where rule = 'RESET_SUSPECTED'`)
	again()
	acknowledged := "RESET_SUSPECTED import " + start.Add(10*time.Hour).Format(time.RFC3339) + " 1 acknowledged a person"
	look("acknowledged", acknowledged)
	mustSave(t, s, fromDay(m, start.Add(21*flows.SlotLength), reads[21:]...)) // it was a glitch
	mustSettle(t, s)
	bad := "BAD_READ import " + start.Add(10*time.Hour).Format(time.RFC3339) + " 1 "
	look("decided", "RESET_SUSPECTED import "+start.Add(10*time.Hour).Format(time.RFC3339)+" 1 resolved flows\n"+bad+"open -")
	mustExec(t, s, `update flows.vee_exceptions set status = 'resolved', who = 'a person', why = 'seen' where rule = 'BAD_READ'`)
	again()
	look("resolved by a person", "RESET_SUSPECTED import "+start.Add(10*time.Hour).Format(time.RFC3339)+" 1 resolved flows\n"+bad+"resolved a person")
}

func TestADayTellsWhatIsMissingAndWhetherItIsAskedForAgain(t *testing.T) {
	s, m, start := oneMeter(t, 4)
	reads := rising(0, 4*48)
	for i := 48 + 10; i < 48+20; i++ {
		reads[i] = -1 // a hole that the meter has shown
	}
	r := fromDay(m, start, reads[:3*48+1]...)
	r.Profile[5].Status = 0
	r.Holes = []flows.ProfileHole{{Element: "A", Direction: flows.Import, Period: flows.Period{From: start.Add(58 * flows.SlotLength), To: start.Add(68 * flows.SlotLength)}}}
	mustSave(t, s, r)
	mustSettle(t, s)
	const gaps = `select g.day - $1::date, g.why, g.never_reached, g.not_logged, g.invalid, g.estimated, g.asked_again from flows.register_gaps g
		where g.direction = 'import' and g.day < $1::date + $2::int order by 1`
	want := "0 marked invalid by the meter 0 0 2 2 false\n1 not logged by the meter 0 11 0 11 false"
	if diff := cmp.Diff(want, lines(t, s, gaps, start, 3)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// A whole day later than the log reaches, and two hours, its half-hours should have been there.
	mustExec(t, s, `update flows.register_profile_hh set "timestamp" = "timestamp" - interval '1 day'`)
	mustExec(t, s, `update flows.register_profile_hole set start_time = start_time - interval '1 day', end_time = end_time - interval '1 day'`)
	mustExec(t, s, `update flows.vee_work set due_at = now(), changed_from = '-infinity', changed_to = 'infinity'`)
	mustSettle(t, s)
	if got := lines(t, s, gaps, start, 3); !strings.HasSuffix(got, "\n2 never reached 48 0 0 0 true") {
		t.Errorf("a day that never came: %s", got)
	}
}

func TestPersonsHaveTheLastWord(t *testing.T) {
	s, m, start := oneMeter(t, 3)
	mustSave(t, s, fromDay(m, start, rising(100, 20)...))
	mustSave(t, s, fromDay(m, start.Add(4*flows.SlotLength), 1045)) // another value of a time that has one
	mustSettle(t, s)
	row := func(slot int) string {
		return lines(t, s, `select import_interval, import_quality, import_reason, import_billable from flows.register_interval_hh where timestamp = $1`,
			start.Add(time.Duration(slot)*flows.SlotLength))
	}
	if got, want := row(4), "0.010 actual CONFLICT false"; got != want {
		t.Errorf("a conflict: %s, want %s", got, want)
	}
	mustExec(t, s, `insert into flows.register_profile_pick (register_id, direction, "timestamp", read, who, why)
		select register_id, 'import', $1, 1.045, 'a person', 'seen on site' from flows.meter_registers`, start.Add(4*flows.SlotLength))
	mustExec(t, s, `insert into flows.register_interval_edit (register_id, direction, "timestamp", "interval", who, why)
		select register_id, 'import', $1, 0.5, 'a person', 'by hand' from flows.meter_registers`, start.Add(8*flows.SlotLength))
	if n := mustSettle(t, s); n != 1 {
		t.Errorf("%d registers judged", n)
	}
	for slot, want := range map[int]string{3: "0.015 actual  true", 4: "0.005 actual  true", 8: "0.500 edited by hand true"} {
		if got := row(slot); got != want {
			t.Errorf("slot %d: %s, want %s", slot, got, want)
		}
	}
	mustExec(t, s, `update flows.register_interval_edit set withdrawn_at = now()`)
	mustSettle(t, s)
	if got, want := row(8), "0.500 edited by hand true"; got == want {
		t.Error("an edit that was taken back still stands")
	}
}

func TestWhatChangesAfterItsExportIsReported(t *testing.T) {
	s, m, start := oneMeter(t, 3)
	reads := rising(100, 49)
	late := reads[20]
	reads[20] = -1
	mustSave(t, s, fromDay(m, start, reads...))
	mustSettle(t, s)
	mustExec(t, s, `insert into flows.register_exported (register_id, direction, "timestamp", "interval") select register_id, 'import', $1::timestamptz + n * interval '30 minutes', 0.01
		from flows.meter_registers, generate_series(19, 20) n`, start)
	mustExec(t, s, `update flows.vee_work set due_at = now(), changed_from = '-infinity', changed_to = 'infinity'`)
	mustSettle(t, s)
	if got := lines(t, s, exceptions, "REPLACED_AFTER_EXPORT"); got != "" {
		t.Errorf("nothing has come: %s", got)
	}
	r := fromDay(m, start.Add(20*flows.SlotLength), late+3)
	r.ReadAt = time.Now().Add(time.Second)
	mustSave(t, s, r)
	for range 2 {
		mustSettle(t, s)
		if got, want := lines(t, s, exceptions, "REPLACED_AFTER_EXPORT"), "REPLACED_AFTER_EXPORT import "+start.Format(time.DateOnly)+" 2 open -"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		mustExec(t, s, `update flows.vee_work set due_at = now(), changed_from = '-infinity', changed_to = 'infinity'`)
	}
}

// An exchange cuts a register's life in two: nothing is booked across it, and the readings give the half-hour's two parts.
func TestNothingIsBookedAcrossAnExchange(t *testing.T) {
	s, m, start := oneMeter(t, 3)
	mustSave(t, s, fromDay(m, start, rising(100, 20)...))
	at := start.Add(15*flows.SlotLength + 10*time.Minute)
	mustExec(t, s, `update flows.meter_registers set status = 'replaced', end_time = $1, final_read = 1.153`, at)
	mustExec(t, s, `insert into flows.meter_registers (meter_id, element, start_time, initial_read) values ($1, 'SINGLE', $2, 0.002)`, m.ID, at)
	mustSave(t, s, fromDay(m, start.Add(16*flows.SlotLength), 9, 19, 29))
	mustSettle(t, s)
	got := lines(t, s, `select g.status, to_char(i."timestamp" at time zone 'UTC', 'HH24:MI'), i.import_interval, i.import_method
		from flows.register_interval_hh i join flows.meter_registers g using (register_id) where i."timestamp" between $1 and $2 order by 2, 1 desc`,
		start.Add(14*flows.SlotLength), start.Add(17*flows.SlotLength))
	want := "replaced 07:00 0.010 difference\nreplaced 07:30 0.003 reading\nenabled 07:30 0.007 reading\nenabled 08:00 0.010 difference\nenabled 08:30 0.010 difference"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Savers and judges at the same time, and two judges at once.
func TestJudgesAndSaversDoNotStandInEachOthersWay(t *testing.T) {
	s := mustStore(t)
	const meters = 8
	var list []flows.Registration
	for i := range meters {
		list = append(list, at(fmt.Sprintf("M%d", i), fmt.Sprintf("10.0.0.%d", i+1), "B1.w"))
	}
	known := mustRegister(t, s, list...)
	start := lastDays(2)
	var work sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		work.Go(func() {
			for ended := false; ; {
				n, err := s.Settle(t.Context(), nil, vee.Rules)
				if err != nil {
					t.Error(err)
					return
				}
				if n == 0 && ended {
					return
				}
				select {
				case <-done:
					ended = true
				default:
				}
			}
		})
	}
	var savers sync.WaitGroup
	for i := range meters {
		savers.Go(func() {
			for piece := range 12 {
				r := fromDay(known[fmt.Sprintf("M%d", i)], start.Add(time.Duration(4*piece)*flows.SlotLength), rising(4*piece, 5)...)
				if err := s.Save(t.Context(), []flows.Result{r}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	savers.Wait()
	close(done)
	work.Wait()
	if got, want := lines(t, s, `select count(*), sum(import_interval), bool_and(import_billable) from flows.register_interval_hh`), fmt.Sprintf("%d %.3f true", meters*48, meters*0.48); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestOldNewsIsResolved(t *testing.T) {
	s, m, _ := oneMeter(t, 3)
	mustExec(t, s, `insert into flows.vee_exceptions (rule, severity, meter_id, key, period_to, last_seen) select v.*
		from (values ('SPIKE', 'info', $1::uuid, 'old', now() - interval '41 days', now() - interval '40 days'), ('SPIKE', 'info', $1, 'new', now() - interval '41 days', now()),
			('MISSING', 'error', $1, 'lost', now() - interval '101 days', now()), ('MISSING', 'error', $1, 'not yet', now() - interval '99 days', now() - interval '40 days'),
			('REVERSAL', 'critical', $1, 'old', now() - interval '200 days', now() - interval '200 days')) v`, m.ID)
	if _, err := s.Prune(t.Context(), 30*24*time.Hour, 100); err != nil {
		t.Fatal(err)
	}
	if got, want := lines(t, s, `select rule, key, status from flows.vee_exceptions where status <> 'open' order by 1`), "MISSING lost resolved\nSPIKE old resolved"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
