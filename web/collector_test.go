package web

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"flows"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// fleet is a status with something for every gauge.
func fleet() flows.Status {
	days := int64(11)
	due := noon.Add(-55 * time.Minute)
	run := func(f flows.Frequency, esco string, healthy, unhealthy, skipped, notDone int) flows.RunReport {
		return flows.RunReport{Run: flows.Run{Frequency: f, ESCO: esco, Scheduled: due.Add(-time.Hour), Finished: noon, Meters: healthy + unhealthy + skipped + notDone,
			Healthy: healthy, Unhealthy: unhealthy, Skipped: skipped, NotDone: notDone}}
	}
	return flows.Status{
		Time:       noon,
		Meters:     flows.MeterCounts{Active: 12, Healthy: 8, Unhealthy: 3, NeverRun: 1, Passive: 4, Maintenance: 2, LowBalance: 5, WeakSignal: 6, Drifting: 7},
		Freshness:  flows.Freshness{Meters: 11, Never: 1, P50: 60, P95: 7200, Sum: 9000},
		Runs:       []flows.RunReport{run(flows.Hourly, "A", 6, 1, 1, 1), run(flows.Hourly, "B", 3, 0, 0, 0)},
		Unfinished: []flows.RunReport{{Run: flows.Run{Frequency: flows.Daily, Scheduled: noon.Add(-time.Minute)}}},
		Success:    flows.Rate{Healthy: 9, Of: 12},
		Ticks:      []flows.Tick{{Frequency: flows.Hourly, Last: due.Add(-time.Hour), Missed: 2, LastMissed: due.Add(-2 * time.Hour)}},
		Failing:    []flows.Reason{{Code: flows.Timeout, Count: 3}},
		HalfHours: &flows.HalfHours{Days: []string{"2026-03-03"}, Meters: 11, Judged: 10, Complete: 9, Expected: 1056, Estimated: 48, Unknown: 50,
			Exceptions: []flows.OpenExceptions{{Rule: flows.RuleConflict, Severity: flows.SeverityError, Count: 2}, {Rule: flows.RuleClock, Severity: flows.SeverityError, Count: 1},
				{Rule: flows.RuleClock, Severity: flows.SeverityWarning, Count: 4}},
			OldestGap: &flows.Gap{Since: noon.Add(-36 * time.Hour), Age: 1}},
		Jobs:     flows.Jobs{Waiting: 5, Running: 2, Oldest: noon.Add(-90 * time.Minute)},
		Database: flows.Storage{Bytes: 1e9, DaysLeft: &days},
		Due:      map[flows.Frequency]*time.Time{flows.Hourly: &due},
	}
}

// exposed is what Prometheus gets of the collector.
func exposed(t *testing.T, c prometheus.Collector) string {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(c)
	code, body := get(New(Options{Metrics: r}), "/metrics")
	if code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	return body
}

func always(s flows.Status) func(context.Context) (flows.Status, error) {
	return func(context.Context) (flows.Status, error) { return s, nil }
}

func TestEveryNumberOfTheFleetIsExposed(t *testing.T) {
	want, err := os.ReadFile("testdata/fleet.prom")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), exposed(t, NewCollector(always(fleet())))); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

func TestNamesKeepPrometheusConventions(t *testing.T) {
	problems, err := promlint.New(strings.NewReader(exposed(t, NewCollector(always(fleet()))))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if p.Metric == "flows_database_days_left" {
			continue // people judge it, in days
		}
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestWhatIsNotKnownIsLeftOut(t *testing.T) {
	got := exposed(t, NewCollector(always(flows.Status{Time: noon})))
	for _, name := range []string{"flows_database_days_left", "flows_success_ratio_24h", "flows_run_success_ratio", "flows_run_last", "flows_halfhours", "quantile", "NaN"} {
		if strings.Contains(got, name) {
			t.Errorf("%s of an empty database:\n%s", name, got)
		}
	}
	if !strings.Contains(got, "\nflows_needs_person{kind=\"no_meters\"} 1\n") {
		t.Errorf("nothing says that there are no meters:\n%s", got)
	}
}

func TestWithoutAGapTheOldestIsOfNow(t *testing.T) {
	if got := exposed(t, NewCollector(always(flows.Status{Time: noon, HalfHours: &flows.HalfHours{}}))); !strings.Contains(got, "\nflows_halfhours_oldest_gap_seconds 0\n") {
		t.Errorf("no gap:\n%s", got)
	}
}

func TestStatusIsAskedForOnceInFifteenSeconds(t *testing.T) {
	for _, c := range []struct {
		name  string
		takes time.Duration
		rest  time.Duration // after which it may be asked again
	}{{"quick", 0, 15 * time.Second}, {"slow", 4 * time.Second, 80 * time.Second}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				collector := NewCollector(func(context.Context) (flows.Status, error) {
					asked++
					time.Sleep(c.takes)
					return fleet(), nil
				})
				var all sync.WaitGroup
				for range 5 {
					all.Go(func() { exposed(t, collector) })
				}
				all.Wait()
				time.Sleep(c.rest - time.Millisecond)
				if exposed(t, collector); asked != 1 {
					t.Errorf("asked %d times before %s had passed", asked, c.rest)
				}
				time.Sleep(time.Millisecond)
				if exposed(t, collector); asked != 2 {
					t.Errorf("asked %d times after %s", asked, c.rest)
				}
			})
		})
	}
}

func TestNoNumberIsShownWithoutAStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failure error
		collector := NewCollector(func(ctx context.Context) (flows.Status, error) {
			if _, limited := ctx.Deadline(); !limited {
				t.Error("it may take for ever")
			}
			return fleet(), failure
		})
		if got := exposed(t, collector); !strings.Contains(got, "\nflows_status_up 1\n") {
			t.Errorf("not up:\n%s", got)
		}
		failure = errors.New("database away")
		time.Sleep(15 * time.Second)
		got := exposed(t, collector)
		if !strings.HasSuffix(got, "\nflows_status_up 0\n") || strings.Count(got, "\nflows_") != 1 {
			t.Errorf("numbers of before:\n%s", got)
		}
	})
}
