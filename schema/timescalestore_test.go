package schema_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"flows"
	"flows/internal/pgtest"
	"flows/postgres"
	"flows/schema"
	"flows/vee"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// The application's own statements, saving and judging, come to the same on hypertables, packed ones too.
func TestHalfHoursAreJudgedOnTimescaleDB(t *testing.T) {
	plain, hyper := pgtest.New(t), timescaleServer(t)
	on(t, hyper, func(conn *pgx.Conn) {
		exec(t, conn, `set timescaledb.max_background_workers = 8; set timescaledb.license = 'timescale'`)
	})
	if r, err := schema.Timescale(t.Context(), hyper, nil); err != nil || len(r.Notices) > 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	urls := map[string]string{"plain": plain, "TimescaleDB": hyper + "&pool_max_conns=1"}
	for _, url := range urls {
		withStore(t, url, func(s *postgres.Store) {
			var list []flows.Registration
			for i := range 2 {
				address := netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)})
				list = append(list, flows.Registration{Serial: fmt.Sprint("M", i), Address: &address, Hardware: new("B1.w")})
			}
			if _, _, err := s.Register(t.Context(), list); err != nil {
				t.Fatal(err)
			}
		})
	}
	begin := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -40)
	r := rand.New(rand.NewPCG(7, 1))
	var early, late []flows.ProfileRead
	value := 1000
	for i := range 38 * 48 {
		rec := flows.ProfileRead{Element: "A", Direction: flows.Import, Time: begin.Add(time.Duration(i) * flows.SlotLength), Read: flows.Energy(value) * flows.WattHour, Status: 128}
		value += r.IntN(900)
		switch r.IntN(25) {
		case 0:
			late = append(late, rec)
			continue
		case 1:
			rec.Read = 0 // a glitch
		case 2:
			rec.Status = 0
		}
		early = append(early, rec)
	}
	for n, reads := range [][]flows.ProfileRead{early, late} {
		got := map[string]string{}
		for name, url := range urls {
			withStore(t, url, func(s *postgres.Store) { saveAndSettle(t, s, reads) })
			on(t, url, func(conn *pgx.Conn) {
				got[name] = rows(t, conn, `select jsonb_agg(i - 'register_id' order by i->>'timestamp', r.serial) from (select register_id, to_jsonb(i) i from flows.register_interval_hh i) i
						join flows.meter_registers g using (register_id) join flows.meter_registry r on r.id = g.meter_id`) +
					rows(t, conn, `select direction, day, trim_scale(energy), actual, estimated, billable, invalid, never_reached from flows.register_day order by register_id, 1, 2 limit 0`) +
					rows(t, conn, `select rule, direction, key, count, status from flows.vee_exceptions where rule <> 'MISSING' order by 1, 2, 3, 4`)
			})
		}
		if diff := cmp.Diff(got["plain"], got["TimescaleDB"]); diff != "" {
			t.Fatalf("batch %d (-plain +TimescaleDB):\n%.3000s", n, diff)
		}
		if n == 0 {
			on(t, hyper, func(conn *pgx.Conn) { packAll(t, conn) })
		}
	}
}

func withStore(t *testing.T, url string, f func(*postgres.Store)) {
	t.Helper()
	s, err := postgres.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f(s)
}

// saveAndSettle stores the same for each meter, and judges until nothing is left.
func saveAndSettle(t *testing.T, s *postgres.Store, reads []flows.ProfileRead) {
	t.Helper()
	meters, err := s.Meters(t.Context(), postgres.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range meters {
		if err := s.Save(t.Context(), []flows.Result{{Meter: m, Health: flows.Healthy, ReadAt: time.Now(), Profile: reads}}); err != nil {
			t.Fatal(err)
		}
	}
	for {
		n, err := s.Settle(t.Context(), nil, vee.Rules)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}
