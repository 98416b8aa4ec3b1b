package postgres

import (
	"fmt"
	"strings"
	"testing"

	"flows"

	gocmp "github.com/google/go-cmp/cmp"
)

// The meters of a large ESCO are not looked up one by one; what is listed, counted and summed is the same.
func TestALargeESCOIsListedAsASmallOneIs(t *testing.T) {
	s := mustStore(t)
	mustFillList(t, s, 20)
	mustExec(t, s, `insert into flows.escos (code) values ('LARGE')`)
	mustExec(t, s, `insert into flows.meter_registry (serial, hardware, esco) select 'L' || n, 'B1.w', (select id from flows.escos where code = 'LARGE') from generate_series(1, $1::int) n`, fewMeters+1)
	mustExec(t, s, `
		insert into flows.vee_exceptions (rule, severity, meter_id, register_id, key, status)
		select 'CLOCK', (array['critical', 'error', 'warning', 'info'])[1 + n % 4], case when n % 2 = 0 then r.id end, case when n % 2 = 1 then g.register_id end, n::text, case when n % 5 = 0 then 'resolved' else 'open' end
		from (select r.id, register_id, row_number() over (order by r.serial, element) n from flows.meter_registry r join flows.meter_registers g on g.meter_id = r.id) g join flows.meter_registry r using (id)
		where n % 3 = 0`)
	mustExec(t, s, `
		insert into flows.register_day (register_id, direction, day, energy, expected, actual, derived, estimated, edited, billable, never_reached, not_logged, invalid)
		select register_id, 'import', '2026-03-01', 1.5, 48, 48, 0, 0, 0, 0, 0, 0, 0 from flows.meter_registers`)
	for _, code := range []string{"large", "E"} {
		if _, few, err := s.ofESCO(t.Context(), code); err != nil || few != (code == "E") {
			t.Fatalf("%s: few is %t, %v", code, few, err)
		}
		f := flows.ExceptionFilter{ESCO: code, Status: "open"}
		want, n, err := s.Exceptions(t.Context(), f)
		if err != nil || n < 2 {
			t.Fatal(n, err)
		}
		var places []string
		for _, x := range want {
			places = append(places, x.Place())
		}
		got := walk(t, code, 9, func(c flows.Cursor, n int) ([]flows.ExceptionRow, error) {
			f.From, f.Limit = c, n
			return s.ExceptionLines(t.Context(), f)
		}, flows.ExceptionRow.Place)
		if diff := gocmp.Diff(places, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", code, diff)
		}
		if c, err := s.CountExceptions(t.Context(), f, 10_000); err != nil || c != n {
			t.Errorf("%s: %d of %d are counted, %v", code, c, n, err)
		}
		sum := lines(t, s, `select e.code, count(*), round(sum(energy), 3), sum(expected) from flows.register_day d join flows.meter_registers g using (register_id) join flows.meter_registry r on r.id = g.meter_id
			join flows.escos e on e.id = r.esco where lower(e.code) = lower($1) group by e.code`, code)
		list, err := s.Totals(t.Context(), flows.TotalsQuery{By: flows.ByESCO, ESCO: code, From: "2026-03-01", To: "2026-03-01"})
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		if got := fmt.Sprintf("%s %d %s %d", list[0].Name, list[0].Registers, list[0].Import.Energy, list[0].Import.Expected); got != strings.TrimSpace(sum) {
			t.Errorf("%s, want %s", got, sum)
		}
	}
	for _, key := range []string{"x", "1.2", "9.9223372036854775807.1", "4.-9223372036854775808.1"} {
		if list, err := s.ExceptionLines(t.Context(), flows.ExceptionFilter{From: flows.Cursor{Key: key}, Limit: 3}); err != nil || len(list) != 3 {
			t.Errorf("from %q, which is no place: %d, %v", key, len(list), err)
		}
	}
}
