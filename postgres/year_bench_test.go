package postgres

import (
	"flag"
	"slices"
	"testing"
	"time"
)

var yearOf = flag.Int("postgres.registers", 20, "registers of BenchmarkYearOfHalfHours; 2000 make 35 million half-hours and some 20 GB")

// BenchmarkYearOfHalfHours asks a table that holds a year of half-hours, filled day by day as life does it: a register's day and month, and
// how complete the fleet was on a day.
func BenchmarkYearOfHalfHours(b *testing.B) {
	s := mustStore(b)
	exec := func(sql string, args ...any) {
		b.Helper()
		if _, err := s.pool.Exec(b.Context(), sql, args...); err != nil {
			b.Fatalf("%v\n%s", err, sql)
		}
	}
	exec(`insert into flows.meter_registry (serial, hardware) select 'M' || n, 'B1.w' from generate_series(1, $1) n`, *yearOf)
	start := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	filling := time.Now()
	for day := range 365 {
		from := start.AddDate(0, 0, day)
		exec(`alter table flows.register_profile_hh disable trigger user`)
		exec(`
			insert into flows.register_profile_hh (register_id, direction, "timestamp", read, status)
			select register_id, d, $1::timestamptz + n * interval '30 minutes', ($2::int * 48 + n) * 0.125, 128
			from flows.meter_registers cross join unnest('{import,export}'::text[]) d cross join generate_series(0, 47) n order by 1, 2, 3`, from, day)
		exec(`
			insert into flows.register_interval_hh
			select register_id, $1::timestamptz + n * interval '30 minutes', 0.125, 'actual', 'difference', '', true, 0.125, 'actual', 'difference', '', true
			from flows.meter_registers cross join generate_series(0, 47) n order by 1, 2`, from)
		exec(`
			insert into flows.register_day select register_id, d, $1::timestamptz::date, 6, 48, 48, 0, 0, 0, 48, 0, 0, 0
			from flows.meter_registers cross join unnest('{import,export}'::text[]) d`, from)
	}
	exec(`vacuum analyze`)
	b.Logf("filled in %s", time.Since(filling).Round(time.Second))
	for _, table := range []string{"register_profile_hh", "register_interval_hh", "register_day"} {
		b.Logf("%s: %s", table, lines(b, s, `select count(*), pg_size_pretty(pg_table_size('flows.`+table+`')), pg_size_pretty(pg_indexes_size('flows.`+table+`')) from flows.`+table))
	}
	ids := lines(b, s, `select string_agg(register_id::text, ' ' order by random()) from flows.meter_registers`)
	ask := func(name, sql string, args ...any) {
		b.Run(name, func(b *testing.B) {
			n := 0
			var took []time.Duration
			for b.Loop() {
				at := (n * 37) % *yearOf * 37
				n++
				begun := time.Now()
				if got := lines(b, s, sql, append([]any{ids[at : at+36]}, args...)...); got == "" {
					b.Fatal("nothing")
				}
				took = append(took, time.Since(begun))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-median")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms-p99")
		})
	}
	day := start.AddDate(0, 0, 200)
	ask("half-hours of a day", `select * from flows.register_interval_hh where register_id = $1::text::uuid and "timestamp" >= $2 and "timestamp" < $3 order by 2`, day, day.AddDate(0, 0, 1))
	ask("a day", `select * from flows.register_interval_daily where register_id = $1::text::uuid and day = $2::date`, day)
	ask("a month by days", `select * from flows.register_interval_daily where register_id = $1::text::uuid and day >= $2::date and day < $3::date`, day, day.AddDate(0, 1, 0))
	ask("a month", `select * from flows.register_interval_monthly where register_id = $1::text::uuid and month = '2025-06-01'`)
	ask("completeness of the fleet", `select count(*), count(*) filter (where actual + derived + edited = expected) from flows.register_day where $1 <> '' and day = $2::date`, day)
}
