package postgres

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"flows/vee"
)

// BenchmarkDayOfHalfHours is a day of 10 000 registers in one direction from raw rows to judged half-hours: what the trigger takes, what
// judging takes, and what it takes to find that there is nothing to do.
func BenchmarkDayOfHalfHours(b *testing.B) {
	const registers, slots = 10_000, 48
	for b.Loop() {
		b.StopTimer()
		s := mustStore(b)
		exec := func(sql string, args ...any) time.Duration {
			start := time.Now()
			if _, err := s.pool.Exec(b.Context(), sql, args...); err != nil {
				b.Fatal(err)
			}
			return time.Since(start)
		}
		exec(`insert into flows.meter_registry (serial, hardware) select 'M' || n, 'B1.w' from generate_series(1, $1) n`, registers)
		exec(`update flows.meter_registers set start_time = date_bin('1 day', now(), '2000-01-01Z') - interval '1 day'`)
		exec(`update flows.vee_work set changed_from = null, changed_to = null, due_at = 'infinity'`)
		b.StartTimer()
		trigger := exec(`
			insert into flows.register_profile_hh (register_id, direction, "timestamp", read, status)
			select register_id, 'import', start_time + n * interval '30 minutes', 1000 + n * 0.25, 128
			from flows.meter_registers cross join generate_series(0, $1) n order by register_id, n`, slots)
		start := time.Now()
		judged := settleAll(b, s)
		settled := time.Since(start)
		if judged != registers {
			b.Fatalf("%d registers judged", judged)
		}
		b.StopTimer()
		exec(`update flows.vee_work set changed_from = '-infinity', changed_to = 'infinity', due_at = now() where direction = 'import'`)
		start = time.Now()
		settleAll(b, s)
		again := time.Since(start)
		start = time.Now()
		if _, err := s.Settle(b.Context(), nil, vee.Rules); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		b.ReportMetric(trigger.Seconds(), "s-trigger")
		b.ReportMetric(settled.Seconds(), "s-judged")
		b.ReportMetric(again.Seconds(), "s-judged-again")
		b.ReportMetric(time.Since(start).Seconds()*1000, "ms-nothing-new")
		b.ReportMetric(registers*slots/(trigger+settled).Seconds(), "rows/s")
		s.Close()
	}
}

// settleAll judges as a worker does, two batches at a time.
func settleAll(b *testing.B, s *Store) int {
	var judged atomic.Int64
	var judges sync.WaitGroup
	for range 2 {
		judges.Go(func() {
			for {
				n, err := s.Settle(b.Context(), nil, vee.Rules)
				if err != nil {
					b.Error(err)
				}
				if judged.Add(int64(n)); n == 0 || err != nil {
					return
				}
			}
		})
	}
	judges.Wait()
	return int(judged.Load())
}
