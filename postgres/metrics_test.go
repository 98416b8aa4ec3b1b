package postgres

import (
	"sync"
	"sync/atomic"
	"testing"

	"flows"
)

func TestSetMetricChangesEveryRowAndAddsOne(t *testing.T) {
	s := mustStore(t)
	for _, c := range []struct {
		name, before string
		enable       bool
		changed      bool
		after        string
	}{
		{"a new one", ``, true, true, "SyncerCSQ true"},
		{"no row to take away", ``, false, false, ""},
		{"one that is on", `('syncercsq', true)`, true, false, "syncercsq true"},
		{"one that was off", `('syncercsq', false)`, true, true, "syncercsq true"},
		{"on beside off is on", `('syncercsq', true), ('SyncerCSQ', false)`, true, false, "SyncerCSQ false\nsyncercsq true"},
		{"twice on, off", `('syncercsq', true), ('SyncerCSQ', true), ('SyncerCSQ', false)`, false, true, "SyncerCSQ false\nSyncerCSQ false\nsyncercsq false"},
		{"off stays off", `('syncercsq', false)`, false, false, "syncercsq false"},
	} {
		mustExec(t, s, `delete from flows.meter_metrics where lower(name) = 'syncercsq'`)
		mustExec(t, s, `insert into flows.meter_metrics (name, enabled, run_frequency) values ('SyncerCSQ', true, 'daily')`)
		if c.before != "" {
			mustExec(t, s, `insert into flows.meter_metrics (name, enabled, run_frequency) select name, enabled, 'hourly' from (values `+c.before+`) v (name, enabled)`)
		}
		others := lines(t, s, `select * from flows.meter_metrics where not (lower(name) = 'syncercsq' and run_frequency = 'hourly') order by 3, 1`)
		changed, err := s.SetMetric(t.Context(), flows.Metric{Name: "SyncerCSQ", Frequency: flows.Hourly, Enabled: c.enable})
		if err != nil || changed != c.changed {
			t.Errorf("%s: changed %t, %v", c.name, changed, err)
		}
		got := lines(t, s, `select name, enabled from flows.meter_metrics where lower(name) = 'syncercsq' and run_frequency = 'hourly' order by name collate "C", 2`)
		if got != c.after {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.after)
		}
		if got := lines(t, s, `select * from flows.meter_metrics where not (lower(name) = 'syncercsq' and run_frequency = 'hourly') order by 3, 1`); got != others {
			t.Errorf("%s: other rows are\n%s\nand were\n%s", c.name, got, others)
		}
	}
}

func TestSetMetricByManyAtATimeAddsOneRow(t *testing.T) {
	s := mustStore(t)
	var first atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			changed, err := s.SetMetric(t.Context(), flows.Metric{Name: "SyncerTamper", Frequency: flows.Daily, Enabled: true})
			if err != nil {
				t.Error(err)
			}
			if changed {
				first.Add(1)
			}
		})
	}
	all.Wait()
	if n := lines(t, s, `select count(*) from flows.meter_metrics where name = 'SyncerTamper'`); n != "1" || first.Load() != 1 {
		t.Errorf("%s rows, %d say that they have changed something", n, first.Load())
	}
}
