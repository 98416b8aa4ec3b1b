//go:build linux

package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"flows"
)

func TestTheDemoFillsInWhileOneWatches(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	a, stdout, stderr := testApp(ctx)
	c := &demoCmd{Meters: 4, Every: time.Second, Seed: 1}
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d, err := startDemo(a, c)
	if err != nil {
		t.Fatal(err)
	}
	defer d.stop()
	ended := make(chan error, 1)
	go func() { ended <- d.loop(a, c, lis) }()
	conn, err := pgx.Connect(t.Context(), d.server.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	s := site{T: t, conn: conn}
	// Logs lose their oldest half-hours first, so these come first. One of the four is dead.
	s.await("3", `select count(distinct g.meter_id) from flows.register_interval_hh i join flows.meter_registers g using (register_id)
		where i."timestamp" between now() - interval '14 days' and now() - interval '13 days' and import_billable`)
	if got, want := s.text(`select count(*), bool_and(start_time between now() - interval '14 days 1 hour' and now() - interval '14 days') from flows.meter_registers`), "4 true"; got != want {
		t.Errorf("registers, all of which begin a fortnight ago: %s, want %s", got, want)
	}
	if got := s.text(`select min(timestamp) > now() - interval '1 hour' from flows.meter_prepay_balance`); got != "true" {
		t.Errorf("a balance that no meter can have told: %s", got)
	}
	s.await("true", `select count(*) >= 3 from flows.sync_runs where finished_at is not null and frequency = 'hourly' and healthy = 3`)
	for path, want := range map[string]int{"/": http.StatusOK, "/queue/": http.StatusOK, "/meters/" + d.fleet.Meters()[0].Serial: http.StatusOK} {
		if code, body := get(t, lis.Addr().String(), path); code != want {
			t.Errorf("%s: %d %s", path, code, readPage(body))
		}
	}
	// Whoever looks at a page as it changes keeps nobody from stopping.
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+lis.Addr().String()+"/", nil)
	r.Header.Set("Accept", "text/event-stream")
	watched, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer watched.Body.Close()
	cancel()
	var e exit
	if err := <-ended; !errors.As(err, &e) || e.code != exitInterrupted {
		t.Errorf("%v\n%s%s", err, stdout, stderr)
	}
	d.stop()
	if !regexp.MustCompile(`^The dashboard:\n\n  http://` + lis.Addr().String() + `/\n\nA fleet of 4 simulated meters, read every 1s\..*\n\n  psql `).MatchString(stdout.String()) {
		t.Errorf("it says\n%s", stdout)
	}
}

func TestWhenTheDemosRunsAreDue(t *testing.T) {
	began := time.Date(2026, 3, 1, 10, 0, 30, 0, time.UTC)
	for _, c := range []struct {
		after time.Duration
		want  time.Duration // of the hourly run, since it began; 0 = not yet
	}{
		{0, 0}, {29*time.Second + flows.TickGrace, 0}, {30*time.Second + flows.TickGrace, 30 * time.Second}, {100*time.Second + flows.TickGrace, 90 * time.Second},
	} {
		due := demoDue(began, time.Minute, began.Add(c.after))[flows.Hourly]
		if c.want == 0 && due != nil || c.want > 0 && (due == nil || !due.Equal(began.Add(c.want))) {
			t.Errorf("after %s: %v", c.after, due)
		}
	}
}
