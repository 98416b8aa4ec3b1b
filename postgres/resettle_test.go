package postgres

import (
	"strings"
	"testing"
	"time"

	"flows"
	"flows/internal/pgtest"
	"flows/vee"

	"github.com/google/go-cmp/cmp"
)

// spans judges until nothing is left and gives, in days from a time, what was judged of import.
func spans(t *testing.T, s *Store, start time.Time) (list [][2]int) {
	t.Helper()
	judge := vee.Rules
	judge.Register = func(e flows.Evidence) flows.Judgement {
		j := vee.Rules.Register(e)
		if e.Direction == flows.Import && j.Wanted == nil {
			list = append(list, [2]int{int(e.Span.From.Sub(start).Hours()) / 24, int(e.Span.To.Sub(start).Hours()) / 24})
		}
		return j
	}
	for {
		n, err := s.Settle(t.Context(), nil, judge)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return list
		}
	}
}

// sums compares the days' tallies with the half-hours they are of.
func sums(t *testing.T, s *Store) {
	t.Helper()
	if got := lines(t, s, `
		select d.day, d.energy, d.billable_energy, d.actual, i.energy, i.bill, i.actual from flows.register_day d join (
			select register_id, ("timestamp" at time zone coalesce(e.timezone, 'Europe/London'))::date as day, sum(import_interval) energy, sum(import_interval) filter (where import_billable) bill, count(*) filter (where import_quality = 'actual') actual
			from flows.register_interval_hh join flows.meter_registers g using (register_id) join flows.meter_registry r on r.id = g.meter_id left join flows.escos e on e.id = r.esco
			group by 1, 2
		) i using (register_id, day)
		where d.direction = 'import' and (d.energy, d.billable_energy, d.actual) is distinct from (coalesce(i.energy, 0), coalesce(i.bill, 0), i.actual)`); got != "" {
		t.Errorf("days that are not the sum of their half-hours: %s", got)
	}
}

func due(t *testing.T, s *Store) {
	t.Helper()
	mustExec(t, s, `update flows.vee_work set due_at = now()`)
}

func TestOnlyWhatIsNotSettledIsJudgedAgain(t *testing.T) {
	s, m, start := oneMeter(t, 6)
	mustSave(t, s, fromDay(m, start, rising(0, 6*48+1)...))
	today := int(time.Now().UTC().Sub(start).Hours() / 24)
	if diff := cmp.Diff([][2]int{{0, today + 1}}, spans(t, s, start)); diff != "" {
		t.Errorf("at first:\n%s", diff)
	}
	due(t, s)
	if diff := cmp.Diff([][2]int{{today - 1, today + 1}}, spans(t, s, start)); diff != "" {
		t.Errorf("nothing new:\n%s", diff)
	}
	mustSave(t, s, fromDay(m, start.Add(40*flows.SlotLength), 405)) // another value of a time of the first day
	if diff := cmp.Diff([][2]int{{0, 1}, {today - 1, today + 1}}, spans(t, s, start)); diff != "" {
		t.Errorf("late data:\n%s", diff)
	}
	mustSave(t, s, fromDay(m, time.Date(2099, 3, 4, 5, 0, 0, 0, time.UTC), 1)) // nobody waits for this one's day
	if diff := cmp.Diff([][2]int{{today - 1, today + 1}}, spans(t, s, start)); diff != "" {
		t.Errorf("a record of the future:\n%s", diff)
	}
	if got, want := lines(t, s, exceptions, "FUTURE"), "FUTURE import "+time.Now().UTC().Format(time.DateOnly)+" 1 open -"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestADaysTallyFollowsRecordsOfItsMidnight(t *testing.T) {
	for name, late := range map[string]int{"midnight": 48, "before midnight": 47} {
		t.Run(name, func(t *testing.T) {
			s, m, start := oneMeter(t, 4)
			reads := rising(1000, 3*48)
			value := reads[late]
			reads[late] = -1
			mustSave(t, s, fromDay(m, start, reads...))
			mustSettle(t, s)
			sums(t, s)
			mustSave(t, s, fromDay(m, start.Add(time.Duration(late)*flows.SlotLength), value+1))
			mustSettle(t, s)
			sums(t, s)
			if got := lines(t, s, `select day from flows.register_gaps where direction = 'import' and day < $1::date + 2`, start); got != "" {
				t.Errorf("still missing on %s", got)
			}
		})
	}
}

func TestAZoneCutsItsOwnDays(t *testing.T) {
	s, m, start := oneMeter(t, 4)
	mustExec(t, s, `insert into flows.escos (code, timezone) values ('E', 'UTC')`)
	mustExec(t, s, `update flows.meter_registry set esco = (select id from flows.escos)`)
	mustSave(t, s, fromDay(m, start, rising(0, 2*48)...))
	mustSettle(t, s)
	mustExec(t, s, `update flows.escos set timezone = 'America/New_York'`)
	mustSettle(t, s)
	sums(t, s)
	if got, want := lines(t, s, `select sum(energy) from flows.register_day where direction = 'import'`), "0.950"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAClockFoundWrongTakesBackWhatWasBilledSinceItWasRight(t *testing.T) {
	s, m, start := oneMeter(t, 5)
	measure := func(day int, seconds int) {
		mustExec(t, s, `update flows.meter_shadows set clock_time_diff_seconds = $1, clock_time_diff_synced_at = $2`, seconds, start.AddDate(0, 0, day))
	}
	measure(0, 3)
	mustSave(t, s, fromDay(m, start, rising(0, 4*48)...))
	measure(1, -2)
	mustSettle(t, s)
	measure(4, 5000)
	mustSettle(t, s)
	const billable = `select ("timestamp")::date - $1::date, bool_or(import_billable) from flows.register_interval_hh group by 1 order by 1`
	if diff := cmp.Diff("0 true\n1 false\n2 false\n3 false", lines(t, s, billable, start)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, want := lines(t, s, exceptions, "CLOCK"), "CLOCK -  1 open -"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	mustExec(t, s, `update flows.meter_shadows set clock_time_diff_seconds = 0, clock_time_diff_synced_at = now()`)
	mustSettle(t, s)
	if got, want := lines(t, s, exceptions, "CLOCK"), "CLOCK -  1 resolved flows"; got != want {
		t.Errorf("when it was set: got %s, want %s", got, want)
	}
}

func TestAnEventThatIsFetchedLateIsLookedAt(t *testing.T) {
	s, m, start := oneMeter(t, 6)
	mustSave(t, s, fromDay(m, start, rising(0, 6*48+1)...))
	mustSettle(t, s)
	mustExec(t, s, `insert into flows.meter_event_log (meter_id, "timestamp", event_type, event_set) values ($1, $2, 10, 1)`, m.ID, start.Add(30*time.Hour))
	mustSettle(t, s)
	if got, want := lines(t, s, exceptions, "TAMPER"), "TAMPER - 10 "+start.Add(30*time.Hour).Format(time.RFC3339)+" 1 open -"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAReadingThatComesLaterCompletesTheOtherSideOfAnExchange(t *testing.T) {
	s, m, start := oneMeter(t, 3)
	at := start.Add(10*flows.SlotLength + 10*time.Minute)
	mustExec(t, s, `update flows.meter_registers set status = 'replaced', end_time = $1`, at)
	mustExec(t, s, `insert into flows.meter_registers (meter_id, element, start_time, initial_read) values ($1, 'SINGLE', $2, 0.002)`, m.ID, at)
	mustSave(t, s, fromDay(m, start.Add(11*flows.SlotLength), 9, 19))
	mustSettle(t, s)
	first := func() string {
		return lines(t, s, `select to_char(min("timestamp") at time zone 'UTC', 'HH24:MI'), sum(import_interval) from flows.register_interval_hh`)
	}
	if got, want := first(), "05:30 0.010"; got != want {
		t.Errorf("without the old meter's reading: %s, want %s", got, want)
	}
	mustExec(t, s, `update flows.meter_registers set final_read = 77 where status = 'replaced'`)
	mustSettle(t, s)
	if got, want := first(), "05:00 0.017"; got != want {
		t.Errorf("with it: %s, want %s", got, want)
	}
}

func TestARegisterThatBeganLaterKeepsNothingOfBefore(t *testing.T) {
	s, m, start := oneMeter(t, 5)
	mustExec(t, s, `update flows.meter_registers set initial_read = 0`)
	mustSave(t, s, fromDay(m, start, rising(0, 4*48)...))
	mustSettle(t, s)
	mustExec(t, s, `update flows.meter_registers set start_time = $1`, start.AddDate(0, 0, 2))
	mustSettle(t, s)
	if got, want := lines(t, s, `select min("timestamp") = $1, (select min(day) from flows.register_day) = $1::date from flows.register_interval_hh`, start.AddDate(0, 0, 2)), "true true"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := lines(t, s, `select count(*) from flows.register_interval_history where replaced_by = 'outside'`), "96"; got != want {
		t.Errorf("%s half-hours were taken back, not %s", got, want)
	}
}

func TestAMeterThatIsActiveAgainIsMissed(t *testing.T) {
	s, m, start := oneMeter(t, 6)
	mustSave(t, s, fromDay(m, start, rising(0, 48)...))
	mustExec(t, s, `update flows.meter_registry set mode = 'passive'`)
	mustSettle(t, s)
	mustExec(t, s, `update flows.meter_registry set mode = 'active'`)
	mustExec(t, s, `update flows.meter_mode_history set "timestamp" = case mode when 'passive' then $1::timestamptz + interval '1 day' else $1::timestamptz + interval '3 days' end`, start)
	due(t, s)
	mustExec(t, s, `update flows.vee_work set next_from = null`)
	mustSettle(t, s)
	if got, want := lines(t, s, `select min(day) - $1::date from flows.register_gaps where direction = 'import' and day > $1`, start), "3"; got != want {
		t.Errorf("missing from day %s on, not %s", got, want)
	}
}

func TestADirectionThatTheMeterDoesNotKnowIsNotMissed(t *testing.T) {
	s, m, start := oneMeter(t, 6)
	mustSave(t, s, fromDay(m, start, rising(0, 5*48)...))
	due(t, s)
	mustSettle(t, s)
	if got := lines(t, s, `select rule, key from flows.vee_exceptions where direction = 'export'`) + lines(t, s, `select day from flows.register_day where direction = 'export'`); got != "" {
		t.Errorf("of export: %s", got)
	}
	if n := mustSettle(t, s); n != 0 {
		t.Errorf("%d registers are due for ever", n)
	}
}

func TestARegisterThatCannotBeJudgedCostsNoOtherOne(t *testing.T) {
	s := mustStore(t)
	known := mustRegister(t, s, at("good", "10.0.0.1", "B1.w"), at("bad", "10.0.0.2", "B1.w"), at("worse", "10.0.0.3", "B1.w"))
	start := lastDays(2)
	mustSave(t, s, fromDay(known["good"], start, rising(0, 10)...), fromDay(known["bad"], start, rising(0, 10)...), fromDay(known["worse"], start, rising(0, 10)...))
	mustExec(t, s, `insert into flows.register_import (register_id, "timestamp", read) select register_id, $2, 1e17 from flows.meter_registers where meter_id = $1`, known["bad"].ID, start)
	judge := vee.Rules
	judge.Register = func(e flows.Evidence) flows.Judgement {
		if e.Meter == known["worse"].ID {
			panic("no words")
		}
		return vee.Rules.Register(e)
	}
	if n, err := s.Settle(t.Context(), nil, judge); n != 3 || flows.CodeOf(err, "") != flows.Database {
		t.Errorf("%d registers, %v", n, err)
	}
	if n, err := s.Settle(t.Context(), nil, judge); n != 0 || err != nil {
		t.Errorf("those that failed are put off: %d registers, %v", n, err)
	}
	const judged = `select r.serial, count(*) from flows.register_interval_hh join flows.meter_registers g using (register_id) join flows.meter_registry r on r.id = g.meter_id
		where import_billable group by 1`
	if got, want := lines(t, s, judged), "good 9"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	mustSave(t, s, fromDay(known["worse"], start.Add(10*flows.SlotLength), 100))
	mustSettle(t, s)
	if got, want := lines(t, s, judged+` order by 1`), "good 9\nworse 10"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Where raw readings are dropped after a time, what was made of them stays.
func TestHalfHoursOutliveTheirReadings(t *testing.T) {
	s, m, start := oneMeter(t, 100)
	mustSave(t, s, fromDay(m, start, rising(0, 100*48+1)...))
	mustSettle(t, s)
	mustExec(t, s, `create or replace function flows.raw_since() returns timestamptz language sql stable as $$ select date_trunc('day', now()) - interval '40 days' $$`)
	mustExec(t, s, `delete from flows.register_profile_hh where "timestamp" < flows.raw_since()`)
	mustExec(t, s, `update flows.meter_registry set fuse_rating = 80`)
	mustSettle(t, s)
	if got, want := lines(t, s, `select count(*), count(*) filter (where import_quality = 'actual' and import_billable) from flows.register_interval_hh`), "4800 4800"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Whoever saves and judges needs no more than role flows has.
func TestJudgingNeedsNoMoreThanRoleFlows(t *testing.T) {
	url := pgtest.New(t)
	join := "?"
	if strings.Contains(url, "?") {
		join = "&"
	}
	s, err := Open(t.Context(), url+join+"role=flows")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m := mustRegister(t, s, at("M", "10.0.0.1", "B1.w"))["M"]
	start := lastDays(3)
	reads := rising(1000, 48)
	reads[20], reads[30] = 3, -1
	mustSave(t, s, fromDay(m, start, reads...))
	mustSave(t, s, fromDay(m, start.Add(4*flows.SlotLength), 1))
	mustExec(t, s, `update flows.meter_shadows set clock_time_diff_seconds = 1000`)
	mustExec(t, s, `update flows.meter_registry set mode = 'passive', fuse_rating = 80`)
	mustSettle(t, s)
	mustExec(t, s, `update flows.meter_registers set start_time = $1, initial_read = 0`, start.Add(12*time.Hour))
	mustSettle(t, s)
	if got := lines(t, s, `select count(*) > 20, count(*) filter (where import_reason = 'CLOCK') > 0 from flows.register_interval_hh`); got != "true true" {
		t.Errorf("got %s", got)
	}
	if _, err := s.Prune(t.Context(), time.Hour, 10); err != nil {
		t.Error(err)
	}
}
